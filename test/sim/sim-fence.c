/* SPDX-License-Identifier: BSD-3-Clause */
/* sim-fence.c - fences of 1 to 64 hosts over channels: lossy links, ranks that end, hosts that are
 * lost
 *
 * Each host with living ranks in a set runs ROUNDS fences of it, one after the other; several sets
 * at once. Claims: every host that lives to the end completes every fence of its own once; the data
 * is that of hosts of the set, each at most once, in order, and nobody's is missing who lived to
 * the end. */
#include "config.h"
#include "coll/fence.h"
#include "job/chan.h"

#include "test/lib/prelude.h"
#include "test/lib/sim.h"

#include <stdio.h>
#include <string.h>

#define HOSTS_MAX 64
#define RANKS_MAX (3 * HOSTS_MAX)
#define SETS      3
#define ROUNDS    3
#define JOB       "0123456789abcdef0123456789abcdef"
#define NSPACE    "p2pmpi-test"

struct world;

struct host {
    struct world *world;
    int number;
    struct chan *chan;
    struct fence_engine *fence;
    struct round {
        struct host *host;
        int set, started, completed;
    } rounds[SETS];
};

struct set {
    struct fence_proc procs[RANKS_MAX];
    size_t count;
    bool has_host[HOSTS_MAX], has_rank[RANKS_MAX];
};

struct world {
    struct sim *sim;
    int hosts, ranks, sets;
    uint32_t rank_host[RANKS_MAX];
    bool rank_gone[RANKS_MAX], host_lost[HOSTS_MAX];
    struct host host[HOSTS_MAX];
    struct set set[SETS];
    int troubles; /* still to come */
    int laggard;  /* host that comes to its first fences too late, or -1 */
    int refuser;  /* host whose first fence fails, or -1 */
    uint32_t timeout_ms;
    bool may_fail; /* first fences, in any way */
};

static bool has_living(const struct world *world, int set, int host)
{
    for (int rank = 0; rank < world->ranks; rank++)
        if (world->set[set].has_rank[rank] && (int)world->rank_host[rank] == host &&
            !world->rank_gone[rank])
            return true;
    return false;
}

static bool is_untouched(const struct world *world, int set, int host)
{
    for (int rank = 0; rank < world->ranks; rank++)
        if (world->set[set].has_rank[rank] && (int)world->rank_host[rank] == host &&
            world->rank_gone[rank])
            return false;
    return world->set[set].has_host[host] && !world->host_lost[host];
}

static void rearm(struct host *host)
{
    int64_t now_ms = sim_now(host->world->sim);
    int chan_ms = chan_next(host->chan, now_ms), fence_ms = fence_next(host->fence, now_ms);

    sim_wake(host->world->sim, host->number,
             chan_ms < 0 || (fence_ms >= 0 && fence_ms < chan_ms) ? fence_ms : chan_ms);
}

/* ---------------------------------------------------------------- the engines' callbacks */

static void on_route(void *arg, const Wire__Route *route)
{
    struct host *host = arg;
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__Route copy = *route;
    size_t size;

    frame.body_case = WIRE__FRAME__BODY_ROUTE;
    frame.route = &copy;
    uint8_t *bytes = frame_pack(&frame, &size);
    sim_send(host->world->sim, host->number, route->dst, bytes, size);
    free(bytes);
}

static void on_deliver(void *arg, int src, const Wire__Step *step)
{
    struct host *host = arg;
    struct err err = {""};

    if (fence_receive(host->fence, src, step, sim_now(host->world->sim), &err) < 0)
        SIM_CHECK(host->world->sim, host->world->host_lost[src], "%d refused a message: %s",
                  host->number, err.text);
}

static void on_broken(void *arg, int peer, const char *why)
{
    struct host *host = arg;

    sim_fail(host->world->sim, "%d broke with %d: %s", host->number, peer, why);
}

static const struct chan_ops chan_ops = {on_route, on_deliver, NULL, on_broken};

static void on_fence_send(void *arg, int dst, const Wire__Step *step)
{
    struct host *host = arg;

    if (chan_send(host->chan, dst, step, sim_now(host->world->sim), NULL) < 0)
        SIM_CHECK(host->world->sim, chan_is_dropped(host->chan, dst), "a channel is full");
}

