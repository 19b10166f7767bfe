/* SPDX-License-Identifier: BSD-3-Clause */
/* mesh.c - links to other daemons by identity: dialled when needed, kept while a job needs them
 *
 * Two daemons may dial each other at the same moment: both links live, frames go over the older
 * one. */
#include "config.h"
#include "peer/mesh.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define WAITING_MAX  (8u << 20) /* bytes kept for a link that is being dialled */
#define TICK_MS      250
#define DIAL_NEXT_MS 1000              /* for one of several addresses, the last one excepted */
#define CONNS_MAX    4                 /* links of one peer */
#define FORGET_MS    ((int64_t)300000) /* nobody asked for a peer so long: its addresses go */

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

static const struct link_ops conn_ops;

static struct node *node_find(const struct mesh *mesh, const struct id *id)
{
    struct node *node;

    HASH_FIND(hh, mesh->nodes, id, sizeof *id, node);
    return node;
}

static struct node *node_get(struct mesh *mesh, const struct id *id)
{
    struct node *node = node_find(mesh, id);

    if (node == NULL) {
        node = mem_alloc(sizeof *node);
        node->id = *id;
        node->waiting_end = &node->waiting;
        HASH_ADD(hh, mesh->nodes, id, sizeof node->id, node);
    }
    node->used_ms = clock_now_ms();
    return node;
}

static void addrs_clear(struct node *node)
{
    for (size_t i = 0; i < node->addr_count; i++)
        message_free(node->addrs[i]);
    free(node->addrs);
    node->addrs = NULL;
    node->addr_count = 0;
}

static void waiting_clear(struct waiting **list, struct waiting ***end)
{
    while (*list != NULL) {
        struct waiting *first = *list;
        *list = first->next;
        frame_free(first->frame);
        free(first);
    }
    *end = list;
}

static void waiting_add(struct waiting ***end, const Wire__Frame *frame, size_t size)
{
    struct waiting *waiting = mem_alloc(sizeof *waiting);

    waiting->frame = message_copy(&frame->base);
    waiting->size = size;
    **end = waiting;
    *end = &waiting->next;
}

static struct conn *node_current(const struct node *node)
{
    for (struct conn *conn = node->conns; conn != NULL; conn = conn->next)
        if (link_is_ready(conn->link))
            return conn;
    return NULL;
}

static void conn_unlink(struct conn *conn)
{
    struct conn **at = conn->node != NULL ? &conn->node->conns : &conn->mesh->strangers;

    while (*at != conn)
        at = &(*at)->next;
    *at = conn->next;
    if (conn->node == NULL)
        conn->mesh->stranger_count--;
}

static void conn_destroy(struct conn *conn)
{
    conn_unlink(conn);
    link_destroy(conn->link);
    free(conn);
}

static int dial_next(struct mesh *mesh, struct node *node);

static void node_down(struct mesh *mesh, struct node *node, enum link_end end, const char *why)
{
    waiting_clear(&node->waiting, &node->waiting_end);
    node->waiting_size = 0;
    node->ping_wanted = false;
    mesh->ops->down(&node->id, end, why, mesh->arg);
}

/* How much the end of an attempt tells of the peer: its own word, its host's word, silence, and
 * what came of an address that belongs to another. */
static int end_weight(enum link_end end)
{
    switch (end) {
    case LINK_END_PROTOCOL:
        return 5;
    case LINK_END_REFUSED:
        return 4;
    case LINK_END_CLOSED:
    case LINK_END_RESET:
        return 3;
    case LINK_END_UNREACHABLE:
        return 2;
    default:
        return 1;
    }
}

static void note_dial_end(struct node *node, enum link_end end, const char *why)
{
    if (node->dial_why != NULL && end_weight(end) <= end_weight(node->dial_end))
        return;
    free(node->dial_why);
    node->dial_why = mem_string(why);
    node->dial_end = end;
}

static void dial_failed(struct mesh *mesh, struct node *node, enum link_end end, const char *why)
{
    node->dialling = false;
    note_dial_end(node, end, why);
    if (node_current(node) == NULL && dial_next(mesh, node) < 0)
        node_down(mesh, node, node->dial_end, node->dial_why);
}

