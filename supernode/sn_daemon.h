/* SPDX-License-Identifier: BSD-3-Clause */
/* sn_daemon.h - into the background, and how many links this process may have */
#ifndef P2PMPI_SN_DAEMON_H
#define P2PMPI_SN_DAEMON_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/* The caller goes on as the child; the parent waits for its word and exits: 0 after
 * sn_daemon_ready(), 1 when the child ends before (it has told why on standard error). -1 with a
 * sentence when fork fails. */
int sn_daemon_start(int *told_out, struct err *err);
/* Lets go of the terminal. */
void sn_daemon_ready(int told, uint16_t port);

/* Raises the limit of open files as far as it goes; at most wanted, less what the program needs for
 * itself. */
size_t sn_links_max(size_t wanted);

#endif
