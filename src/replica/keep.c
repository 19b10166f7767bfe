/* SPDX-License-Identifier: BSD-3-Clause */
/* keep.c - what is kept: in a queue per stream up to the floor, below it while a body is owed
 *
 * The queue holds records in order from the first whose envelope some living receiver lacks. A
 * small one below the floor goes; a large one stays, out of the queue, until every body is
 * acknowledged: so an unmatched large message does not keep the small ones behind it. */
#include "config.h"

#include "replica/replica_inner.h"

#include <string.h>

/* ---------------------------------------------------------------- records */

static size_t record_cost(uint64_t length)
{
    return sizeof(struct replica_held) + length;
}

bool cap_has_room(const struct replica *replica, uint64_t length)
{
    size_t retained = replica->stats.retained;

    return retained <= replica->settings.retain_max &&
           record_cost(length) <= replica->settings.retain_max - retained;
}

static void retained_add(struct replica *replica, struct replica_held *record, bool is_forced)
{
    struct replica_stats *stats = &replica->stats;

    record->is_copied = true;
    record->is_forced = is_forced;
    stats->retained += record_cost(record->length);
    if (is_forced)
        stats->retained_forced += record_cost(record->length);
    if (stats->retained > stats->retained_peak)
        stats->retained_peak = stats->retained;
}

/* Copies a record that still lies in the user's buffer. */
void record_copy(struct replica *replica, struct replica_held *record, const void *data,
                 void *token, bool is_forced)
{
    if (record->length > 0) {
        record->copy = record->length <= record->room ? record->bytes
                                                      : pool_get(&replica->pool, record->length);
        if (data != NULL)
            memcpy(record->copy, data, record->length);
        else
            replica->ops.pack(replica->arg, token, 0, record->copy, record->length);
    }
    retained_add(replica, record, is_forced);
}

void waiting_add(struct replica *replica, struct replica_held *record)
{
    record->is_waiting = true;
    record->hprev = replica->waiting_end;
    if (record->hprev != NULL)
        record->hprev->hnext = record;
    else
        replica->waiting = record;
    replica->waiting_end = record;
    replica->stats.held++;
    replica->small_waiting += !record->is_large;
}

void waiting_remove(struct replica *replica, struct replica_held *record)
{
    if (record->hprev != NULL)
        record->hprev->hnext = record->hnext;
    else
        replica->waiting = record->hnext;
    if (record->hnext != NULL)
        record->hnext->hprev = record->hprev;
    else
        replica->waiting_end = record->hprev;
    record->hprev = record->hnext = NULL;
    record->is_waiting = false;
    record->token = NULL;
    record->data = NULL;
    replica->stats.held--;
    replica->small_waiting -= !record->is_large;
}

void record_complete(struct replica *replica, struct replica_held *record)
{
    void *token = record->token;

    if (!record->is_waiting)
        return;
    waiting_remove(replica, record);
    replica->ops.complete(replica->arg, token);
}

static void list_remove(struct replica_held **first, struct replica_held *record)
{
    if (record->prev != NULL)
        record->prev->next = record->next;
    else
        *first = record->next;
    if (record->next != NULL)
        record->next->prev = record->prev;
    record->prev = record->next = NULL;
}

void old_add(struct outstream *stream, struct replica_held *record)
{
    record->prev = NULL;
    record->next = stream->old;
    if (stream->old != NULL)
        stream->old->prev = record;
    stream->old = record;
}

void record_index(struct replica_held *record)
{
    struct outstream *stream = record->stream;

    if (record->is_indexed)
        return;
    HASH_ADD(hh, stream->bodies, seq, sizeof record->seq, record);
    record->is_indexed = true;
}

/* The record is in neither list any more. */
void record_free(struct replica *replica, struct replica_held *record)
{
    const struct outstream *stream = record->stream;

    if (replica->transfers != NULL)
        transfers_drop(replica, record, -1);
    if (record->is_indexed)
        HASH_DELETE(hh, record->stream->bodies, record);
    if (record->is_copied) {
        replica->stats.retained -= record_cost(record->length);
        if (record->is_forced)
            replica->stats.retained_forced -= record_cost(record->length);
    }
    if (record->copy != NULL && record->copy != record->bytes)
        pool_put(&replica->pool, record->copy, record->length);
    pool_put(&replica->pool, record, sizeof *record + record->room);
    replica->peers[stream->key.rank].records--;
    replica->records--;
}

struct replica_held *outstream_find(struct outstream *stream, uint64_t seq)
{
    struct replica_held *record;

