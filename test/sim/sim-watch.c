/* SPDX-License-Identifier: BSD-3-Clause */
/* sim-watch.c - failure detectors and views of all members of a job together
 *
 * Far: a thousand hosts on links of 100 +- 50 ms that lose one datagram in twenty, every host
 * stopped for two seconds now and then: nobody alive is ever voted lost, and who dies is, in five
 * seconds. Near: few hosts on fast links: dead, cut and frozen hosts are lost after 1.5 s, a break
 * of one second costs nothing, and of two halves one goes on. FAR_S=3600 makes the far job as many
 * seconds long. */
#include "config.h"
#include "test/lib/prelude.h"
#include "test/lib/sim.h"

#include "base/mem.h"
#include "job/views.h"
#include "job/watch.h"
#include "wire/beat.h"
#include "wire/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOSTS_MAX 1000
#define UDP_HEADS 28 /* IPv4 and UDP in front of a datagram */

struct world;
struct host {
    struct world *world;
    int node;
    struct views *views;
    struct watch *watch;
    uint64_t bytes;     /* of datagrams sent */
    int64_t stop_ms;    /* it may be stopped again then */
    int64_t died_ms;    /* 0: alive */
    int64_t lost_ms;    /* when a view was first decided in which it is lost; 0: none */
    int64_t learned_ms; /* when it heard that it is lost itself */
    bool may_be_lost;   /* cut off or frozen by the test: a verdict is no fault */
};
struct world {
    struct sim *sim;
    unsigned hosts;
    uint32_t *machines;
    struct view_rules rules;
    struct view *first;
    struct host *host;
    uint64_t newest;
    int64_t stop_every_ms; /* mean time between stops of one host; 0: none */
    int64_t until_ms;
};

static void rearm(struct host *host)
{
    int64_t now_ms = sim_now(host->world->sim);
    int watch_ms = watch_next(host->watch, now_ms), views_ms = views_next(host->views, now_ms);

    sim_wake(host->world->sim, host->node,
             views_ms >= 0 && views_ms < watch_ms ? views_ms : watch_ms);
}

/* ---- what the engines ask for */

static void send_beat(void *arg, const struct beat *beat)
{
    struct host *host = arg;
    uint8_t bytes[BEAT_SIZE] = {0};

    beat_encode(beat, bytes);
    host->bytes += BEAT_SIZE + UDP_HEADS;
    sim_send(host->world->sim, host->node, beat->to, bytes, sizeof bytes);
}

static void on_verdict(void *arg, int member, bool is_dead)
{
    struct host *host = arg;

    sim_trace(host->world->sim, "%d takes %d for %s", host->node, member,
              is_dead ? "dead" : "alive");
    views_accuse(host->views, member, is_dead, sim_now(host->world->sim));
}

static void on_behind(void *arg, int member)
{
    struct host *host = arg;

    views_ask(host->views, member, sim_now(host->world->sim));
}

static void send_vote(void *arg, int to, const Wire__ViewVote *vote)
{
    struct host *host = arg;
    Wire__Frame frame = WIRE__FRAME__INIT;
    size_t size;

    frame.body_case = WIRE__FRAME__BODY_VIEW_VOTE;
    frame.view_vote = (Wire__ViewVote *)vote;
    uint8_t *bytes = frame_pack(&frame, &size);
    sim_send(host->world->sim, host->node, to, bytes, size);
    free(bytes);
}

static void on_keep(void *arg, const Wire__ViewMemory *memory)
{
    (void)arg;
    (void)memory;
}

static enum view_trust trusts(void *arg, int member)
{
    struct host *host = arg;

    return watch_trust(host->watch, member, sim_now(host->world->sim));
}

/* The first to know a new view: who is lost in it? */
static void on_decided(struct world *world, const struct view *before, const struct view *after)
{
    int64_t now_ms = sim_now(world->sim);

    world->newest = after->number;
    sim_trace(world->sim, "view %d, home %d", (int)after->number, after->home);
    for (unsigned i = 0; i < world->hosts; i++) {
        struct host *lost = &world->host[i];
        if (!after->lost[i] || lost->lost_ms != 0)
            continue;
        lost->lost_ms = now_ms;
        SIM_CHECK(world->sim, lost->died_ms != 0 || lost->may_be_lost,
                  "host %u lives and was voted lost", i);
    }
    struct host *old = &world->host[before->home];
    if (after->home != before->home && sim_is_alive(world->sim, old->node))
        SIM_CHECK(world->sim,
                  !watch_has_majority(old->watch, now_ms) ||
                      views_current(old->views)->number >= after->number,
                  "host %d is the new home, and %d has not stopped", after->home, old->node);
}

