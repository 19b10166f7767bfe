/* SPDX-License-Identifier: BSD-3-Clause */
/* closing.c - streams of tags that fall are forgotten when their collectives are over
 *
 * Each non-blocking collective of a communicator has a tag of its own, lower than the last one's.
 * Of those that are over a process remembers one number for each communicator: nothing will be
 * posted here with that tag or an older one, and all that came with them was received. A sender
 * forgets a stream then when nobody is owed anything of it, a receiver when it has acknowledged it;
 * a claim says the number instead of naming streams. Nothing comes twice, so that what comes for a
 * forgotten one is an error. An acknowledgement that comes
 * late is only passed on to siblings. */
#include "config.h"

#include "replica/replica_inner.h"

#include <stdlib.h>

#include "base/mem.h"

bool replica_tag_falls(const struct replica *replica, int32_t tag)
{
    const struct replica_settings *settings = &replica->settings;

    for (int i = 0; i < REPLICA_SPARED; i++)
        if (tag <= settings->spared[i].first && tag >= settings->spared[i].last)
            return false;
    return tag <= settings->falling.first && tag >= settings->falling.last;
}

static struct closed *closed_find(const struct replica *replica, uint32_t cid)
{
    struct closed *closed;

    HASH_FIND(hh, replica->closed, &cid, sizeof cid, closed);
    return closed;
}

static struct closed *closed_get(struct replica *replica, uint32_t cid)
{
    struct closed *closed = closed_find(replica, cid);

    if (closed == NULL) {
        closed = mem_alloc(sizeof *closed);
        closed->cid = cid;
        closed->tag = replica->settings.falling.first + 1;
        HASH_ADD(hh, replica->closed, cid, sizeof closed->cid, closed);
    }
    return closed;
}

bool closing_is_over(const struct replica *replica, uint32_t cid, int32_t tag)
{
    if (replica->closed == NULL || !replica_tag_falls(replica, tag))
        return false;
    const struct closed *closed = closed_find(replica, cid);

    return closed != NULL && tag >= closed->tag;
}

void closing_free(struct replica *replica)
{
    struct closed *closed, *next;

    HASH_ITER(hh, replica->closed, closed, next)
    {
        HASH_DEL(replica->closed, closed);
        free(closed->heard);
        free(closed);
    }
}

/* ---------------------------------------------------------------- over here */

static bool is_quiet(const struct replica *replica, const struct outstream *stream)
{
    if (stream->queue != NULL || stream->bodies != NULL || stream->pulls != NULL ||
        verify_is_open(replica, stream))
        return false;
    for (int set = 0; set < replica->world->replicas; set++)
        if (stream->set[set].is_pumped)
            return false;
    return true;
}

/* True: some are over, but others are still owed something. */
static bool outstreams_forget(struct replica *replica, struct peer *peer)
{
    struct outstream **at = &peer->out;
    bool is_more = false;

    while (*at != NULL) {
        struct outstream *stream = *at;

        bool is_over = closing_is_over(replica, stream->key.cid, stream->key.class);

        if (!is_over || !is_quiet(replica, stream)) {
            is_more |= is_over;
            at = &stream->next_of_peer;
            continue;
        }
        *at = stream->next_of_peer;
        if (peer->last_out == stream)
            peer->last_out = NULL;
        streams_remove(&replica->outs, &stream->key);
        outstream_free(replica, stream);
    }
    return is_more;
}

static void instreams_forget(struct replica *replica, struct peer *peer)
{
    struct instream **at = &peer->in;

    while (*at != NULL) {
        struct instream *stream = *at;

        if (!closing_is_over(replica, stream->key.cid, stream->key.class)) {
            at = &stream->next_of_peer;
            continue;
        }
        *at = stream->next_of_peer;
        if (peer->last_in == stream)
            peer->last_in = NULL;
        streams_remove(&replica->ins, &stream->key);
        instream_free(replica, stream);
    }
}

