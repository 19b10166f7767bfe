/* SPDX-License-Identifier: BSD-3-Clause */
/* program.c - generated message-passing programs: deterministic, free of deadlock by construction
 *
 * Every post and wait has a time; scripts are sorted by it, posts before waits. A wait never has an
 * earlier time than the posts that it depends on: so the earliest unfinished operation can always
 * run. */
#include "config.h"

#include "program.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define TAGS  3
#define DELAY 6

uint64_t program_mix(uint64_t state, uint64_t value)
{
    state = (state ^ value) * 0x9e3779b97f4a7c15u;
    return state ^ state >> 31;
}

void program_fill(uint64_t state, int slot, void *bytes, size_t size)
{
    uint64_t word = program_mix(state, (uint64_t)slot + 1);
    uint8_t *to = bytes;

    for (size_t i = 0; i < size; i++) {
        if (i % 8 == 0)
            word = program_mix(word, i + 1);
        to[i] = (uint8_t)(word >> 8 * (i % 8));
    }
}

uint64_t program_digest(const void *bytes, size_t size)
{
    const uint8_t *from = bytes;
    uint64_t digest = size;

    for (size_t i = 0; i < size; i++)
        digest = (digest ^ from[i]) * 0x100000001b3u;
    return digest;
}

uint64_t program_start(int rank, int agent)
{
    return program_mix((uint64_t)rank + 1, (uint64_t)agent + 1);
}

/* ---------------------------------------------------------------- generating */

struct last { /* times of the last posts with one (sender, receiver, cid, tag): they keep their
                 order */
    int send, recv;
};

struct maker {
    struct sim *sim;
    struct program *program;
    int agent;
    int32_t tag; /* of this pattern, if the agent is not 0 */
    uint32_t eager;
    struct last last[PROGRAM_RANKS][PROGRAM_RANKS][PROGRAM_CIDS][TAGS];
};

static void script_add(struct script *script, struct op op)
{
    if (script->count == script->size) {
        script->size = script->size == 0 ? 32 : 2 * script->size;
        script->op = mem_grow(script->op, (size_t)script->size, sizeof *script->op);
    }
    script->op[script->count++] = op;
}

static int later(struct maker *maker, int time)
{
    return time + (int)sim_below(maker->sim, DELAY);
}

static uint32_t some_length(struct maker *maker)
{
    switch (sim_below(maker->sim, 6)) {
    case 0:
        return 0;
    case 1:
        return maker->eager + 1 + sim_below(maker->sim, 6 * maker->eager);
    default:
        return 1 + sim_below(maker->sim, maker->eager);
    }
}

/* Buffered or freed at once, or waited for: a large or synchronous one not before its receive. */
static void send_wait(struct maker *maker, struct script *script, const struct op *send, int both)
{
    struct op wait = {.kind = OP_WAIT, .slot = send->slot, .tag = send->tag};
    bool needs_match = send->length > maker->eager || send->flags & OP_SYNC;

    if (send->flags & (OP_BUFFERED | OP_FREED))
        return;
    wait.time = needs_match ? both : send->time;
    if (sim_chance(maker->sim, 500))
        wait.time = later(maker, wait.time);
    script_add(script, wait);
}

