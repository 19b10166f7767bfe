/* SPDX-License-Identifier: BSD-3-Clause */
/* replica.c - one process's part in the replica protocol: what arrives goes to its room */
#include "config.h"

#include "replica/replica.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "replica/replica_inner.h"

void replica_settings_default(struct replica_settings *settings)
{
    *settings = (struct replica_settings){
        .eager = 4096,
        .retain_max = 64u << 20,
        .resend_eager = 1u << 20,
        .piece = 32u << 10,
        .copy_delay_ms = 1,
        .lag_max_ms = 30000,
        .forget_ms = 250,
        .falling = {-27, INT32_MIN / 4},
        .spared = {{-50, -51}, {-31078, -31080}},
    };
}

static void peers_create(struct replica *replica)
{
    const struct world *world = replica->world;

    replica->peers = mem_array((size_t)world->ranks, sizeof *replica->peers);
    for (int rank = 0; rank < world->ranks; rank++) {
        struct peer *peer = &replica->peers[rank];

        peer->turn = mem_array((size_t)world->replicas, sizeof *peer->turn);
        peer->source = world_process(world, rank, replica->set);
        if (peer->source >= 0)
            peer->serves = 1u << replica->set;
    }
}

struct replica *replica_create(const struct world *world, int self,
                               const struct replica_settings *settings,
                               const struct replica_ops *ops, void *arg)
{
    struct replica *replica = mem_alloc(sizeof *replica);

    replica->world = world;
    replica->settings = *settings;
    replica->ops = *ops;
    replica->arg = arg;
    replica->self = self;
    replica->rank = world->rank[self];
    replica->set = world->set[self];
    replica->dead = dead_create(world);
    replica->pumps = mem_array((size_t)world->replicas, sizeof *replica->pumps);
    replica->here_ms = mem_array((size_t)world->replicas, sizeof *replica->here_ms);
    replica->behind_ms = mem_array((size_t)world->replicas, sizeof *replica->behind_ms);
    replica->is_held = mem_array((size_t)world->replicas, sizeof *replica->is_held);
    replica->lag_whom = -1;
    replica->transfers_end = &replica->transfers;
    replica->pool.most = settings->retain_max;
    replica->want_ms = -WANT_MS;
    replica->lag_told = mem_array((size_t)world->processes, sizeof *replica->lag_told);
    peers_create(replica);
    if (settings->verify)
        replica->verify_log = verify_create(world);
    return replica;
}

static void peer_free(struct replica *replica, struct peer *peer)
{
    while (peer->out != NULL) {
        struct outstream *next = peer->out->next_of_peer;

        outstream_free(replica, peer->out);
        peer->out = next;
    }
    while (peer->in != NULL) {
        struct instream *next = peer->in->next_of_peer;

        instream_free(replica, peer->in);
        peer->in = next;
    }
    free(peer->turn);
}

void replica_destroy(struct replica *replica)
{
    if (replica == NULL)
        return;
    for (int rank = 0; rank < replica->world->ranks; rank++)
        peer_free(replica, &replica->peers[rank]);
    free(replica->peers);
    streams_free(&replica->outs);
    streams_free(&replica->ins);
    closing_free(replica);
    verify_destroy(replica->verify_log);
    pool_free(&replica->pool);
    dead_destroy(replica->dead);
    free(replica->pumps);
    free(replica->here_ms);
    free(replica->behind_ms);
    free(replica->is_held);
    free(replica->lag_told);
    free(replica->slots);
    free(replica);
}

void replica_start(struct replica *replica)
{
    replica->is_started = true;
    for (int rank = 0; rank < replica->world->ranks; rank++) {
        int own = world_process(replica->world, rank, replica->set);

        if (rank != replica->rank && (own < 0 || replica->dead->is[own]))
            failover_claim(replica, rank);
    }
}

void replica_tell(struct replica *replica, int dst, const struct replica_msg *msg)
{
    if (!replica->dead->is[dst])
        replica->ops.send(replica->arg, dst, msg, NULL);
}

void replica_end(struct replica *replica, enum replica_end why, int rank, const char *format, ...)
{
    char sentence[768];
    va_list args;

    if (replica->is_ended)
        return;
    replica->is_ended = true;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    replica->ops.end(replica->arg, why, rank, sentence);
}

static void here_receive(struct replica *replica, int src, const struct replica_msg *msg)
{
    int set = replica->world->set[src];

    if (replica->world->rank[src] != replica->rank || msg->rank >= (uint32_t)replica->world->ranks)
        return;
    replica->here_ms[set] = replica->now_ms;
    if (msg->seq >= replica->peers[msg->rank].posted)
        return;
    replica->behind_ms[set] = replica->now_ms;
    replica->is_held[set] = (msg->flags & REPLICA_MSG_HELD) != 0;
}

