/* SPDX-License-Identifier: BSD-3-Clause */
/* receiving.c - envelopes in order, once each; bodies fetched after the match; acknowledgements */
#include "config.h"

#include "replica/replica_inner.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static struct instream *instream_get(struct replica *replica, int rank, uint32_t cid, int32_t tag)
{
    struct stream_key key = {cid, stream_class(tag), rank};
    struct peer *peer = &replica->peers[rank];
    struct instream *stream = peer->last_in;

    if (stream != NULL && stream->key.cid == cid && stream->key.class == key.class)
        return stream;
    stream = streams_find(&replica->ins, &key);
    if (stream == NULL) {
        stream = mem_alloc(sizeof *stream);
        stream->key = key;
        stream->next = 1;
        stream->next_of_peer = peer->in;
        peer->in = stream;
        streams_add(&replica->ins, &stream->key);
    }
    peer->last_in = stream;
    return stream;
}

/* ---------------------------------------------------------------- acknowledgements */

static struct replica_msg instream_msg(const struct instream *stream, enum replica_kind kind)
{
    return (struct replica_msg){
        .kind = (uint8_t)kind,
        .cid = stream->key.cid,
        .tag = stream->key.class,
        .seq = stream->next - 1,
        .hash = stream->hash,
    };
}

static void instream_tell(struct replica *replica, const struct instream *stream,
                          const struct replica_msg *msg)
{
    int source = replica->peers[stream->key.rank].source;

    if (msg->kind != REPLICA_PULL)
        replica->stats.acks++;
    if (source >= 0)
        replica_tell(replica, source, msg);
}

static void instream_ack(struct replica *replica, struct instream *stream)
{
    struct replica_msg msg = instream_msg(stream, REPLICA_ACK);

    if (stream->acked == stream->next - 1)
        return;
    stream->acked = stream->next - 1;
    stream->unacked_bytes = 0;
    instream_tell(replica, stream, &msg);
}

static void instream_ack_lazily(struct replica *replica, struct instream *stream, bool at_once)
{
    if (at_once || stream->next - 1 - stream->acked >= ACK_COUNT ||
        stream->unacked_bytes >= ACK_BYTES) {
        instream_ack(replica, stream);
    } else if (!stream->is_dirty) {
        stream->is_dirty = true;
        stream->next_dirty = replica->dirty;
        replica->dirty = stream;
    }
}

void receiving_flush(struct replica *replica)
{
    while (replica->dirty != NULL) {
        struct instream *stream = replica->dirty;

        replica->dirty = stream->next_dirty;
        stream->is_dirty = false;
        instream_ack(replica, stream);
    }
}

/* ---------------------------------------------------------------- bodies */

static uint64_t slot_take(struct replica *replica, struct replica_body *body)
{
    if (replica->slot_free == 0) {
        uint32_t count = replica->slot_count == 0 ? 64 : 2 * replica->slot_count;

        replica->slots = mem_grow(replica->slots, count, sizeof *replica->slots);
        for (uint32_t i = replica->slot_count; i < count; i++)
            replica->slots[i] = (struct body_slot){NULL, 1, i + 1 < count ? i + 2 : 0};
        replica->slot_free = replica->slot_count + 1;
        replica->slot_count = count;
    }
    uint32_t index = replica->slot_free - 1;

    replica->slot_free = replica->slots[index].next_free;
    replica->slots[index].body = body;
    return (uint64_t)replica->slots[index].generation << 32 | index;
}

static void slot_give(struct replica *replica, uint64_t id)
{
    struct body_slot *slot = &replica->slots[(uint32_t)id];

    slot->body = NULL;
    slot->generation++;
    slot->next_free = replica->slot_free;
    replica->slot_free = (uint32_t)id + 1;
}

static struct replica_body *body_find(const struct replica *replica, uint64_t id)
{
    uint32_t index = (uint32_t)id;

    if (index >= replica->slot_count || replica->slots[index].generation != id >> 32)
        return NULL;
    return replica->slots[index].body;
}

static struct replica_body *body_new(struct replica *replica, struct instream *stream,
                                     const struct replica_msg *msg)
{
    struct replica_body *body = mem_alloc(sizeof *body);

    body->stream = stream;
    body->seq = msg->seq;
    body->length = msg->length;
    body->id = slot_take(replica, body);
    body->address = msg->body;
    body->is_sync = (msg->flags & REPLICA_MSG_SYNC) != 0;
    body->is_lacked = msg->length <= replica->settings.eager && !body->is_sync;
    body->prev = stream->missing_end;
    if (body->prev != NULL)
        body->prev->next = body;
    else
        stream->missing = body;
    stream->missing_end = body;
    return body;
}