static void message(struct maker *maker, int time, int from, int to)
{
    struct sim *sim = maker->sim;
    struct script *sender = &maker->program->script[from][maker->agent];
    struct script *receiver = &maker->program->script[to][maker->agent];
    int cid = (int)sim_below(sim, PROGRAM_CIDS), tag = (int)sim_below(sim, TAGS);
    struct op send = {OP_SEND, to, sender->slots++, (uint32_t)cid + 1, tag, some_length(maker)};
    struct op recv = {OP_RECV, from, receiver->slots++, send.cid, tag};
    struct last *last = &maker->last[from][to][cid][maker->agent == 0 ? tag : 0];

    if (maker->agent > 0)
        send.tag = recv.tag = maker->tag;
    if (sim_chance(sim, 150))
        send.flags = 1u << sim_below(sim, 3);
    send.time = sim_chance(sim, 250) ? later(maker, time) : time;
    recv.time = sim_chance(sim, 250) ? later(maker, time) : time;
    if (send.time < last->send)
        send.time = last->send;
    if (recv.time < last->recv)
        recv.time = last->recv;
    last->send = send.time;
    last->recv = recv.time;
    int both = send.time > recv.time ? send.time : recv.time;
    struct op wait = {.kind = OP_WAIT, .slot = recv.slot, .tag = recv.tag, .time = both};

    if (sim_chance(sim, 400))
        wait.time = later(maker, both);
    script_add(sender, send);
    send_wait(maker, sender, &send, both);
    script_add(receiver, recv);
    script_add(receiver, wait);
}

/* A ring, a broadcast tree, an exchange of all with all, or one message. */
static int pattern(struct maker *maker, int time)
{
    int ranks = maker->program->ranks, from = (int)sim_below(maker->sim, (uint32_t)ranks);

    switch (sim_below(maker->sim, 12)) {
    case 0:
        for (int i = 0; i < ranks; i++)
            message(maker, time, i, (i + 1) % ranks);
        return time + 1;
    case 1:
        for (int i = 1; i < ranks; i++)
            message(maker, ++time, (from + (i & (i - 1))) % ranks, (from + i) % ranks);
        return time + 1;
    case 2:
        for (int i = 0; i < ranks; i++)
            for (int j = 0; j < ranks; j++)
                if (i != j)
                    message(maker, time, i, j);
        return time + 1;
    case 3:
        for (int i = 0; i < 20; i++) /* a stream */
            message(maker, time + i / 4, from, (from + 1) % ranks);
        return time + 5;
    default:
        message(maker, time, from,
                (from + 1 + (int)sim_below(maker->sim, (uint32_t)ranks - 1)) % ranks);
        return time + (int)sim_below(maker->sim, 2);
    }
}

static int op_order(const void *a, const void *b)
{
    const struct op *first = a, *second = b;
    int wait = (first->kind == OP_WAIT) - (second->kind == OP_WAIT);

    if (first->time != second->time)
        return first->time < second->time ? -1 : 1;
    if (wait != 0)
        return wait;
    return (first->slot > second->slot) - (first->slot < second->slot);
}

static void script_oldest(struct script *script)
{
    script->oldest = mem_array((size_t)script->count + 1, sizeof *script->oldest);
    script->oldest[script->count] = INT32_MIN;
    for (int i = script->count - 1; i >= 0; i--) {
        script->oldest[i] = script->oldest[i + 1];
        if (script->op[i].tag > script->oldest[i])
            script->oldest[i] = script->op[i].tag;
    }
}

static void agent_make(struct sim *sim, struct program *program, int agent, uint32_t eager)
{
    struct maker maker = {sim, program, agent, 0, eager, {{{{{0, 0}}}}}};
    int patterns = (int)sim_between(sim, 3, agent == 0 ? 40 : 20), time = 1;

    for (int i = 0; i < patterns; i++) {
        maker.tag = PROGRAM_FIRST - i * (PROGRAM_AGENTS - 1) - agent + 1;
        time = pattern(&maker, time);
    }
    for (int rank = 0; rank < program->ranks; rank++) {
        struct script *script = &program->script[rank][agent];

        if (script->count > 0)
            qsort(script->op, (size_t)script->count, sizeof *script->op, op_order);
        script_oldest(script);
    }
}

/* ---------------------------------------------------------------- the reference */

struct sent {
    struct sent *next;
    int from, to, agent;
    const struct op *op;
    uint64_t digest;
    bool is_taken;
};

struct reference {
    struct program *program;
    struct sent *first, **end;
    int at[PROGRAM_RANKS];
    struct sent **got[PROGRAM_RANKS]; /* by slot */
    const struct op **recv[PROGRAM_RANKS];
};

