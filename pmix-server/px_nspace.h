/* SPDX-License-Identifier: BSD-3-Clause */
/* px_nspace.h - tells the PMIx server about the job: who runs where, and what every rank may ask
 * for */
#ifndef P2PMPI_PX_NSPACE_H
#define P2PMPI_PX_NSPACE_H

#include "base/err.h"

#include <stdint.h>

struct px_step;

/* Registers the job's namespace and the ranks of this host. Waits for the library, not for any
 * rank: ~1 ms. Returns 0 or -1. */
int px_nspace_register(struct px_step *step, struct err *err);

/* Adds to the environment of a rank what its PMIx library needs to find the server. env:
 * malloc()ed, ended by NULL, made anew. */
int px_nspace_environment(const struct px_step *step, uint32_t rank, char ***env, struct err *err);

#endif
