/* SPDX-License-Identifier: BSD-3-Clause */
/* sim-chan.c - channels over a network that loses, repeats, reorders, and between endpoints that
 * start anew
 *
 * Every message carries its sender's life and a count. Claims, for each pair: one life of the
 * receiver gets those of one life of the sender in order, each once; none that was sent stays out,
 * whoever restarted. */
#include "config.h"
#include "job/chan.h"

#include "test/lib/prelude.h"
#include "test/lib/sim.h"

#include <stdio.h>
#include <string.h>

#define NODES_MAX 5
#define JOB       "0123456789abcdef0123456789abcdef"

struct world;

struct node {
    struct world *world;
    int number; /* in the simulator; endpoint number - 1 */
    struct chan *chan;
    uint32_t life;
    uint64_t epoch;
    uint32_t sent[NODES_MAX]; /* in this life, to each */
    /* what this life of mine has got from each */
    uint32_t got[NODES_MAX], got_life[NODES_MAX];
};

struct world {
    struct sim *sim;
    int count;
    struct node nodes[NODES_MAX];
    uint32_t arrived[NODES_MAX][NODES_MAX]; /* [src][dst]: newest of src's present life that any
                                               life of dst got */
    bool restarts, clock_jumps;
    int rounds;
};

static int endpoint(int node)
{
    return node - 1;
}

static void rearm(struct node *node)
{
    int wait_ms = chan_next(node->chan, sim_now(node->world->sim));

    sim_wake(node->world->sim, node->number, wait_ms);
}

static void on_send(void *arg, const Wire__Route *route)
{
    struct node *node = arg;
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__Route copy = *route;
    size_t size;

    frame.body_case = WIRE__FRAME__BODY_ROUTE;
    frame.route = &copy;
    uint8_t *bytes = frame_pack(&frame, &size);
    sim_send(node->world->sim, node->number, route->dst + 1, bytes, size);
    free(bytes);
}

static void on_deliver(void *arg, int src, const Wire__Step *step)
{
    struct node *node = arg;
    struct world *world = node->world;
    int from = src + 1;
    uint32_t life = step->modex_get->rank, count = (uint32_t)step->modex_get->id;
    uint32_t *arrived = &world->arrived[from][node->number];

    sim_trace(world->sim, "%d got %u.%u of %d", node->number, life, count, from);
    if (life != world->nodes[from].life)
        return; /* of a dead sender: what it is good for nobody says */
    if (node->got_life[from] == life)
        SIM_CHECK(world->sim, count == node->got[from] + 1, "%d got %u of %d after %u",
                  node->number, count, from, node->got[from]);
    else
        SIM_CHECK(world->sim, count <= *arrived + 1, "%d got %u of %d first, %u is missing",
                  node->number, count, from, *arrived + 1);
    node->got_life[from] = life;
    node->got[from] = count;
    if (count > *arrived)
        *arrived = count;
}

static void on_restarted(void *arg, int peer)
{
    struct node *node = arg;

    sim_trace(node->world->sim, "%d sees %d anew", node->number, peer + 1);
    SIM_CHECK(node->world->sim, node->world->restarts, "%d sees a restart that was none",
              node->number);
}

static void on_broken(void *arg, int peer, const char *why)
{
    struct node *node = arg;

    sim_fail(node->world->sim, "%d broke with %d: %s", node->number, peer, why);
}

static const struct chan_ops ops = {on_send, on_deliver, on_restarted, on_broken};

static void node_receive(void *self, int src, const uint8_t *bytes, size_t size, int64_t now_ms)
{
    struct node *node = self;
    Wire__Frame *frame = frame_unpack(bytes + FRAME_HEAD, size - FRAME_HEAD, NULL);

    (void)src;
    chan_receive(node->chan, frame->route, now_ms);
    frame_free(frame);
    rearm(node);
}

static void node_tick(void *self, int64_t now_ms)
{
    struct node *node = self;

    chan_tick(node->chan, now_ms);
    rearm(node);
}

static void node_died(void *self)
{
    struct node *node = self;

    chan_destroy(node->chan);
    node->chan = NULL;
}

static void node_started(void *self, int64_t now_ms)
{
    struct node *node = self;
    struct world *world = node->world;
    bool jumps = world->clock_jumps && sim_chance(world->sim, 300);

    node->life++;
    node->epoch = jumps && node->epoch > 50 ? node->epoch - sim_between(world->sim, 1, 50)
                                            : node->epoch + sim_between(world->sim, 1, 1000);
    memset(node->sent, 0, sizeof node->sent);
    memset(node->got, 0, sizeof node->got);
    memset(node->got_life, 0, sizeof node->got_life);
    memset(world->arrived[node->number], 0, sizeof world->arrived[node->number]);
    node->chan = chan_create(JOB, endpoint(node->number), (unsigned)world->count - 1, node->epoch,
                             &ops, node);
    if (sim_chance(world->sim, 500))
        for (int i = 0; i < world->count; i++)
            chan_route_up(node->chan, endpoint(i), now_ms);
    rearm(node);
}

static const struct sim_node node_type = {node_receive, node_tick, node_died, node_started};

