/* SPDX-License-Identifier: BSD-3-Clause */
/* sim-replica.c - generated programs on replicated ranks give the reference's results, whoever dies
 *
 * Every process is an engine (replica/replica.h), a matcher and an interpreter of its rank's
 * scripts. Links are queues with little room. At a death a suffix of each of its links is dropped,
 * each its own; the rest comes late or soon, before or after the news, which reaches each process
 * at its own time. Checked at every step: equal content per (stream, number), retained <= cap,
 * order; at the end: every result right, nothing owed. Nobody able to move is a failure. With
 * verification: nothing differs; or a bit flips in one message, which is then named. SEEDS=N: so
 * many; SEED=X: this one, with its trace. */
#include "config.h"

#include "replica/replica.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "program.h"
#include "test/lib/prelude.h"
#include "test/lib/sim.h"
#include <uthash.h>

#define PROCESSES 18
#define KILLS     4
#define IDLE_MAX  400 /* rounds without progress, with time passing: stuck */

struct packet {
    struct packet *next;
    struct replica_msg msg;
    size_t size;
    uint8_t bytes[];
};

struct link {
    struct packet *first, **end;
    size_t queued;
};

/* A posted send or receive, or a message that came before its receive. */
struct request {
    struct request *next; /* posted, unexpected */
    struct process *process;
    bool is_send, is_done, is_detached;
    int source;
    uint32_t cid;
    int32_t tag;
    uint64_t seq;
    size_t length, got;
    uint8_t *bytes;
    struct replica_body *body;
    struct request *all; /* to free */
};

struct agent {
    int at;
    uint64_t state;
    struct request **slot;
};

struct process {
    struct world_sim *w;
    int self, rank;
    struct replica *replica;
    struct agent agent[PROGRAM_AGENTS];
    struct request *posted, *unexpected, *all;
    bool is_alive, has_ended;
    enum replica_end end;
    int stalled;   /* steps */
    int failovers; /* under way: bits of ranks */
    uint32_t news; /* deaths it has not heard of yet */
};

struct content { /* what (stream, seq) contained when first seen */
    struct {
        uint32_t cid;
        int32_t class;
        int from, to;
        uint64_t seq;
    } key;
    uint64_t digest;
    UT_hash_handle hh;
};

/* A process whose memory flips a bit in one message. */
struct flip {
    int process; /* -1: none */
    int after;   /* messages */
    bool is_done, is_named;
    char where[96]; /* what its rank's replicas must say */
};

struct world_sim {
    struct sim *sim;
    struct flip flip;
    struct world *world;
    struct program *program;
    struct process process[PROCESSES];
    struct link link[PROCESSES][PROCESSES];
    struct replica_settings settings;
    size_t room;
    bool closes; /* collectives that are over */
    struct content *contents;
    int64_t now_ms;
    uint64_t steps;
    uint32_t dead;
};

/* ---------------------------------------------------------------- links */

static void op_send(void *arg, int dst, const struct replica_msg *msg,
                    const struct replica_bytes *bytes);

static void link_drop(struct link *link, int keep)
{
    struct packet **at = &link->first;

    while (*at != NULL && keep-- > 0)
        at = &(*at)->next;
    while (*at != NULL) {
        struct packet *packet = *at;

        *at = packet->next;
        link->queued -= sizeof packet->msg + packet->size;
        free(packet);
    }
    link->end = at;
}

static int link_length(const struct link *link)
{
    int length = 0;

    for (const struct packet *packet = link->first; packet != NULL; packet = packet->next)
        length++;
    return length;
}

static size_t op_room(void *arg, int dst)
{
    struct process *process = arg;
    size_t queued = process->w->link[process->self][dst].queued, room = process->w->room;

    return queued < room ? room - queued : 0;
}

static void op_pack(void *arg, void *token, uint64_t offset, void *to, size_t size)
{
    struct process *process = arg;
    struct request *request = token;

    SIM_CHECK(process->w->sim, !request->is_done && !request->is_detached,
              "a buffer is read after its send is complete");
    memcpy(to, request->bytes + offset, size);
}

