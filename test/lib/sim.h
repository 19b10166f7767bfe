/* SPDX-License-Identifier: BSD-3-Clause */
/* sim.h - a world for engines: N nodes in one process, a fake clock, a network that misbehaves by
 * the seed
 *
 * A node is any engine behind struct sim_node. It gets messages (bytes) and wake-ups with the
 * world's time, and calls sim_send() and sim_wake() to act. Everything random comes from the seed,
 * so the same seed is the same run: sim_hash() of what happened proves it. A test is a function of
 * a seed, run by sim_seeds():
 *
 *     static void run(struct sim *sim) { sim_node_add(...); sim_run(...); SIM_CHECK(sim, all_done,
 * "..."); } UNIT: sim_seeds("fence under loss", 500, run);
 *
 * Environment: SEEDS=N more or fewer seeds (of each sim_seeds; SEEDS=10% a tenth), SEED=X this one
 * only, with its trace on standard error. Wanted nodes: at most SIM_NODES. Time is in milliseconds
 * and starts at 1000. */
#ifndef P2PMPI_TEST_SIM_H
#define P2PMPI_TEST_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_NODES 1024

struct sim;

struct sim_node {
    /* A message from src. bytes is borrowed for the call. */
    void (*receive)(void *self, int src, const uint8_t *bytes, size_t size, int64_t now_ms);
    /* The wake-up asked for with sim_wake() is due. May be NULL. */
    void (*tick)(void *self, int64_t now_ms);
    /* sim_kill(): what a process loses when it dies. May be NULL. */
    void (*died)(void *self);
    /* sim_start() after sim_kill(). May be NULL. */
    void (*started)(void *self, int64_t now_ms);
};

struct sim_link {
    uint32_t delay_min_ms, delay_max_ms; /* uniform between */
    uint32_t loss_permille, repeat_permille;
    bool reorders; /* else first in, first out */
};

/* One world per seed. sim_seeds() makes and destroys it; alone: for tests of the simulator. */
struct sim *sim_create(uint64_t seed);
void sim_destroy(struct sim *sim);

int64_t sim_now(const struct sim *sim);
uint64_t sim_seed(const struct sim *sim);
uint32_t sim_below(struct sim *sim, uint32_t bound);                /* random 0 .. bound - 1 */
uint32_t sim_between(struct sim *sim, uint32_t low, uint32_t high); /* both included */
bool sim_chance(struct sim *sim, uint32_t permille);

/* Adds node 0, 1, ... Returns its number. type is borrowed for the world's life. self is the node's
 * own. */
int sim_node_add(struct sim *sim, const struct sim_node *type, void *self);
int sim_node_count(const struct sim *sim);

/* All links, or the one between a and b (both directions), behave so from now on. */
void sim_links(struct sim *sim, const struct sim_link *link);
void sim_link(struct sim *sim, int a, int b, const struct sim_link *link);
void sim_cut(struct sim *sim, int a, int b); /* what is on the way is lost, too */
void sim_mend(struct sim *sim, int a, int b);
bool sim_is_cut(const struct sim *sim, int a, int b);
void sim_isolate(struct sim *sim, int node); /* all its links cut */
void sim_join(struct sim *sim, int node);    /* ... and mended */

/* Sends a copy of bytes. A dead sender sends nothing; a dead receiver gets nothing. */
void sim_send(struct sim *sim, int src, int dst, const void *bytes, size_t size);
/* Node wants tick() in delay_ms (negative: not at all); replaces what it wanted before. */
void sim_wake(struct sim *sim, int node, int64_t delay_ms);

void sim_stall(struct sim *sim, int node,
               int64_t for_ms); /* gets nothing, late but in order afterwards */
void sim_kill(struct sim *sim, int node);
void sim_start(struct sim *sim, int node);
bool sim_is_alive(const struct sim *sim, int node);

/* Calls act(sim, arg) in delay_ms: the script of a test. */
void sim_after(struct sim *sim, int64_t delay_ms, void (*act)(struct sim *sim, void *arg),
               void *arg);

/* Runs until done(arg) says so (asked after each event; may be NULL), nothing is left to happen, or
 * for_ms have passed. Returns true when done() did. */
bool sim_run(struct sim *sim, int64_t for_ms, bool (*done)(void *arg), void *arg);

/* Adds a line to the trace: goes into the hash; printed with SEED=X. */
void sim_trace(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
uint64_t sim_hash(const struct sim *sim);
uint64_t sim_messages(const struct sim *sim); /* sent so far */

/* A claim. When it does not hold, the sentence is kept (the first one) and the seed fails. */
#define SIM_CHECK(sim, holds, ...)                                                                 \
    do {                                                                                           \
        if (!(holds))                                                                              \
            sim_fail((sim), __VA_ARGS__);                                                          \
    } while (0)
void sim_fail(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool sim_has_failed(const struct sim *sim);

/* Runs run() in a new world for each of `seeds` seeds (see SEEDS, SEED); one seed runs twice, and
 * the hashes must agree. Prints failed seeds and their sentences. Returns how many failed: assert
 * it to be 0. */
int sim_seeds(const char *name, int seeds, void (*run)(struct sim *sim));

#endif
