/* SPDX-License-Identifier: BSD-3-Clause */
/* mesh_conn.c - one link of the mesh: greeted, read, pinged, given up */
#include "config.h"
#include "peer/mesh_inner.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>

#define CONNS_MAX 4 /* links of one peer */

static void conn_unlink(struct conn *conn)
{
    struct conn **at = conn->node != NULL ? &conn->node->conns : &conn->mesh->strangers;

    while (*at != conn)
        at = &(*at)->next;
    *at = conn->next;
    if (conn->node == NULL)
        conn->mesh->stranger_count--;
}

void conn_destroy(struct conn *conn)
{
    conn_unlink(conn);
    link_destroy(conn->link);
    free(conn);
}

static void log_stranger(const struct conn *conn, enum link_end end, const char *why)
{
    static struct log_limit limit;

    if (end == LINK_END_PROTOCOL && log_allowed(&limit, 10, 60000, clock_now_ms()))
        log_warning("peer refused host=%s why=\"%s\"", link_remote_host(conn->link), why);
    else
        log_debug("stranger gone host=%s why=%s", link_remote_host(conn->link), why);
}

static void conn_lost(struct conn *conn, enum link_end end, const char *why)
{
    struct mesh *mesh = conn->mesh;
    struct node *node = conn->node;
    bool was_ready = conn->was_ready;

    if (node == NULL)
        log_stranger(conn, end, why);
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

void conn_ping(struct conn *conn)
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

void conn_append(struct conn *conn, struct node *node)
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
        conn_ping(conn);
    }
    limit_conns(node);
    if (first)
        mesh->ops->up(&node->id, hello, mesh->arg);
}

const struct link_ops conn_ops = {conn_ready, conn_frame, NULL, conn_closed};

bool conn_watch(struct conn *conn, int64_t now_ms)
{
    if (conn->node->holds > 0 || conn->ping_sent_us != 0) {
        if (conn->ping_sent_us != 0 && link_idle_ms(conn->link) >= MESH_SILENCE_MS) {
            conn_lost(conn, LINK_END_UNREACHABLE, "it does not answer any more");
            return false;
        }
        if (conn->ping_sent_us == 0 && now_ms - conn->ping_ms >= MESH_PING_MS)
            conn_ping(conn);
    } else if (conn->dialled && now_ms - conn->used_ms > MESH_IDLE_MS) {
        conn_lost(conn, LINK_END_CLOSED, "not needed any more");
        return false;
    }
    return true;
}