static void op_send(void *arg, int dst, const struct replica_msg *msg,
                    const struct replica_bytes *bytes)
{
    struct process *process = arg;
    struct world_sim *w = process->w;
    struct link *link = &w->link[process->self][dst];
    size_t size = bytes == NULL ? 0 : bytes->size;
    struct packet *packet = mem_alloc(sizeof *packet + size);

    packet->msg = *msg;
    packet->size = size;
    if (size > 0 && bytes->data != NULL)
        memcpy(packet->bytes, bytes->data, size);
    else if (size > 0)
        op_pack(arg, bytes->token, bytes->offset, packet->bytes, size);
    if (w->dead >> dst & 1) {
        free(packet);
        return;
    }
    *link->end = packet;
    link->end = &packet->next;
    link->queued += sizeof packet->msg + size;
}

/* ---------------------------------------------------------------- the matcher */

static void content_check(struct world_sim *w, const struct request *request, int to)
{
    struct content *seen, *content = mem_alloc(sizeof *content);

    content->key.cid = request->cid;
    content->key.class = request->tag < 0 ? request->tag : 0;
    content->key.from = request->source;
    content->key.to = to;
    content->key.seq = request->seq;
    content->digest =
        program_mix(program_digest(request->bytes, request->length), (uint64_t)request->tag);
    HASH_FIND(hh, w->contents, &content->key, sizeof content->key, seen);
    if (seen == NULL) {
        HASH_ADD(hh, w->contents, key, sizeof content->key, content);
        return;
    }
    SIM_CHECK(w->sim, seen->digest == content->digest || w->flip.is_done,
              "two replicas of rank %d got different messages %d from rank %d", to,
              (int)request->seq, request->source);
    free(content);
}

static struct request *request_new(struct process *process)
{
    struct request *request = mem_alloc(sizeof *request);

    request->process = process;
    request->all = process->all;
    process->all = request;
    return request;
}

static void append(struct request **list, struct request *request)
{
    while (*list != NULL)
        list = &(*list)->next;
    request->next = NULL;
    *list = request;
}

static struct request *take(struct request **list, int source, uint32_t cid, int32_t tag)
{
    for (; *list != NULL; list = &(*list)->next)
        if ((*list)->source == source && (*list)->cid == cid && (*list)->tag == tag) {
            struct request *request = *list;

            *list = request->next;
            return request;
        }
    return NULL;
}

static void received(struct request *request)
{
    request->is_done = true;
    content_check(request->process->w, request, request->process->rank);
}

static void op_fill(void *arg, void *token, uint64_t offset, const void *bytes, size_t size)
{
    struct process *process = arg;
    struct request *request = token;

    SIM_CHECK(process->w->sim, offset == request->got && offset + size <= request->length,
              "a piece at %d of a message of %d, %d are there", (int)offset, (int)request->length,
              (int)request->got);
    if (sim_has_failed(process->w->sim))
        return;
    memcpy(request->bytes + offset, bytes, size);
    request->got += size;
}

/* Nobody reads what its sender may use again, nor at one process what another one has. */
static void check_address(struct world_sim *w, int src, uint64_t address)
{
    for (int i = 0; i < w->world->processes; i++)
        for (const struct request *request = w->process[i].all; request != NULL;
             request = request->all)
            SIM_CHECK(w->sim,
                      (uintptr_t)request->bytes != address ||
                          (i == src && !request->is_done && !request->is_detached),
                      "what is read at process %d is a buffer of process %d, send complete %d", src,
                      i, request->is_done || request->is_detached);
}

/* The memory of the dead cannot be read, that of the living not always; a part may have come. */
static bool op_get(void *arg, int src, void *token, uint64_t address, uint64_t length)
{
    struct process *process = arg;
    struct world_sim *w = process->w;
    struct request *request = token;

    if (!w->process[src].is_alive || sim_chance(w->sim, 200)) {
        memset(request->bytes, 0x55, sim_below(w->sim, (uint32_t)length));
        return false;
    }
    check_address(w, src, address);
    if (!sim_has_failed(w->sim))
        memcpy(request->bytes, (const void *)(uintptr_t)address, length);
    request->got = length;
    return true;
}

