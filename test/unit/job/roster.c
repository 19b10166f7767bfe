/* SPDX-License-Identifier: BSD-3-Clause */
/* roster.c - which ranks live on, whoever of their replicas ends how */
#include "config.h"
#include "job/roster.h"

#include "test/lib/prelude.h"

static void degrees_must_come_out(void **state)
{
    static const uint32_t two_one[] = {2, 1}, none[] = {2, 0, 1}, many[] = {17};

    (void)state;
    assert_true(roster_is_sound(3, two_one, 2));
    assert_true(roster_is_sound(3, NULL, 0));
    assert_false(roster_is_sound(4, two_one, 2));
    assert_false(roster_is_sound(3, none, 3));
    assert_false(roster_is_sound(17, many, 1));
    assert_false(roster_is_sound(0, NULL, 0));
    assert_null(roster_create(4, two_one, 2));
}

static void without_replicas_each_process_is_a_rank(void **state)
{
    struct roster *roster = roster_create(3, NULL, 0);

    (void)state;
    assert_false(roster_has_replicas(roster));
    assert_int_equal(roster_rank(roster, 2), 2);
    assert_true(roster_died(roster, 2));
    assert_int_equal(roster_left(roster, 2), 0);
    assert_int_equal(roster_running(roster), 2);
    roster_destroy(roster);
}

static void a_rank_lives_while_one_replica_runs_or_ended_well(void **state)
{
    static const uint32_t degrees[] = {2, 3}; /* processes: 0 1 | 0 1 | 1 */
    struct roster *roster = roster_create(5, degrees, 2);

    (void)state;
    assert_true(roster_has_replicas(roster));
    assert_int_equal(roster_rank(roster, 4), 1);
    assert_true(roster_died(roster, 1));
    assert_false(roster_died(roster, 1));
    assert_false(roster_ended_well(roster, 1)); /* the first word counts */
    assert_int_equal(roster_left(roster, 1), 2);
    assert_true(roster_ended_well(roster, 3));
    assert_true(roster_died(roster, 4));
    assert_int_equal(roster_left(roster, 1), 1);
    assert_true(roster_ended_well(roster, 0));
    assert_int_equal(roster_running(roster), 1);
    assert_int_equal(roster_state_of(roster, 2), ROSTER_RUNS);
    assert_true(roster_lost(roster, 3)); /* it had ended well, but who can ask it now */
    assert_false(roster_lost(roster, 3));
    assert_int_equal(roster_left(roster, 1), 0);
    assert_int_equal(roster_left(roster, 0), 2);
    assert_true(roster_lost(roster, 2));
    assert_int_equal(roster_running(roster), 0);
    assert_false(roster_died(roster, 5));
    roster_destroy(roster);
}

UNIT_MAIN(cmocka_unit_test(degrees_must_come_out),
          cmocka_unit_test(without_replicas_each_process_is_a_rank),
          cmocka_unit_test(a_rank_lives_while_one_replica_runs_or_ended_well))
