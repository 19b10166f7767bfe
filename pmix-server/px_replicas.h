/* SPDX-License-Identifier: BSD-3-Clause */
/* px_replicas.h - jobs whose ranks have replicas: what their processes find, and hosts that are
 * lost
 *
 * PMIx has one rank for each process; the PML p2prep shows the program its own ranks. */
#ifndef P2PMPI_PX_REPLICAS_H
#define P2PMPI_PX_REPLICAS_H

#include "base/err.h"
#include "wire/frame.h"

#include <stdint.h>

struct px_step;

/* The number of the program's rank that this process is a replica of; its own without replicas. */
uint32_t px_replicas_rank(const struct px_step *step, uint32_t process);
uint32_t px_replicas_ranks(const struct px_step *step); /* how many the program has */

/* Adds what makes Open MPI use p2prep, and replicas behave alike. Nothing without replicas. Returns
 * 0, or -1 with a sentence: the component is not installed here. */
int px_replicas_environment(const struct px_step *step, char ***env, struct err *err);

/* The home's verdict: fences, modex and ranks go on without this host. */
void px_replicas_host_lost(struct px_step *step, const Wire__HostLost *lost);

#endif