static void op_filled(void *arg, void *token)
{
    struct process *process = arg;
    struct request *request = token;

    SIM_CHECK(process->w->sim, request->got == request->length && !request->is_done,
              "a body is done with %d of %d bytes", (int)request->got, (int)request->length);
    received(request);
}

static void op_deliver(void *arg, const struct replica_envelope *envelope)
{
    struct process *process = arg;
    struct request *request =
        take(&process->posted, envelope->source, envelope->cid, envelope->tag);
    bool is_posted = request != NULL;

    if (!is_posted) {
        request = request_new(process);
        request->source = envelope->source;
        request->cid = envelope->cid;
        request->tag = envelope->tag;
        append(&process->unexpected, request);
    }
    request->seq = envelope->seq;
    request->length = envelope->length;
    request->bytes = mem_alloc(envelope->length + 1);
    if (envelope->data != NULL) {
        memcpy(request->bytes, envelope->data, envelope->length);
        request->got = envelope->length;
        received(request);
    } else if (is_posted) {
        replica_pull(process->replica, envelope->body, request);
    } else {
        request->body = envelope->body;
    }
}

static void op_complete(void *arg, void *token)
{
    struct process *process = arg;
    struct request *request = token;

    SIM_CHECK(process->w->sim, !request->is_done && !request->is_detached,
              "a send is completed twice");
    request->is_done = true;
}

static void op_end(void *arg, enum replica_end why, int rank, const char *sentence)
{
    struct process *process = arg;

    struct flip *flip = &process->w->flip;

    sim_trace(process->w->sim, "process %d ends: %s", process->self, sentence);
    if (flip->is_done && why == REPLICA_END_DIFFERS) {
        flip->is_named = true;
        process->has_ended = true;
        SIM_CHECK(process->w->sim,
                  process->rank != process->w->world->rank[flip->process] ||
                      process->w->program->agents > 1 || strstr(sentence, flip->where) != NULL,
                  "process %d names another message: %s; not: %s", process->self, sentence,
                  flip->where);
        return;
    }
    SIM_CHECK(process->w->sim, why == REPLICA_END_GONE, "process %d: %s", process->self, sentence);
    process->has_ended = true;
    process->end = why;
    (void)rank;
}

static void op_failover(void *arg, int rank, int server, bool is_over)
{
    struct process *process = arg;

    SIM_CHECK(process->w->sim, process->w->world->rank[server] == rank,
              "process %d stands in for rank %d", server, rank);
    SIM_CHECK(process->w->sim, !is_over || process->failovers >> rank & 1,
              "process %d: the end of a failover that did not begin", process->self);
    process->failovers &= ~(1 << rank);
    process->failovers |= is_over ? 0 : 1 << rank;
}

static const struct replica_ops ops = {
    .send = op_send,
    .room = op_room,
    .pack = op_pack,
    .complete = op_complete,
    .deliver = op_deliver,
    .fill = op_fill,
    .filled = op_filled,
    .get = op_get,
    .failover = op_failover,
    .end = op_end,
};

/* ---------------------------------------------------------------- the interpreter */

static void flip_maybe(struct process *process, const struct op *op, struct request *request)
{
    struct flip *flip = &process->w->flip;
    uint64_t seq = 1;

    if (process->self != flip->process || flip->is_done || flip->after-- > 0 || op->length == 0)
        return;
    for (const struct request *sent = process->all; sent != NULL; sent = sent->all)
        seq += sent->is_send && sent != request && sent->source == op->peer &&
               sent->cid == op->cid &&
               (sent->tag < 0 ? sent->tag : 0) == (op->tag < 0 ? op->tag : 0);
    request->bytes[sim_below(process->w->sim, (uint32_t)op->length)] ^=
        (uint8_t)(1u << sim_below(process->w->sim, 8));
    snprintf(flip->where, sizeof flip->where, "first in message %d to rank %d in communicator %u;",
             (int)seq, op->peer, op->cid);
    flip->is_done = true;
}

