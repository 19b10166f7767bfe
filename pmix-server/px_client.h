/* SPDX-License-Identifier: BSD-3-Clause */
/* px_client.h - ranks that come to the PMIx server and leave it; tools that knock */
#ifndef P2PMPI_PX_CLIENT_H
#define P2PMPI_PX_CLIENT_H

#include <pmix_server.h>

/* Upcalls. */
pmix_status_t px_client_connected(const pmix_proc_t *proc, void *object, pmix_info_t infos[],
                                  size_t count, pmix_op_cbfunc_t done, void *done_arg);
pmix_status_t px_client_finalized(const pmix_proc_t *proc, void *object, pmix_op_cbfunc_t done,
                                  void *done_arg);
void px_tool_connected(pmix_info_t *infos, size_t count, pmix_tool_connection_cbfunc_t done,
                       void *done_arg);

#endif
