/* SPDX-License-Identifier: BSD-3-Clause */
/* peers.c - the peers known here, with what they said of themselves and what we measured */
#include "config.h"
#include "member/peers.h"

#include "base/mem.h"
#include "wire/frame.h"
#include "wire/limits.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define PEERS_ADDRS_MAX 16 /* more addresses than this make a description unusable */

struct entry {
    struct peer peer; /* first: a peer handed out is its entry */
    UT_hash_handle hh;
};

struct peers {
    struct entry *table;
    size_t max;
    struct id self;
    uint64_t changes;
    int64_t tick_ms; /* when peers_tick() looked last */
};

struct peers *peers_create(size_t max, const struct id *self)
{
    struct peers *peers = mem_alloc(sizeof *peers);

    peers->max = max > 0 ? max : PEERS_MAX;
    if (self != NULL)
        peers->self = *self;
    return peers;
}

static void entry_remove(struct peers *peers, struct entry *entry)
{
    peers->changes++;
    HASH_DEL(peers->table, entry);
    message_free(entry->peer.info);
    free(entry);
}

void peers_destroy(struct peers *peers)
{
    struct entry *entry, *next;

    if (peers == NULL)
        return;
    HASH_ITER(hh, peers->table, entry, next)
    entry_remove(peers, entry);
    free(peers);
}

size_t peers_count(const struct peers *peers)
{
    return HASH_COUNT(peers->table);
}

uint64_t peers_changes(const struct peers *peers)
{
    return peers->changes;
}

static struct entry *entry_find(const struct peers *peers, const struct id *id)
{
    struct entry *entry;

    HASH_FIND(hh, peers->table, id, sizeof *id, entry);
    return entry;
}

const struct peer *peers_find(const struct peers *peers, const struct id *id)
{
    struct entry *entry = entry_find(peers, id);

    return entry != NULL ? &entry->peer : NULL;
}

const struct peer *peers_walk(const struct peers *peers, const struct peer *before)
{
    const struct entry *entry =
        before == NULL ? peers->table : ((const struct entry *)before)->hh.next;

    return entry != NULL ? &entry->peer : NULL;
}

/* ---- order */

static int state_order(enum peer_state state)
{
    return state == PEER_ALIVE ? 0 : state == PEER_UNTRIED ? 1 : 2;
}

static int by_distance(const void *left, const void *right)
{
    const struct peer *a = *(const struct peer *const *)left,
                      *b = *(const struct peer *const *)right;
    uint32_t far_a = a->srtt_us > 0 ? a->srtt_us : UINT32_MAX,
             far_b = b->srtt_us > 0 ? b->srtt_us : UINT32_MAX;

    if (state_order(a->state) != state_order(b->state))
        return state_order(a->state) - state_order(b->state);
    if (far_a != far_b)
        return far_a < far_b ? -1 : 1;
    return id_compare(&a->id, &b->id);
}

size_t peers_sorted(const struct peers *peers, const struct peer ***list_out)
{
    const struct peer **list = mem_array(peers_count(peers) + 1, sizeof *list);
    size_t count = 0;

    for (const struct peer *peer = peers_walk(peers, NULL); peer != NULL;
         peer = peers_walk(peers, peer))
        list[count++] = peer;
    qsort(list, count, sizeof *list, by_distance);
    *list_out = list;
    return count;
}

/* Who goes when there is no room: the longest dead, else an untried one told of long ago, else the
 * farthest. */
static bool is_worse(const struct peer *a, const struct peer *b)
{
    if (a->state != b->state)
        return state_order(a->state) > state_order(b->state);
    if (a->state == PEER_DEAD)
        return a->observed_ms < b->observed_ms;
    if (a->state == PEER_UNTRIED)
        return a->told_ms < b->told_ms;
    return a->srtt_us > b->srtt_us;
}

static void make_room(struct peers *peers)
{
    while (HASH_COUNT(peers->table) >= peers->max) {
        struct entry *worst = peers->table;
        for (struct entry *entry = peers->table; entry != NULL; entry = entry->hh.next)
            if (is_worse(&entry->peer, &worst->peer))
                worst = entry;
        entry_remove(peers, worst);
    }
}