void replica_close(struct replica *replica, uint32_t cid, int32_t tag)
{
    struct closed *closed = closed_get(replica, cid);

    if (tag >= closed->tag)
        return;
    closed->tag = tag;
    replica->is_closing = true;
}

/* Looking through all streams is worth it when their number has doubled, or after a while. */
void closing_tick(struct replica *replica)
{
    size_t streams = replica->outs.count + replica->ins.count;

    if (streams < 2 * replica->left + FORGET_MIN &&
        replica->now_ms - replica->forgot_ms < replica->settings.forget_ms)
        return;
    replica->is_closing = false;
    replica_flush(replica); /* what is forgotten is acknowledged */
    for (int rank = 0; rank < replica->world->ranks; rank++) {
        instreams_forget(replica, &replica->peers[rank]);
        if (outstreams_forget(replica, &replica->peers[rank]))
            replica->is_closing = true;
    }
    replica->left = replica->outs.count + replica->ins.count;
    replica->forgot_ms = replica->now_ms;
}

/* What we sent to rank in it is over and forgotten. */
bool closing_is_forgotten(const struct replica *replica, int rank, uint32_t cid, int32_t tag)
{
    struct stream_key key = {cid, stream_class(tag), rank};

    return closing_is_over(replica, cid, tag) && streams_find(&replica->outs, &key) == NULL;
}

/* Something came for what was said to be over: the owner's promise was wrong. */
void closing_broken(struct replica *replica, int rank, const struct replica_msg *msg)
{
    replica_end(
        replica, REPLICA_END_BROKEN, rank,
        "rank %d sent message %llu with tag %d in communicator %u, whose collective is over", rank,
        (unsigned long long)msg->seq, msg->tag, msg->cid);
}

/* Instead of naming what is over, to a substitute. */
void closing_claim(struct replica *replica, int source)
{
    struct closed *closed, *next;

    HASH_ITER(hh, replica->closed, closed, next)
    {
        struct replica_msg msg = {
            .kind = REPLICA_CLAIM_CLOSED, .cid = closed->cid, .tag = closed->tag};

        replica_tell(replica, source, &msg);
    }
}

/* ---------------------------------------------------------------- over at a receiver */

/* The receiver has all that there is and will be of it. */
static void outstream_over(struct replica *replica, struct outstream *stream, int set)
{
    struct outset *out = &stream->set[set];
    struct replica_held *record, *next;

    early_clear(&out->had);
    early_clear(&out->lacks);
    out->env = out->sent = out->claimed = UINT64_MAX;
    out->mark = 0;
    out->unacked = out->unsent = NULL;
    HASH_ITER(hh, stream->bodies, record, next)
    record_had(replica, record, 1u << set);
    outstream_trim(replica, stream);
}

void closing_heard(struct replica *replica, int rank, int set, const struct replica_msg *msg)
{
    struct closed *closed = closed_get(replica, msg->cid);
    size_t count = (size_t)replica->world->ranks * (size_t)replica->world->replicas;
    size_t index = (size_t)rank * (size_t)replica->world->replicas + (size_t)set;

    if (closed->heard == NULL)
        closed->heard = mem_array(count, sizeof *closed->heard);
    if (msg->tag >= closed->heard[index])
        return;
    closed->heard[index] = msg->tag;
    for (struct outstream *stream = replica->peers[rank].out; stream != NULL;
         stream = stream->next_of_peer)
        if (stream->key.cid == msg->cid && stream->key.class >= msg->tag &&
            replica_tag_falls(replica, stream->key.class))
            outstream_over(replica, stream, set);
}

void closing_new(struct replica *replica, struct outstream *stream)
{
    const struct closed *closed = closed_find(replica, stream->key.cid);

    if (closed == NULL || closed->heard == NULL || !replica_tag_falls(replica, stream->key.class))
        return;
    for (int set = 0; set < replica->world->replicas; set++)
        if (closed->heard[stream->key.rank * replica->world->replicas + set] <= stream->key.class)
            outstream_over(replica, stream, set);
}
