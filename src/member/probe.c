/* SPDX-License-Identifier: BSD-3-Clause */
/* probe.c - whose round-trip time to measure next: side by side, bounded, the silent ones ever less
 * often */
#include "config.h"
#include "member/probe.h"

#include "base/mem.h"
#include "base/rand.h"

#include <stdlib.h>
#include <uthash.h>

struct entry {
    struct id id;
    bool is_out;    /* a probe is on its way */
    bool is_wanted; /* by probes_refresh() */
    int64_t sent_ms;
    int64_t next_ms;   /* when it is due */
    unsigned failures; /* in a row, for the backoff */
    UT_hash_handle hh;
};

struct probes {
    struct peers *peers; /* borrowed */
    struct probe_config config;
    struct probe_ops ops;
    void *arg;
    struct prng prng;
    struct entry *table;
    unsigned outstanding, wanted;
    uint64_t changes; /* of peers, as far as followed */
    bool is_refreshing, is_ticking;
};

static void set_default(uint32_t *value, uint32_t normal)
{
    if (*value == 0)
        *value = normal;
}

struct probes *probes_create(struct peers *peers, const struct probe_config *config,
                             const struct probe_ops *ops, void *arg)
{
    struct probes *probes = mem_alloc(sizeof *probes);

    probes->peers = peers;
    if (config != NULL)
        probes->config = *config;
    if (probes->config.outstanding == 0)
        probes->config.outstanding = 64;
    set_default(&probes->config.timeout_ms, 2000);
    set_default(&probes->config.fresh_ms, 30000);
    set_default(&probes->config.retry_ms, 5000);
    set_default(&probes->config.retry_max_ms, 120000);
    probes->ops = *ops;
    probes->arg = arg;
    probes->changes = peers_changes(peers) - 1;
    prng_seed(&probes->prng, probes->config.seed);
    return probes;
}

void probes_destroy(struct probes *probes)
{
    struct entry *entry, *next;

    if (probes == NULL)
        return;
    HASH_ITER(hh, probes->table, entry, next)
    {
        HASH_DEL(probes->table, entry);
        free(entry);
    }
    free(probes);
}

static struct entry *entry_find(const struct probes *probes, const struct id *id)
{
    struct entry *entry;

    HASH_FIND(hh, probes->table, id, sizeof *id, entry);
    return entry;
}

/* span, give or take a tenth: a grid must not probe in step. */
static int64_t jittered(struct probes *probes, int64_t span_ms)
{
    uint32_t fifth = (uint32_t)(span_ms / 5);

    return span_ms - span_ms / 10 + (fifth > 0 ? prng_below(&probes->prng, fifth) : 0);
}

static void stop_wanting(struct probes *probes, struct entry *entry)
{
    if (entry->is_wanted) {
        entry->is_wanted = false;
        probes->wanted--;
    }
}

static void come_back(struct probes *probes, struct entry *entry)
{
    if (entry->is_out) {
        entry->is_out = false;
        probes->outstanding--;
    }
    stop_wanting(probes, entry);
}

static void tell_refreshed(struct probes *probes)
{
    if (!probes->is_refreshing || probes->wanted > 0)
        return;
    probes->is_refreshing = false;
    if (probes->ops.refreshed != NULL)
        probes->ops.refreshed(probes->arg);
}

static void go_on(struct probes *probes, bool was_full, int64_t now_ms);

static void fail(struct probes *probes, struct entry *entry, int64_t now_ms)
{
    int64_t wait_ms = probes->config.retry_ms;

    for (unsigned i = 0; i < entry->failures && wait_ms < probes->config.retry_max_ms; i++)
        wait_ms *= 2;
    if (wait_ms > probes->config.retry_max_ms)
        wait_ms = probes->config.retry_max_ms;
    entry->failures++;
    entry->next_ms = now_ms + jittered(probes, wait_ms);
    come_back(probes, entry);
    peers_failed(probes->peers, &entry->id, now_ms);
}

void probes_answered(struct probes *probes, const struct id *id, uint32_t rtt_us,
                     const Wire__LoadInfo *load, int64_t now_ms, int64_t wall_s)
{
    struct entry *entry = entry_find(probes, id);

    peers_answered(probes->peers, id, rtt_us, load, now_ms, wall_s);
    if (entry == NULL)
        return;
    bool was_full = probes->outstanding >= probes->config.outstanding;
    entry->failures = 0;
    entry->next_ms = now_ms + jittered(probes, probes->config.fresh_ms);
    come_back(probes, entry);
    go_on(probes, was_full, now_ms);
}

void probes_failed(struct probes *probes, const struct id *id, int64_t now_ms)
{
    struct entry *entry = entry_find(probes, id);

    if (entry == NULL || !entry->is_out)
        return;
    bool was_full = probes->outstanding >= probes->config.outstanding;
    fail(probes, entry, now_ms);
    go_on(probes, was_full, now_ms);
}

