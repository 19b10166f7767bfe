/* SPDX-License-Identifier: BSD-3-Clause */
/* px_modex.h - direct modex: what a rank of another host has published (coll/modex.h) */
#ifndef P2PMPI_PX_MODEX_H
#define P2PMPI_PX_MODEX_H

#include "wire/frame.h"

#include <pmix_server.h>
#include <stdint.h>

struct px_step;

void px_modex_open(struct px_step *step);
void px_modex_close(struct px_step *step);

void px_modex_receive(struct px_step *step, int src, const Wire__Step *message);
void px_modex_rank_gone(struct px_step *step, uint32_t rank);
void px_modex_host_lost(struct px_step *step, int host);

/* Upcall: a rank here wants what proc has published, and the library does not have it. */
pmix_status_t px_direct_modex(const pmix_proc_t *proc, const pmix_info_t infos[], size_t count,
                              pmix_modex_cbfunc_t done, void *done_arg);

#endif
