/* SPDX-License-Identifier: BSD-3-Clause */
/* listener_inner.h - a listener's inside, shared by its Unix and TLS halves */
#ifndef P2PMPI_NET_LISTENER_INNER_H
#define P2PMPI_NET_LISTENER_INNER_H

#include "net/link.h"

#include <event2/event.h>
#include <event2/listener.h>
#include <sys/types.h>

struct listener {
    struct event_base *base; /* borrowed */
    Wire__Hello *hello;
    const struct listener_ops *ops; /* borrowed */
    void *arg;
    struct evconnlistener *sockets[2]; /* IPv6 and IPv4, or one */
    struct event *rest[2];             /* wakes one that could not accept() */
    uint16_t port;
    char *path; /* of a Unix socket made here; removed in the end */
    dev_t path_dev;
    ino_t path_ino;
    void *tls_half; /* of listener_tls */
    void (*tls_free)(struct listener *listener);
};

struct listener *listener_create(struct event_base *base, const Wire__Hello *hello,
                                 const struct listener_ops *ops, void *arg);
void listener_add_take(struct listener *listener, struct evconnlistener *socket);
/* Hands a new link to the owner. */
void listener_give(struct listener *listener, struct link *link);
/* Of TLS listeners, for tests: how long a stranger may take, how many are there. */
void listener_set_patience(struct listener *listener, unsigned handshake_ms);
unsigned listener_strangers(const struct listener *listener);

#endif
