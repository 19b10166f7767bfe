/* SPDX-License-Identifier: BSD-3-Clause */
/* datagram.h - UDP beside a TCP port: the same number, IPv6 and IPv4 */
#ifndef P2PMPI_NET_DATAGRAM_H
#define P2PMPI_NET_DATAGRAM_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define DATAGRAM_MAX 512 /* longer ones are cut, and so refused by whoever decodes them */

struct datagram;
struct event_base;

struct datagram_ops {
    /* bytes are borrowed, and a stranger's until proven. */
    void (*receive)(const struct sockaddr_storage *from, const uint8_t *bytes, size_t size,
                    void *arg);
    /* That host says that nobody listens on the port. Not authenticated. */
    void (*refused)(const struct sockaddr_storage *to, void *arg);
};

/* host NULL: all addresses. NULL with a sentence. */
struct datagram *datagram_open(struct event_base *base, const char *host, uint16_t port,
                               const struct datagram_ops *ops, void *arg, struct err *err);
void datagram_close(struct datagram *datagram);

/* Sends, or loses it. */
void datagram_send(struct datagram *datagram, const struct sockaddr_storage *to,
                   const uint8_t *bytes, size_t size);

/* A numeric address. 0, or -1. */
int datagram_address(const char *host, uint16_t port, struct sockaddr_storage *addr_out);

#endif
