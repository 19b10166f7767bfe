/* SPDX-License-Identifier: BSD-3-Clause */
/* front.h - the daemon's Unix socket, where our tools speak to it */
#ifndef P2PMPI_PEER_FRONT_H
#define P2PMPI_PEER_FRONT_H

#include "peer/daemon.h"

struct front;

/* Listens on RUN/p2pmpid.sock; a daemon that answers there already is an error (errno EADDRINUSE).
 */
struct front *front_listen(struct daemon *daemon, struct err *err);
/* Serves one inherited, connected socket; its end ends the daemon. */
struct front *front_adopt(struct daemon *daemon, int fd);
void front_destroy(struct front *front);

#endif
