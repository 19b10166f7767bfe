/* SPDX-License-Identifier: BSD-3-Clause */
/* px_host.h - the PMIx server library inside p2pmpi-stepd: started, ended, and its table of host
 * functions
 *
 * Every upcall runs on PMIx's progress thread: see px_upcall.h. */
#ifndef P2PMPI_PX_HOST_H
#define P2PMPI_PX_HOST_H

#include "base/err.h"

struct px_step;

/* Starts the server; its files go below step->dir "/pmix", which is made. 20-45 ms. Returns 0 or
 * -1. */
int px_host_start(struct px_step *step, struct err *err);

/* Where the library writes how tools find it, when step->is_for_tools: a value for
 * PMIX_TOOL_ATTACHMENT_FILE. The caller frees. */
char *px_host_tools_file(const struct px_step *step);

/* Ends the server. The library removes its files. */
void px_host_stop(void);

#endif