static void conn_lost(struct conn *conn, enum link_end end, const char *why)
{
    struct mesh *mesh = conn->mesh;
    struct node *node = conn->node;
    bool was_ready = conn->was_ready;

    if (node == NULL)
        log_debug("stranger gone host=%s why=%s", link_remote_host(conn->link), why);
    conn_destroy(conn); /* closed() lends why until it returns */
    if (node != NULL && !was_ready)
        dial_failed(mesh, node, end, why);
    else if (node != NULL && node_current(node) == NULL && !node->dialling)
        node_down(mesh, node, end, why);
}

static void conn_closed(struct link *link, enum link_end end, const char *why, void *arg)
{
    (void)link;
    conn_lost(arg, end, why);
}

static void send_ping(struct conn *conn)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__Ping ping = WIRE__PING__INIT;

    conn->ping_ms = clock_now_ms();
    conn->ping_sent_us = clock_now_us();
    ping.stamp_us = (uint64_t)conn->ping_sent_us;
    frame.body_case = WIRE__FRAME__BODY_PING;
    frame.ping = &ping;
    link_send(conn->link, &frame);
}

static void answer_ping(struct conn *conn, const Wire__Frame *question)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__Pong pong = WIRE__PONG__INIT;
    Wire__LoadInfo load = WIRE__LOAD_INFO__INIT;

    conn->mesh->ops->load(&load, conn->mesh->arg);
    pong.stamp_us = question->ping->stamp_us;
    pong.load = &load;
    frame.body_case = WIRE__FRAME__BODY_PONG;
    frame.pong = &pong;
    link_send(conn->link, &frame);
}

static void conn_frame(struct link *link, Wire__Frame *frame, void *arg)
{
    struct conn *conn = arg;
    struct mesh *mesh = conn->mesh;

    (void)link;
    if (frame->body_case == WIRE__FRAME__BODY_PING) {
        answer_ping(conn, frame);
    } else if (frame->body_case == WIRE__FRAME__BODY_PONG) {
        /* only an answer to our last ping counts */
        if (conn->ping_sent_us != 0 && frame->pong->stamp_us == (uint64_t)conn->ping_sent_us) {
            int64_t rtt = clock_now_us() - conn->ping_sent_us;
            conn->ping_sent_us = 0;
            mesh->ops->pong(&conn->node->id, rtt, frame->pong->load, mesh->arg);
        }
    } else {
        conn->used_ms = clock_now_ms();
        mesh->ops->frame(&conn->node->id, frame, mesh->arg);
    }
}

static void flush_waiting(struct node *node, struct conn *conn)
{
    for (struct waiting *waiting = node->waiting; waiting != NULL; waiting = waiting->next)
        link_send(conn->link, waiting->frame);
    waiting_clear(&node->waiting, &node->waiting_end);
    node->waiting_size = 0;
}

/* More links than a peer needs: the one that was silent longest goes. */
static void limit_conns(struct node *node)
{
    struct conn *worst = NULL;
    unsigned count = 0;

    for (struct conn *conn = node->conns; conn != NULL; conn = conn->next, count++)
        if (conn->was_ready &&
            (worst == NULL || link_idle_ms(conn->link) > link_idle_ms(worst->link)))
            worst = conn;
    if (count > CONNS_MAX && worst != NULL)
        conn_destroy(worst);
}

/* Moves the address that worked last to the front. */
static void addrs_sort(struct node *node)
{
    for (size_t i = 1; i < node->addr_count; i++)
        if (strcmp(node->addrs[i]->host, node->good_host) == 0) {
            Wire__Addr *good = node->addrs[i];
            node->addrs[i] = node->addrs[0];
            node->addrs[0] = good;
        }
}

static void conn_append(struct conn *conn, struct node *node)
{
    struct conn **end = &node->conns;

    while (*end != NULL)
        end = &(*end)->next;
    conn->next = NULL;
    conn->node = node;
    *end = conn;
}

static void conn_ready(struct link *link, const Wire__Hello *hello, void *arg)
{
    struct conn *conn = arg;
    struct mesh *mesh = conn->mesh;
    struct node *node = conn->node;

    conn->used_ms = clock_now_ms();
    conn->was_ready = true;
    conn_unlink(conn);
    if (node == NULL)
        node = node_get(mesh, link_peer_id(link));
    else
        node->dialling = false;
    bool first = node_current(node) == NULL;
    conn_append(conn, node);
    if (conn->dialled) {
        snprintf(node->good_host, sizeof node->good_host, "%s", link_remote_host(link));
        addrs_sort(node);
    }
    flush_waiting(node, conn);
    if (node->ping_wanted) {
        node->ping_wanted = false;
        send_ping(conn);
    }
    limit_conns(node);
    if (first)
        mesh->ops->up(&node->id, hello, mesh->arg);
}

