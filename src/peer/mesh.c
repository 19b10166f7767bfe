/* SPDX-License-Identifier: BSD-3-Clause */
/* mesh.c - links to other daemons by identity: dialled when needed, kept while a job needs them
 *
 * Two daemons may dial each other at the same moment: both links live, frames go over the older
 * one. */
#include "config.h"
#include "peer/mesh_inner.h"

#include "base/clock.h"
#include "base/mem.h"

#include <event2/event.h>
#include <stdlib.h>

#define WAITING_MAX (8u << 20) /* bytes kept for a link that is being dialled */
#define TICK_MS     250
#define FORGET_MS   ((int64_t)300000) /* nobody asked for a peer so long: its addresses go */

struct node *node_find(const struct mesh *mesh, const struct id *id)
{
    struct node *node;

    HASH_FIND(hh, mesh->nodes, id, sizeof *id, node);
    return node;
}

struct node *node_get(struct mesh *mesh, const struct id *id)
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

void waiting_clear(struct waiting **list, struct waiting ***end)
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

struct conn *node_current(const struct node *node)
{
    for (struct conn *conn = node->conns; conn != NULL; conn = conn->next)
        if (link_is_ready(conn->link))
            return conn;
    return NULL;
}

void node_down(struct mesh *mesh, struct node *node, enum link_end end, const char *why)
{
    waiting_clear(&node->waiting, &node->waiting_end);
    node->waiting_size = 0;
    node->ping_wanted = false;
    mesh->ops->down(&node->id, end, why, mesh->arg);
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
        conn_ping(conn);
    }
    return 0;
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
