/* SPDX-License-Identifier: BSD-3-Clause */
/* mesh_inner.h - shared by mesh.c, mesh_conn.c and mesh_dial.c, private to them */
#ifndef P2PMPI_PEER_MESH_INNER_H
#define P2PMPI_PEER_MESH_INNER_H

#include "peer/mesh.h"

#include <uthash.h>

struct waiting {
    struct waiting *next;
    Wire__Frame *frame;
    size_t size;
};

struct conn { /* one link of a peer */
    struct conn *next;
    struct mesh *mesh;
    struct node *node; /* NULL: accepted, not ready */
    struct link *link;
    bool dialled, was_ready;
    int64_t used_ms;
    int64_t ping_ms;      /* when the last one was sent */
    int64_t ping_sent_us; /* 0: none outstanding */
};

struct node { /* one peer */
    struct id id;
    struct conn *conns; /* ready ones, oldest first; at the end one that is being dialled */
    bool dialling;
    bool ping_wanted;
    unsigned holds;
    int64_t used_ms;
    enum link_end dial_end; /* what dialling it came to, of all addresses the most telling */
    char *dial_why;         /* NULL: none failed yet */
    struct waiting *waiting, **waiting_end;
    size_t waiting_size;
    Wire__Addr **addrs;
    size_t addr_count, addrs_tried;
    char good_host[LINK_ADDR_SIZE]; /* the address that worked last */
    UT_hash_handle hh;
};

struct mesh {
    struct event_base *base;
    struct tls *tls; /* borrowed */
    struct id self;
    const Wire__Hello *hello;   /* borrowed */
    const struct mesh_ops *ops; /* borrowed */
    void *arg;
    struct node *nodes;
    struct conn *strangers; /* accepted, no Hello yet */
    unsigned stranger_count;
    struct waiting *own, **own_end; /* frames to ourselves */
    struct event *own_event, *tick_event;
};

/* mesh.c */
struct node *node_find(const struct mesh *mesh, const struct id *id);
struct node *node_get(struct mesh *mesh, const struct id *id);
/* The link that frames go over: the oldest one that is ready. */
struct conn *node_current(const struct node *node);
/* Nothing leads to the peer any more: what waited is thrown away, the owner told. */
void node_down(struct mesh *mesh, struct node *node, enum link_end end, const char *why);
void waiting_clear(struct waiting **list, struct waiting ***end);

/* mesh_conn.c */
extern const struct link_ops conn_ops;
void conn_append(struct conn *conn, struct node *node);
void conn_destroy(struct conn *conn);
void conn_ping(struct conn *conn);
/* Keep-alive of one link: false when it was given up, and conn is gone. */
bool conn_watch(struct conn *conn, int64_t now_ms);

/* mesh_dial.c */
/* An attempt came to nothing: the next address, or node_down() with what tells most. */
void dial_failed(struct mesh *mesh, struct node *node, enum link_end end, const char *why);
void addrs_clear(struct node *node);
/* Moves the address that worked last to the front. */
void addrs_sort(struct node *node);

#endif
