/* SPDX-License-Identifier: BSD-3-Clause */
/* sending.c - messages posted here: numbered, sent, kept until every living receiver has them */
#include "config.h"

#include "replica/replica_inner.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define EACH_SET(set, sets)                                                                        \
    for (uint32_t left_ = (sets), set = 0;                                                         \
         left_ != 0 && (set = (uint32_t)__builtin_ctz(left_), true); left_ &= left_ - 1)

struct outstream *outstream_get(struct replica *replica, int rank, uint32_t cid, int32_t tag)
{
    struct stream_key key = {cid, stream_class(tag), rank};
    struct peer *peer = &replica->peers[rank];
    struct outstream *stream = peer->last_out;

    if (stream != NULL && stream->key.cid == cid && stream->key.class == key.class)
        return stream;
    stream = streams_find(&replica->outs, &key);
    if (stream == NULL) {
        stream =
            mem_alloc(sizeof *stream + (size_t)replica->world->replicas * sizeof stream->set[0]);
        stream->key = key;
        stream->next_of_peer = peer->out;
        peer->out = stream;
        streams_add(&replica->outs, &stream->key);
    }
    peer->last_out = stream;
    return stream;
}

/* ---------------------------------------------------------------- records */

static size_t record_cost(uint64_t length)
{
    return sizeof(struct replica_held) + length;
}

static bool cap_has_room(const struct replica *replica, uint64_t length)
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
static void record_copy(struct replica *replica, struct replica_held *record, const void *data,
                        void *token, bool is_forced)
{
    if (record->length > 0) {
        record->copy = pool_get(&replica->pool, record->length);
        if (data != NULL)
            memcpy(record->copy, data, record->length);
        else
            replica->ops.pack(replica->arg, token, 0, record->copy, record->length);
    }
    retained_add(replica, record, is_forced);
}

static void waiting_add(struct replica *replica, struct replica_held *record)
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

static void waiting_remove(struct replica *replica, struct replica_held *record)
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
    replica->stats.held--;
    replica->small_waiting -= !record->is_large;
}

static void record_complete(struct replica *replica, struct replica_held *record)
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

static void old_add(struct outstream *stream, struct replica_held *record)
{
    record->prev = NULL;
    record->next = stream->old;
    if (stream->old != NULL)
        stream->old->prev = record;
    stream->old = record;
}

static void record_index(struct replica_held *record)
{
    struct outstream *stream = record->stream;

    if (record->is_indexed)
        return;
    HASH_ADD(hh, stream->bodies, seq, sizeof record->seq, record);
    record->is_indexed = true;
}

static void transfers_drop(struct replica *replica, const struct replica_held *record, int dst)
{
    struct transfer **at = &replica->transfers;

    while (*at != NULL) {
        struct transfer *transfer = *at;

        if (transfer->record == record || transfer->dst == dst) {
            *at = transfer->next;
            free(transfer);
        } else {
            at = &transfer->next;
        }
    }
    replica->transfers_end = at;
}

/* The record is in neither list any more. */
static void record_free(struct replica *replica, struct replica_held *record)
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
    if (record->copy != NULL)
        pool_put(&replica->pool, record->copy, record->length);
    pool_put(&replica->pool, record, sizeof *record);
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

/* ---------------------------------------------------------------- the floor */

/* Envelopes up to the floor went to our own set, and every other living receiver has them. */
static uint64_t outstream_floor(const struct replica *replica, const struct outstream *stream)
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

/* A large send is done when its own receiver has it, and the others or a copy for them. */
static void record_check(struct replica *replica, struct replica_held *record)
{
    uint32_t own = 1u << replica->set;

    if (record->is_waiting && (record->lack & own) == 0 && (record->lack == 0 || record->is_copied))
        record_complete(replica, record);
    if (record->lack == 0 && !record->is_queued) {
        list_remove(&record->stream->old, record);
        record_free(replica, record);
    }
}

void record_had(struct replica *replica, struct replica_held *record, uint32_t sets)
{
    if (!record->is_large && record->is_queued)
        return; /* the floor decides */
    if ((record->lack & sets) == 0)
        return;
    record->lack &= ~sets;
    if (sets >> replica->set & 1)
        record->since_ms = replica->now_ms;
    record_check(replica, record);
}

/* ---------------------------------------------------------------- out to one receiver */

