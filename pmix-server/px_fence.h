/* SPDX-License-Identifier: BSD-3-Clause */
/* px_fence.h - PMIx_Fence of the ranks here joined with the other hosts' (coll/fence.h) */
#ifndef P2PMPI_PX_FENCE_H
#define P2PMPI_PX_FENCE_H

#include "wire/frame.h"

#include <pmix_server.h>
#include <stdint.h>

struct px_step;

void px_fence_open(struct px_step *step);
void px_fence_close(struct px_step *step);

/* Greets those with whom fences are spoken of, so that what they said before this step was there
 * comes again at once. */
void px_fence_greet(struct px_step *step);

void px_fence_receive(struct px_step *step, int src, const Wire__Step *message);
void px_fence_rank_gone(struct px_step *step, uint32_t rank);
void px_fence_host_lost(struct px_step *step, int host);

/* Upcall: all living ranks of this host among procs are in. */
pmix_status_t px_fence_nb(const pmix_proc_t procs[], size_t proc_count, const pmix_info_t infos[],
                          size_t info_count, char *data, size_t size, pmix_modex_cbfunc_t done,
                          void *done_arg);

#endif
