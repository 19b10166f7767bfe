/* SPDX-License-Identifier: BSD-3-Clause */
/* acks.c - who has what: heard from receivers that we serve, and from siblings about those they
 * serve
 *
 * What is heard may be ahead of what is posted here. What is heard first-hand goes on to all living
 * siblings. About one set only the latest server in the order of dead_turn() is believed: an older
 * one's late bytes may contradict the claim that came since. */
#include "config.h"

#include "replica/replica_inner.h"

#include <stdlib.h>

#include "base/mem.h"

bool early_has(const struct early *list, uint64_t seq)
{
    struct early *early;

    HASH_FIND(hh, (struct early *)list, &seq, sizeof seq, early);
    return early != NULL;
}

void early_add(struct early **list, uint64_t seq, int turn)
{
    struct early *early;

    HASH_FIND(hh, *list, &seq, sizeof seq, early);
    if (early == NULL) {
        early = mem_alloc(sizeof *early);
        early->seq = seq;
        HASH_ADD(hh, *list, seq, sizeof early->seq, early);
    }
    early->turn = turn;
}

/* Drops what was said before this turn and not again. */
static void early_prune(struct early **list, int turn)
{
    struct early *early, *next;

    HASH_ITER(hh, *list, early, next)
    if (early->turn < turn) {
        HASH_DEL(*list, early);
        free(early);
    }
}

bool early_remove(struct early **list, uint64_t seq)
{
    struct early *early;

    HASH_FIND(hh, *list, &seq, sizeof seq, early);
    if (early == NULL)
        return false;
    HASH_DEL(*list, early);
    free(early);
    return true;
}

void early_clear(struct early **list)
{
    struct early *early, *next;

    HASH_ITER(hh, *list, early, next)
    {
        HASH_DEL(*list, early);
        free(early);
    }
}

/* ---------------------------------------------------------------- the rolling hash */

static void hash_compare(struct replica *replica, const struct outstream *stream, int set,
                         uint64_t seq, uint64_t mine, uint64_t its)
{
    if (mine != its && !replica->settings.verify) /* else verify.c names the very message */
        replica_end(replica, REPLICA_END_DIFFERS, replica->rank,
                    "the replicas of rank %d disagree: up to message %llu to rank %d (communicator "
                    "%u) replica %d sent other tags or lengths than replica %d",
                    replica->rank, (unsigned long long)seq, stream->key.rank, stream->key.cid, set,
                    replica->set);
}

void acks_check_mark(struct replica *replica, struct outstream *stream, uint64_t seq)
{
    for (int set = 0; set < replica->world->replicas; set++) {
        struct outset *out = &stream->set[set];

        if (out->mark == seq)
            hash_compare(replica, stream, set, seq, stream->hash, out->mark_hash);
    }
}

/* Walks set's cursor up to seq and compares the hash there, as far as the message is kept or to
 * come. */
static void hash_follow(struct replica *replica, struct outstream *stream, int set, uint64_t seq,
                        uint64_t hash)
{
    struct outset *out = &stream->set[set];
    const struct replica_held *last = NULL;

    while (out->unacked != NULL && out->unacked->seq <= seq) {
        last = out->unacked;
        out->unacked = out->unacked->next;
    }
    if (seq > stream->posted) {
        out->mark = seq;
        out->mark_hash = hash;
    } else if (seq == stream->posted) {
        hash_compare(replica, stream, set, seq, stream->hash, hash);
    } else if (last != NULL && last->seq == seq) {
        hash_compare(replica, stream, set, seq, last->hash, hash);
    }
}

/* ---------------------------------------------------------------- applying */

static void apply_ack(struct replica *replica, struct outstream *stream, int set, uint64_t seq,
                      uint64_t hash)
{
    struct outset *out = &stream->set[set];

    if (set == replica->set || seq <= out->env)
        return;
    out->env = seq;
    hash_follow(replica, stream, set, seq, hash);
    outstream_trim(replica, stream);
}

static void apply_body(struct replica *replica, struct outstream *stream, int set, uint64_t seq)
{
    struct outset *out = &stream->set[set];
    struct replica_held *record;

    if (out->lacks != NULL)
        early_remove(&out->lacks, seq);
    if (seq > stream->posted) {
        early_add(&out->had, seq, 0);
        return;
    }
    HASH_FIND(hh, stream->bodies, &seq, sizeof seq, record);
    if (record != NULL)
        record_had(replica, record, 1u << set);
}

