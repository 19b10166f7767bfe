/* SPDX-License-Identifier: BSD-3-Clause */
/* place.c - which rank runs where */
#include "config.h"
#include "plan/place.h"

#include "base/rand.h"
#include "replica/world.h"
#include "test/lib/prelude.h"

#include <stdio.h>
#include <string.h>

#define SPREAD      WIRE__STRATEGY__SPREAD
#define CONCENTRATE WIRE__STRATEGY__CONCENTRATE

static void ranks_go_where_the_strategy_says(void **state)
{
    static const struct {
        Wire__Strategy strategy;
        uint32_t slots[4];
        uint32_t ranks;
        const char *map; /* host of each rank; NULL: no room */
    } cases[] = {
        {SPREAD, {2, 2, 2, 2}, 4, "0123"},
        {SPREAD, {2, 2, 2, 2}, 6, "012301"},
        {SPREAD, {1, 3, 0, 2}, 6, "013131"},
        {SPREAD, {4, 4, 4, 4}, 2, "01"},
        {SPREAD, {1, 0, 0, 3}, 4, "0333"},
        {SPREAD, {1, 1, 1, 1}, 5, NULL},
        {CONCENTRATE, {2, 2, 2, 2}, 4, "0011"},
        {CONCENTRATE, {2, 2, 2, 2}, 3, "001"},
        {CONCENTRATE, {1, 0, 4, 4}, 6, "022223"},
        {CONCENTRATE, {4, 4, 4, 4}, 1, "0"},
        {CONCENTRATE, {1, 1, 1, 0}, 4, NULL},
        {SPREAD, {0, 0, 0, 0}, 1, NULL},
        {SPREAD, {UINT32_MAX, 1, 1, 1}, 6, "012300"},
        {CONCENTRATE, {UINT32_MAX, 1, 1, 1}, 3, "000"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct place_host hosts[4] = {{0}};
        uint32_t rank_host[8] = {9, 9, 9, 9, 9, 9, 9, 9};
        char map[9] = "";
        for (int h = 0; h < 4; h++)
            hosts[h].slots = cases[i].slots[h];
        const struct place_job job = {cases[i].strategy, cases[i].ranks, NULL};
        int done = place_processes_on(&job, hosts, 4, rank_host, NULL);
        assert_int_equal(done, cases[i].map != NULL ? 0 : -1);
        if (done < 0) {
            assert_int_equal(rank_host[0], 9);
            continue;
        }
        for (uint32_t rank = 0; rank < cases[i].ranks; rank++)
            map[rank] = (char)('0' + rank_host[rank]);
        assert_string_equal(map, cases[i].map);
    }
}

static void counts_tell_what_finds_no_place(void **state)
{
    const struct place_host hosts[3] = {{.slots = 2}, {.slots = 1}, {.slots = 2}};
    const struct place_job seven = {SPREAD, 7, NULL}, three = {CONCENTRATE, 3, NULL},
                           none = {SPREAD, 3, NULL};
    uint32_t counts[3];

    (void)state;
    assert_int_equal(place_counts(&seven, hosts, 3, counts), 2);
    assert_int_equal(counts[0] + counts[1] + counts[2], 5);
    assert_int_equal(place_counts(&three, hosts, 3, counts), 0);
    assert_int_equal(counts[0], 2);
    assert_int_equal(counts[2], 0);
    assert_int_equal(place_counts(&none, hosts, 0, counts), 3);
}

/* ---- with replicas */

struct layout {
    struct place_host hosts[8];
    size_t count;
    char machines[8][4], sites[8][4];
};

/* "2aX" is a host of 2 slots on machine a at site X. */
static struct layout *lay(struct layout *layout, const char *const *hosts)
{
    memset(layout, 0, sizeof *layout);
    for (; hosts[layout->count] != NULL; layout->count++) {
        size_t i = layout->count;
        snprintf(layout->machines[i], 4, "%c", hosts[i][1]);
        snprintf(layout->sites[i], 4, "%c", hosts[i][2]);
        layout->hosts[i] = (struct place_host){.slots = (uint32_t)(hosts[i][0] - '0'),
                                               .machine_id = layout->machines[i],
                                               .site = layout->sites[i]};
    }
    return layout;
}

static struct place_job job_of(Wire__Strategy strategy, const char *text, uint32_t *degrees)
{
    struct place_job job = {strategy, (uint32_t)strlen(text), degrees};

    for (uint32_t rank = 0; rank < job.ranks; rank++)
        degrees[rank] = (uint32_t)(text[rank] - '0');
    return job;
}

/* No host has more than its slots, no machine a rank twice. */
static void expect_sound(const struct place_job *job, const struct place_host *hosts, size_t count,
                         const uint32_t *process_host)
{
    struct world *world = world_create_degrees(job->degrees, (int)job->ranks, NULL);
    uint32_t used[64] = {0};

    for (int p = 0; p < world->processes; p++) {
        assert_true(process_host[p] < count);
        assert_true(++used[process_host[p]] <= hosts[process_host[p]].slots);
        for (int q = 0; q < p; q++)
            if (world->rank[q] == world->rank[p])
                assert_string_not_equal(hosts[process_host[p]].machine_id,
                                        hosts[process_host[q]].machine_id);
    }
    world_destroy(world);
}

static void replicas_never_share_a_machine(void **state)
{
    static const struct {
        const char *hosts[9];
        const char *degrees;
        uint32_t missing;
    } cases[] = {
        {{"2a.", "2b.", "2c.", "2d."}, "2222", 0},
        {{"9a."}, "2222", 4},               /* one machine has each rank once */
        {{"4a.", "4a.", "4b."}, "2222", 0}, /* two daemons, one machine */
        {{"4a.", "4a."}, "2222", 4},
        {{"1a.", "1b.", "1c."}, "22", 1},
        {{"2a.", "2b."}, "31", 1}, /* slots enough, machines not */
        {{"2a.", "1b.", "1c."}, "31", 0},
        {{"4a.", "4b.", "4c."}, "3211", 0},
        {{"9a.", "1b."}, "222", 2},
    };

    (void)state;
    for (int strategy = SPREAD; strategy <= CONCENTRATE; strategy++)
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            struct layout layout;
            uint32_t degrees[8], counts[8], process_host[24];
            struct place_job job = job_of((Wire__Strategy)strategy, cases[i].degrees, degrees);

            lay(&layout, cases[i].hosts);
            assert_int_equal(place_counts(&job, layout.hosts, layout.count, counts),
                             cases[i].missing);
            int done = place_processes_on(&job, layout.hosts, layout.count, process_host, NULL);
            assert_int_equal(done, cases[i].missing > 0 ? -1 : 0);
            if (done == 0)
                expect_sound(&job, layout.hosts, layout.count, process_host);
        }
}