/* ---- what others say */

/* Names come from far and will stand on a terminal. */
static void make_printable(char *text)
{
    size_t length = strlen(text);

    if (length > NAME_MAX_BYTES)
        text[length = NAME_MAX_BYTES] = '\0';
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            text[i] = '?';
}

static void make_host_printable(Wire__HostInfo *host)
{
    char *const texts[] = {host->machine_id, host->arch, host->os,   host->kernel,
                           host->cpu_model,  host->mpi,  host->glibc};

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        make_printable(texts[i]);
    for (size_t i = 0; i < host->n_accelerators; i++)
        make_printable(host->accelerators[i]);
}

static bool is_usable(const struct peers *peers, const Wire__Peer *told, struct id *id_out)
{
    if (id_from_bytes(told->id.data, told->id.len, id_out) < 0 || id_equal(id_out, &peers->self))
        return false;
    if (told->n_addrs == 0 || told->n_addrs > PEERS_ADDRS_MAX)
        return false;
    for (size_t i = 0; i < told->n_addrs; i++)
        if (told->addrs[i]->host[0] == '\0' || strlen(told->addrs[i]->host) > NAME_MAX_BYTES ||
            told->addrs[i]->port == 0 || told->addrs[i]->port > 65535)
            return false;
    return true;
}

static Wire__Peer *copy_clean(const Wire__Peer *told)
{
    Wire__Peer *info = message_copy(&told->base);

    make_printable(info->name);
    make_printable(info->version);
    for (size_t i = 0; i < info->n_addrs; i++)
        make_printable(info->addrs[i]->host);
    if (info->host != NULL)
        make_host_printable(info->host);
    return info;
}

/* Hello frames may leave out what seldom changes: what was known then stays. */
static void keep_unsaid(Wire__Peer *info, Wire__Peer *old)
{
    if (old == NULL)
        return;
    if (info->host == NULL) {
        info->host = old->host;
        old->host = NULL;
    }
    if (info->load == NULL) {
        info->load = old->load;
        old->load = NULL;
    }
}

/* Brings the part of info that is ours in line with what we observed. */
static void show(struct peer *peer)
{
    peer->info->rtt_us = peer->srtt_us;
    peer->info->alive = peer->state == PEER_ALIVE;
}

static struct entry *entry_make(struct peers *peers, const struct id *id)
{
    struct entry *entry = entry_find(peers, id);

    if (entry != NULL)
        return entry;
    make_room(peers);
    peers->changes++;
    entry = mem_alloc(sizeof *entry);
    entry->peer.id = *id;
    HASH_ADD(hh, peers->table, peer.id, sizeof entry->peer.id, entry);
    return entry;
}

static void entry_take(struct entry *entry, const Wire__Peer *told)
{
    Wire__Peer *old = entry->peer.info, *info = copy_clean(told);

    keep_unsaid(info, old);
    entry->peer.info = info;
    message_free(old);
}

bool peers_merge(struct peers *peers, const Wire__Peer *told, int64_t now_ms, int64_t wall_s)
{
    struct id id;

    if (!is_usable(peers, told, &id))
        return false;
    struct entry *entry = entry_make(peers, &id);
    struct peer *peer = &entry->peer;
    uint64_t seen_s =
        told->seen_s < (uint64_t)wall_s ? told->seen_s : (uint64_t)wall_s; /* clocks differ */
    uint64_t known_s = peer->info != NULL ? peer->info->seen_s : 0;

    peer->told_ms = now_ms;
    if (peer->info != NULL && peer->observed_ms > 0 && known_s >= seen_s)
        return true; /* what we saw ourselves is newer */
    entry_take(entry, told);
    peer->info->seen_s = seen_s > known_s ? seen_s : known_s;
    if (peer->state == PEER_DEAD &&
        peer->observed_ms + 1000 * ((int64_t)wall_s - (int64_t)seen_s) < now_ms) {
        peers->changes++;
        peer->state = PEER_UNTRIED; /* somebody heard of it after we failed to: worth a probe */
        peer->failures = 0;
    }
    show(peer);
    return true;
}