    HASH_FIND(hh, stream->bodies, &seq, sizeof seq, record);
    if (record == NULL)
        for (record = stream->queue; record != NULL && record->seq <= seq; record = record->next)
            if (record->seq == seq)
                return record;
    return record != NULL && record->seq == seq ? record : NULL;
}

struct replica_held *record_new(struct replica *replica, struct outstream *stream, size_t room)
{
    struct replica_held *record = pool_get(&replica->pool, sizeof *record + room);

    memset(record, 0, sizeof *record);
    record->room = room;
    record->stream = stream;
    record->seq = stream->posted;
    record->hash = stream->hash;
    record->since_ms = NOT_YET;
    replica->peers[stream->key.rank].records++;
    replica->records++;
    return record;
}

void queue_append(struct replica *replica, struct outstream *stream, struct replica_held *record)
{
    record->is_queued = true;
    record->prev = stream->queue_end;
    if (record->prev != NULL)
        record->prev->next = record;
    else
        stream->queue = record;
    stream->queue_end = record;
    EACH_SET(set, replica->dead->living[stream->key.rank])
    {
        struct outset *out = &stream->set[set];

        if ((int)set != replica->set && out->unacked == NULL && out->env < record->seq)
            out->unacked = record;
        if (out->unsent == NULL && out->sent < record->seq &&
            replica->peers[stream->key.rank].serves >> set & 1)
            out->unsent = record;
    }
}

struct replica_bytes record_bytes(const struct replica_held *record, uint64_t offset, size_t size)
{
    return (struct replica_bytes){
        .data = record->copy != NULL ? (const char *)record->copy + offset : NULL,
        .token = record->token,
        .offset = offset,
        .size = size,
    };
}

/* ---------------------------------------------------------------- the floor */

/* Envelopes up to the floor went to our own set, and every other living receiver has them. */
uint64_t outstream_floor(const struct replica *replica, const struct outstream *stream)
{
    uint32_t living = replica->dead->living[stream->key.rank];
    uint64_t floor = UINT64_MAX;

    EACH_SET(set, living)
    {
        const struct outset *out = &stream->set[set];
        uint64_t has = (int)set == replica->set ? out->sent : out->env;

        if (has < floor)
            floor = has;
    }
    return floor;
}

/* Sets other than ours that were told of seq, a small one, without its bytes. */
static uint32_t small_lack(const struct replica *replica, const struct outstream *stream,
                           uint64_t seq)
{
    uint32_t lack = 0;

    EACH_SET(set, living_others(replica, stream->key.rank))
    if (stream->set[set].lacks != NULL && early_has(stream->set[set].lacks, seq))
        lack |= 1u << set;
    return lack;
}

/* The queue's first record is at or below the floor: it goes, or stays for its body. */
static void outstream_settle(struct replica *replica, struct outstream *stream)
{
    struct replica_held *record = stream->queue;

    list_remove(&stream->queue, record);
    if (stream->queue == NULL)
        stream->queue_end = NULL;
    record->is_queued = false;
    if (!record->is_large)
        record->lack = small_lack(replica, stream, record->seq);
    if (record->lack == 0) {
        record_complete(replica, record);
        record_free(replica, record);
        return;
    }
    old_add(stream, record);
    record_index(record);
}

void outstream_trim(struct replica *replica, struct outstream *stream)
{
    if (stream->queue == NULL)
        return;
    uint64_t floor = outstream_floor(replica, stream);

    while (stream->queue != NULL && stream->queue->seq <= floor)
        outstream_settle(replica, stream);
}

/* Nobody in the own set is owed it any more; a synchronous one was also matched somewhere: a dead
 * receiver did not match it. */
bool record_is_through(const struct replica *replica, const struct replica_held *record)
{
    return (record->lack >> replica->set & 1) == 0 && (!record->is_sync || record->is_matched);
}

/* A large send is done when its own receiver has it, and the others or a copy for them. */
static void record_check(struct replica *replica, struct replica_held *record)
{
    if (record->is_waiting && record_is_through(replica, record) &&
        (record->lack == 0 || record->is_copied))
        record_complete(replica, record);
    if (record->lack == 0 && !record->is_queued) {
        list_remove(&record->stream->old, record);
        record_free(replica, record);
    }
}

void record_had(struct replica *replica, struct replica_held *record, uint32_t sets)
{
    record->is_matched = true;
    record_not_owed(replica, record, sets);
}

void record_not_owed(struct replica *replica, struct replica_held *record, uint32_t sets)
{
    if (!record->is_large && record->is_queued)
        return; /* the floor decides */
    if ((record->lack & sets) == 0 && !record->is_sync)
        return;
    record->lack &= ~sets;
    if (sets >> replica->set & 1)
        record->since_ms = NOT_YET;
    record_check(replica, record);
}
