/* SPDX-License-Identifier: BSD-3-Clause */
/* link_unix.h - what listeners share with links over Unix sockets (the public part is in link.h) */
#ifndef P2PMPI_NET_LINK_UNIX_H
#define P2PMPI_NET_LINK_UNIX_H

#include "net/link.h"

#include <sys/un.h>

/* -1 with a sentence when path does not fit. */
int unix_address(const char *path, struct sockaddr_un *addr_out, struct err *err);

/* A link on a socket that accept() gave; without ops yet. */
struct link *link_accepted_unix_take(struct event_base *base, int fd, const Wire__Hello *hello,
                                     unsigned timeout_ms);

#endif