static void replicas_go_to_different_sites_and_like_processors(void **state)
{
    static const char *const hosts[] = {"1aX", "1bX", "1cY", "1dY", NULL};
    struct layout layout;
    uint32_t degrees[2], process_host[4];
    struct place_job job = job_of(SPREAD, "22", degrees);

    (void)state;
    lay(&layout, hosts);
    assert_int_equal(place_processes_on(&job, layout.hosts, 4, process_host, NULL), 0);
    for (int rank = 0; rank < 2; rank++)
        assert_string_not_equal(layout.hosts[process_host[rank]].site,
                                layout.hosts[process_host[rank + 2]].site);
    for (int i = 0; i < 4; i++) {
        layout.hosts[i].site = "one";
        layout.hosts[i].cpu_level = i % 2 == 0 ? 3 : 4;
    }
    assert_int_equal(place_processes_on(&job, layout.hosts, 4, process_host, NULL), 0);
    for (int rank = 0; rank < 2; rank++)
        assert_int_equal(layout.hosts[process_host[rank]].cpu_level,
                         layout.hosts[process_host[rank + 2]].cpu_level);
}

static void the_largest_r_is_found(void **state)
{
    static const char *const hosts[] = {"4a.", "4b.", "2c.", "9c.", NULL};
    struct layout layout;

    (void)state;
    lay(&layout, hosts);
    assert_int_equal(place_largest(4, layout.hosts, 4), 3);
    assert_int_equal(place_largest(5, layout.hosts, 4), 2);
    assert_int_equal(place_largest(9, layout.hosts, 4), 1);
    assert_int_equal(place_largest(20, layout.hosts, 4), 0);
}

/* Tries all ways to deal, machine `from` being the next that the first rank may use: is there one?
 */
static bool can_deal(const uint32_t *degrees, uint32_t ranks, uint32_t *left, uint32_t machines,
                     uint32_t from)
{
    uint32_t rest[4];

    if (ranks == 0)
        return true;
    if (from == machines)
        return degrees[0] == 0 && can_deal(degrees + 1, ranks - 1, left, machines, 0);
    if (can_deal(degrees, ranks, left, machines, from + 1))
        return true;
    if (left[from] == 0 || degrees[0] == 0)
        return false;
    memcpy(rest, degrees, ranks * sizeof *rest);
    rest[0]--;
    left[from]--;
    bool can = can_deal(rest, ranks, left, machines, from + 1);
    left[from]++;
    return can;
}

static void what_can_be_placed_is_placed(void **state)
{
    struct prng prng;

    (void)state;
    prng_seed(&prng, 5);
    for (int run = 0; run < 1000; run++) {
        static const char *const names[] = {"a", "b", "c", "d"};
        struct place_host hosts[4] = {{0}};
        uint32_t degrees[4], left[4], process_host[16], machines = 1 + prng_below(&prng, 4);
        struct place_job job = {prng_below(&prng, 2) != 0 ? SPREAD : CONCENTRATE,
                                1 + prng_below(&prng, 4), degrees};

        for (uint32_t i = 0; i < machines; i++) {
            hosts[i] = (struct place_host){.slots = prng_below(&prng, 5), .machine_id = names[i]};
            left[i] = hosts[i].slots;
        }
        for (uint32_t rank = 0; rank < job.ranks; rank++)
            degrees[rank] = 1 + prng_below(&prng, 3);
        bool can = can_deal(degrees, job.ranks, left, machines, 0);
        int done = place_processes_on(&job, hosts, machines, process_host, NULL);
        assert_int_equal(done, can ? 0 : -1);
        if (done == 0 && place_has_replicas(&job))
            expect_sound(&job, hosts, machines, process_host);
    }
}

UNIT_MAIN(cmocka_unit_test(ranks_go_where_the_strategy_says),
          cmocka_unit_test(counts_tell_what_finds_no_place),
          cmocka_unit_test(replicas_never_share_a_machine),
          cmocka_unit_test(replicas_go_to_different_sites_and_like_processors),
          cmocka_unit_test(the_largest_r_is_found), cmocka_unit_test(what_can_be_placed_is_placed))