/* The data is a row of "host.set.round;" */
static void check_data(struct round *round, const char *data, size_t size)
{
    struct world *world = round->host->world;
    bool has[HOSTS_MAX] = {false};
    int last = -1, host, set, number, used;
    char text[HOSTS_MAX * 16];

    SIM_CHECK(world->sim, size < sizeof text, "%zu bytes are too many", size);
    if (size >= sizeof text)
        return; /* never: for the compiler */
    memcpy(text, data, size);
    text[size] = '\0';
    SIM_CHECK(world->sim, strlen(text) == size, "%zu bytes, but %s", size, text);
    for (const char *next = text; *next != '\0'; next += used) {
        if (sscanf(next, "%d.%d.%d;%n", &host, &set, &number, &used) != 3 || host <= last ||
            !world->set[round->set].has_host[host] || set != round->set ||
            number != round->completed) {
            sim_fail(world->sim, "%d has data %s in set %d round %d", round->host->number, text,
                     round->set, round->completed);
            return;
        }
        has[last = host] = true;
    }
    for (host = 0; host < world->hosts; host++)
        SIM_CHECK(world->sim, has[host] || !is_untouched(world, round->set, host),
                  "%d lacks data of %d in set %d round %d", round->host->number, host, round->set,
                  round->completed);
}

static void start_round(struct sim *sim, void *arg);

static void on_complete(void *arg, void *tag, int status, const uint8_t *data, size_t size,
                        const char *why)
{
    struct round *round = tag;
    struct world *world = round->host->world;

    (void)arg;
    round->completed++;
    sim_trace(world->sim, "%d completed set %d round %d: %d %s", round->host->number, round->set,
              round->completed, status, why);
    SIM_CHECK(world->sim, round->completed == round->started, "a fence completed twice");
    if (round->completed == 1 && world->may_fail && status != FENCE_OK)
        SIM_CHECK(world->sim, size == 0, "data with an error");
    else if (round->completed == 1 && world->laggard >= 0 && !world->may_fail)
        SIM_CHECK(world->sim, status == FENCE_TIMEOUT && size == 0, "%d: status %d, not a timeout",
                  round->host->number, status);
    else if (round->completed == 1 && world->refuser >= 0 && !world->may_fail &&
             world->set[round->set].has_host[world->refuser])
        SIM_CHECK(world->sim, status == -42 && size == 0, "%d: status %d, not the refuser's",
                  round->host->number, status);
    else if (status == FENCE_OK)
        check_data(round, (const char *)data, size);
    else
        sim_fail(world->sim, "%d: status %d, %s", round->host->number, status, why);
    if (round->completed < ROUNDS)
        sim_after(world->sim, sim_chance(world->sim, 300) ? 0 : sim_below(world->sim, 50),
                  start_round, round);
}

static const struct fence_ops fence_ops = {on_fence_send, on_complete};

/* ---------------------------------------------------------------- what happens */

static void start_round(struct sim *sim, void *arg)
{
    struct round *round = arg;
    struct host *host = round->host;
    struct world *world = host->world;
    bool refuses = world->refuser == host->number && round->started == 0;
    char data[32];
    struct err err = {""};

    if (!sim_is_alive(sim, host->number) || !has_living(world, round->set, host->number))
        return;
    round->started++;
    int size = snprintf(data, sizeof data, "%d.%d.%d;", host->number, round->set, round->started);
    uint32_t timeout_ms = round->started == 1 ? world->timeout_ms : 0;
    if (fence_contribute(host->fence, world->set[round->set].procs, world->set[round->set].count,
                         data, (size_t)size, refuses ? -42 : 0, timeout_ms, round, sim_now(sim),
                         &err) < 0)
        sim_fail(sim, "%d cannot contribute: %s", host->number, err.text);
    rearm(host);
}

static void node_receive(void *self, int src, const uint8_t *bytes, size_t size, int64_t now_ms)
{
    struct host *host = self;
    Wire__Frame *frame = frame_unpack(bytes + FRAME_HEAD, size - FRAME_HEAD, NULL);

    (void)src;
    chan_receive(host->chan, frame->route, now_ms);
    frame_free(frame);
    rearm(host);
}

static void node_tick(void *self, int64_t now_ms)
{
    struct host *host = self;

    chan_tick(host->chan, now_ms);
    fence_tick(host->fence, now_ms);
    rearm(host);
}

static const struct sim_node node_type = {node_receive, node_tick, NULL, NULL};