static void reference_send(struct reference *ref, int rank, int agent, const struct op *op,
                           uint64_t state)
{
    struct sent *sent = mem_alloc(sizeof *sent);
    uint8_t *bytes = mem_alloc(op->length + 1);

    program_fill(state, op->slot, bytes, op->length);
    *sent =
        (struct sent){NULL, rank, op->peer, agent, op, program_digest(bytes, op->length), false};
    free(bytes);
    *ref->end = sent;
    ref->end = &sent->next;
}

/* Receives match in the order of their posts: those posted before slot first. */
static struct sent *reference_match(struct reference *ref, int rank, int slot)
{
    const struct op *recv = ref->recv[rank][slot];

    if (ref->got[rank][slot] != NULL)
        return ref->got[rank][slot];
    for (int i = 0; i < slot; i++) {
        const struct op *before = ref->recv[rank][i];

        if (before != NULL && ref->got[rank][i] == NULL && before->peer == recv->peer &&
            before->cid == recv->cid && before->tag == recv->tag && before < recv)
            (void)reference_match(ref, rank, i);
    }
    for (struct sent *sent = ref->first; sent != NULL; sent = sent->next)
        if (!sent->is_taken && sent->from == recv->peer && sent->to == rank &&
            sent->op->cid == recv->cid && sent->op->tag == recv->tag) {
            sent->is_taken = true;
            return ref->got[rank][slot] = sent;
        }
    return NULL;
}

static bool reference_step(struct reference *ref, int rank, int agent)
{
    struct program *program = ref->program;
    struct script *script = &program->script[rank][agent];

    if (ref->at[rank] == script->count)
        return false;
    const struct op *op = &script->op[ref->at[rank]];
    uint64_t *state = &program->result[rank][agent];

    if (op->kind == OP_SEND) {
        reference_send(ref, rank, agent, op, *state);
    } else if (op->kind == OP_RECV) {
        ref->recv[rank][op->slot] = op;
    } else if (ref->recv[rank][op->slot] != NULL) {
        struct sent *sent = reference_match(ref, rank, op->slot);

        if (sent == NULL)
            return false;
        *state = program_mix(*state, sent->digest);
    }
    ref->at[rank]++;
    return true;
}

static void reference_run(struct program *program, int agent)
{
    struct reference ref = {.program = program};
    bool has_moved = true;

    ref.end = &ref.first;
    for (int rank = 0; rank < program->ranks; rank++) {
        size_t slots = (size_t)program->script[rank][agent].slots + 1;

        program->result[rank][agent] = program_start(rank, agent);
        ref.got[rank] = mem_array(slots, sizeof *ref.got[rank]);
        ref.recv[rank] = mem_array(slots, sizeof *ref.recv[rank]);
    }
    while (has_moved) {
        has_moved = false;
        for (int rank = 0; rank < program->ranks; rank++)
            while (reference_step(&ref, rank, agent))
                has_moved = true;
    }
    for (int rank = 0; rank < program->ranks; rank++) {
        assert(ref.at[rank] == program->script[rank][agent].count);
        free(ref.got[rank]);
        free(ref.recv[rank]);
    }
    while (ref.first != NULL) {
        struct sent *next = ref.first->next;

        free(ref.first);
        ref.first = next;
    }
}

struct program *program_create(struct sim *sim, int ranks, uint32_t eager)
{
    struct program *program = mem_alloc(sizeof *program);

    program->ranks = ranks;
    program->agents = (int)sim_between(sim, 1, PROGRAM_AGENTS);
    for (int agent = 0; agent < program->agents; agent++) {
        agent_make(sim, program, agent, eager);
        reference_run(program, agent);
    }
    return program;
}

void program_destroy(struct program *program)
{
    for (int rank = 0; rank < program->ranks; rank++)
        for (int agent = 0; agent < program->agents; agent++) {
            free(program->script[rank][agent].op);
            free(program->script[rank][agent].oldest);
        }
    free(program);
}