static void gated_remove(struct replica *replica, const struct replica_body *body)
{
    struct replica_body **at = &replica->gated;

    while (*at != NULL && *at != body)
        at = &(*at)->next_gated;
    if (*at != NULL)
        *at = body->next_gated;
}

static void body_free(struct replica *replica, struct replica_body *body)
{
    struct instream *stream = body->stream;

    if (body->prev != NULL)
        body->prev->next = body->next;
    else
        stream->missing = body->next;
    if (body->next != NULL)
        body->next->prev = body->prev;
    else
        stream->missing_end = body->prev;
    gated_remove(replica, body);
    slot_give(replica, body->id);
    free(body->buffer);
    free(body);
}

/* Every byte is here. */
static void body_finish(struct replica *replica, struct replica_body *body)
{
    struct instream *stream = body->stream;
    struct replica_msg msg = instream_msg(stream, REPLICA_BODY);
    void *token = body->token;

    msg.length = body->seq;
    stream->acked = stream->next - 1;
    stream->unacked_bytes = 0;
    instream_tell(replica, stream, &msg);
    body->is_done = true;
    if (body->is_refilled) {
        body->is_refilled = false;
        replica->peers[stream->key.rank].refills--;
        failover_check(replica, stream->key.rank);
    }
    if (!body->is_matched)
        return;
    body_free(replica, body);
    replica->ops.filled(replica->arg, token);
}

void receiving_pull_from(struct replica *replica, struct replica_body *body)
{
    const struct instream *stream = body->stream;
    struct replica_msg msg = {
        .kind = REPLICA_PULL,
        .cid = stream->key.cid,
        .tag = stream->key.class,
        .seq = body->seq,
        .length = body->length,
        .offset = body->got,
        .body = body->id,
    };

    body->is_pulled = true;
    instream_tell(replica, stream, &msg);
}

/* Reads it where it lies, if that is possible. What a read that failed half way brought is written
 * anew by the pieces. */
static bool body_get(struct replica *replica, const struct replica_body *body)
{
    int source = replica->peers[body->stream->key.rank].source;

    return body->address != 0 && replica->ops.get != NULL &&
           replica->ops.get(replica->arg, source, body->token, body->address, body->length);
}

/* The match may be known: fills from what is here, asks for the rest. */
static void body_match(struct replica *replica, struct replica_body *body)
{
    void *token = body->token;

    body->is_matched = true;
    if (body->buffer != NULL && body->got > 0)
        replica->ops.fill(replica->arg, token, 0, body->buffer, body->got);
    free(body->buffer);
    body->buffer = NULL;
    if (body->is_done) {
        body_free(replica, body);
        replica->ops.filled(replica->arg, token);
    } else if (body->length == 0 || (!body->is_pulled && body_get(replica, body))) {
        body_finish(replica, body);
    } else if (!body->is_pulled) {
        receiving_pull_from(replica, body);
    }
}

void replica_pull(struct replica *replica, struct replica_body *body, void *token)
{
    body->token = token;
    if (!body->is_sync || !is_gated(replica, replica->gate)) {
        body_match(replica, body);
        return;
    }
    body->gate = replica->gate;
    body->next_gated = replica->gated;
    replica->gated = body;
}

void receiving_ungate(struct replica *replica)
{
    struct replica_body *next, *body = replica->gated;

    replica->gated = NULL;
    for (; body != NULL; body = next) {
        next = body->next_gated;
        if (is_gated(replica, body->gate)) {
            body->next_gated = replica->gated;
            replica->gated = body;
        } else {
            body_match(replica, body);
        }
    }
}

void replica_unpull(struct replica *replica, struct replica_body *body, void *bytes_take)
{
    gated_remove(replica, body);
    body->token = NULL;
    if (body->is_matched)
        body->buffer = bytes_take;
    else
        free(bytes_take); /* it was gated: nothing has been filled */
    body->is_matched = false;
}