struct news {
    struct host *to;
    int host, rank; /* one of them -1 */
};

static void tell(struct sim *sim, void *arg)
{
    struct news *news = arg;
    struct host *host = news->to;

    if (sim_is_alive(sim, host->number)) {
        if (news->host >= 0) {
            chan_drop_peer(host->chan, news->host);
            fence_host_lost(host->fence, news->host, sim_now(sim));
        } else {
            fence_rank_gone(host->fence, (uint32_t)news->rank, sim_now(sim));
        }
        rearm(host);
    }
    free(news);
}

static void spread(struct world *world, int lost, int rank)
{
    for (int i = 0; i < world->hosts; i++) {
        struct news *news = malloc(sizeof *news);
        bool is_own = rank >= 0 && (int)world->rank_host[rank] == i;
        *news = (struct news){&world->host[i], lost, rank};
        sim_after(world->sim, is_own ? 0 : sim_below(world->sim, 600), tell, news);
    }
}

static void trouble(struct sim *sim, void *arg)
{
    struct world *world = arg;
    int host = (int)sim_below(sim, (uint32_t)world->hosts),
        rank = (int)sim_below(sim, (uint32_t)world->ranks);

    if (sim_chance(sim, 500)) {
        if (!world->rank_gone[rank]) {
            sim_trace(sim, "rank %d ends", rank);
            world->rank_gone[rank] = true;
            spread(world, -1, rank);
        }
    } else if (!world->host_lost[host]) {
        world->host_lost[host] = true;
        sim_kill(sim, host);
        spread(world, host, -1);
    }
    if (--world->troubles > 0)
        sim_after(sim, sim_below(sim, 200), trouble, world);
}

/* ---------------------------------------------------------------- worlds */

static void set_fill(struct world *world, struct set *set, bool is_all)
{
    struct sim *sim = world->sim;

    if (is_all)
        set->procs[set->count++] = (struct fence_proc){NSPACE, FENCE_WILDCARD};
    for (int rank = 0; rank < world->ranks; rank++) {
        if (!is_all && !sim_chance(sim, 500))
            continue;
        set->has_rank[rank] = set->has_host[world->rank_host[rank]] = true;
        if (!is_all)
            set->procs[set->count++] = (struct fence_proc){NSPACE, (uint32_t)rank};
    }
}

static void ranks_place(struct world *world)
{
    for (int host = 0; host < world->hosts; host++)
        for (uint32_t left = sim_between(world->sim, 1, 3); left > 0; left--)
            world->rank_host[world->ranks++] = (uint32_t)host;
}

static struct world *world_make(struct sim *sim)
{
    struct world *world = calloc(1, sizeof *world);
    struct sim_link link = {1, 1 + sim_below(sim, 20),
                            sim_chance(sim, 500) ? sim_below(sim, 200) : 0,
                            sim_chance(sim, 500) ? sim_below(sim, 100) : 0, sim_chance(sim, 500)};

    world->sim = sim;
    world->laggard = world->refuser = -1;
    world->hosts = (int)sim_between(sim, 1, sim_chance(sim, 100) ? HOSTS_MAX : 12);
    world->sets = (int)sim_between(sim, 1, SETS);
    sim_links(sim, &link);
    ranks_place(world);
    for (int i = 0; i < world->sets; i++) {
        set_fill(world, &world->set[i], i == 0);
        if (i == 2 && memcmp(world->set[1].has_rank, world->set[2].has_rank,
                             sizeof world->set[1].has_rank) == 0)
            world->sets--; /* twice the same set: their fences are one series */
    }
    for (int i = 0; i < world->hosts; i++) {
        struct host *host = &world->host[i];
        host->world = world;
        host->number = sim_node_add(sim, &node_type, host);
        host->chan = chan_create(JOB, i, (unsigned)world->hosts, 1000, &chan_ops, host);
        host->fence =
            fence_create(NSPACE, i, world->rank_host, (size_t)world->ranks, &fence_ops, host);
    }
    return world;
}

static bool is_done(void *arg)
{
    struct world *world = arg;

    if (world->troubles > 0)
        return false;
    for (int i = 0; i < world->hosts; i++)
        for (int set = 0; set < world->sets && !world->host_lost[i]; set++) {
            const struct round *round = &world->host[i].rounds[set];
            if (round->completed < round->started ||
                (has_living(world, set, i) && round->completed < ROUNDS))
                return false;
        }
    return true;
}