/* Does room() take a message? The unsent rest waits for sending_progress(). */
static bool has_room(struct replica *replica, int dst, uint64_t bytes)
{
    return replica->ops.room(replica->arg, dst) >= sizeof(struct replica_msg) + bytes;
}

static bool is_announced(struct replica *replica, struct outset *out, int set, bool is_large,
                         uint64_t seq, uint64_t length)
{
    if (is_large)
        return true;
    if (set == replica->set || seq > out->resend_end)
        return false;
    if (length > out->resend_left)
        return true;
    out->resend_left -= length;
    return false;
}

static void envelope_send(struct replica *replica, struct outstream *stream, int dst, bool announce,
                          const struct replica_msg *post, const struct replica_bytes *bytes)
{
    struct replica_msg msg = *post;

    msg.kind = announce ? REPLICA_ANNOUNCE : REPLICA_EAGER;
    msg.cid = stream->key.cid;
    if (is_pressed(replica))
        msg.flags |= REPLICA_MSG_WANT;
    replica->stats.sent++;
    replica->ops.send(replica->arg, dst, &msg, announce || bytes->size == 0 ? NULL : bytes);
}

static struct replica_bytes record_bytes(const struct replica_held *record, uint64_t offset,
                                         size_t size)
{
    return (struct replica_bytes){
        .data = record->copy != NULL ? (const char *)record->copy + offset : NULL,
        .token = record->token,
        .offset = offset,
        .size = size,
    };
}

static void record_send(struct replica *replica, struct replica_held *record, int set)
{
    struct outstream *stream = record->stream;
    struct outset *out = &stream->set[set];
    struct replica_bytes bytes = record_bytes(record, 0, record->length);
    struct replica_msg msg = {
        .flags = record->is_sync ? REPLICA_MSG_SYNC : 0,
        .set = (uint16_t)replica->set,
        .tag = record->tag,
        .seq = record->seq,
        .length = record->length,
    };
    bool announce = is_announced(replica, out, set, record->is_large, record->seq, record->length);

    if (announce)
        record_index(record);
    if (record->seq <= out->resend_end)
        replica->stats.resent++;
    out->sent = record->seq;
    out->unsent = record->next;
    envelope_send(replica, stream, peer_process(replica, stream->key.rank, set), announce, &msg,
                  &bytes);
}

static void pump_add(struct replica *replica, struct outstream *stream, int set)
{
    struct outset *out = &stream->set[set];

    if (out->is_pumped)
        return;
    out->is_pumped = true;
    out->pump_next = replica->pumps[set];
    replica->pumps[set] = stream;
}

/* Sends what set has not been sent, while there is room. */
static bool pump_some(struct replica *replica, struct outstream *stream, int set)
{
    struct outset *out = &stream->set[set];
    int dst = peer_process(replica, stream->key.rank, set);

    while (out->unsent != NULL) {
        struct replica_held *record = out->unsent;

        if (!has_room(replica, dst, record->is_large ? 0 : record->length))
            return false;
        record_send(replica, record, set);
    }
    return true;
}

void outstream_pump(struct replica *replica, struct outstream *stream, int set)
{
    if (!pump_some(replica, stream, set))
        pump_add(replica, stream, set);
    if (set == replica->set)
        outstream_trim(replica, stream);
}

static bool pumps_progress(struct replica *replica, int set)
{
    struct outstream *stream = replica->pumps[set];

    replica->pumps[set] = NULL;
    while (stream != NULL) {
        struct outstream *next = stream->set[set].pump_next;

        stream->set[set].is_pumped = false;
        if (replica->peers[stream->key.rank].serves >> set & 1)
            outstream_pump(replica, stream, set);
        stream = next;
    }
    return replica->pumps[set] != NULL;
}

/* ---------------------------------------------------------------- bodies that were asked for */

/* Sends one piece. False: no room. */
static bool transfer_piece(struct replica *replica, struct transfer *transfer)
{
    struct replica_held *record = transfer->record;
    uint64_t left = record->length - transfer->offset;
    size_t size = left < replica->settings.piece ? (size_t)left : replica->settings.piece;

    if (!has_room(replica, transfer->dst, size))
        return false;
    struct replica_bytes bytes = record_bytes(record, transfer->offset, size);
    struct replica_msg msg = {
        .kind = REPLICA_DATA,
        .set = (uint16_t)replica->set,
        .cid = record->stream->key.cid,
        .tag = record->tag,
        .seq = record->seq,
        .length = record->length,
        .offset = transfer->offset,
        .body = transfer->body,
    };

    transfer->offset += size;
    replica->ops.send(replica->arg, transfer->dst, &msg, &bytes);
    return true;
}

