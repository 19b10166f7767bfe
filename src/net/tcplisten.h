/* SPDX-License-Identifier: BSD-3-Clause */
/* tcplisten.h - listening TCP sockets, IPv6 and IPv4 side by side on one port */
#ifndef P2PMPI_NET_TCPLISTEN_H
#define P2PMPI_NET_TCPLISTEN_H

#include <stdint.h>

/* One or two listening descriptors: on all addresses (host NULL) or those of host, which may be a
 * name. port 0: any, the same for both. Returns how many, or -1 with errno. */
int tcplisten_open(const char *host, uint16_t port, int fds[2]);
uint16_t tcplisten_port(int fd);

#endif
