/* SPDX-License-Identifier: BSD-3-Clause */
/* mesh_dial.c - the addresses of a peer, tried one after the other */
#include "config.h"
#include "peer/mesh_inner.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define DIAL_NEXT_MS 1000 /* for one of several addresses, the last one excepted */

void addrs_clear(struct node *node)
{
    for (size_t i = 0; i < node->addr_count; i++)
        message_free(node->addrs[i]);
    free(node->addrs);
    node->addrs = NULL;
    node->addr_count = 0;
}

void addrs_sort(struct node *node)
{
    for (size_t i = 1; i < node->addr_count; i++)
        if (strcmp(node->addrs[i]->host, node->good_host) == 0) {
            Wire__Addr *good = node->addrs[i];
            node->addrs[i] = node->addrs[0];
            node->addrs[0] = good;
        }
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

void dial_failed(struct mesh *mesh, struct node *node, enum link_end end, const char *why)
{
    node->dialling = false;
    note_dial_end(node, end, why);
    if (node_current(node) == NULL && dial_next(mesh, node) < 0)
        node_down(mesh, node, node->dial_end, node->dial_why);
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