static void run_send(struct process *process, struct agent *agent, const struct op *op)
{
    struct world_sim *w = process->w;
    struct request *request = request_new(process);
    struct replica_held *held = NULL;
    unsigned flags =
        (op->flags & OP_SYNC ? REPLICA_SYNC : 0) | (op->flags & OP_BUFFERED ? REPLICA_COPY : 0);

    request->is_send = true;
    request->source = op->peer;
    request->cid = op->cid;
    request->tag = op->tag;
    request->length = op->length;
    request->bytes = mem_alloc(op->length + 1);
    program_fill(agent->state, op->slot, request->bytes, op->length);
    flip_maybe(process, op, request);
    agent->slot[op->slot] = request;
    if (replica_send(process->replica, op->peer, op->cid, op->tag, flags,
                     sim_chance(w->sim, 800) ? request->bytes : NULL, op->length, request, &held)) {
        request->is_done = true;
    } else if ((op->flags & OP_FREED) && !request->is_done) {
        request->is_detached = replica_detach(process->replica, held);
    }
    SIM_CHECK(w->sim, request->is_done || (op->flags & OP_BUFFERED) == 0,
              "a buffered send is not complete");
}

static void run_recv(struct process *process, struct agent *agent, const struct op *op)
{
    struct request *request = take(&process->unexpected, op->peer, op->cid, op->tag);

    if (request == NULL) {
        request = request_new(process);
        request->source = op->peer;
        request->cid = op->cid;
        request->tag = op->tag;
        append(&process->posted, request);
    } else if (request->body != NULL) {
        struct replica_body *body = request->body;

        request->body = NULL;
        replica_pull(process->replica, body, request);
    }
    agent->slot[op->slot] = request;
}

static bool run_wait(struct agent *agent, const struct op *op)
{
    struct request *request = agent->slot[op->slot];

    if (!request->is_done)
        return false;
    if (!request->is_send)
        agent->state = program_mix(agent->state, program_digest(request->bytes, request->length));
    memset(request->bytes, 0xee, request->length); /* the user does what he likes with it */
    return true;
}

/* Runs one operation of an agent. False: it waits, or is done. */
static bool run_op(struct process *process, int a)
{
    const struct script *script = &process->w->program->script[process->rank][a];
    struct agent *agent = &process->agent[a];

    if (agent->at == script->count)
        return false;
    const struct op *op = &script->op[agent->at];

    if (op->kind == OP_WAIT && !run_wait(agent, op))
        return false;
    if (op->kind == OP_SEND)
        run_send(process, agent, op);
    else if (op->kind == OP_RECV)
        run_recv(process, agent, op);
    agent->at++;
    return true;
}

/* The collectives that are over at a process, all agents', are closed in one communicator. */
static void run_close(struct process *process, uint32_t cid)
{
    int32_t oldest = INT32_MIN;

    for (int a = 1; a < process->w->program->agents; a++) {
        int32_t tag = process->w->program->script[process->rank][a].oldest[process->agent[a].at];

        if (tag > oldest)
            oldest = tag;
    }
    replica_close(process->replica, cid, oldest + 1);
}

static bool is_finished(const struct process *process)
{
    for (int a = 0; a < process->w->program->agents; a++)
        if (process->agent[a].at < process->w->program->script[process->rank][a].count)
            return false;
    return true;
}

/* ---------------------------------------------------------------- deaths */

static void process_kill(struct world_sim *w, int victim)
{
    struct process *process = &w->process[victim];

    sim_trace(w->sim, "step %d: process %d (rank %d, replica %d) dies", (int)w->steps, victim,
              process->rank, w->world->set[victim]);
    process->is_alive = false;
    w->dead |= 1u << victim;
    for (int other = 0; other < w->world->processes; other++) {
        struct link *out = &w->link[victim][other];
        int length = link_length(out);

        if (sim_chance(w->sim, 300))
            length = 0;
        link_drop(&w->link[other][victim], 0);
        link_drop(out, (int)sim_below(w->sim, (uint32_t)length + 1));
        w->process[other].news |= 1u << victim;
    }
}

