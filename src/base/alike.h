/* SPDX-License-Identifier: BSD-3-Clause */
/* alike.h - what unlike hosts must be told so that processes on them compute the same bits
 *
 * Libraries choose code by the processor that they find: with fused multiply and add, or wider
 * vectors, sums have other last bits. Launchers of replicated jobs set these variables where the
 * user did not; replicas compare them when they begin. contrib/p2prep.conf has the same for mpirun
 * --tune. */
#ifndef P2PMPI_BASE_ALIKE_H
#define P2PMPI_BASE_ALIKE_H

#include <stddef.h>

struct alike {
    const char *name;
    const char *value; /* what any x86-64 since 2009 can do; NULL: is compared, never set */
};

/* The i-th variable; NULL: there are no more. */
const struct alike *alike_at(size_t i);

/* What of this host decides on bits where no variable does: "glibc 2.36", "x86-64-v3"... A text of
 * lines "name value" into text. */
void alike_host(char *text, size_t size);

#endif
