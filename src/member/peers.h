/* SPDX-License-Identifier: BSD-3-Clause */
/* peers.h - the peers known here, with what they said of themselves and what we measured
 *
 * Filled from supernodes' answers and from the links we have. What was seen here is believed before
 * what somebody else says: an answer never makes a peer alive or dead that was observed here later.
 */
#ifndef P2PMPI_MEMBER_PEERS_H
#define P2PMPI_MEMBER_PEERS_H

#include "base/err.h"
#include "base/id.h"
#include "wire/wire.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PEERS_MAX 4096
#define PEERS_FORGET_MS                                                                            \
    240000 /* dead or unheard of for so long: forgotten (as the original's supernode did) */

enum peer_state {
    PEER_UNTRIED, /* somebody told us; not tried from here yet */
    PEER_ALIVE,   /* answered the last probe */
    PEER_DEAD     /* did not */
};

struct peer {
    struct id id;
    Wire__Peer
        *info; /* as to be shown and sent: rtt_us, alive, seen_s and load are kept up to date */
    enum peer_state state;
    uint32_t srtt_us;    /* smoothed as RFC 6298 does (1/8); 0: not measured */
    uint32_t rtt_min_us; /* smallest ever; 0: not measured */
    unsigned failures;   /* probes unanswered in a row */
    int64_t observed_ms; /* when we last heard it answer or fail to; 0: never */
    int64_t alive_ms;    /* when we last heard it answer; 0: never */
    int64_t told_ms;     /* when somebody last told us of it */
};

struct peers;
/* max: how many are kept (PEERS_MAX); when full the longest dead goes first, then untried ones,
 * then the farthest. self is never kept. */
struct peers *peers_create(size_t max, const struct id *self);
void peers_destroy(struct peers *peers);

size_t peers_count(const struct peers *peers);
const struct peer *peers_find(const struct peers *peers, const struct id *id);
/* Another number whenever a peer came, went or became untried: for who keeps something per peer. */
uint64_t peers_changes(const struct peers *peers);
/* Any order: NULL gives the first, NULL is the end. The current one must not be removed meanwhile.
 */
const struct peer *peers_walk(const struct peers *peers, const struct peer *before);
/* All, nearest first (alive by smoothed time, then untried, then dead). *list_out is malloc()ed,
 * its peers are borrowed until the next change. Returns how many. */
size_t peers_sorted(const struct peers *peers, const struct peer ***list_out);

/* What a supernode (or another peer) says. wall_s: now. Returns false for a description that is
 * unusable (id, no address) or ourselves. Copied; unprintable characters in names become '?'. */
bool peers_merge(struct peers *peers, const Wire__Peer *told, int64_t now_ms, int64_t wall_s);
/* A peer said this of itself on a link that proved its id: believed, and it is alive. */
bool peers_hello(struct peers *peers, const Wire__Peer *self_told, int64_t now_ms, int64_t wall_s);
/* It answered a probe after rtt_us. load may be NULL. */
void peers_answered(struct peers *peers, const struct id *id, uint32_t rtt_us,
                    const Wire__LoadInfo *load, int64_t now_ms, int64_t wall_s);
/* A time measured long ago: better than none, until the first probe. */
void peers_guess_rtt(struct peers *peers, const struct id *id, uint32_t rtt_us);
/* It did not, or its link broke. */
void peers_failed(struct peers *peers, const struct id *id, int64_t now_ms);
/* Only its load, told on a link. */
void peers_load(struct peers *peers, const struct id *id, const Wire__LoadInfo *load,
                int64_t now_ms, int64_t wall_s);
void peers_remove(struct peers *peers, const struct id *id);
/* Forgets the long dead. Call every few seconds; it looks once in a second at most. */
void peers_tick(struct peers *peers, int64_t now_ms);

/* peerfile.c. Keeps the cache over a restart. A file that is missing, or of another version, or
 * damaged leaves peers as it was; all but the first are -1 with a sentence. Loaded peers are
 * untried. */
int peers_save(const struct peers *peers, const char *path, struct err *err);
int peers_read(struct peers *peers, const char *path, int64_t now_ms, int64_t wall_s,
               struct err *err);

#endif
