/* SPDX-License-Identifier: BSD-3-Clause */
/* world.c - who is which replica of which rank, and what is refused */
#include "config.h"

#include "replica/world.h"

#include <string.h>

#include "test/lib/prelude.h"

static void processes_are_dealt_set_by_set(void **state)
{
    struct world *world = world_create(8, 2, NULL);

    assert_int_equal(world->ranks, 4);
    for (int process = 0; process < 8; process++) {
        assert_int_equal(world->rank[process], process % 4);
        assert_int_equal(world->set[process], process / 4);
        assert_int_equal(world_process(world, process % 4, process / 4), process);
    }
    assert_int_equal(world_process(world, 0, 2), -1);
    world_destroy(world);
    (void)state;
}

static void a_map_gives_each_rank_its_own_number(void **state)
{
    struct world *world = world_create_map(6, "2,1,3", NULL);

    assert_int_equal(world->ranks, 3);
    assert_int_equal(world->replicas, 3);
    assert_int_equal(world_process(world, 2, 0), 2);
    assert_int_equal(world_process(world, 0, 1), 3);
    assert_int_equal(world_process(world, 1, 1), -1);
    assert_int_equal(world_process(world, 2, 1), 4);
    assert_int_equal(world_process(world, 2, 2), 5);
    world_destroy(world);
    (void)state;
}

static void a_count_that_does_not_come_out_is_refused(void **state)
{
    static const struct {
        int processes, replicas;
        const char *map, *says;
    } cases[] = {
        {7, 2, NULL, "a multiple of 2"},    {4, 0, NULL, "1 to 16"},
        {34, 17, NULL, "1 to 16"},          {0, 2, NULL, "a multiple of 2"},
        {4, 0, "2,1", "wants 3 processes"}, {4, 0, "2,x", "not a list"},
        {4, 0, "", "not a list"},           {4, 0, "2,,2", "not a list"},
        {4, 0, "0,4", "cannot have 0"},     {2, 0, "1,1,1", "more ranks than 2"},
        {4, 0, "2,2,", "not a list"},       {4, 0, "99999999999999999999", "1 to 16"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err err;
        struct world *world = cases[i].map != NULL
                                  ? world_create_map(cases[i].processes, cases[i].map, &err)
                                  : world_create(cases[i].processes, cases[i].replicas, &err);

        assert_null(world);
        assert_non_null(strstr(err.text, cases[i].says));
    }
}

static void replicas_that_share_a_host_are_found(void **state)
{
    struct world *world = world_create(4, 2, NULL);
    static const int apart[] = {0, 0, 1, 1}, together[] = {0, 1, 2, 1};
    int first, second;

    assert_int_equal(world_shared_host(world, apart, &first, &second), -1);
    assert_int_equal(world_shared_host(world, together, &first, &second), 1);
    assert_int_equal(first, 1);
    assert_int_equal(second, 3);
    world_destroy(world);
    (void)state;
}

UNIT_MAIN(cmocka_unit_test(processes_are_dealt_set_by_set),
          cmocka_unit_test(a_map_gives_each_rank_its_own_number),
          cmocka_unit_test(a_count_that_does_not_come_out_is_refused),
          cmocka_unit_test(replicas_that_share_a_host_are_found))