static void world_run(struct world *world)
{
    struct sim *sim = world->sim;

    for (int i = 0; i < world->hosts; i++)
        for (int set = 0; set < world->sets; set++) {
            struct round *round = &world->host[i].rounds[set];
            *round = (struct round){&world->host[i], set, 0, 0};
            sim_after(sim, world->laggard == i ? 5000 : sim_below(sim, 100), start_round, round);
        }
    if (world->troubles > 0)
        sim_after(sim, sim_below(sim, 200), trouble, world);
    bool done = sim_run(sim, 300000, is_done, world);
    for (int i = 0; i < world->hosts && !done; i++)
        for (int set = 0; set < world->sets; set++)
            if (!world->host_lost[i] &&
                world->host[i].rounds[set].completed < world->host[i].rounds[set].started)
                sim_fail(sim, "%d waits for ever in set %d round %d", i, set,
                         world->host[i].rounds[set].started);
    SIM_CHECK(sim, done, "not done");
    sim_run(sim, 300000, NULL, NULL); /* what is on its way, and news not told yet */
    for (int i = 0; i < world->hosts; i++) {
        SIM_CHECK(sim,
                  world->host_lost[i] || world->troubles > 0 ||
                      fence_pending(world->host[i].fence) == 0 || !done,
                  "%d still knows %zu fences", i, fence_pending(world->host[i].fence));
        fence_destroy(world->host[i].fence);
        chan_destroy(world->host[i].chan);
    }
    free(world);
}

static void run_lossy(struct sim *sim)
{
    world_run(world_make(sim));
}

static void run_deaths(struct sim *sim)
{
    struct world *world = world_make(sim);

    world->troubles = (int)sim_between(sim, 1, 1 + (uint32_t)world->hosts / 2);
    world_run(world);
}

static void run_laggard(struct sim *sim)
{
    struct world *world = world_make(sim);

    world->sets = 1;
    world->timeout_ms = 1000;
    world->laggard = (int)sim_below(sim, (uint32_t)world->hosts);
    if (world->hosts == 1)
        world->laggard = -1;
    world_run(world);
}

static void run_refuser(struct sim *sim)
{
    struct world *world = world_make(sim);

    world->refuser = (int)sim_below(sim, (uint32_t)world->hosts);
    world_run(world);
}

static void run_all_at_once(struct sim *sim)
{
    struct world *world = world_make(sim);

    world->may_fail = true;
    world->troubles = (int)sim_between(sim, 1, 1 + (uint32_t)world->hosts / 2);
    world->timeout_ms = sim_chance(sim, 500) ? 300 + sim_below(sim, 2000) : 0;
    world->refuser = sim_chance(sim, 500) ? (int)sim_below(sim, (uint32_t)world->hosts) : -1;
    world->laggard = sim_chance(sim, 500) ? (int)sim_below(sim, (uint32_t)world->hosts) : -1;
    world_run(world);
}

static void fences_complete_over_lossy_links(void **state)
{
    (void)state;
    assert_int_equal(sim_seeds("fence", 500, run_lossy), 0);
}

static void survivors_complete_whatever_dies(void **state)
{
    (void)state;
    assert_int_equal(sim_seeds("fence with deaths", 1500, run_deaths), 0);
}

static void a_timeout_ends_the_fence_for_all_and_the_next_one_works(void **state)
{
    (void)state;
    assert_int_equal(sim_seeds("fence with a laggard", 200, run_laggard), 0);
}

static void an_error_of_one_host_reaches_all_and_the_next_one_works(void **state)
{
    (void)state;
    assert_int_equal(sim_seeds("fence with an error", 200, run_refuser), 0);
}

static void deaths_timeouts_and_errors_together_stop_nobody(void **state)
{
    (void)state;
    assert_int_equal(sim_seeds("fence with all of it", 500, run_all_at_once), 0);
}

UNIT_MAIN(cmocka_unit_test(deaths_timeouts_and_errors_together_stop_nobody),
          cmocka_unit_test(fences_complete_over_lossy_links),
          cmocka_unit_test(survivors_complete_whatever_dies),
          cmocka_unit_test(a_timeout_ends_the_fence_for_all_and_the_next_one_works),
          cmocka_unit_test(an_error_of_one_host_reaches_all_and_the_next_one_works))
