/* SPDX-License-Identifier: BSD-3-Clause */
/* sim.c - a world for engines: nodes, a fake clock, an event queue and a network that misbehaves by
 * the seed */
#include "config.h"
#include "test/lib/sim.h"

#include "base/mem.h"
#include "base/rand.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum event_kind { EVENT_MESSAGE, EVENT_WAKE, EVENT_ACT };

struct event {
    int64_t at_ms;
    uint64_t order; /* of equal times: first asked, first done */
    enum event_kind kind;
    int src, node;
    uint64_t life; /* the node's (message, wake) and the wire's (message) when it was made */
    uint64_t wire_life;
    void (*act)(struct sim *sim, void *arg);
    void *arg;
    uint8_t *bytes;
    size_t size;
};

struct node {
    const struct sim_node *type;
    void *self;
    bool alive;
    uint64_t wake_life; /* only the newest wish counts */
    int64_t stalled_until_ms;
};

/* One direction of a pair of nodes. */
struct wire {
    struct sim_link link;
    bool has_link, cut;
    uint64_t life; /* counts cuts: what was on the way is lost */
    int64_t last_ms;
};

struct sim {
    uint64_t seed;
    struct prng prng;
    int64_t now_ms;
    struct event *heap;
    size_t heap_count, heap_room;
    uint64_t order;
    struct node nodes[SIM_NODES];
    int node_count;
    struct sim_link link;
    struct wire *wires; /* SIM_NODES rows made as needed: [a * room + b] */
    int wire_room;
    uint64_t hash, messages;
    bool loud, failed;
    char why[512];
};

/* ---------------------------------------------------------------- trace and chance */

static void hash_in(struct sim *sim, const void *bytes, size_t size)
{
    for (const uint8_t *next = bytes; size-- > 0; next++)
        sim->hash = (sim->hash ^ *next) * 0x100000001b3u; /* FNV-1a */
}

void sim_trace(struct sim *sim, const char *format, ...)
{
    char line[512];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    hash_in(sim, line, strlen(line));
    if (sim->loud)
        fprintf(stderr, "# %8lld %s\n", (long long)sim->now_ms, line);
}

void sim_fail(struct sim *sim, const char *format, ...)
{
    va_list args;

    if (sim->failed)
        return;
    sim->failed = true;
    va_start(args, format);
    vsnprintf(sim->why, sizeof sim->why, format, args);
    va_end(args);
    sim_trace(sim, "FAILED %s", sim->why);
}

bool sim_has_failed(const struct sim *sim)
{
    return sim->failed;
}

uint32_t sim_below(struct sim *sim, uint32_t bound)
{
    return prng_below(&sim->prng, bound);
}

uint32_t sim_between(struct sim *sim, uint32_t low, uint32_t high)
{
    return low + sim_below(sim, high - low + 1);
}

bool sim_chance(struct sim *sim, uint32_t permille)
{
    return permille > 0 && sim_below(sim, 1000) < permille;
}

int64_t sim_now(const struct sim *sim)
{
    return sim->now_ms;
}

uint64_t sim_seed(const struct sim *sim)
{
    return sim->seed;
}

uint64_t sim_hash(const struct sim *sim)
{
    return sim->hash;
}

uint64_t sim_messages(const struct sim *sim)
{
    return sim->messages;
}

/* ---------------------------------------------------------------- the queue: a binary heap */

static bool is_before(const struct event *a, const struct event *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void event_add(struct sim *sim, struct event event)
{
    size_t i = sim->heap_count++;

    if (sim->heap_count > sim->heap_room) {
        sim->heap_room = sim->heap_room * 2 + 64;
        sim->heap = mem_grow(sim->heap, sim->heap_room, sizeof *sim->heap);
    }
    event.order = sim->order++;
    for (; i > 0 && is_before(&event, &sim->heap[(i - 1) / 2]); i = (i - 1) / 2)
        sim->heap[i] = sim->heap[(i - 1) / 2];
    sim->heap[i] = event;
}

static struct event event_take(struct sim *sim)
{
    struct event first = sim->heap[0], last = sim->heap[--sim->heap_count];
    size_t i = 0;

    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= sim->heap_count)
            break;
        if (child + 1 < sim->heap_count && is_before(&sim->heap[child + 1], &sim->heap[child]))
            child++;
        if (!is_before(&sim->heap[child], &last))
            break;
        sim->heap[i] = sim->heap[child];
        i = child;
    }
    sim->heap[i] = last;
    return first;
}

/* ---------------------------------------------------------------- nodes and wires */

struct sim *sim_create(uint64_t seed)
{
    struct sim *sim = mem_alloc(sizeof *sim);

    sim->seed = seed;
    sim->now_ms = 1000;
    sim->hash = 0xcbf29ce484222325u;
    sim->link = (struct sim_link){1, 1, 0, 0, false};
    sim->loud = getenv("SEED") != NULL;
    prng_seed(&sim->prng, seed);
    return sim;
}