bool peers_hello(struct peers *peers, const Wire__Peer *self_told, int64_t now_ms, int64_t wall_s)
{
    struct id id;

    if (!is_usable(peers, self_told, &id))
        return false;
    struct entry *entry = entry_make(peers, &id);
    entry_take(entry, self_told);
    entry->peer.state = PEER_ALIVE;
    entry->peer.failures = 0;
    entry->peer.observed_ms = entry->peer.alive_ms = now_ms;
    entry->peer.info->seen_s = (uint64_t)wall_s;
    show(&entry->peer);
    return true;
}

/* ---- what we see */

static void set_load(struct peer *peer, const Wire__LoadInfo *load)
{
    if (load == NULL)
        return;
    if (peer->info->load != NULL)
        message_free(peer->info->load);
    peer->info->load = message_copy(&load->base);
}

/* RFC 6298, 2.2 and 2.3, with alpha = 1/8. */
static uint32_t smooth(uint32_t srtt_us, uint32_t rtt_us)
{
    uint32_t next = srtt_us == 0 ? rtt_us : (uint32_t)(((uint64_t)srtt_us * 7 + rtt_us) / 8);

    return next > 0 ? next : 1; /* 0 is "not measured" */
}

void peers_answered(struct peers *peers, const struct id *id, uint32_t rtt_us,
                    const Wire__LoadInfo *load, int64_t now_ms, int64_t wall_s)
{
    struct entry *entry = entry_find(peers, id);

    if (entry == NULL)
        return;
    struct peer *peer = &entry->peer;
    if (peer->state == PEER_DEAD)
        peer->srtt_us = 0; /* it may have moved */
    peer->state = PEER_ALIVE;
    peer->failures = 0;
    peer->srtt_us = smooth(peer->srtt_us, rtt_us);
    if (peer->rtt_min_us == 0 || rtt_us < peer->rtt_min_us)
        peer->rtt_min_us = rtt_us > 0 ? rtt_us : 1;
    peer->observed_ms = peer->alive_ms = now_ms;
    peer->info->seen_s = (uint64_t)wall_s;
    set_load(peer, load);
    show(peer);
}

void peers_guess_rtt(struct peers *peers, const struct id *id, uint32_t rtt_us)
{
    struct entry *entry = entry_find(peers, id);

    if (entry == NULL || entry->peer.srtt_us != 0)
        return;
    entry->peer.srtt_us = rtt_us;
    show(&entry->peer);
}

void peers_failed(struct peers *peers, const struct id *id, int64_t now_ms)
{
    struct entry *entry = entry_find(peers, id);

    if (entry == NULL)
        return;
    entry->peer.state = PEER_DEAD;
    entry->peer.failures++;
    entry->peer.observed_ms = now_ms;
    show(&entry->peer);
}

void peers_load(struct peers *peers, const struct id *id, const Wire__LoadInfo *load,
                int64_t now_ms, int64_t wall_s)
{
    struct entry *entry = entry_find(peers, id);

    if (entry == NULL)
        return;
    set_load(&entry->peer, load);
    entry->peer.observed_ms = entry->peer.alive_ms = now_ms;
    entry->peer.info->seen_s = (uint64_t)wall_s;
}

void peers_remove(struct peers *peers, const struct id *id)
{
    struct entry *entry = entry_find(peers, id);

    if (entry != NULL)
        entry_remove(peers, entry);
}

/* A dead one goes when nobody has heard of it for PEERS_FORGET_MS, we included. */
void peers_tick(struct peers *peers, int64_t now_ms)
{
    struct entry *entry, *next;

    if (now_ms - peers->tick_ms < 1000)
        return;
    peers->tick_ms = now_ms;
    HASH_ITER(hh, peers->table, entry, next)
    {
        const struct peer *peer = &entry->peer;
        int64_t heard_ms = peer->alive_ms > peer->told_ms ? peer->alive_ms : peer->told_ms;
        if (peer->state != PEER_ALIVE && now_ms - heard_ms >= PEERS_FORGET_MS)
            entry_remove(peers, entry);
    }
}
