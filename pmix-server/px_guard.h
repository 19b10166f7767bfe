/* SPDX-License-Identifier: BSD-3-Clause */
/* px_guard.h - who really stands behind a local TCP connection
 *
 * libpmix believes the user id that a client claims, and one idle connection holds up all of its
 * work. It calls accept() through the dynamic linker, so the one in px_guard.c is what it gets:
 * connections of other users are closed, the others may keep it waiting for GUARD_WAIT_MS at most.
 */
#ifndef P2PMPI_PX_GUARD_H
#define P2PMPI_PX_GUARD_H

#include <stdbool.h>
#include <sys/types.h>

#define GUARD_WAIT_MS 200

/* The user at the other end of this accepted TCP socket between two processes of this machine. Asks
 * the kernel (sock_diag(7)). Returns 0, or -1 with errno when it does not know the socket. */
int guard_peer_uid(int fd, uid_t *uid_out);

#endif