/* A process that may die so that each rank keeps a replica, or -1. */
static int some_victim(struct world_sim *w)
{
    for (int tries = 0; tries < 20; tries++) {
        int victim = (int)sim_below(w->sim, (uint32_t)w->world->processes), living = 0;

        for (int set = 0; set < w->world->replicas; set++) {
            int process = world_process(w->world, w->world->rank[victim], set);

            living += process >= 0 && w->process[process].is_alive;
        }
        if (w->process[victim].is_alive && living > 1)
            return victim;
    }
    return -1;
}

static void news_arrive(struct process *process, int victim)
{
    process->news &= ~(1u << victim);
    replica_dead(process->replica, victim);
}

/* ---------------------------------------------------------------- stepping */

static bool deliver_one(struct world_sim *w, struct process *process, int src)
{
    struct link *link = &w->link[src][process->self];
    struct packet *packet = link->first;

    if (packet == NULL)
        return false;
    link->first = packet->next;
    if (link->first == NULL)
        link->end = &link->first;
    link->queued -= sizeof packet->msg + packet->size;
    replica_receive(process->replica, src, &packet->msg, packet->bytes, packet->size);
    free(packet);
    return true;
}

static void check_cap(const struct process *process)
{
    struct replica_stats stats;

    replica_stats(process->replica, &stats);
    SIM_CHECK(process->w->sim,
              stats.retained - stats.retained_forced <= process->w->settings.retain_max,
              "process %d keeps %d bytes, %d of them forced", process->self, (int)stats.retained,
              (int)stats.retained_forced);
}

/* Something random happens at a random process. Returns whether anything moved. */
static bool step(struct world_sim *w)
{
    struct sim *sim = w->sim;
    int count = w->world->processes;
    struct process *process = &w->process[sim_below(sim, (uint32_t)count)];
    bool has_moved = false;

    w->steps++;
    if (!process->is_alive || process->has_ended)
        return false;
    if (process->stalled > 0) {
        process->stalled--;
        return true;
    }
    uint32_t what = sim_below(sim, 100);

    if (what < 55) {
        int from = (int)sim_below(sim, (uint32_t)count);

        for (int i = 0; i < count && !has_moved; i++)
            has_moved = deliver_one(w, process, (from + i) % count);
    } else if (what < 85) {
        has_moved = run_op(process, (int)sim_below(sim, (uint32_t)w->program->agents));
    } else if (what < 95) {
        replica_progress(process->replica);
    } else if (what < 97) {
        replica_tick(process->replica, w->now_ms);
        if (w->closes)
            run_close(process, 1 + sim_below(sim, PROGRAM_CIDS));
    } else if (process->news != 0) {
        news_arrive(process, __builtin_ctz(process->news));
        has_moved = true;
    }
    if (sim_below(sim, 1000) == 0)
        process->stalled = (int)sim_below(sim, 300);
    check_cap(process);
    return has_moved;
}

/* Everybody does everything once, and time passes. Returns whether anything moved. */
static bool sweep(struct world_sim *w)
{
    bool has_moved = false;

    w->now_ms += 3;
    for (int i = 0; i < w->world->processes; i++) {
        struct process *process = &w->process[i];

        if (!process->is_alive || process->has_ended)
            continue;
        process->stalled = 0;
        for (int src = 0; src < w->world->processes; src++)
            has_moved |= deliver_one(w, process, src);
        for (int a = 0; a < w->program->agents; a++)
            has_moved |= run_op(process, a);
        replica_progress(process->replica);
        replica_tick(process->replica, w->now_ms);
        has_moved |= process->news != 0;
        if (process->news != 0 && sim_chance(w->sim, 100))
            news_arrive(process, __builtin_ctz(process->news));
        check_cap(process);
    }
    return has_moved;
}

static bool all_finished(const struct world_sim *w)
{
    for (int i = 0; i < w->world->processes; i++)
        if (w->process[i].is_alive && !w->process[i].has_ended && !is_finished(&w->process[i]))
            return false;
    return true;
}

