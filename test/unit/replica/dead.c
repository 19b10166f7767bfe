/* SPDX-License-Identifier: BSD-3-Clause */
/* dead.c - the set of the dead only grows; substitutes follow from it */
#include "config.h"

#include "replica/dead.h"

#include "test/lib/prelude.h"

static void the_living_with_the_lowest_index_stands_in(void **state)
{
    struct world *world = world_create(6, 3, NULL); /* rank 0: 0 2 4 */
    struct dead *dead = dead_create(world);

    assert_int_equal(dead_server(dead, 0, 1), 2);
    assert_true(dead_add(dead, 2));
    assert_false(dead_add(dead, 2));
    assert_int_equal(dead_server(dead, 0, 1), 0);
    assert_true(dead_add(dead, 0));
    assert_int_equal(dead_server(dead, 0, 1), 4);
    assert_int_equal(dead_server(dead, 0, 2), 4);
    assert_true(dead_add(dead, 4));
    assert_int_equal(dead_server(dead, 0, 1), -1);
    assert_int_equal(dead_server(dead, 1, 1), 3);
    dead_destroy(dead);
    world_destroy(world);
    (void)state;
}

/* Whatever order the deaths of a rank come in, nobody who served a set before serves it again. */
static void the_server_of_a_set_only_moves_on(void **state)
{
    static const int orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                    {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    (void)state;
    for (size_t order = 0; order < 6; order++)
        for (int set = 0; set < 3; set++) {
            struct world *world = world_create(3, 3, NULL);
            struct dead *dead = dead_create(world);
            int turn = -1;

            for (int i = 0; i < 3; i++) {
                int now = dead_turn(set, dead_server(dead, 0, set));

                assert_true(now >= turn);
                turn = now;
                dead_add(dead, orders[order][i]);
            }
            dead_destroy(dead);
            world_destroy(world);
        }
}

UNIT_MAIN(cmocka_unit_test(the_living_with_the_lowest_index_stands_in),
          cmocka_unit_test(the_server_of_a_set_only_moves_on))