void sim_destroy(struct sim *sim)
{
    if (sim == NULL)
        return;
    for (size_t i = 0; i < sim->heap_count; i++)
        free(sim->heap[i].bytes);
    free(sim->heap);
    free(sim->wires);
    free(sim);
}

int sim_node_add(struct sim *sim, const struct sim_node *type, void *self)
{
    if (sim->node_count == SIM_NODES)
        abort();
    sim->nodes[sim->node_count] = (struct node){.type = type, .self = self, .alive = true};
    return sim->node_count++;
}

int sim_node_count(const struct sim *sim)
{
    return sim->node_count;
}

static struct wire *wire_of(struct sim *sim, int src, int dst)
{
    if (sim->wire_room < sim->node_count) {
        int room = sim->node_count;
        struct wire *wires = mem_array((size_t)room * (size_t)room, sizeof *wires);
        for (int i = 0; i < sim->wire_room; i++)
            memcpy(&wires[i * room], &sim->wires[i * sim->wire_room],
                   (size_t)sim->wire_room * sizeof *wires);
        free(sim->wires);
        sim->wires = wires;
        sim->wire_room = room;
    }
    return &sim->wires[src * sim->wire_room + dst];
}

void sim_links(struct sim *sim, const struct sim_link *link)
{
    sim->link = *link;
}

static void wire_set(struct wire *wire, const struct sim_link *link)
{
    wire->link = *link;
    wire->has_link = true;
}

void sim_link(struct sim *sim, int a, int b, const struct sim_link *link)
{
    wire_set(wire_of(sim, a, b), link);
    wire_set(wire_of(sim, b, a), link);
}

static void wire_cut(struct wire *wire, bool cut)
{
    wire->life += cut && !wire->cut;
    wire->cut = cut;
}

static void cut_set(struct sim *sim, int a, int b, bool cut)
{
    wire_cut(wire_of(sim, a, b), cut);
    wire_cut(wire_of(sim, b, a), cut);
}

void sim_cut(struct sim *sim, int a, int b)
{
    sim_trace(sim, "cut %d-%d", a, b);
    cut_set(sim, a, b, true);
}

void sim_mend(struct sim *sim, int a, int b)
{
    sim_trace(sim, "mend %d-%d", a, b);
    cut_set(sim, a, b, false);
}

bool sim_is_cut(const struct sim *sim, int a, int b)
{
    return a < sim->wire_room && b < sim->wire_room && sim->wires[a * sim->wire_room + b].cut;
}

void sim_isolate(struct sim *sim, int node)
{
    sim_trace(sim, "isolate %d", node);
    for (int i = 0; i < sim->node_count; i++)
        cut_set(sim, node, i, true);
}

void sim_join(struct sim *sim, int node)
{
    sim_trace(sim, "join %d", node);
    for (int i = 0; i < sim->node_count; i++)
        cut_set(sim, node, i, false);
}

void sim_stall(struct sim *sim, int node, int64_t for_ms)
{
    sim_trace(sim, "stall %d for %lld", node, (long long)for_ms);
    if (sim->now_ms + for_ms > sim->nodes[node].stalled_until_ms)
        sim->nodes[node].stalled_until_ms = sim->now_ms + for_ms;
}

void sim_kill(struct sim *sim, int node)
{
    struct node *dead = &sim->nodes[node];

    if (!dead->alive)
        return;
    sim_trace(sim, "kill %d", node);
    dead->alive = false;
    dead->wake_life++;
    dead->stalled_until_ms = 0;
    if (dead->type->died != NULL)
        dead->type->died(dead->self);
}

void sim_start(struct sim *sim, int node)
{
    struct node *born = &sim->nodes[node];

    if (born->alive)
        return;
    sim_trace(sim, "start %d", node);
    born->alive = true;
    if (born->type->started != NULL)
        born->type->started(born->self, sim->now_ms);
}

bool sim_is_alive(const struct sim *sim, int node)
{
    return sim->nodes[node].alive;
}

/* ---------------------------------------------------------------- what nodes do */

static int64_t arrival(struct sim *sim, struct wire *wire, const struct sim_link *link)
{
    int64_t at_ms = sim->now_ms + sim_between(sim, link->delay_min_ms, link->delay_max_ms);

    if (link->reorders)
        return at_ms;
    if (at_ms < wire->last_ms)
        at_ms = wire->last_ms;
    wire->last_ms = at_ms;
    return at_ms;
}

