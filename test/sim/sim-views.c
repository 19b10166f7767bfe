/* SPDX-License-Identifier: BSD-3-Clause */
/* sim-views.c - views of a job under partitions, losses, repetitions, deaths and restarts
 *
 * Every member's detector is an oracle that errs: it accuses the living, too, and takes it back.
 * Whatever it says, all members that know view n know the same view n. Then trouble ends, the
 * oracle tells the truth, and where a majority of the newest voters lives all agree on who is lost.
 */
#include "config.h"
#include "test/lib/prelude.h"
#include "test/lib/sim.h"

#include "base/mem.h"
#include "job/views.h"
#include "wire/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMBERS_MAX 14
#define VIEWS_MAX   64
#define TROUBLE_MS  4000
#define SETTLE_MS   60000

struct world;
struct member {
    struct world *world;
    int node;
    struct views *views;
    Wire__ViewMemory *memory; /* what keep() was given: outlives the process */
    bool is_mute;
};
struct world {
    struct sim *sim;
    unsigned members, restarts_mute;
    uint32_t machines[MEMBERS_MAX];
    struct view_rules rules;
    struct view *first;
    struct member member[MEMBERS_MAX];
    struct view *decided[VIEWS_MAX]; /* by number, as the first that knew it had it */
    bool gone[MEMBERS_MAX];          /* dead for good: what a true detector would say */
    bool is_truthful;
};

static int rearm(struct member *member)
{
    sim_wake(member->world->sim, member->node,
             views_next(member->views, sim_now(member->world->sim)));
    return 0;
}

/* ---- what the engine asks for */

static void on_send(void *arg, int to, const Wire__ViewVote *vote)
{
    struct member *member = arg;
    Wire__Frame frame = WIRE__FRAME__INIT;
    size_t size;

    frame.body_case = WIRE__FRAME__BODY_VIEW_VOTE;
    frame.view_vote = (Wire__ViewVote *)vote;
    uint8_t *bytes = frame_pack(&frame, &size);
    sim_send(member->world->sim, member->node, to, bytes, size);
    free(bytes);
}

static void on_keep(void *arg, const Wire__ViewMemory *memory)
{
    struct member *member = arg;

    if (member->memory != NULL)
        message_free(member->memory);
    member->memory = message_copy(&memory->base);
}

static enum view_trust trusts(void *arg, int other)
{
    struct member *member = arg;
    struct world *world = member->world;

    if (world->is_truthful)
        return sim_is_alive(world->sim, other) ? VIEW_HEARD : VIEW_DOUBTED;
    return sim_chance(world->sim, 50) ? VIEW_HEARD : (enum view_trust)sim_below(world->sim, 2);
}

static void on_changed(void *arg, const struct view *before, const struct view *after)
{
    struct member *member = arg;
    struct world *world = member->world;

    sim_trace(world->sim, "%d: view %d, home %d", member->node, (int)after->number, after->home);
    SIM_CHECK(world->sim, after->number > before->number, "member %d went back to view %d",
              member->node, (int)after->number);
    if (after->number >= VIEWS_MAX) {
        sim_fail(world->sim, "view %d of %u members", (int)after->number, world->members);
        return;
    }
    if (world->decided[after->number] == NULL)
        world->decided[after->number] = view_copy(after);
    SIM_CHECK(world->sim, view_equal(world->decided[after->number], after),
              "two views have number %d: homes %d and %d", (int)after->number,
              world->decided[after->number]->home, after->home);
    SIM_CHECK(world->sim, !view_is_lost(after, after->home), "the home of view %d is lost",
              (int)after->number);
}

static const struct views_ops ops = {on_send, on_keep, trusts, on_changed};

static void member_create(struct member *member)
{
    struct world *world = member->world;
    struct views_config config = {.self = member->node,
                                  .rules = world->rules,
                                  .seed = sim_seed(world->sim) + (unsigned)member->node};
    struct err err;

    member->views =
        views_create(&config, world->first, member->memory, member->is_mute, &ops, member, &err);
    if (member->views == NULL)
        sim_fail(world->sim, "%s", err.text);
    else
        rearm(member);
}

/* ---- a node */

static void node_receive(void *self, int src, const uint8_t *bytes, size_t size, int64_t now_ms)
{
    struct member *member = self;
    struct err err;
    Wire__Frame *frame = frame_unpack(bytes + FRAME_HEAD, size - FRAME_HEAD, NULL);

    if (views_receive(member->views, src, frame->view_vote, now_ms, &err) < 0)
        sim_fail(member->world->sim, "%s", err.text);
    frame_free(frame);
    rearm(member);
}

static void node_tick(void *self, int64_t now_ms)
{
    struct member *member = self;

    views_tick(member->views, now_ms);
    rearm(member);
}