void receiving_data(struct replica *replica, const struct replica_msg *msg, const void *bytes,
                    size_t size)
{
    struct replica_body *body = body_find(replica, msg->body);

    if (body == NULL || !body->is_pulled || body->is_done || msg->offset != body->got ||
        size > body->length - body->got) {
        replica->stats.dropped++;
        return;
    }
    if (body->is_matched)
        replica->ops.fill(replica->arg, body->token, body->got, bytes, size);
    else
        memcpy(body->buffer + body->got, bytes, size);
    body->got += size;
    if (body->got == body->length)
        body_finish(replica, body);
}

/* A sender is at its cap: small messages that were only announced come in before their match. */
void receiving_want(struct replica *replica, int rank)
{
    receiving_flush(replica);
    for (struct instream *stream = replica->peers[rank].in; stream != NULL;
         stream = stream->next_of_peer)
        for (struct replica_body *body = stream->missing; body != NULL; body = body->next)
            if (body->is_lacked && !body->is_pulled && body->length > 0 && body->buffer == NULL) {
                body->buffer = mem_alloc(body->length);
                receiving_pull_from(replica, body);
            }
}

/* ---------------------------------------------------------------- envelopes */

static void envelope_take(struct replica *replica, struct instream *stream,
                          const struct replica_msg *msg, const void *bytes)
{
    struct replica_envelope envelope = {
        .source = stream->key.rank,
        .cid = stream->key.cid,
        .tag = msg->tag,
        .seq = msg->seq,
        .length = msg->length,
        .is_sync = (msg->flags & REPLICA_MSG_SYNC) != 0,
        .data = bytes,
    };

    stream->next++;
    stream->hash = hash_next(stream->hash, msg->tag, msg->length);
    stream->unacked_bytes += msg->length;
    replica->stats.received++;
    if (msg->kind == REPLICA_ANNOUNCE) {
        envelope.data = NULL;
        envelope.body = body_new(replica, stream, msg);
        if (envelope.body->is_lacked) {
            struct replica_msg lack = instream_msg(stream, REPLICA_LACK);

            lack.seq = msg->seq;
            instream_tell(replica, stream, &lack);
        }
    } else if (msg->length == 0) {
        envelope.data = "";
    }
    replica->ops.deliver(replica->arg, &envelope);
    instream_ack_lazily(replica, stream, (msg->flags & REPLICA_MSG_WANT) != 0);
}

/* Ahead of its turn: kept until the gap is filled. */
static void envelope_hold(struct instream *stream, const struct replica_msg *msg, const void *bytes,
                          size_t size)
{
    struct hold **at = &stream->held;

    while (*at != NULL && (*at)->msg.seq < msg->seq)
        at = &(*at)->next;
    if (*at != NULL && (*at)->msg.seq == msg->seq)
        return;
    struct hold *hold = mem_alloc(sizeof *hold + size);

    hold->msg = *msg;
    hold->size = size;
    if (size > 0)
        memcpy(hold->bytes, bytes, size);
    hold->next = *at;
    *at = hold;
}

static void envelope_release(struct replica *replica, struct instream *stream)
{
    while (stream->held != NULL && stream->held->msg.seq <= stream->next) {
        struct hold *hold = stream->held;

        stream->held = hold->next;
        if (hold->msg.seq == stream->next)
            envelope_take(replica, stream, &hold->msg, hold->bytes);
        free(hold);
    }
}

void receiving_envelope(struct replica *replica, int src, const struct replica_msg *msg,
                        const void *bytes, size_t size)
{
    int rank = replica->world->rank[src];

    if (rank == replica->rank || (msg->kind == REPLICA_EAGER && size != msg->length)) {
        replica_end(replica, REPLICA_END_BROKEN, rank, "rank %d sent a message that makes no sense",
                    rank);
        return;
    }
    if (closing_is_over(replica, msg->cid, msg->tag)) {
        closing_broken(replica, rank, msg);
        return;
    }
    struct instream *stream = instream_get(replica, rank, msg->cid, msg->tag);

    if (msg->seq < stream->next) {
        replica->stats.dropped++;
    } else if (msg->seq > stream->next) {
        envelope_hold(stream, msg, bytes, size);
    } else {
        envelope_take(replica, stream, msg, bytes);
        if (stream->held != NULL)
            envelope_release(replica, stream);
    }
}

void instream_forget(struct instream *stream)
{
    while (stream->held != NULL) {
        struct hold *next = stream->held->next;

        free(stream->held);
        stream->held = next;
    }
}

void instream_free(struct replica *replica, struct instream *stream)
{
    instream_forget(stream);
    while (stream->missing != NULL)
        body_free(replica, stream->missing);
    free(stream);
}
