/* SPDX-License-Identifier: BSD-3-Clause */
/* sending.c - messages posted here: numbered, sent, kept until every living receiver has them */
#include "config.h"

#include "replica/replica_inner.h"

#include "base/mem.h"

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
        if (replica->closed != NULL)
            closing_new(replica, stream);
    }
    peer->last_out = stream;
    return stream;
}

/* ---------------------------------------------------------------- out to one receiver */

/* Does room() take a message? The unsent rest waits for sending_progress(). */
bool has_room(struct replica *replica, int dst, uint64_t bytes)
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

/* Where `set` may read the body of what is announced to it; 0: nowhere. The original is for our own
 * set only: a send is not complete before that has the body, but may be before others have. */
static uint64_t record_show(const struct replica *replica, struct replica_held *record, int set)
{
    if (record->copy != NULL)
        return (uintptr_t)record->copy;
    if (set != replica->set || !record->is_waiting || record->data == NULL)
        return 0;
    record->is_shown = true;
    return (uintptr_t)record->data;
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

    if (announce) {
        record_index(record);
        msg.body = record_show(replica, record, set);
    }
    if (record->seq <= out->resend_end) {
        replica->stats.resent++;
        replica->stats.resent_bytes += announce ? 0 : record->length;
    }
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

        if (is_gated(replica, record->gate) ||
            !has_room(replica, dst, record->is_large ? 0 : record->length))
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

bool sending_progress(struct replica *replica)
{
    bool is_more = false;

    for (int set = 0; set < replica->world->replicas; set++)
        if (replica->pumps[set] != NULL && pumps_progress(replica, set))
            is_more = true;
    if (replica->is_answering)
        failover_answer(replica);
    if (replica->transfers != NULL && transfers_progress(replica))
        is_more = true;
    return is_more;
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
    if (!record->is_copied) {
        record->data = flags & REPLICA_HIDE ? NULL : data;
        waiting_add(replica, record);
    }
    if (outstream_floor(replica, stream) < record->seq)
        queue_append(replica, stream, record);
    else
        old_add(stream, record);
    if (!record->is_queued || record->is_large)
        record_index(record);
    return record->is_copied;
}

/* A small one goes out without a record being made, when nothing is before it and there is room. */
static void post_fast(struct replica *replica, struct outstream *stream, int rank,
                      const struct replica_msg *msg, const struct replica_bytes *bytes)
{
    struct outset *out = &stream->set[replica->set];
    int dst = peer_process(replica, rank, replica->set);

    if ((replica->peers[rank].serves >> replica->set & 1) == 0 || is_gated(replica, replica->gate))
        return;
    if (out->sent != msg->seq - 1 || !has_room(replica, dst, bytes->size))
        return;
    out->sent = msg->seq;
    envelope_send(replica, stream, dst, false, msg, bytes);
}

bool replica_send(struct replica *replica, int dst, uint32_t cid, int32_t tag, unsigned flags,
                  const void *data, uint64_t length, void *token, struct replica_held **held_out)
{
    struct outstream *stream = outstream_get(replica, dst, cid, tag);
    bool is_large = length > replica->settings.eager || (flags & REPLICA_SYNC) != 0;
    uint64_t seq = ++stream->posted;
    struct replica_bytes bytes = {.data = data, .token = token, .size = length};
    struct replica_msg msg = {
        .set = (uint16_t)replica->set,
        .tag = tag,
        .seq = seq,
        .length = length,
    };

    if (seq == 1 && closing_is_over(replica, cid, tag))
        replica_end(replica, REPLICA_END_BROKEN, dst,
                    "a message with tag %d was sent in communicator %u whose collective was over",
                    tag, cid);
    stream->hash = hash_next(stream->hash, tag, length);
    replica->peers[dst].posted++;
    acks_check_mark(replica, stream, seq);
    if (replica->verify_log != NULL)
        verify_post(replica, stream, tag, flags, data, length, token);
    uint32_t lack = post_lack(replica, stream, seq, is_large);

    if (!is_large)
        post_fast(replica, stream, dst, &msg, &bytes);
    if (lack == 0 && outstream_floor(replica, stream) >= seq)
        return true; /* nobody lacks it: not kept */
    struct replica_held *record =
        record_new(replica, stream, is_large || !cap_has_room(replica, length) ? 0 : length);

    record->length = length;
    record->gate = replica->gate;
    record->tag = tag;
    record->is_large = is_large;
    record->is_sync = (flags & REPLICA_SYNC) != 0;
    record->is_matched = (living_others(replica, dst) & ~lack) != 0;
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

bool replica_takes(const struct replica *replica, uint64_t length)
{
    return length <= replica->settings.eager && cap_has_room(replica, length);
}

bool replica_detach(struct replica *replica, struct replica_held *held)
{
    if (!held->is_copied)
        record_copy(replica, held, held->data, held->token, !cap_has_room(replica, held->length));
    if (held->is_shown && (held->lack >> replica->set & 1))
        return false;
    waiting_remove(replica, held);
    return true;
}
