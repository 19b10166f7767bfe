/* SPDX-License-Identifier: BSD-3-Clause */
/* overdue.c - what waits too long is copied or reported; what the dead were owed is dropped */
#include "config.h"

#include "replica/replica_inner.h"

#include <stdlib.h>
#include <string.h>

bool is_pressed(const struct replica *replica)
{
    return replica->small_waiting > 0 || replica->stats.retained > replica->settings.retain_max / 2;
}

/* Held for other sets only, not for its own receiver's match. */
static bool is_held_elsewhere(const struct replica *replica, const struct replica_held *record)
{
    return !record->is_large || record_is_through(replica, record);
}

/* Did that happen lately? Never is 0. */
static bool is_recent(const struct replica *replica, int64_t at_ms)
{
    return replica->now_ms - at_ms < replica->settings.lag_max_ms / 2;
}

/* Who keeps us waiting for what set of rank lacks: our sibling that serves it, if that does not
 * answer when it is asked, or is behind. But if it is behind because it waits itself, -1: it will
 * name whom. Else the receiver. */
static int lag_culprit(const struct replica *replica, int rank, int set)
{
    int server = dead_server(replica->dead, replica->rank, set);
    int server_set = replica->world->set[server];

    if (server == replica->self)
        return peer_process(replica, rank, set);
    if (!is_recent(replica, replica->here_ms[server_set]))
        return server;
    if (!is_recent(replica, replica->behind_ms[server_set]))
        return peer_process(replica, rank, set);
    return replica->is_held[server_set] ? -1 : server;
}

/* A set that we serve and that takes nothing from us any more; -1: none. */
static int set_deaf(const struct replica *replica, const struct replica_held *record)
{
    const struct outstream *stream = record->stream;
    int rank = stream->key.rank;

    EACH_SET(set, replica->peers[rank].serves & replica->dead->living[rank])
    if (stream->set[set].sent < record->seq && !is_gated(replica, record->gate))
        return (int)set;
    return -1;
}

static bool has_living_sibling(const struct replica *replica, int process)
{
    const struct world *world = replica->world;

    return (replica->dead->living[world->rank[process]] & ~(1u << world->set[process])) != 0;
}

static bool set_lacks(const struct replica_held *record, int set)
{
    const struct outset *out = &record->stream->set[set];

    if (record->is_large)
        return (record->lack >> set & 1) != 0;
    return out->env < record->seq || early_has(out->lacks, record->seq);
}

/* For whom a record waits; -1: nobody that can be told yet. */
static int lag_whom(const struct replica *replica, const struct replica_held *record)
{
    int rank = record->stream->key.rank, deaf = set_deaf(replica, record);

    if (deaf >= 0)
        return peer_process(replica, rank, deaf);
    EACH_SET(set, living_others(replica, rank))
    if (set_lacks(record, (int)set))
        return lag_culprit(replica, rank, (int)set);
    return -1;
}

/* A record waits at the cap. Who is waited for is named when it was the same one for all of the
 * time: a death, or an answer, gives the next one its own. Once, until nobody waits so long. */
static void lag_check(struct replica *replica, const struct replica_held *record)
{
    int64_t lag_max_ms = replica->settings.lag_max_ms;
    int process = lag_whom(replica, record);

    if (process != replica->lag_whom) {
        replica->lag_whom = process;
        replica->lag_whom_ms = replica->now_ms;
    }
    if (process < 0 || replica->now_ms - record->since_ms < lag_max_ms ||
        replica->now_ms - replica->lag_whom_ms < lag_max_ms || replica->lag_told[process] ||
        !has_living_sibling(replica, process))
        return;
    replica->lag_told[process] = true;
    replica->ops.lag(replica->arg, process, replica->now_ms - record->since_ms,
                     replica->stats.retained);
}

static void lag_forget(struct replica *replica)
{
    replica->lag_whom = -1;
    memset(replica->lag_told, 0, (size_t)replica->world->processes * sizeof *replica->lag_told);
}

/* Small ones are copied as soon as the cap allows, large ones after a delay. */
void sending_tick(struct replica *replica)
{
    struct replica_held *next;
    bool is_checked = false, is_overdue = false;

    for (struct replica_held *record = replica->waiting; record != NULL; record = next) {
        next = record->hnext;
        if (!is_held_elsewhere(replica, record))
            continue;
        if (record->since_ms == NOT_YET)
            record->since_ms = replica->now_ms;
        bool is_due = !record->is_large ||
                      replica->now_ms - record->since_ms >= replica->settings.copy_delay_ms;

        if (is_due && cap_has_room(replica, record->length)) {
            replica->stats.copied += record->is_large;
            replica->stats.copied_bytes += record->is_large ? record->length : 0;
            record_copy(replica, record, record->data, record->token, false);
            record_complete(replica, record);
        } else if (!is_checked && replica->ops.lag != NULL) {
            is_checked = true;
            is_overdue = replica->now_ms - record->since_ms >= replica->settings.lag_max_ms;
            lag_check(replica, record);
        }
    }
    if (replica->is_lagging && !is_overdue)
        lag_forget(replica);
    replica->is_lagging = is_overdue;
}

static void outstream_drop_set(struct replica *replica, struct outstream *stream, int set)
{
    struct outset *out = &stream->set[set];
    struct early_pull **at = &stream->pulls;
    struct replica_held *record, *next;

    early_clear(&out->had);
    early_clear(&out->lacks);
    out->unacked = out->unsent = NULL;
    while (*at != NULL) {
        struct early_pull *pull = *at;

        if (pull->set == set) {
            *at = pull->next;
            free(pull);
        } else {
            at = &pull->next;
        }
    }
    outstream_trim(replica, stream);
    HASH_ITER(hh, stream->bodies, record, next)
    record_not_owed(replica, record, 1u << set);
}

void sending_drop_set(struct replica *replica, int rank, int set, int process)
{
    struct peer *peer = &replica->peers[rank];

    peer->serves &= ~(1u << set);
    peer->answers &= ~(1u << set);
    transfers_drop(replica, NULL, process);
    for (struct outstream *stream = peer->out; stream != NULL; stream = stream->next_of_peer)
        outstream_drop_set(replica, stream, set);
}

static void records_free(struct replica *replica, struct replica_held *record)
{
    while (record != NULL) {
        struct replica_held *next = record->next;

        record_free(replica, record);
        record = next;
    }
}

void outstream_free(struct replica *replica, struct outstream *stream)
{
    records_free(replica, stream->queue);
    records_free(replica, stream->old);
    for (int set = 0; set < replica->world->replicas; set++) {
        early_clear(&stream->set[set].had);
        early_clear(&stream->set[set].lacks);
    }
    while (stream->pulls != NULL) {
        struct early_pull *next = stream->pulls->next;

        free(stream->pulls);
        stream->pulls = next;
    }
    verify_free(replica, stream);
    free(stream);
}