static bool transfers_progress(struct replica *replica)
{
    struct transfer **at = &replica->transfers;

    while (*at != NULL) {
        struct transfer *transfer = *at;

        while (transfer->offset < transfer->record->length && transfer_piece(replica, transfer))
            continue;
        if (transfer->offset == transfer->record->length) {
            *at = transfer->next;
            free(transfer);
        } else {
            at = &transfer->next;
        }
    }
    replica->transfers_end = at;
    return replica->transfers != NULL;
}

bool sending_progress(struct replica *replica)
{
    bool is_more = false;

    for (int set = 0; set < replica->world->replicas; set++)
        if (replica->pumps[set] != NULL && pumps_progress(replica, set))
            is_more = true;
    if (replica->transfers != NULL && transfers_progress(replica))
        is_more = true;
    return is_more;
}

static void transfer_start(struct replica *replica, struct replica_held *record, int set,
                           uint64_t body, uint64_t offset)
{
    struct transfer *transfer = mem_alloc(sizeof *transfer);

    transfer->record = record;
    transfer->set = set;
    transfer->dst = peer_process(replica, record->stream->key.rank, set);
    transfer->body = body;
    transfer->offset = offset;
    *replica->transfers_end = transfer;
    replica->transfers_end = &transfer->next;
}

void sending_pull(struct replica *replica, int src, const struct replica_msg *msg)
{
    int rank = replica->world->rank[src], set = replica->world->set[src];
    struct outstream *stream = outstream_get(replica, rank, msg->cid, msg->tag);
    struct replica_held *record = outstream_find(stream, msg->seq);

    if (record != NULL && msg->offset < record->length) {
        transfer_start(replica, record, set, msg->body, msg->offset);
        return;
    }
    if (msg->seq <= stream->posted) {
        replica_end(replica, REPLICA_END_BROKEN, rank,
                    "rank %d asks for message %llu of communicator %u, which is not kept any more",
                    rank, (unsigned long long)msg->seq, msg->cid);
        return;
    }
    struct early_pull *pull = mem_alloc(sizeof *pull);

    *pull = (struct early_pull){stream->pulls, set, msg->seq, msg->body, msg->offset};
    stream->pulls = pull;
}

static void early_pulls_apply(struct replica *replica, struct outstream *stream,
                              struct replica_held *record)
{
    struct early_pull **at = &stream->pulls;

    while (*at != NULL) {
        struct early_pull *pull = *at;

        if (pull->seq != stream->posted) {
            at = &pull->next;
            continue;
        }
        *at = pull->next;
        if (record != NULL && pull->offset < record->length)
            transfer_start(replica, record, pull->set, pull->body, pull->offset);
        free(pull);
    }
}

/* ---------------------------------------------------------------- posting */

/* Sets that have not got the body of seq, now being posted; forgets what was heard early. */
static uint32_t post_lack(struct replica *replica, struct outstream *stream, uint64_t seq,
                          bool is_large)
{
    uint32_t lack = 0;

    EACH_SET(set, living_others(replica, stream->key.rank))
    {
        struct outset *out = &stream->set[set];
        bool had = out->had != NULL && early_remove(&out->had, seq);
        bool is_lacked = out->lacks != NULL && early_has(out->lacks, seq);

        if (is_large ? !had && (seq > out->claimed || is_lacked) : is_lacked)
            lack |= 1u << set;
    }
    if (is_large)
        lack |= replica->dead->living[stream->key.rank] & 1u << replica->set;
    return lack;
}

static struct replica_held *record_new(struct replica *replica, struct outstream *stream)
{
    struct replica_held *record = pool_get(&replica->pool, sizeof *record);

    memset(record, 0, sizeof *record);
    record->stream = stream;
    record->seq = stream->posted;
    record->hash = stream->hash;
    record->since_ms = replica->now_ms;
    replica->peers[stream->key.rank].records++;
    replica->records++;
    return record;
}

static void queue_append(struct replica *replica, struct outstream *stream,
                         struct replica_held *record)
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

/* Keeps what was just posted. Returns true when the send is complete. */
static bool post_keep(struct replica *replica, struct outstream *stream,
                      struct replica_held *record, unsigned flags, const void *data, void *token)
{
    bool is_small = !record->is_large;
    bool is_forced = (flags & REPLICA_COPY) != 0;