static void tell_stuck(struct world_sim *w)
{
    for (int i = 0; i < w->world->processes; i++) {
        struct process *process = &w->process[i];
        struct replica_stats stats;

        if (!process->is_alive)
            continue;
        replica_stats(process->replica, &stats);
        for (int a = 0; a < w->program->agents; a++) {
            const struct script *script = &w->program->script[process->rank][a];
            const struct op *op =
                process->agent[a].at < script->count ? &script->op[process->agent[a].at] : NULL;

            sim_trace(w->sim,
                      "process %d rank %d set %d agent %d: %d of %d, kind %d slot %d send %d; held "
                      "%d retained %d",
                      i, process->rank, w->world->set[i], a, process->agent[a].at, script->count,
                      op == NULL ? -1 : (int)op->kind, op == NULL ? -1 : op->slot,
                      op != NULL && op->kind == OP_WAIT ? process->agent[a].slot[op->slot]->is_send
                                                        : -1,
                      (int)stats.held, (int)stats.retained);
        }
    }
    sim_fail(w->sim, "nobody can move after %d steps", (int)w->steps);
}

static void run_to_end(struct world_sim *w, const uint64_t *kill_at, int kills)
{
    int next_kill = 0, idle = 0, quiet = 0;

    while (!sim_has_failed(w->sim) && !w->flip.is_named && !all_finished(w)) {
        if (next_kill < kills && w->steps >= kill_at[next_kill]) {
            int victim = some_victim(w);

            next_kill++;
            if (victim >= 0)
                process_kill(w, victim);
        }
        if (step(w)) {
            idle = quiet = 0;
        } else if (++quiet > 40 * w->world->processes) {
            idle = sweep(w) ? 0 : idle + 1;
            quiet = idle > 0 ? quiet : 0;
        }
        if (idle > IDLE_MAX)
            tell_stuck(w);
    }
}

/* After the end nothing is owed: what was kept is released. */
/* Of what fell nothing is remembered: only streams of tags >= 0 are left, two for each other rank
 * and communicator. */
static void check_closed(struct world_sim *w, struct process *process)
{
    struct replica_stats stats;

    for (uint32_t cid = 1; cid <= PROGRAM_CIDS; cid++)
        run_close(process, cid);
    replica_tick(process->replica, w->now_ms + 1000);
    replica_stats(process->replica, &stats);
    SIM_CHECK(w->sim, stats.streams <= 2u * PROGRAM_CIDS * (unsigned)(w->world->ranks - 1),
              "process %d remembers %d streams", process->self, (int)stats.streams);
}

static void check_settled(struct world_sim *w, int i)
{
    struct process *process = &w->process[i];

    if (!process->is_alive || process->has_ended)
        return;
    SIM_CHECK(w->sim, replica_is_idle(process->replica), "process %d keeps messages after the end",
              i);
    SIM_CHECK(w->sim, replica_is_verified(process->replica),
              "process %d has not compared all that it sent", i);
    SIM_CHECK(w->sim, process->failovers == 0, "process %d: a failover has no end", i);
    if (w->closes)
        check_closed(w, process);
}

static void settle(struct world_sim *w)
{
    for (int i = 0; i < w->world->processes; i++)
        if (w->process[i].is_alive && !w->process[i].has_ended)
            replica_verify_end(w->process[i].replica);
    for (int round = 0, idle = 0; round < 100000 && idle < 40; round++)
        idle = sweep(w) ? 0 : idle + 1;
    for (int i = 0; i < w->world->processes && !w->flip.is_done; i++)
        check_settled(w, i);
    for (int i = 0; i < w->world->processes && w->flip.is_done; i++)
        if (!w->process[i].has_ended)
            (void)replica_is_verified(w->process[i].replica);
}

static void check_results(struct world_sim *w)
{
    for (int i = 0; i < w->world->processes; i++) {
        const struct process *process = &w->process[i];

        if (!process->is_alive)
            continue;
        for (int a = 0; a < w->program->agents; a++)
            SIM_CHECK(w->sim, process->agent[a].state == w->program->result[process->rank][a],
                      "process %d: a wrong result of rank %d", i, process->rank);
    }
}

