/* SPDX-License-Identifier: BSD-3-Clause */
/* px_event.h - PMIx events: from rank to rank over all hosts, and the death of a rank told to
 * whoever asked */
#ifndef P2PMPI_PX_EVENT_H
#define P2PMPI_PX_EVENT_H

#include "wire/frame.h"

#include <pmix_server.h>
#include <stdint.h>

struct px_step;

void px_event_listen(void); /* after PMIx_server_init */

void px_event_receive(struct px_step *step, const Wire__Event *event); /* from another host */

/* Tells the ranks here that registered PX_EVENT_RANK_DIED (px_status.h). No default handler is
 * called: Open MPI's would abort the process. */
void px_event_rank_died(struct px_step *step, uint32_t rank);

/* Upcalls. */
pmix_status_t px_register_events(pmix_status_t *codes, size_t code_count, const pmix_info_t infos[],
                                 size_t count, pmix_op_cbfunc_t done, void *done_arg);
pmix_status_t px_deregister_events(pmix_status_t *codes, size_t code_count, pmix_op_cbfunc_t done,
                                   void *done_arg);
pmix_status_t px_notify_event(pmix_status_t code, const pmix_proc_t *source,
                              pmix_data_range_t range, pmix_info_t infos[], size_t count,
                              pmix_op_cbfunc_t done, void *done_arg);

#endif