static void want_receive(struct replica *replica, int src, const struct replica_msg *msg)
{
    int rank = (int)msg->rank, set = msg->set;
    struct replica_msg want = *msg;

    if (replica->world->rank[src] != replica->rank) {
        receiving_want(replica, replica->world->rank[src]);
        return;
    }
    if (rank < 0 || rank >= replica->world->ranks || set >= replica->world->replicas)
        return;
    struct replica_msg here = {.kind = REPLICA_HERE,
                               .flags = is_pressed(replica) ? REPLICA_MSG_HELD : 0,
                               .rank = msg->rank,
                               .seq = replica->peers[rank].posted};

    replica_tell(replica, src, &here);
    if ((replica->peers[rank].serves >> set & 1) && (replica->dead->living[rank] >> set & 1))
        replica_tell(replica, world_process(replica->world, rank, set), &want);
}

bool replica_receive(struct replica *replica, int src, const struct replica_msg *msg,
                     const void *bytes, size_t size)
{
    if (replica->dead->is[src] || replica->is_ended) {
        replica->stats.dropped++;
        return false;
    }
    switch ((enum replica_kind)msg->kind) {
    case REPLICA_EAGER:
    case REPLICA_ANNOUNCE:
        receiving_envelope(replica, src, msg, bytes, size);
        break;
    case REPLICA_DATA:
        receiving_data(replica, msg, bytes, size);
        break;
    case REPLICA_PULL:
        sending_pull(replica, src, msg);
        break;
    case REPLICA_WANT:
        want_receive(replica, src, msg);
        break;
    case REPLICA_CLAIM_END:
        failover_serve(replica, src);
        break;
    case REPLICA_HERE:
        here_receive(replica, src, msg);
        break;
    case REPLICA_SERVED:
        failover_served(replica, src);
        break;
    case REPLICA_HASHES:
    case REPLICA_HASHES_END:
        verify_receive(replica, src, msg, bytes, size);
        break;
    case REPLICA_ACK:
    case REPLICA_BODY:
    case REPLICA_LACK:
    case REPLICA_NOTE_ACK:
    case REPLICA_NOTE_BODY:
    case REPLICA_NOTE_LACK:
    case REPLICA_NOTE_CLAIM:
    case REPLICA_CLAIM_BODY:
    case REPLICA_CLAIM:
    case REPLICA_CLAIM_CLOSED:
    case REPLICA_NOTE_CLOSED:
        acks_receive(replica, src, msg);
        break;
    default:
        replica_end(replica, REPLICA_END_BROKEN, replica->world->rank[src],
                    "a message of kind %d is not of this version", msg->kind);
    }
    return true;
}

bool replica_dead(struct replica *replica, int process)
{
    int rank = replica->world->rank[process], set = replica->world->set[process];

    if (!dead_add(replica->dead, process))
        return false;
    if (process == replica->self) {
        replica_end(replica, REPLICA_END_REFUSED, rank,
                    "replica %d of rank %d was taken for dead by the others and leaves", set, rank);
        return true;
    }
    if (rank == replica->rank) {
        if (replica->verify_log != NULL)
            verify_drop_sibling(replica);
        return true;
    }
    sending_drop_set(replica, rank, set, process);
    if (replica->dead->living[rank] == 0)
        replica_end(replica, REPLICA_END_GONE, rank, "all replicas of rank %d are dead", rank);
    else if (replica->is_started && replica->peers[rank].source == process)
        failover_begin(replica, rank);
    return true;
}

bool replica_is_dead(const struct replica *replica, int process)
{
    return replica->dead->is[process];
}

void replica_gate(struct replica *replica, uint64_t number)
{
    replica->gate = number;
}

void replica_stable(struct replica *replica, uint64_t number)
{
    replica->stable = number;
}

bool replica_progress(struct replica *replica)
{
    if (replica->gated != NULL)
        receiving_ungate(replica);
    return sending_progress(replica);
}

void replica_flush(struct replica *replica)
{
    if (replica->dirty != NULL)
        receiving_flush(replica);
    if (replica->verify_log != NULL)
        verify_flush(replica);
}

void replica_tick(struct replica *replica, int64_t now_ms)
{
    replica->now_ms = now_ms;
    if (now_ms - replica->flushed_ms >= FLUSH_MS) {
        replica_flush(replica);
        replica->flushed_ms = now_ms;
    }
    if (replica->waiting != NULL)
        sending_tick(replica);
    if (replica->is_closing)
        closing_tick(replica);
    if (is_pressed(replica))
        acks_want(replica);
}

void replica_stats(const struct replica *replica, struct replica_stats *stats_out)
{
    *stats_out = replica->stats;
    stats_out->streams = replica->outs.count + replica->ins.count;
}

bool replica_is_idle(const struct replica *replica)
{
    return replica->records == 0;
}
