/* SPDX-License-Identifier: BSD-3-Clause */
/* failover.c - a sender died: its receiver claims from the substitute, the substitute serves */
#include "config.h"

#include "replica/replica_inner.h"

/* Also forgets what the server before said of its own memory. */
static void claim_stream(struct replica *replica, struct instream *stream, int source)
{
    struct replica_msg msg = {
        .kind = REPLICA_CLAIM_BODY, .cid = stream->key.cid, .tag = stream->key.class};

    instream_forget(stream); /* what came ahead of its turn comes again */
    for (struct replica_body *body = stream->missing; body != NULL; body = body->next)
        if (!body->is_done) {
            body->address = 0;
            msg.seq = body->seq;
            replica_tell(replica, source, &msg);
        }
    if (stream->next == 1)
        return;
    msg.kind = REPLICA_CLAIM;
    msg.seq = stream->acked = stream->next - 1;
    msg.hash = stream->hash;
    stream->unacked_bytes = 0;
    replica_tell(replica, source, &msg);
}

/* Our set has no sender of rank any more (or never had): another replica of it is to serve us. */
void failover_claim(struct replica *replica, int rank)
{
    struct peer *peer = &replica->peers[rank];
    struct replica_msg end = {.kind = REPLICA_CLAIM_END};

    peer->source = dead_server(replica->dead, rank, replica->set);
    if (peer->source < 0)
        return;
    closing_claim(replica, peer->source);
    for (struct instream *stream = peer->in; stream != NULL; stream = stream->next_of_peer)
        if (!closing_is_over(replica, stream->key.cid, stream->key.class))
            claim_stream(replica, stream, peer->source);
    replica_tell(replica, peer->source, &end);
    for (struct instream *stream = peer->in; stream != NULL; stream = stream->next_of_peer)
        for (struct replica_body *body = stream->missing; body != NULL; body = body->next)
            if (body->is_pulled && !body->is_done) {
                receiving_pull_from(replica, body);
                peer->refills += !body->is_refilled;
                body->is_refilled = true;
            }
}

/* ---------------------------------------------------------------- its beginning and end */

static void failover_tell(struct replica *replica, int rank, bool is_over)
{
    if (replica->ops.failover != NULL)
        replica->ops.failover(replica->arg, rank, replica->peers[rank].source, is_over);
}

/* The one who served us for rank died. */
void failover_begin(struct replica *replica, int rank)
{
    struct peer *peer = &replica->peers[rank];

    failover_claim(replica, rank);
    peer->is_failing_over = true;
    peer->is_served = false;
    replica->stats.failovers++;
    failover_tell(replica, rank, false);
}

void failover_check(struct replica *replica, int rank)
{
    struct peer *peer = &replica->peers[rank];

    if (!peer->is_failing_over || !peer->is_served || peer->refills > 0)
        return;
    peer->is_failing_over = false;
    failover_tell(replica, rank, true);
}

void failover_served(struct replica *replica, int src)
{
    int rank = replica->world->rank[src];

    if (replica->peers[rank].source != src)
        return;
    replica->peers[rank].is_served = true;
    failover_check(replica, rank);
}

/* ---------------------------------------------------------------- serving */

static bool is_pumping(const struct replica *replica, int rank, int set)
{
    const struct outstream *stream = replica->pumps[set];

    while (stream != NULL && stream->key.rank != rank)
        stream = stream->set[set].pump_next;
    return stream != NULL;
}

void failover_answer(struct replica *replica)
{
    struct replica_msg served = {.kind = REPLICA_SERVED};

    replica->is_answering = false;
    for (int rank = 0; rank < replica->world->ranks; rank++) {
        struct peer *peer = &replica->peers[rank];

        EACH_SET(set, peer->answers)
        if (!is_pumping(replica, rank, (int)set)) {
            peer->answers &= ~(1u << set);
            replica_tell(replica, peer_process(replica, rank, (int)set), &served);
        }
        replica->is_answering |= peer->answers != 0;
    }
}

/* The claim of src is complete: what it has not, and all that is posted later, goes there from
 * here. */
void failover_serve(struct replica *replica, int src)
{
    int rank = replica->world->rank[src], set = replica->world->set[src];
    struct peer *peer = &replica->peers[rank];

    if (rank == replica->rank || set == replica->set || (peer->serves >> set & 1))
        return;
    peer->serves |= 1u << set;
    if (peer->turn[set] < dead_turn(set, replica->set))
        peer->turn[set] = dead_turn(set, replica->set);
    replica->stats.served++;
    for (struct outstream *stream = peer->out; stream != NULL; stream = stream->next_of_peer) {
        struct outset *out = &stream->set[set];

        out->sent = out->env;
        out->unsent = out->unacked;
        out->resend_end = stream->posted;
        out->resend_left = replica->settings.resend_eager;
        outstream_pump(replica, stream, set);
    }
    peer->answers |= 1u << set;
    failover_answer(replica);
}
