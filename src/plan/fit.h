/* SPDX-License-Identifier: BSD-3-Clause */
/* fit.h - does a program run on a host: what its ELF headers ask against what the host told of
 * itself */
#ifndef P2PMPI_PLAN_FIT_H
#define P2PMPI_PLAN_FIT_H

#include "base/err.h"
#include "wire/wire.pb-c.h"

#include <stdbool.h>

enum fit_lack {
    FIT_MET,
    FIT_ARCH,   /* another processor architecture */
    FIT_GLIBC,  /* an older C library than the program was linked with */
    FIT_NO_MPI, /* no Open MPI at all */
    FIT_MPI,    /* Open MPI of another series */
    FIT_P2PREP, /* no component for replicas */
    FIT_LACKS   /* how many there are */
};

/* The first thing that the host lacks. Either may be NULL: who asks nothing, or told nothing, fits
 * (the host checks again before it starts anything). err, if not NULL, gets why, without the host's
 * name: "has Open MPI 5.0.7, the program needs 4.1". Interpreters are checked on the host, not
 * here. */
enum fit_lack fit_check(const Wire__HostInfo *host, const Wire__Needs *needs, struct err *err);

/* Compares dotted numbers, "2.9" < "2.36" < "2.36.1"; text behind the digits is ignored. <0, 0, >0.
 */
int version_compare(const char *a, const char *b);
/* True if version is of the series: "4.1.4" is of "4.1" and of "4", "4.10" is not of "4.1". */
bool version_is_of(const char *version, const char *series);

#endif
