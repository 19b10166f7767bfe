/* SPDX-License-Identifier: BSD-3-Clause */
/* overdue.c - what waits too long is copied or reported; what the dead were owed is dropped */
#include "config.h"

#include "replica/replica_inner.h"

#include <stdlib.h>

bool is_pressed(const struct replica *replica)
{
    return replica->small_waiting > 0 || replica->stats.retained > replica->settings.retain_max / 2;
}

/* Held for other sets only, not for its own receiver's match. */
static bool is_held_elsewhere(const struct replica *replica, const struct replica_held *record)
{
    return !record->is_large || record_is_through(replica, record);
}

/* Who keeps us waiting for what set of rank lacks: our sibling that serves it, or, if that answers
 * when it is asked, the receiver. */
static int lag_culprit(const struct replica *replica, int rank, int set)
{
    int server = dead_server(replica->dead, replica->rank, set);
    int64_t here_ms = replica->here_ms[replica->world->set[server]];

    if (server != replica->self && replica->now_ms - here_ms >= replica->settings.lag_max_ms / 2)
        return server;
    return peer_process(replica, rank, set);
}

static void lag_report(struct replica *replica, const struct replica_held *record)
{
    int64_t for_ms = replica->now_ms - record->since_ms;
    const struct outstream *stream = record->stream;

    if (replica->ops.lag == NULL || for_ms < replica->settings.lag_max_ms ||
        replica->now_ms - replica->lag_told_ms < replica->settings.lag_max_ms)
        return;
    EACH_SET(set, living_others(replica, stream->key.rank))
    {
        if (record->is_large ? (record->lack >> set & 1) == 0
                             : stream->set[set].env >= record->seq &&
                                   !early_has(stream->set[set].lacks, record->seq))
            continue;
        replica->lag_told_ms = replica->now_ms;
        replica->ops.lag(replica->arg, lag_culprit(replica, stream->key.rank, (int)set), for_ms);
        return;
    }
}

/* Small ones are copied as soon as the cap allows, large ones after a delay. */
void sending_tick(struct replica *replica)
{
    struct replica_held *next;
    bool is_reported = false;

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
        } else if (!is_reported) {
            lag_report(replica, record);
            is_reported = true;
        }
    }
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