static const struct link_ops conn_ops = {conn_ready, conn_frame, NULL, conn_closed};

static int dial_next(struct mesh *mesh, struct node *node)
{
    struct err err;

    while (node->addrs_tried < node->addr_count) {
        Wire__Addr *addr = node->addrs[node->addrs_tried++];
        unsigned limit_ms = node->addrs_tried < node->addr_count ? DIAL_NEXT_MS : MESH_DIAL_MS;
        struct conn *conn = mem_alloc(sizeof *conn);
        conn->mesh = mesh;
        conn->dialled = true;
        conn->used_ms = clock_now_ms();
        conn->link = link_connect_tls(mesh->base, mesh->tls, addr->host, (uint16_t)addr->port,
                                      &node->id, mesh->hello, limit_ms, &conn_ops, conn, &err);
        if (conn->link == NULL) {
            note_dial_end(node, LINK_END_UNREACHABLE, err.text);
            free(conn);
            continue;
        }
        conn_append(conn, node);
        node->dialling = true;
        return 0;
    }
    return -1;
}

int mesh_dial(struct mesh *mesh, const struct id *peer)
{
    struct node *node = node_find(mesh, peer);

    if (id_equal(peer, &mesh->self))
        return 0;
    if (node == NULL || mesh->tls == NULL)
        return -1;
    node->used_ms = clock_now_ms();
    if (node->dialling || node_current(node) != NULL)
        return 0;
    node->addrs_tried = 0;
    free(node->dial_why);
    node->dial_why = NULL;
    return dial_next(mesh, node);
}

static void own_deliver(evutil_socket_t fd, short what, void *arg)
{
    struct mesh *mesh = arg;
    struct waiting *list = mesh->own;

    (void)fd;
    (void)what;
    mesh->own = NULL;
    mesh->own_end = &mesh->own;
    while (list != NULL) {
        struct waiting *first = list;
        list = first->next;
        mesh->ops->frame(&mesh->self, first->frame, mesh->arg);
        frame_free(first->frame);
        free(first);
    }
}

static void own_send(struct mesh *mesh, const Wire__Frame *frame)
{
    waiting_add(&mesh->own_end, frame, 0);
    event_active(mesh->own_event, EV_TIMEOUT, 0);
}

int mesh_send(struct mesh *mesh, const struct id *peer, const Wire__Frame *frame)
{
    if (id_equal(peer, &mesh->self)) {
        own_send(mesh, frame);
        return 0;
    }
    struct node *node = node_find(mesh, peer);
    if (node == NULL)
        return -1;
    struct conn *conn = node_current(node);
    if (conn != NULL) {
        conn->used_ms = node->used_ms = clock_now_ms();
        return link_send(conn->link, frame);
    }
    if (mesh_dial(mesh, peer) < 0)
        return -1;
    size_t size = protobuf_c_message_get_packed_size(&frame->base);
    if (node->waiting_size + size > WAITING_MAX)
        return -1;
    waiting_add(&node->waiting_end, frame, size);
    node->waiting_size += size;
    return 0;
}

int mesh_ping(struct mesh *mesh, const struct id *peer)
{
    struct node *node = node_find(mesh, peer);

    if (node == NULL)
        return -1;
    struct conn *conn = node_current(node);
    if (conn == NULL) {
        if (mesh_dial(mesh, peer) < 0)
            return -1;
        node->ping_wanted = true;
    } else if (conn->ping_sent_us == 0) {
        send_ping(conn);
    }
    return 0;
}

/* Keep-alive of one link: false when it was given up, and conn is gone. */
static bool conn_watch(struct conn *conn, int64_t now_ms)
{
    if (conn->node->holds > 0 || conn->ping_sent_us != 0) {
        if (conn->ping_sent_us != 0 && link_idle_ms(conn->link) >= MESH_SILENCE_MS) {
            conn_lost(conn, LINK_END_UNREACHABLE, "it does not answer any more");
            return false;
        }
        if (conn->ping_sent_us == 0 && now_ms - conn->ping_ms >= MESH_PING_MS)
            send_ping(conn);
    } else if (conn->dialled && now_ms - conn->used_ms > MESH_IDLE_MS) {
        conn_lost(conn, LINK_END_CLOSED, "not needed any more");
        return false;
    }
    return true;
}