static void say(struct node *node, int to)
{
    static uint8_t filler[3000];
    char text[3001];
    Wire__ModexGet get = WIRE__MODEX_GET__INIT;
    Wire__Step step = WIRE__STEP__INIT;
    struct sim *sim = node->world->sim;
    size_t size = sim_chance(sim, 100) ? sim_below(sim, sizeof filler) : 1;

    memset(text, 'x', size);
    text[size] = '\0';
    get.rank = node->life;
    get.id = ++node->sent[to];
    get.key = text;
    step.body_case = WIRE__STEP__BODY_MODEX_GET;
    step.modex_get = &get;
    if (chan_send(node->chan, endpoint(to), &step, sim_now(sim), NULL) < 0)
        sim_fail(sim, "chan_send failed");
    rearm(node);
}

/* Something happens, again and again: mostly bursts of messages, at times trouble. */
static void stir(struct sim *sim, void *arg)
{
    struct world *world = arg;
    int a = (int)sim_below(sim, (uint32_t)world->count);
    int b = (a + 1 + (int)sim_below(sim, (uint32_t)world->count - 1)) % world->count;
    uint32_t dice = sim_below(sim, 100);

    if (dice < 10) {
        sim_cut(sim, a, b);
    } else if (dice < 20 && sim_is_cut(sim, a, b)) {
        sim_mend(sim, a, b);
        if (sim_is_alive(sim, a) && sim_chance(sim, 500)) {
            chan_route_up(world->nodes[a].chan, endpoint(b), sim_now(sim));
            rearm(&world->nodes[a]);
        }
    } else if (dice < 23) {
        sim_stall(sim, a, sim_below(sim, 3000));
    } else if (dice < 30 && world->restarts) {
        if (sim_is_alive(sim, a))
            sim_kill(sim, a);
        else
            sim_start(sim, a);
    } else if (sim_is_alive(sim, a)) {
        for (uint32_t i = sim_below(sim, sim_chance(sim, 50) ? 120 : 6) + 1; i > 0; i--)
            say(&world->nodes[a], b);
    }
    if (--world->rounds > 0)
        sim_after(sim, sim_below(sim, 200), stir, world);
}

/* Peace: all live, all links work, slightly lossy still. */
static void settle(struct world *world)
{
    struct sim *sim = world->sim;

    for (int i = 0; i < world->count; i++) {
        sim_start(sim, i);
        sim_join(sim, i);
    }
}

static bool has_all_arrived(void *arg)
{
    struct world *world = arg;

    for (int a = 0; a < world->count; a++)
        for (int b = 0; b < world->count; b++)
            if (world->arrived[a][b] != world->nodes[a].sent[b])
                return false;
    return true;
}

static bool is_idle(void *arg)
{
    struct world *world = arg;

    for (int i = 0; i < world->count; i++)
        if (chan_next(world->nodes[i].chan, sim_now(world->sim)) != -1)
            return false;
    return has_all_arrived(arg);
}

static void live(struct sim *sim, bool restarts, bool clock_jumps)
{
    struct world *world = calloc(1, sizeof *world);
    uint32_t delay = sim_below(sim, 30);
    struct sim_link link = {1, 1 + delay, sim_chance(sim, 500) ? sim_below(sim, 300) : 0,
                            sim_chance(sim, 500) ? sim_below(sim, 200) : 0, sim_chance(sim, 500)};

    world->sim = sim;
    world->restarts = restarts;
    world->clock_jumps = clock_jumps;
    world->count = (int)sim_between(sim, 2, NODES_MAX);
    sim_links(sim, &link);
    for (int i = 0; i < world->count; i++) {
        world->nodes[i] = (struct node){.world = world, .epoch = 1000};
        world->nodes[i].number = sim_node_add(sim, &node_type, &world->nodes[i]);
    }
    for (int i = 0; i < world->count; i++)
        node_started(&world->nodes[i], sim_now(sim));
    world->rounds = 60;
    sim_after(sim, 1, stir, world);
    while (world->rounds > 0)
        sim_run(sim, 1000, NULL, NULL);
    settle(world);
    sim_run(sim, 600000, has_all_arrived, world);
    for (int a = 0; a < world->count; a++)
        for (int b = 0; b < world->count; b++)
            SIM_CHECK(sim, world->arrived[a][b] == world->nodes[a].sent[b],
                      "%d has got %u of %d's %u", b, world->arrived[a][b], a,
                      world->nodes[a].sent[b]);
    SIM_CHECK(sim, sim_run(sim, 60000, is_idle, world), "the channels do not come to rest");
    for (int i = 0; i < world->count; i++)
        chan_destroy(world->nodes[i].chan);
    free(world);
}

static void run_without_restarts(struct sim *sim)
{
    live(sim, false, false);
}

static void run_with_restarts(struct sim *sim)
{
    live(sim, true, false);
}

static void run_with_clock_jumps(struct sim *sim)
{
    live(sim, true, true);
}

static void each_message_arrives_once_and_in_order(void **state)
{
    (void)state;
    assert_int_equal(sim_seeds("chan", 500, run_without_restarts), 0);
}

static void a_restart_loses_nothing_that_was_not_acknowledged(void **state)
{
    (void)state;
    assert_int_equal(sim_seeds("chan with restarts", 500, run_with_restarts), 0);
}

static void a_clock_set_back_does_not_silence_who_restarts(void **state)
{
    (void)state;
    assert_int_equal(sim_seeds("chan with clock jumps", 300, run_with_clock_jumps), 0);
}

UNIT_MAIN(cmocka_unit_test(each_message_arrives_once_and_in_order),
          cmocka_unit_test(a_restart_loses_nothing_that_was_not_acknowledged),
          cmocka_unit_test(a_clock_set_back_does_not_silence_who_restarts))