static void node_died(void *self)
{
    struct member *member = self;

    views_destroy(member->views);
    member->views = NULL;
}

static void node_started(void *self, int64_t now_ms)
{
    struct member *member = self;
    struct sim *sim = member->world->sim;

    (void)now_ms;
    if (sim_chance(sim, 150)) { /* its file is lost, too */
        sim_trace(sim, "%d remembers nothing", member->node);
        member->is_mute = true;
        member->world->restarts_mute++;
        if (member->memory != NULL)
            message_free(member->memory);
        member->memory = NULL;
    }
    member_create(member);
}

static const struct sim_node node_type = {node_receive, node_tick, node_died, node_started};

/* ---- trouble */

static void accuse_somebody(struct sim *sim, void *arg)
{
    struct world *world = arg;
    struct member *member = &world->member[sim_below(sim, world->members)];
    int victim = (int)sim_below(sim, world->members);

    if (member->views == NULL)
        return;
    views_accuse(member->views, victim, sim_chance(sim, 700), sim_now(sim));
    rearm(member);
}

static void part_somebody(struct sim *sim, void *arg)
{
    struct world *world = arg;
    bool side[MEMBERS_MAX];

    for (unsigned i = 0; i < world->members; i++)
        side[i] = sim_chance(sim, 400);
    for (unsigned i = 0; i < world->members; i++)
        for (unsigned k = 0; k < i; k++)
            if (side[i] != side[k])
                sim_cut(sim, (int)i, (int)k);
}

static void mend_all(struct sim *sim, void *arg)
{
    struct world *world = arg;

    for (unsigned i = 0; i < world->members; i++)
        sim_join(sim, (int)i);
}

static void kill_or_start(struct sim *sim, void *arg)
{
    struct world *world = arg;
    int node = (int)sim_below(sim, world->members);

    if (world->gone[node])
        return;
    if (!sim_is_alive(sim, node)) {
        sim_start(sim, node);
    } else {
        sim_kill(sim, node);
        world->gone[node] = sim_chance(sim, 300);
    }
}

static void all_start(struct world *world)
{
    for (unsigned i = 0; i < world->members; i++)
        if (!world->gone[i])
            sim_start(world->sim, (int)i);
}

/* The newest view that somebody living knows (a decider may have forgotten what nobody else heard).
 */
static const struct view *newest(const struct world *world)
{
    const struct view *view = world->first;

    for (unsigned i = 0; i < world->members; i++)
        if (world->member[i].views != NULL &&
            views_current(world->member[i].views)->number > view->number)
            view = views_current(world->member[i].views);
    return view;
}

/* Everybody's detector tells the truth now; and beats would tell who is behind. */
static void tell_truth(struct sim *sim, void *arg)
{
    struct world *world = arg;

    for (unsigned i = 0; i < world->members; i++) {
        struct member *member = &world->member[i];
        if (member->views == NULL)
            continue;
        for (unsigned k = 0; k < world->members; k++)
            views_accuse(member->views, (int)k, world->gone[k], sim_now(sim));
        int other = (int)sim_below(sim, world->members);
        if (other != member->node)
            views_ask(member->views, other, sim_now(sim));
        rearm(member);
    }
    sim_after(sim, 100, tell_truth, world);
}

/* ---- the end */

static unsigned able_voters(const struct world *world, const struct view *view)
{
    unsigned able = 0;

    for (unsigned i = 0; i < view->voter_count; i++)
        able += !world->gone[view->voters[i]] && !world->member[view->voters[i]].is_mute;
    return able;
}

static bool agrees(const struct world *world, const struct member *member)
{
    const struct view *view = views_current(member->views);

    for (unsigned i = 0; i < world->members; i++)
        if (world->gone[i] && !view->lost[i])
            return false;
    return view->number == newest(world)->number;
}

static bool is_settled(void *arg)
{
    struct world *world = arg;

    for (unsigned i = 0; i < world->members; i++)
        if (world->member[i].views != NULL && !view_is_lost(newest(world), (int)i) &&
            !agrees(world, &world->member[i]))
            return false;
    return true;
}

static struct world *world_make(struct sim *sim)
{
    struct world *world = mem_alloc(sizeof *world);
    struct sim_link link = {1, 1 + sim_below(sim, 80),
                            sim_chance(sim, 500) ? sim_below(sim, 200) : 0, sim_below(sim, 100),
                            sim_chance(sim, 500)};

