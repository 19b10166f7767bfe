/* SPDX-License-Identifier: BSD-3-Clause */
/* px_daemon.h - p2pmpid on the socket in the job's directory: it comes, goes, is restarted and
 * comes again */
#ifndef P2PMPI_PX_DAEMON_H
#define P2PMPI_PX_DAEMON_H

#include "wire/frame.h"

struct px_step;

/* Serves the listening socket fd. Returns 0, or -1 with errno. */
int px_daemon_open(struct px_step *step, int fd);
void px_daemon_close(struct px_step *step); /* what was sent is written first */

/* Sends to p2pmpid. Returns -1 when it is not there; channels (px_route.h) send again later. */
int px_daemon_send(struct px_step *step, const Wire__Frame *frame);

#endif
