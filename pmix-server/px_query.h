/* SPDX-License-Identifier: BSD-3-Clause */
/* px_query.h - PMIx_Query_info and PMIx_Lookup of PX_KEY_PEERS: the grid's peers, asked of p2pmpid
 */
#ifndef P2PMPI_PX_QUERY_H
#define P2PMPI_PX_QUERY_H

#include "wire/frame.h"

#include <pmix_server.h>

#define PX_KEY_PEERS "p2pmpi.peers" /* value: a string, JSON; docs/pmix.md */
#define PX_KEY_LIMIT "p2pmpi.limit" /* qualifier, uint32: at most so many peers */

struct px_step;

void px_query_open(struct px_step *step);
void px_query_close(struct px_step *step);

/* Answer, ListEnd or Error frames of p2pmpid. */
void px_query_answered(struct px_step *step, const Wire__Frame *frame);

/* Upcalls. */
pmix_status_t px_query(pmix_proc_t *proc, pmix_query_t *queries, size_t count,
                       pmix_info_cbfunc_t done, void *done_arg);
pmix_status_t px_lookup(const pmix_proc_t *proc, char **keys, const pmix_info_t infos[],
                        size_t count, pmix_lookup_cbfunc_t done, void *done_arg);

#endif
