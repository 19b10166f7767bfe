/* SPDX-License-Identifier: BSD-3-Clause */
/* cli_wait.h - waiting for a process, with a limit */
#ifndef P2PMPI_CLI_CLI_WAIT_H
#define P2PMPI_CLI_CLI_WAIT_H

#include <sys/types.h>

/* Until a process, child or not, has ended. Returns 0, or -1 when it has not within limit_ms. */
int wait_gone(pid_t pid, int limit_ms);

#endif