static void on_changed(void *arg, const struct view *before, const struct view *after)
{
    struct host *host = arg;
    struct world *world = host->world;
    int64_t now_ms = sim_now(world->sim);

    if (after->number > world->newest)
        on_decided(world, before, after);
    if (after->lost[host->node] && host->learned_ms == 0)
        host->learned_ms = now_ms;
    watch_view(host->watch, after, now_ms);
    views_set_round(host->views, watch_round_ms(host->watch), now_ms);
}

static const struct watch_ops watch_ops = {send_beat, on_verdict, on_behind};
static const struct views_ops views_ops = {send_vote, on_keep, trusts, on_changed};

/* ---- a node */

static void node_receive(void *self, int src, const uint8_t *bytes, size_t size, int64_t now_ms)
{
    struct host *host = self;
    struct beat beat;
    struct err err;

    if (beat_decode(bytes, size, &beat) == 0) {
        watch_receive(host->watch, &beat, now_ms);
    } else {
        Wire__Frame *frame = frame_unpack(bytes + FRAME_HEAD, size - FRAME_HEAD, NULL);
        if (views_receive(host->views, src, frame->view_vote, now_ms, &err) < 0)
            sim_fail(host->world->sim, "%s", err.text);
        frame_free(frame);
    }
    rearm(host);
}

static void node_tick(void *self, int64_t now_ms)
{
    struct host *host = self;

    watch_tick(host->watch, now_ms);
    views_set_round(host->views, watch_round_ms(host->watch), now_ms);
    views_tick(host->views, now_ms);
    rearm(host);
}

static const struct sim_node node_type = {node_receive, node_tick, NULL, NULL};

static struct world *world_make(struct sim *sim, unsigned hosts, const struct sim_link *link)
{
    struct world *world = mem_alloc(sizeof *world);

    world->sim = sim;
    world->hosts = hosts;
    world->newest = 1;
    world->machines = mem_array(hosts, sizeof *world->machines);
    for (unsigned i = 0; i < hosts; i++)
        world->machines[i] = i;
    world->rules = (struct view_rules){world->machines, VIEW_FIVE_FROM};
    world->first = view_first(hosts, (int)sim_below(sim, hosts), &world->rules);
    world->host = mem_array(hosts, sizeof *world->host);
    sim_links(sim, link);
    for (unsigned i = 0; i < hosts; i++) {
        struct host *host = &world->host[i];
        struct views_config views = {(int)i, world->rules, sim_seed(sim) + i};
        struct watch_config watch = {(int)i, 1, 10000};
        host->world = world;
        host->node = sim_node_add(sim, &node_type, host);
        host->views = views_create(&views, world->first, NULL, false, &views_ops, host, NULL);
        host->watch = watch_create(&watch, views_current(host->views), &watch_ops, host,
                                   sim_now(sim) + sim_below(sim, 300));
        sim_wake(sim, host->node, sim_below(sim, 300));
    }
    return world;
}

static void world_end(struct world *world)
{
    for (unsigned i = 0; i < world->hosts; i++) {
        watch_destroy(world->host[i].watch);
        views_destroy(world->host[i].views);
    }
    view_destroy(world->first);
    free(world->machines);
    free(world->host);
    free(world);
}

static const struct view *view_of(const struct world *world, unsigned host)
{
    return views_current(world->host[host].views);
}

static void host_kill(struct world *world, unsigned host)
{
    if (world->host[host].died_ms != 0)
        return;
    world->host[host].died_ms = sim_now(world->sim);
    sim_kill(world->sim, (int)host);
}

/* ---- far */

#define STOP_MS     2000
#define STOP_EVERY  120000 /* ms, mean, of each host */
#define DETECTED_MS 5000
#define FAR_BYTES_S 2000

static void stop_somebody(struct sim *sim, void *arg)
{
    struct world *world = arg;
    struct host *host = &world->host[sim_below(sim, world->hosts)];

    if (sim_now(sim) >= host->stop_ms) { /* two stops in a row would be a longer one */
        sim_stall(sim, host->node, STOP_MS);
        host->stop_ms = sim_now(sim) + 3 * STOP_MS;
    }
    sim_after(sim, sim_below(sim, (uint32_t)(2 * STOP_EVERY / world->hosts) + 1), stop_somebody,
              world);
}

static void kill_somebody(struct sim *sim, void *arg)
{
    struct world *world = arg;

    if (sim_now(sim) + 15000 < world->until_ms) {
        host_kill(world, sim_below(sim, world->hosts));
        sim_after(sim, sim_below(sim, 20000), kill_somebody, world);
    }
}