/* A new server starts from a claim, which names all that is lacking of the stream anew. */
static void apply_claim(struct replica *replica, struct outstream *stream, int set, uint64_t seq,
                        uint64_t hash)
{
    struct outset *out = &stream->set[set];
    struct replica_held *record, *next;

    early_prune(&out->lacks, replica->peers[stream->key.rank].turn[set]);
    out->claimed = seq;
    apply_ack(replica, stream, set, seq, hash);
    HASH_ITER(hh, stream->bodies, record, next)
    if (record->seq <= seq && !early_has(out->lacks, record->seq))
        record_had(replica, record, 1u << set);
}

static void acks_forward(struct replica *replica, enum replica_kind kind, int rank, int set,
                         const struct replica_msg *heard)
{
    struct replica_msg msg = *heard;
    uint32_t siblings = living_others(replica, replica->rank);

    msg.kind = (uint8_t)kind;
    msg.flags = 0;
    msg.rank = (uint32_t)rank;
    msg.set = (uint16_t)set;
    for (int sibling = 0; sibling < replica->world->replicas; sibling++)
        if (siblings >> sibling & 1) {
            replica->stats.acks++;
            replica_tell(replica, peer_process(replica, replica->rank, sibling), &msg);
        }
}

/* What a note to siblings makes of it. */
static enum replica_kind note_of(enum replica_kind kind)
{
    switch (kind) {
    case REPLICA_ACK:
        return REPLICA_NOTE_ACK;
    case REPLICA_BODY:
        return REPLICA_NOTE_BODY;
    case REPLICA_CLAIM:
        return REPLICA_NOTE_CLAIM;
    case REPLICA_CLAIM_CLOSED:
        return REPLICA_NOTE_CLOSED;
    default: /* LACK, CLAIM_BODY; the rest are notes */
        return kind == REPLICA_LACK || kind == REPLICA_CLAIM_BODY ? REPLICA_NOTE_LACK : kind;
    }
}

static void acks_apply(struct replica *replica, int rank, int set, enum replica_kind note,
                       const struct replica_msg *msg)
{
    if (note == REPLICA_NOTE_CLOSED) {
        closing_heard(replica, rank, set, msg);
        return;
    }
    if (closing_is_forgotten(replica, rank, msg->cid, msg->tag))
        return; /* all have all of it */
    struct outstream *stream = outstream_get(replica, rank, msg->cid, msg->tag);

    if (note == REPLICA_NOTE_CLAIM) {
        apply_claim(replica, stream, set, msg->seq, msg->hash);
    } else if (note == REPLICA_NOTE_LACK) {
        early_add(&stream->set[set].lacks, msg->seq, replica->peers[rank].turn[set]);
    } else {
        apply_ack(replica, stream, set, msg->seq, msg->hash);
        if (note == REPLICA_NOTE_BODY)
            apply_body(replica, stream, set, msg->length);
    }
}

void acks_receive(struct replica *replica, int src, const struct replica_msg *msg)
{
    const struct world *world = replica->world;
    enum replica_kind note = note_of(msg->kind);
    bool is_second_hand = note == msg->kind;
    int rank = is_second_hand ? (int)msg->rank : world->rank[src];
    int set = is_second_hand ? msg->set : world->set[src];

    if (rank < 0 || rank >= world->ranks || rank == replica->rank || set >= world->replicas ||
        (replica->dead->living[rank] >> set & 1) == 0 ||
        (is_second_hand && (world->rank[src] != replica->rank || set == replica->set)))
        return;
    int turn = dead_turn(set, is_second_hand ? world->set[src] : replica->set);

    if (turn < replica->peers[rank].turn[set])
        return;
    replica->peers[rank].turn[set] = turn;
    acks_apply(replica, rank, set, note, msg);
    if (!is_second_hand)
        acks_forward(replica, note, rank, set, msg);
}

/* ---------------------------------------------------------------- asking */

static void acks_want_of(struct replica *replica, int rank, int set)
{
    int server = dead_server(replica->dead, replica->rank, set);
    struct replica_msg msg = {.kind = REPLICA_WANT, .set = (uint16_t)set, .rank = (uint32_t)rank};

    if (server == replica->self)
        server = peer_process(replica, rank, set);
    replica_tell(replica, server, &msg);
}

/* Asks for what is lacking to be acknowledged, by way of those who serve the sets that lack it. */
void acks_want(struct replica *replica)
{
    if (replica->now_ms - replica->want_ms < WANT_MS)
        return;
    replica->want_ms = replica->now_ms;
    for (int rank = 0; rank < replica->world->ranks; rank++) {
        uint32_t sets = living_others(replica, rank);

        if (replica->peers[rank].records == 0)
            continue;
        for (int set = 0; set < replica->world->replicas; set++)
            if (sets >> set & 1)
                acks_want_of(replica, rank, set);
    }
}