void sim_send(struct sim *sim, int src, int dst, const void *bytes, size_t size)
{
    struct wire *wire = wire_of(sim, src, dst);
    const struct sim_link *link = wire->has_link ? &wire->link : &sim->link;

    if (!sim->nodes[src].alive)
        return;
    sim->messages++;
    bool lost = wire->cut || sim_chance(sim, link->loss_permille);
    int copies = lost ? 0 : 1 + sim_chance(sim, link->repeat_permille);
    sim_trace(sim, "%d -> %d %zu bytes%s", src, dst, size,
              copies == 0   ? " lost"
              : copies == 2 ? " twice"
                            : "");
    hash_in(sim, bytes, size);
    for (; copies > 0; copies--) {
        struct event event = {
            .at_ms = arrival(sim, wire, link), .kind = EVENT_MESSAGE, .src = src, .node = dst};
        event.wire_life = wire->life;
        event.bytes = mem_copy(bytes, size);
        event.size = size;
        event_add(sim, event);
    }
}

void sim_wake(struct sim *sim, int node, int64_t delay_ms)
{
    struct node *sleeper = &sim->nodes[node];

    sleeper->wake_life++;
    if (delay_ms >= 0 && sleeper->alive)
        event_add(sim, (struct event){.at_ms = sim->now_ms + delay_ms,
                                      .kind = EVENT_WAKE,
                                      .node = node,
                                      .life = sleeper->wake_life});
}

void sim_after(struct sim *sim, int64_t delay_ms, void (*act)(struct sim *sim, void *arg),
               void *arg)
{
    event_add(sim, (struct event){
                       .at_ms = sim->now_ms + delay_ms, .kind = EVENT_ACT, .act = act, .arg = arg});
}

/* ---------------------------------------------------------------- time passes */

static void happen(struct sim *sim, const struct event *event)
{
    struct node *node = &sim->nodes[event->node];

    if (event->kind == EVENT_ACT) {
        event->act(sim, event->arg);
    } else if (!node->alive) {
        return;
    } else if (event->kind == EVENT_WAKE) {
        if (event->life == node->wake_life && node->type->tick != NULL)
            node->type->tick(node->self, sim->now_ms);
    } else if (event->wire_life == wire_of(sim, event->src, event->node)->life) {
        node->type->receive(node->self, event->src, event->bytes, event->size, sim->now_ms);
    }
}

/* What comes to a stalled node waits for it, in order: it is asked again with a new order number.
 */
static bool is_put_off(struct sim *sim, const struct event *event)
{
    const struct node *node = &sim->nodes[event->node];

    if (event->kind == EVENT_ACT || !node->alive || node->stalled_until_ms <= sim->now_ms)
        return false;
    struct event later = *event;
    later.at_ms = node->stalled_until_ms;
    event_add(sim, later);
    return true;
}

bool sim_run(struct sim *sim, int64_t for_ms, bool (*done)(void *arg), void *arg)
{
    int64_t end_ms = sim->now_ms + for_ms;

    if (done != NULL && done(arg))
        return true;
    while (sim->heap_count > 0 && sim->heap[0].at_ms <= end_ms) {
        struct event event = event_take(sim);
        sim->now_ms = event.at_ms;
        if (is_put_off(sim, &event))
            continue;
        happen(sim, &event);
        free(event.bytes);
        if (done != NULL && done(arg))
            return true;
    }
    if (sim->heap_count > 0)
        sim->now_ms = end_ms;
    return false;
}

/* ---------------------------------------------------------------- seeds */

/* Runs one seed. Returns its hash; counts a failure. */
static uint64_t run_seed(const char *name, uint64_t seed, void (*run)(struct sim *sim),
                         int *failures)
{
    struct sim *sim = sim_create(seed);

    run(sim);
    uint64_t hash = sim_hash(sim);
    if (sim->failed) {
        fprintf(stderr, "# %s: %s; again with SEED=%llu\n", name, sim->why,
                (unsigned long long)seed);
        ++*failures;
    }
    sim_destroy(sim);
    return hash;
}

/* SEEDS=N: so many; SEEDS=N%: of those that the test asks for. */
static int seeds_wished(int seeds)
{
    const char *wish = getenv("SEEDS");
    int number = wish != NULL ? atoi(wish) : 0;

    if (number <= 0)
        return seeds;
    if (strchr(wish, '%') == NULL)
        return number;
    return seeds * number / 100 > 1 ? seeds * number / 100 : 1;
}

int sim_seeds(const char *name, int seeds, void (*run)(struct sim *sim))
{
    const char *one = getenv("SEED");
    int failures = 0;

    if (one != NULL) {
        run_seed(name, strtoull(one, NULL, 0), run, &failures);
        return failures;
    }
    seeds = seeds_wished(seeds);
    uint64_t hash = run_seed(name, 1, run, &failures);
    if (run_seed(name, 1, run, &failures) != hash) {
        fprintf(stderr, "# %s: seed 1 ran differently the second time\n", name);
        failures++;
    }
    for (int seed = 2; seed <= seeds && failures < 10; seed++)
        run_seed(name, (uint64_t)seed, run, &failures);
    return failures;
}