    world->sim = sim;
    world->members = sim_between(sim, 1, MEMBERS_MAX);
    for (unsigned i = 0; i < world->members; i++)
        world->machines[i] = sim_chance(sim, 900) ? i : sim_below(sim, i + 1);
    world->rules = (struct view_rules){world->machines, sim_chance(sim, 500) ? VIEW_FIVE_FROM : 5};
    world->first = view_first(world->members, (int)sim_below(sim, world->members), &world->rules);
    sim_links(sim, &link);
    for (unsigned i = 0; i < world->members; i++) {
        world->member[i].world = world;
        world->member[i].node = sim_node_add(sim, &node_type, &world->member[i]);
        member_create(&world->member[i]);
        views_set_round(world->member[i].views, link.delay_max_ms * 2, sim_now(sim));
    }
    return world;
}

static void world_end(struct world *world)
{
    for (unsigned i = 0; i < world->members; i++) {
        views_destroy(world->member[i].views);
        if (world->member[i].memory != NULL)
            message_free(world->member[i].memory);
    }
    for (int i = 0; i < VIEWS_MAX; i++)
        view_destroy(world->decided[i]);
    view_destroy(world->first);
    free(world);
}

/* Trouble ends, detectors tell the truth, and all must come to agree. */
static void settle(struct world *world)
{
    struct sim *sim = world->sim;
    struct sim_link link = {1, 30, 50, 50, true};

    sim_links(sim, &link);
    mend_all(sim, world);
    all_start(world);
    world->is_truthful = true;
    for (unsigned i = 0; i < world->members; i++)
        if (world->member[i].views != NULL)
            views_set_round(world->member[i].views, 60, sim_now(sim));
    tell_truth(sim, world);
    bool settled = sim_run(sim, SETTLE_MS, is_settled, world);
    const struct view *view = newest(world);
    if (able_voters(world, view) >= view_majority(view))
        SIM_CHECK(sim, settled, "view %d: %u of %u voters live, and no new view comes",
                  (int)view->number, able_voters(world, view), view->voter_count);
}

static void run(struct sim *sim)
{
    static void (*const acts[])(struct sim *, void *) = {part_somebody, mend_all, kill_or_start,
                                                         kill_or_start};
    struct world *world = world_make(sim);
    unsigned troubles = sim_below(sim, 12), words = sim_below(sim, 60);

    for (unsigned i = 0; i < words; i++)
        sim_after(sim, sim_below(sim, TROUBLE_MS), accuse_somebody, world);
    for (unsigned i = 0; i < troubles; i++)
        sim_after(sim, sim_below(sim, TROUBLE_MS), acts[sim_below(sim, 4)], world);
    sim_run(sim, TROUBLE_MS, NULL, NULL);
    settle(world);
    world_end(world);
}

/* One voter ends and begins again: its daemon was restarted. */
static void restart_voter(struct sim *sim, void *arg)
{
    struct world *world = arg;
    const struct view *view = newest(world);
    int node = view->voters[sim_below(sim, view->voter_count)];

    if (!sim_is_alive(sim, node))
        return;
    sim_kill(sim, node);
    sim_start(sim, node);
}

/* Every voter of the newest view wants another one lost. */
static void quarrel(struct sim *sim, void *arg)
{
    struct world *world = arg;
    const struct view *view = newest(world);

    for (unsigned i = 0; i < view->voter_count; i++) {
        struct member *member = &world->member[view->voters[i]];
        if (member->views == NULL)
            continue;
        views_set_round(member->views, 1 + sim_below(sim, 60), sim_now(sim));
        views_accuse(member->views, (int)sim_below(sim, world->members), true, sim_now(sim));
        rearm(member);
    }
}

/* All voters propose at once, over a network that loses a third, while their daemons are restarted.
 */
static void run_quarrel(struct sim *sim)
{
    struct world *world = world_make(sim);
    struct sim_link link = {1, 1 + sim_below(sim, 120), sim_below(sim, 500), sim_below(sim, 400),
                            true};
    unsigned restarts = sim_below(sim, 30);

    sim_links(sim, &link);
    for (unsigned i = 0; i < 12; i++)
        sim_after(sim, sim_below(sim, TROUBLE_MS), quarrel, world);
    for (unsigned i = 0; i < restarts; i++)
        sim_after(sim, sim_below(sim, TROUBLE_MS), restart_voter, world);
    sim_run(sim, TROUBLE_MS, NULL, NULL);
    settle(world);
    world_end(world);
}

static void all_know_the_same_views_and_a_majority_goes_on(void **state)
{
    (void)state;
    assert_int_equal(sim_seeds("views of a job", 3000, run), 0);
}

static void voters_that_all_propose_at_once_agree(void **state)
{
    (void)state;
    assert_int_equal(sim_seeds("quarrelling voters", 6000, run_quarrel), 0);
}

UNIT_MAIN(cmocka_unit_test(all_know_the_same_views_and_a_majority_goes_on),
          cmocka_unit_test(voters_that_all_propose_at_once_agree))