static int64_t far_ms(void)
{
    const char *wish = getenv("FAR_S");

    return wish != NULL && atoi(wish) > 20 ? 1000 * (int64_t)atoi(wish) : 40000;
}

static void check_far(struct world *world, int64_t span_ms)
{
    unsigned deaths = 0, late = 0;
    int64_t worst_ms = 0, sum_ms = 0;
    uint64_t most = 0;

    for (unsigned i = 0; i < world->hosts; i++) {
        const struct host *host = &world->host[i];
        if (host->bytes > most)
            most = host->bytes;
        if (host->died_ms == 0)
            continue;
        int64_t took_ms = host->lost_ms != 0 ? host->lost_ms - host->died_ms : span_ms;
        deaths++;
        late += took_ms > DETECTED_MS;
        if (took_ms > DETECTED_MS)
            sim_trace(world->sim, "host %u died at %lld and was lost after %lld ms", i,
                      (long long)host->died_ms, (long long)took_ms);
        sum_ms += took_ms;
        if (took_ms > worst_ms)
            worst_ms = took_ms;
    }
    SIM_CHECK(world->sim, late * 100 <= deaths, "%u of %u deaths took more than 5 s", late, deaths);
    SIM_CHECK(world->sim, most * 1000 / (uint64_t)span_ms <= FAR_BYTES_S,
              "a host sends %llu bytes/s", (unsigned long long)(most * 1000 / (uint64_t)span_ms));
    if (getenv("FAR_S") != NULL || getenv("SEED") != NULL)
        fprintf(stderr,
                "# %u hosts, %lld s: %u deaths, %lld ms mean, %lld worst, %u over 5 s; at most "
                "%llu bytes/s of one host\n",
                world->hosts, (long long)(span_ms / 1000), deaths,
                (long long)(deaths > 0 ? sum_ms / deaths : 0), (long long)worst_ms, late,
                (unsigned long long)(most * 1000 / (uint64_t)span_ms));
}

static void run_far(struct sim *sim)
{
    static const struct sim_link link = {50, 150, 50, 0, true};
    struct world *world = world_make(sim, HOSTS_MAX, &link);
    int64_t span_ms = far_ms();

    world->until_ms = sim_now(sim) + span_ms;
    sim_after(sim, 2000, stop_somebody, world);
    sim_after(sim, 10000, kill_somebody, world);
    sim_run(sim, span_ms, NULL, NULL);
    check_far(world, span_ms);
    world_end(world);
}

static int far_seeds(void)
{
    return getenv("FAR_S") != NULL ? 1 : 2;
}

static void a_thousand_far_hosts_lose_only_the_dead(void **state)
{
    (void)state;
    assert_int_equal(sim_seeds("a thousand far hosts", far_seeds(), run_far), 0);
}

/* ---- near */

#define NEAR_MS 1500
#define SETTLED 5000

static struct world *near_world(struct sim *sim, unsigned least, unsigned most)
{
    struct sim_link link = {0, 1 + sim_below(sim, 4), sim_chance(sim, 300) ? 20 : 0, 0, true};
    struct world *world = world_make(sim, sim_between(sim, least, most), &link);

    sim_run(sim, SETTLED + sim_below(sim, 1000), NULL, NULL);
    return world;
}

static unsigned some_host(struct world *world)
{
    return sim_below(world->sim, world->hosts);
}

/* Does every living host know that `host` is lost? */
static void check_lost(struct world *world, unsigned host, int64_t since_ms)
{
    SIM_CHECK(
        world->sim,
        world->host[host].lost_ms != 0 && world->host[host].lost_ms - since_ms <= NEAR_MS,
        "host %u of %u was lost after %lld ms", host, world->hosts,
        (long long)(world->host[host].lost_ms == 0 ? -1 : world->host[host].lost_ms - since_ms));
    for (unsigned i = 0; i < world->hosts; i++)
        if (i != host && world->host[i].died_ms == 0)
            SIM_CHECK(world->sim, view_of(world, i)->lost[host], "host %u does not know it", i);
}

static void run_dead(struct sim *sim)
{
    struct world *world = near_world(sim, 3, 30);
    unsigned victim = some_host(world), again = some_host(world);
    int64_t since_ms = sim_now(sim);

    host_kill(world, victim);
    sim_run(sim, 2000, NULL, NULL);
    check_lost(world, victim, since_ms);
    since_ms = sim_now(sim);
    if (world->hosts > 3 && again != victim) {
        host_kill(world, again);
        sim_run(sim, 2000, NULL, NULL);
        check_lost(world, again, since_ms);
    }
    world_end(world);
}

