/* SPDX-License-Identifier: BSD-3-Clause */
/* link_inner.h - a link's inside, shared by the ways to open one (link_unix, link_tls, listener) */
#ifndef P2PMPI_NET_LINK_INNER_H
#define P2PMPI_NET_LINK_INNER_H

#include "net/link.h"

#include <event2/bufferevent.h>
#include <event2/event.h>

#define LINK_HELLO_MAX (64u << 10) /* bytes of a frame before the Hello has come */
#define LINK_NAME_SIZE 300
#define LINK_WHY_SIZE  400

enum link_state {
    LINK_CONNECTING, /* no stream yet; frames sent wait in `early` */
    LINK_GREETING,   /* stream there, the other's Hello is awaited */
    LINK_READY,
    LINK_ENDED, /* closed() has run or will run from the loop */
};

struct tls_check;

struct link {
    struct event_base *base; /* borrowed */
    struct bufferevent *stream;
    struct evbuffer *early;
    struct event *ender; /* runs closed() from the loop */
    struct event *timer; /* connection, handshake and Hello; then the time to linger */
    enum link_state state;
    const struct link_ops *ops; /* borrowed; NULL once nobody listens */
    void *arg;
    unsigned timeout_ms;
    int busy;  /* callbacks under way */
    bool dead; /* destroyed while busy */
    bool paused;
    bool was_full;
    bool lingering;  /* given up by its owner, to be closed when flushed */
    bool said_all;   /* lingering, all is written, waiting for the other to close */
    bool out_broken; /* Unix sockets: writing failed, reading goes on to the end */
    short late_what; /* the stream's end, kept while paused: libevent's flags and errno */
    int late_error;
    int64_t heard_ms;
    enum link_end end;
    char why[LINK_WHY_SIZE];
    char name[LINK_NAME_SIZE]; /* for sentences: "10.0.0.2 port 9741" */
    struct id peer_id;
    char remote_host[LINK_ADDR_SIZE], local_host[LINK_ADDR_SIZE];
    uint16_t remote_port;
    uid_t uid;
    pid_t pid;
    /* What the way of connecting keeps; ended by opening_free (may be NULL). */
    void *opening;
    void (*opening_free)(void *opening);
    struct tls_check *check; /* owned; of TLS links (tls_inner.h) */
};

/* A link without a stream. timeout_ms (0: none) runs from now until the Hello has come. */
struct link *link_create(struct event_base *base, const Wire__Hello *hello, unsigned timeout_ms,
                         const struct link_ops *ops, void *arg);
/* Gives it its connected stream: what was sent so far goes out, the Hello first. */
void link_attach_take(struct link *link, struct bufferevent *stream);
/* Around every callback: the link stays in memory between them, although its owner destroys it. */
void link_enter(struct link *link);
void link_leave(struct link *link);
/* What comes in is thrown away from here on; closes when all is written. */
void link_linger(struct link *link);
/* Notes both addresses of a connected TCP socket. */
void link_note_addresses(struct link *link, int fd);
/* Ends the link: closed() follows from the loop, once. */
void link_fail(struct link *link, enum link_end end, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Which end an errno of a socket means. */
enum link_end link_end_of_errno(int error);

#endif