static void node_free(struct mesh *mesh, struct node *node)
{
    while (node->conns != NULL)
        conn_destroy(node->conns);
    waiting_clear(&node->waiting, &node->waiting_end);
    addrs_clear(node);
    free(node->dial_why);
    HASH_DEL(mesh->nodes, node);
    free(node);
}

static void node_watch(struct mesh *mesh, struct node *node, int64_t now_ms)
{
    struct conn *next;

    for (struct conn *conn = node->conns; conn != NULL; conn = next) {
        next = conn->next;
        if (link_is_ready(conn->link) && !conn_watch(conn, now_ms))
            return; /* the callbacks may have changed the list: go on in the next tick */
    }
    if (node->conns == NULL && node->holds == 0 && now_ms - node->used_ms > FORGET_MS)
        node_free(mesh, node);
}

static void tick(evutil_socket_t fd, short what, void *arg)
{
    struct mesh *mesh = arg;
    struct node *node, *next;
    int64_t now_ms = clock_now_ms();

    (void)fd;
    (void)what;
    HASH_ITER(hh, mesh->nodes, node, next)
    node_watch(mesh, node, now_ms);
}

void mesh_adopt_take(struct mesh *mesh, struct link *link)
{
    if (mesh->stranger_count >= MESH_STRANGERS_MAX) {
        link_destroy(link);
        return;
    }
    struct conn *conn = mem_alloc(sizeof *conn);
    conn->mesh = mesh;
    conn->link = link;
    conn->next = mesh->strangers;
    mesh->strangers = conn;
    mesh->stranger_count++;
    link_set_ops(link, &conn_ops, conn);
}

void mesh_locate(struct mesh *mesh, const struct id *peer, Wire__Addr *const *addrs, size_t count)
{
    if (id_equal(peer, &mesh->self) || count == 0)
        return;
    struct node *node = node_get(mesh, peer);
    addrs_clear(node);
    node->addrs = mem_array(count, sizeof *node->addrs);
    for (size_t i = 0; i < count; i++)
        node->addrs[i] = message_copy(&addrs[i]->base);
    node->addr_count = count;
    addrs_sort(node);
}

bool mesh_is_up(const struct mesh *mesh, const struct id *peer)
{
    struct node *node = node_find(mesh, peer);

    return id_equal(peer, &mesh->self) || (node != NULL && node_current(node) != NULL);
}

void mesh_hold(struct mesh *mesh, const struct id *peer)
{
    if (!id_equal(peer, &mesh->self))
        node_get(mesh, peer)->holds++;
}

void mesh_release(struct mesh *mesh, const struct id *peer)
{
    struct node *node = node_find(mesh, peer);

    if (node == NULL || node->holds == 0)
        return;
    node->holds--;
    for (struct conn *conn = node->conns; conn != NULL; conn = conn->next)
        conn->used_ms = clock_now_ms();
}

const char *mesh_local_host(const struct mesh *mesh, const struct id *peer)
{
    struct node *node = node_find(mesh, peer);
    struct conn *conn = node != NULL ? node_current(node) : NULL;

    return conn != NULL ? link_local_host(conn->link) : NULL;
}

struct mesh *mesh_create(struct event_base *base, struct tls *tls, const struct id *self,
                         const Wire__Hello *hello, const struct mesh_ops *ops, void *arg)
{
    static const struct timeval often = {0, TICK_MS * 1000};
    struct mesh *mesh = mem_alloc(sizeof *mesh);

    mesh->base = base;
    mesh->tls = tls;
    mesh->self = *self;
    mesh->hello = hello;
    mesh->ops = ops;
    mesh->arg = arg;
    mesh->own_end = &mesh->own;
    mesh->own_event = event_new(base, -1, 0, own_deliver, mesh);
    mesh->tick_event = event_new(base, -1, EV_PERSIST, tick, mesh);
    if (tls != NULL)
        event_add(mesh->tick_event, &often);
    return mesh;
}

void mesh_destroy(struct mesh *mesh)
{
    struct node *node, *next;

    if (mesh == NULL)
        return;
    HASH_ITER(hh, mesh->nodes, node, next)
    node_free(mesh, node);
    while (mesh->strangers != NULL)
        conn_destroy(mesh->strangers);
    waiting_clear(&mesh->own, &mesh->own_end);
    event_free(mesh->own_event);
    event_free(mesh->tick_event);
    free(mesh);
}
