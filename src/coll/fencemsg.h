/* SPDX-License-Identifier: BSD-3-Clause */
/* fencemsg.h - FenceUp and FenceDown: written and checked
 *
 * A set of processes is a list of ranges: the namespace stands in the first only. */
#ifndef P2PMPI_COLL_FENCEMSG_H
#define P2PMPI_COLL_FENCEMSG_H

#include "base/err.h"
#include "coll/gather.h"
#include "coll/results.h"
#include "wire/frame.h"

/* Where messages go; send() as in struct fence_ops. */
struct fencemsg_out {
    char *nspace; /* borrowed */
    void (*send)(void *arg, int host, const Wire__Step *step);
    void *arg;
};

/* Tells position how the fence ended. */
void fencemsg_down(const struct fencemsg_out *out, const struct series *series,
                   const struct result *result, size_t position);
/* Reports all that has been gathered, or that it failed. */
void fencemsg_up(const struct fencemsg_out *out, const struct gather *gather, size_t position);

/* The ranks that procs name, malloc()ed; NULL with a sentence when it is not of this namespace. */
uint32_t *fencemsg_ranks(const char *nspace, int src, Wire__ProcRange **procs, size_t count,
                         struct err *err);
/* Do all parts belong to hosts of the set? 0, or -1 with a sentence. */
int fencemsg_check_parts(const struct series *series, const Wire__FenceUp *up, struct err *err);

#endif
