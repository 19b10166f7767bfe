/* SPDX-License-Identifier: BSD-3-Clause */
/* run_embedded.h - a private p2pmpid for the time of one job, where none runs */
#ifndef P2PMPI_TOOLS_RUN_EMBEDDED_H
#define P2PMPI_TOOLS_RUN_EMBEDDED_H

#include "base/err.h"

#include <sys/types.h>

/* Starts `p2pmpid --private --fd 3` with a socket to us as descriptor 3, in a process group of its
 * own: what the terminal sends goes to us alone. Returns our end of the socket; -1 with a sentence.
 */
int run_embedded_start(pid_t *child_out, struct err *err);

/* Waits for its end, which follows the end of its socket; at most limit_ms, then it is killed.
 * Returns 0, or -1 with a sentence when that was needed. */
int run_embedded_wait(pid_t child, int limit_ms, struct err *err);

#endif
