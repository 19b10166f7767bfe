/* SPDX-License-Identifier: BSD-3-Clause */
/* px_log.h - PMIx_Log: what a rank wants written for the user. Open MPI sends its start-up errors
 * here */
#ifndef P2PMPI_PX_LOG_H
#define P2PMPI_PX_LOG_H

#include <pmix_server.h>

/* Upcall. */
void px_log(const pmix_proc_t *client, const pmix_info_t data[], size_t data_count,
            const pmix_info_t directives[], size_t directive_count, pmix_op_cbfunc_t done,
            void *done_arg);

#endif