    if (is_forced || (is_small && cap_has_room(replica, record->length)))
        record_copy(replica, record, data, token,
                    is_forced && !cap_has_room(replica, record->length));
    else
        record->token = token;
    if (outstream_floor(replica, stream) < record->seq)
        queue_append(replica, stream, record);
    else
        old_add(stream, record);
    if (!record->is_queued || record->is_large)
        record_index(record);
    if (!record->is_copied)
        waiting_add(replica, record);
    return record->is_copied;
}

/* The envelope goes out without a record being made, when nothing is before it and there is room.
 */
static void post_fast(struct replica *replica, struct outstream *stream, int rank,
                      const struct replica_msg *msg, const struct replica_bytes *bytes,
                      bool is_large)
{
    struct outset *out = &stream->set[replica->set];
    int dst = peer_process(replica, rank, replica->set);

    if ((replica->peers[rank].serves >> replica->set & 1) == 0)
        return;
    if (out->sent != msg->seq - 1 || !has_room(replica, dst, is_large ? 0 : bytes->size))
        return;
    out->sent = msg->seq;
    envelope_send(replica, stream, dst, is_large, msg, bytes);
}

bool replica_send(struct replica *replica, int dst, uint32_t cid, int32_t tag, unsigned flags,
                  const void *data, uint64_t length, void *token, struct replica_held **held_out)
{
    struct outstream *stream = outstream_get(replica, dst, cid, tag);
    bool is_large = length > replica->settings.eager || (flags & REPLICA_SYNC) != 0;
    uint64_t seq = ++stream->posted;
    struct replica_bytes bytes = {.data = data, .token = token, .size = length};
    struct replica_msg msg = {
        .flags = flags & REPLICA_SYNC ? REPLICA_MSG_SYNC : 0,
        .set = (uint16_t)replica->set,
        .tag = tag,
        .seq = seq,
        .length = length,
    };

    stream->hash = hash_next(stream->hash, tag, length);
    acks_check_mark(replica, stream, seq);
    uint32_t lack = post_lack(replica, stream, seq, is_large);

    post_fast(replica, stream, dst, &msg, &bytes, is_large);
    if (lack == 0 && outstream_floor(replica, stream) >= seq)
        return true; /* nobody lacks it: not kept */
    struct replica_held *record = record_new(replica, stream);

    record->length = length;
    record->tag = tag;
    record->is_large = is_large;
    record->is_sync = (flags & REPLICA_SYNC) != 0;
    record->lack = lack;
    bool is_done = post_keep(replica, stream, record, flags, data, token);

    if (stream->pulls != NULL)
        early_pulls_apply(replica, stream, record);
    if (held_out != NULL)
        *held_out = is_done ? NULL : record;
    EACH_SET(set, replica->peers[dst].serves)
    if (stream->set[set].unsent != NULL)
        outstream_pump(replica, stream, (int)set);
    return is_done;
}

void replica_detach(struct replica *replica, struct replica_held *held)
{
    if (!held->is_waiting)
        return;
    if (!held->is_copied)
        record_copy(replica, held, NULL, held->token, !cap_has_room(replica, held->length));
    waiting_remove(replica, held);
}

/* ---------------------------------------------------------------- time and deaths */

bool is_pressed(const struct replica *replica)
{
    return replica->small_waiting > 0 || replica->stats.retained > replica->settings.retain_max / 2;
}

/* Held for other sets only, not for its own receiver's match. */
static bool is_held_elsewhere(const struct replica *replica, const struct replica_held *record)
{
    return !record->is_large || (record->lack >> replica->set & 1) == 0;
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
        if (replica->dead->living[replica->rank] >> set & 1)
            replica->ops.lag(replica->arg, peer_process(replica, replica->rank, (int)set), for_ms);
        else
            replica->ops.lag(replica->arg, peer_process(replica, stream->key.rank, (int)set),
                             for_ms);
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
        bool is_due = !record->is_large ||
                      replica->now_ms - record->since_ms >= replica->settings.copy_delay_ms;

        if (is_due && cap_has_room(replica, record->length)) {
            record_copy(replica, record, NULL, record->token, false);
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
    record_had(replica, record, 1u << set);
}

void sending_drop_set(struct replica *replica, int rank, int set, int process)
{
    struct peer *peer = &replica->peers[rank];

    peer->serves &= ~(1u << set);
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
    free(stream);
}