static void a_dead_host_is_lost_in_time(void **state)
{
    (void)state;
    assert_int_equal(sim_seeds("a dead host", 300, run_dead), 0);
}

static void run_cut(struct sim *sim)
{
    struct world *world = near_world(sim, 3, 30);
    unsigned victim = some_host(world);

    for (int i = 0; i < 3; i++) {
        sim_isolate(sim, (int)victim);
        sim_run(sim, 500 + sim_below(sim, 501), NULL, NULL);
        sim_join(sim, (int)victim);
        sim_run(sim, 2000, NULL, NULL);
        SIM_CHECK(sim, world->newest == 1, "a break of a second made view %d", (int)world->newest);
    }
    world_end(world);
}

static void a_cable_mended_in_a_second_costs_nothing(void **state)
{
    (void)state;
    assert_int_equal(sim_seeds("a cable pulled and mended", 300, run_cut), 0);
}

static void run_frozen(struct sim *sim)
{
    struct world *world = near_world(sim, 3, 12);
    unsigned victim = some_host(world);
    bool is_cut = sim_chance(sim, 500);
    int64_t since_ms = sim_now(sim);

    world->host[victim].may_be_lost = true;
    if (is_cut)
        sim_isolate(sim, (int)victim);
    else
        sim_stall(sim, (int)victim, 30000);
    sim_run(sim, 30000, NULL, NULL);
    check_lost(world, victim, since_ms);
    SIM_CHECK(sim, !is_cut || world->host[victim].learned_ms == 0, "who is cut off learned of it");
    SIM_CHECK(sim,
              view_voter(world->first, (int)victim) < 0 ||
                  !watch_has_majority(world->host[victim].watch, sim_now(sim)),
              "voter %u was away for 30 s and goes on", victim);
    int64_t back_ms = sim_now(sim);
    if (is_cut)
        sim_join(sim, (int)victim);
    sim_run(sim, 2000, NULL, NULL);
    SIM_CHECK(
        sim, world->host[victim].learned_ms != 0 && world->host[victim].learned_ms - back_ms <= 500,
        "host %u came back and was not told in time", victim);
    world_end(world);
}

static void who_was_frozen_or_cut_off_is_told_when_it_comes_back(void **state)
{
    (void)state;
    assert_int_equal(sim_seeds("frozen and thawed", 300, run_frozen), 0);
}

static void run_halves(struct sim *sim)
{
    struct world *world = near_world(sim, 3, 14);
    bool side[HOSTS_MAX];
    unsigned voters = 0;
    int64_t since_ms = sim_now(sim);

    for (unsigned i = 0; i < world->hosts; i++) {
        side[i] = sim_chance(sim, 500);
        voters += side[i] && view_voter(world->first, (int)i) >= 0;
    }
    bool wins = voters >= view_majority(world->first); /* the side that goes on */
    for (unsigned i = 0; i < world->hosts; i++)
        for (unsigned k = 0; k < i; k++)
            if (side[i] != side[k])
                sim_cut(sim, (int)i, (int)k);
    for (unsigned i = 0; i < world->hosts; i++)
        world->host[i].may_be_lost = side[i] != wins;
    sim_run(sim, 8000, NULL, NULL);
    for (unsigned i = 0; i < world->hosts; i++) {
        struct host *host = &world->host[i];
        bool votes = view_voter(view_of(world, i), (int)i) >= 0;
        if (side[i] != wins) {
            SIM_CHECK(sim, view_of(world, i)->number == 1, "host %u has no majority and view %d", i,
                      (int)view_of(world, i)->number);
            SIM_CHECK(sim, !votes || !watch_has_majority(host->watch, sim_now(sim)),
                      "voter %u goes on without a majority", i);
            SIM_CHECK(sim, host->lost_ms != 0, "host %u of the lesser half is not lost after %d ms",
                      i, (int)(sim_now(sim) - since_ms));
        } else {
            SIM_CHECK(sim, !votes || watch_has_majority(host->watch, sim_now(sim)),
                      "voter %u has a majority and stopped", i);
        }
    }
    world_end(world);
}

static void of_two_halves_the_one_with_the_majority_goes_on(void **state)
{
    (void)state;
    assert_int_equal(sim_seeds("two halves", 300, run_halves), 0);
}

UNIT_MAIN(cmocka_unit_test(a_dead_host_is_lost_in_time),
          cmocka_unit_test(a_cable_mended_in_a_second_costs_nothing),
          cmocka_unit_test(who_was_frozen_or_cut_off_is_told_when_it_comes_back),
          cmocka_unit_test(of_two_halves_the_one_with_the_majority_goes_on),
          cmocka_unit_test(a_thousand_far_hosts_lose_only_the_dead))