/* ---------------------------------------------------------------- one world */

static struct world *some_world(struct sim *sim)
{
    int ranks = (int)sim_between(sim, 2, PROGRAM_RANKS), replicas = sim_chance(sim, 650) ? 3 : 2;
    char map[4 * PROGRAM_RANKS] = "";
    int sum = 0;

    if (!sim_chance(sim, 250))
        return world_create(ranks * replicas, replicas, NULL);
    for (int rank = 0; rank < ranks; rank++) {
        int degree = (int)sim_between(sim, 1, 3);

        sum += degree;
        snprintf(map + strlen(map), sizeof map - strlen(map), "%s%d", rank > 0 ? "," : "", degree);
    }
    return world_create_map(sum, map, NULL);
}

static void settings_draw(struct world_sim *w)
{
    struct sim *sim = w->sim;
    struct replica_settings *settings = &w->settings;

    replica_settings_default(settings);
    settings->eager = 48;
    settings->retain_max =
        sim_chance(sim, 500) ? sim_below(sim, 1500) : sim_between(sim, 1500, 40000);
    settings->resend_eager = sim_chance(sim, 500) ? 0 : sim_below(sim, 300);
    settings->piece = sim_between(sim, 16, 100);
    settings->copy_delay_ms = sim_below(sim, 20);
    settings->falling.first = PROGRAM_FIRST;
    memset(settings->spared, 0, sizeof settings->spared); /* programs here use all */
    settings->forget_ms = sim_chance(sim, 700) ? 0 : sim_below(sim, 50);
    settings->verify = sim_chance(sim, 500);
    w->closes = sim_chance(sim, 700);
    w->room = sim_between(sim, 48 + sizeof(struct replica_msg) + 60, 2000);
}

static void world_sim_start(struct world_sim *w)
{
    for (int i = 0; i < w->world->processes; i++) {
        struct process *process = &w->process[i];

        process->w = w;
        process->self = i;
        process->rank = w->world->rank[i];
        process->is_alive = true;
        process->replica = replica_create(w->world, i, &w->settings, &ops, process);
        for (int a = 0; a < w->program->agents; a++) {
            process->agent[a].state = program_start(process->rank, a);
            process->agent[a].slot =
                mem_array((size_t)w->program->script[process->rank][a].slots + 1,
                          sizeof *process->agent[a].slot);
        }
        for (int j = 0; j < w->world->processes; j++)
            w->link[i][j].end = &w->link[i][j].first;
    }
}

/* Some die before the start: known to some, news to others. */
static void start_engines(struct world_sim *w)
{
    if (sim_chance(w->sim, 150)) {
        int victim = some_victim(w);

        if (victim >= 0)
            process_kill(w, victim);
    }
    for (int i = 0; i < w->world->processes; i++) {
        struct process *process = &w->process[i];

        if (!process->is_alive)
            continue;
        if (process->news != 0 && sim_chance(w->sim, 500))
            news_arrive(process, __builtin_ctz(process->news));
        replica_start(process->replica);
    }
}

static void process_free(struct world_sim *w, struct process *process)
{
    replica_destroy(process->replica);
    for (int a = 0; a < w->program->agents; a++)
        free(process->agent[a].slot);
    while (process->all != NULL) {
        struct request *next = process->all->all;

        free(process->all->bytes);
        free(process->all);
        process->all = next;
    }
}

static void world_sim_free(struct world_sim *w)
{
    struct content *content, *next;

    for (int i = 0; i < w->world->processes; i++) {
        process_free(w, &w->process[i]);
        for (int j = 0; j < w->world->processes; j++)
            link_drop(&w->link[i][j], 0);
    }
    HASH_ITER(hh, w->contents, content, next)
    {
        HASH_DEL(w->contents, content);
        free(content);
    }
    program_destroy(w->program);
    world_destroy(w->world);
    free(w);
}

