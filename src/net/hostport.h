/* SPDX-License-Identifier: BSD-3-Clause */
/* hostport.h - "host", "host:port", "[::1]:port" as people write them */
#ifndef P2PMPI_NET_HOSTPORT_H
#define P2PMPI_NET_HOSTPORT_H

#include "base/err.h"

#include <stdint.h>

#define HOST_MAX       255
#define PORT_PEER      9740
#define PORT_SUPERNODE 9741

struct hostport {
    char host[HOST_MAX + 1];
    uint16_t port;
};

/* A bare IPv6 address needs no brackets when no port follows. Returns 0, or -1 with a sentence. */
int hostport_parse(const char *text, uint16_t default_port, struct hostport *out, struct err *err);

#endif
