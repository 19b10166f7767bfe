/* SPDX-License-Identifier: BSD-3-Clause */
/* resolve.h - a host's addresses without blocking the loop (a thread calls getaddrinfo) */
#ifndef P2PMPI_NET_RESOLVE_H
#define P2PMPI_NET_RESOLVE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define RESOLVE_MAX 8

struct event_base;
struct resolve;

struct resolved {
    int error; /* 0, or what gai_strerror() explains */
    size_t count;
    struct sockaddr_storage addrs[RESOLVE_MAX];
};

typedef void (*resolve_fn)(const struct resolved *resolved, void *arg);

/* Calls back once, from the loop; a numeric address needs no thread. host is copied. */
struct resolve *resolve_start(struct event_base *base, const char *host, uint16_t port,
                              resolve_fn fn, void *arg);
/* No callback any more; the thread, if it still waits for an answer, ends by itself. */
void resolve_destroy(struct resolve *resolve);

/* Numeric address and port; an IPv4 address mapped into IPv6 is written as IPv4. */
void address_text(const struct sockaddr_storage *addr, char *host_out, size_t size,
                  uint16_t *port_out);

#endif