static struct world_sim *world_sim_create(struct sim *sim, bool verify)
{
    struct world_sim *w = mem_alloc(sizeof *w);

    w->sim = sim;
    w->flip.process = -1;
    w->world = some_world(sim);
    settings_draw(w);
    w->settings.verify |= verify;
    w->program = program_create(sim, w->world->ranks, (uint32_t)w->settings.eager);
    world_sim_start(w);
    return w;
}

/* Up to KILLS deaths, often in quick succession, each rank keeping one replica. */
static void kills_run(struct sim *sim)
{
    struct world_sim *w = world_sim_create(sim, false);
    uint64_t kill_at[KILLS], at = sim_below(sim, 4000);
    int kills = (int)sim_below(sim, KILLS + 2);

    if (kills > KILLS)
        kills = KILLS;

    for (int i = 0; i < kills; i++) {
        kill_at[i] = at;
        at += sim_chance(sim, 600) ? sim_below(sim, 60) : sim_below(sim, 3000);
    }
    start_engines(w);
    run_to_end(w, kill_at, kills);
    if (!sim_has_failed(sim))
        settle(w);
    if (!sim_has_failed(sim))
        check_results(w);
    sim_trace(sim, "ends after %d steps", (int)w->steps);
    world_sim_free(w);
}

/* All replicas of a rank die: every survivor learns it and leaves. */
static void gone_run(struct sim *sim)
{
    struct world_sim *w = world_sim_create(sim, false);
    int rank = (int)sim_below(sim, (uint32_t)w->world->ranks);
    uint64_t none[1] = {0}, limit = sim_below(sim, 1500);

    start_engines(w);
    while (w->steps < limit && !sim_has_failed(sim))
        step(w);
    for (int set = 0; set < w->world->replicas; set++) {
        int victim = world_process(w->world, rank, set);

        if (victim >= 0 && w->process[victim].is_alive)
            process_kill(w, victim);
    }
    run_to_end(w, none, 0);
    if (!sim_has_failed(sim))
        settle(w);
    for (int i = 0; i < w->world->processes; i++)
        SIM_CHECK(sim, !w->process[i].is_alive || w->process[i].has_ended,
                  "process %d did not leave although rank %d is gone", i, rank);
    world_sim_free(w);
}

/* Nobody dies, one bit flips, in a message of a rank that has replicas: somebody says so before all
 * is over, and its replicas name that very message. */
static void flip_run(struct sim *sim)
{
    struct world_sim *w = world_sim_create(sim, true);
    int process = (int)sim_below(sim, (uint32_t)w->world->processes);
    uint64_t none[1] = {0};

    if (world_process(w->world, w->world->rank[process], 1) >= 0)
        w->flip.process = process;
    w->flip.after = (int)sim_below(sim, 40);
    for (int i = 0; i < w->world->processes; i++)
        replica_start(w->process[i].replica);
    run_to_end(w, none, 0);
    if (!sim_has_failed(sim) && !w->flip.is_named)
        settle(w);
    SIM_CHECK(sim, w->flip.is_named == w->flip.is_done, "of process %d a bit %s, and it %s",
              process, w->flip.is_done ? "flipped" : "did not flip",
              w->flip.is_named ? "was named" : "was not");
    world_sim_free(w);
}

static void every_rank_gets_its_result_whoever_dies(void **state)
{
    (void)state;
    assert_int_equal(sim_seeds("replica, deaths", 5000, kills_run), 0);
}

static void a_rank_without_replicas_ends_the_job(void **state)
{
    (void)state;
    assert_int_equal(sim_seeds("replica, a rank gone", 300, gone_run), 0);
}

static void a_bit_that_flips_is_named(void **state)
{
    (void)state;
    assert_int_equal(sim_seeds("replica, a bit flips", 1000, flip_run), 0);
}

UNIT_MAIN(cmocka_unit_test(every_rank_gets_its_result_whoever_dies),
          cmocka_unit_test(a_bit_that_flips_is_named),
          cmocka_unit_test(a_rank_without_replicas_ends_the_job))
