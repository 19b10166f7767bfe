/* SPDX-License-Identifier: BSD-3-Clause */
/* mesh.h - links to other daemons by identity: dialled when needed, kept while a job needs them
 *
 * What is sent to the own identity comes back through the same frame() as everything else, from the
 * loop: the part of a job on its home's host is no special case. A link with no use is closed after
 * a minute. A link that is held (a job runs over it) is pinged every second and given up after
 * MESH_SILENCE_MS of silence. */
#ifndef P2PMPI_PEER_MESH_H
#define P2PMPI_PEER_MESH_H

#include "net/link.h"

#include <stdbool.h>
#include <stdint.h>

#define MESH_PING_MS       1000
#define MESH_SILENCE_MS    3000
#define MESH_DIAL_MS       3000
#define MESH_IDLE_MS       60000
#define MESH_STRANGERS_MAX 4096 /* links at once, above which new ones are refused */

struct mesh;

struct mesh_ops {
    /* A frame from a member of the grid; borrowed. Ping and Pong are answered inside. */
    void (*frame)(const struct id *from, Wire__Frame *frame, void *arg);
    /* The first link to this peer is ready. hello is what it says of itself. */
    void (*up)(const struct id *peer, const Wire__Hello *hello, void *arg);
    /* The last link is gone, or dialling it failed; frames that waited for it are lost. */
    void (*down)(const struct id *peer, enum link_end end, const char *why, void *arg);
    /* A ping was answered after rtt_us, or (ok false) not within its limit. */
    void (*pong)(const struct id *peer, int64_t rtt_us, const Wire__LoadInfo *load, void *arg);
    /* What the own load is, for a Pong. */
    void (*load)(Wire__LoadInfo *load_out, void *arg);
};

/* tls may be NULL: then there is nobody but ourselves (the private daemon). hello, ops are
 * borrowed. */
struct mesh *mesh_create(struct event_base *base, struct tls *tls, const struct id *self,
                         const Wire__Hello *hello, const struct mesh_ops *ops, void *arg);
void mesh_destroy(struct mesh *mesh);

/* Takes an accepted link (from listener_tls), not ready yet. */
void mesh_adopt_take(struct mesh *mesh, struct link *link);

/* Tells where a peer may be dialled, best first; copied, replaces what was known. No address
 * changes nothing. */
void mesh_locate(struct mesh *mesh, const struct id *peer, Wire__Addr *const *addrs, size_t count);

/* Sends, dialling when there is no link. Returns 0 when the frame is on its way or waits for the
 * link; -1 when no address is known or too much waits. */
int mesh_send(struct mesh *mesh, const struct id *peer, const Wire__Frame *frame);
/* Sends a Ping; pong() answers, or down(). */
int mesh_ping(struct mesh *mesh, const struct id *peer);
/* Dials if there is no link. */
int mesh_dial(struct mesh *mesh, const struct id *peer);

bool mesh_is_up(const struct mesh *mesh, const struct id *peer);
/* Counts uses: a held link is kept alive and watched. */
void mesh_hold(struct mesh *mesh, const struct id *peer);
void mesh_release(struct mesh *mesh, const struct id *peer);
/* Our own address on the link to this peer; NULL without one. */
const char *mesh_local_host(const struct mesh *mesh, const struct id *peer);

#endif
