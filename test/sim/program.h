/* SPDX-License-Identifier: BSD-3-Clause */
/* program.h - generated message-passing programs: deterministic, free of deadlock by construction
 *
 * A program is a list of operations for each (rank, agent). An agent is a thread of control with a
 * state of its own: agent 0 sends with tags >= 0; each other one stands for non-blocking
 * collectives: one negative tag for each of its patterns, falling, and an order relative to the
 * others that two replicas need not share. What a message contains follows from the state of its
 * sender; what a receive brought is mixed into the state of its receiver: so the last states tell
 * whether every message arrived where it should. */
#ifndef P2PMPI_TEST_PROGRAM_H
#define P2PMPI_TEST_PROGRAM_H

#include "test/lib/sim.h"

#define PROGRAM_RANKS  6
#define PROGRAM_CIDS   3 /* 1 to this */
#define PROGRAM_AGENTS 3
#define PROGRAM_FIRST  -27 /* the first of the tags that fall */

enum op_kind { OP_SEND, OP_RECV, OP_WAIT };
enum op_flags { OP_SYNC = 1, OP_BUFFERED = 2, OP_FREED = 4 };

struct op {
    enum op_kind kind;
    int peer, slot; /* slot: OP_WAIT waits for it */
    uint32_t cid;
    int32_t tag; /* OP_WAIT: that of what it waits for */
    uint32_t length;
    unsigned flags;
    int time; /* while generating */
};

struct script {
    struct op *op;
    int32_t *oldest; /* by position: the highest negative tag from there on; the last: INT32_MIN */
    int count, size, slots;
};

struct program {
    int ranks, agents;
    struct script script[PROGRAM_RANKS][PROGRAM_AGENTS];
    uint64_t result[PROGRAM_RANKS][PROGRAM_AGENTS]; /* the reference */
};

/* Lengths up to `eager` are small. The reference result is computed by running it without any
 * network. */
struct program *program_create(struct sim *sim, int ranks, uint32_t eager);
void program_destroy(struct program *program);

uint64_t program_mix(uint64_t state, uint64_t value);
/* What a send posted in `state` contains, and the digest of such bytes. */
void program_fill(uint64_t state, int slot, void *bytes, size_t size);
uint64_t program_digest(const void *bytes, size_t size);
uint64_t program_start(int rank, int agent);

#endif