/* New peers get an entry, peers that are forgotten lose theirs. */
static void follow_peers(struct probes *probes, int64_t now_ms)
{
    struct entry *entry, *next;

    if (probes->changes == peers_changes(probes->peers))
        return;
    probes->changes = peers_changes(probes->peers);
    for (const struct peer *peer = peers_walk(probes->peers, NULL); peer != NULL;
         peer = peers_walk(probes->peers, peer)) {
        entry = entry_find(probes, &peer->id);
        if (entry == NULL) {
            entry = mem_alloc(sizeof *entry);
            entry->id = peer->id;
            entry->next_ms = now_ms;
            HASH_ADD(hh, probes->table, id, sizeof entry->id, entry);
        } else if (peer->state == PEER_UNTRIED && entry->failures > 0 && !entry->is_out) {
            entry->failures = 0; /* others heard of it since */
            entry->next_ms = now_ms;
        }
    }
    if (HASH_COUNT(probes->table) == peers_count(probes->peers))
        return;
    HASH_ITER(hh, probes->table, entry, next)
    {
        if (peers_find(probes->peers, &entry->id) == NULL) {
            come_back(probes, entry);
            HASH_DEL(probes->table, entry);
            free(entry);
        }
    }
}

static void time_out(struct probes *probes, int64_t now_ms)
{
    struct entry *entry, *next;

    HASH_ITER(hh, probes->table, entry, next)
    {
        if (entry->is_out && now_ms - entry->sent_ms >= probes->config.timeout_ms) {
            fail(probes, entry, now_ms);
            if (probes->ops.timeout != NULL)
                probes->ops.timeout(&entry->id, probes->arg);
        }
    }
}

/* Heard of by other ways lately, and measured: no need to ask. */
static bool is_fresh(const struct probes *probes, const struct peer *peer, int64_t now_ms)
{
    return peer->state == PEER_ALIVE && peer->srtt_us > 0 &&
           now_ms - peer->observed_ms < probes->config.fresh_ms;
}

static void start(struct probes *probes, struct entry *entry, const struct peer *peer,
                  int64_t now_ms)
{
    entry->is_out = true;
    entry->sent_ms = now_ms;
    probes->outstanding++;
    probes->ops.probe(peer, probes->arg);
}

static void start_due(struct probes *probes, bool wanted, int64_t now_ms)
{
    struct entry *entry, *next;

    HASH_ITER(hh, probes->table, entry, next)
    {
        if (probes->outstanding >= probes->config.outstanding)
            return;
        if (entry->is_out || (wanted ? !entry->is_wanted : now_ms < entry->next_ms))
            continue;
        const struct peer *peer = peers_find(probes->peers, &entry->id);
        if (!wanted && is_fresh(probes, peer, now_ms))
            entry->next_ms = peer->observed_ms + probes->config.fresh_ms;
        else
            start(probes, entry, peer, now_ms);
    }
}

void probes_tick(struct probes *probes, int64_t now_ms)
{
    if (probes->is_ticking)
        return; /* an outcome told from inside probe(): this tick goes on anyway */
    probes->is_ticking = true;
    time_out(probes, now_ms);
    follow_peers(probes, now_ms);
    if (probes->wanted > 0)
        start_due(probes, true, now_ms);
    start_due(probes, false, now_ms);
    probes->is_ticking = false;
    tell_refreshed(probes);
}

/* There is room for another probe, or a refresh may be over. */
static void go_on(struct probes *probes, bool was_full, int64_t now_ms)
{
    if (was_full)
        probes_tick(probes, now_ms);
    else if (!probes->is_ticking)
        tell_refreshed(probes);
}

void probes_refresh(struct probes *probes, uint32_t max_age_ms, int64_t now_ms)
{
    struct entry *entry, *next;

    follow_peers(probes, now_ms);
    probes->is_refreshing = true;
    HASH_ITER(hh, probes->table, entry, next)
    {
        const struct peer *peer = peers_find(probes->peers, &entry->id);
        bool fresh = peer->observed_ms > 0 && now_ms - peer->observed_ms <= max_age_ms &&
                     peer->state == PEER_ALIVE;
        if (!fresh && !entry->is_wanted) {
            entry->is_wanted = true;
            probes->wanted++;
        }
    }
    probes_tick(probes, now_ms);
}

int64_t probes_next_ms(const struct probes *probes)
{
    const struct entry *entry, *next;
    int64_t next_ms = INT64_MAX;
    bool full = probes->outstanding >= probes->config.outstanding;

    HASH_ITER(hh, probes->table, entry, next)
    {
        int64_t at_ms = INT64_MAX;
        if (entry->is_out)
            at_ms = entry->sent_ms + probes->config.timeout_ms;
        else if (!full)
            at_ms = entry->is_wanted ? 0 : entry->next_ms;
        if (at_ms < next_ms)
            next_ms = at_ms;
    }
    return next_ms;
}

unsigned probes_outstanding(const struct probes *probes)
{
    return probes->outstanding;
}
