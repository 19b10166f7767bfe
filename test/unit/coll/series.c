/* SPDX-License-Identifier: BSD-3-Clause */
/* series.c - sets of processes, their hosts, and which of their fences are over (with procset.c) */
#include "config.h"
#include "coll/series.h"

#include "test/lib/prelude.h"

#include <string.h>

static const uint32_t rank_host[] = {4, 4, 2, 2, 0, 0};
static bool rank_gone[6], host_lost[5];
static const struct series_job job = {rank_host, rank_gone, host_lost, 6, 5, 2};

static void a_set_is_the_same_in_any_order_and_however_often_named(void **state)
{
    const uint32_t ranks[] = {5, 1, 3, 1, 5}, sorted[] = {1, 3, 5};
    struct procset set;

    (void)state;
    assert_int_equal(procset_init(&set, ranks, 5, 6), 0);
    assert_int_equal(set.count, 3);
    assert_memory_equal(set.ranks, sorted, sizeof sorted);
    assert_true(procset_has(&set, 3) && !procset_has(&set, 2) && !procset_is_all(&set));
    procset_clear(&set);
}

static void the_wildcard_swallows_the_others(void **state)
{
    const uint32_t ranks[] = {5, PROCSET_WILDCARD, 3};
    struct procset set;

    (void)state;
    assert_int_equal(procset_init(&set, ranks, 3, 6), 0);
    assert_int_equal(set.count, 1);
    assert_true(procset_is_all(&set) && procset_has(&set, 0));
    procset_clear(&set);
}

static void unknown_ranks_and_nobody_are_no_set(void **state)
{
    const uint32_t ranks[] = {6};
    struct procset set;

    (void)state;
    assert_int_equal(procset_init(&set, ranks, 1, 6), -1);
    assert_int_equal(procset_init(&set, ranks, 0, 6), -1);
}

static struct series *make(const uint32_t *ranks, size_t count)
{
    struct procset set;

    assert_int_equal(procset_init(&set, ranks, count, 6), 0);
    struct series *series = series_create_take(&set, &job);
    if (series == NULL)
        procset_clear(&set);
    return series;
}

static void positions_are_the_hosts_in_order(void **state)
{
    const uint32_t all[] = {PROCSET_WILDCARD}, some[] = {3, 0}, others[] = {0, 5};
    struct series *series = make(all, 1);

    (void)state;
    assert_int_equal(series->count, 3);
    assert_int_equal(series->me, 1);
    assert_int_equal(series_position(series, 4), 2);
    assert_int_equal(series_position(series, 3), TREE_NONE);
    assert_int_equal(series_position(series, 99), TREE_NONE);
    series_destroy(series);
    series = make(some, 2);
    assert_int_equal(series->count, 2);
    assert_int_equal(series->me, 0);
    series_destroy(series);
    assert_null(make(others, 2));
}

static void a_host_is_awaited_while_a_rank_of_the_set_lives_there(void **state)
{
    const uint32_t some[] = {0, 1, 3};
    struct series *series = make(some, 3);

    (void)state;
    series_rank_gone(series, 2, 2);
    assert_true(series_is_awaited(series, 0));
    series_rank_gone(series, 0, 4);
    assert_true(series_is_awaited(series, 1));
    series_rank_gone(series, 1, 4);
    assert_false(series_is_awaited(series, 1));
    assert_false(series_host_lost(series, 0));
    assert_true(series_host_lost(series, 2));
    assert_false(series_is_awaited(series, 0));
    series_destroy(series);
}

static void fences_may_end_out_of_order_within_a_window(void **state)
{
    const uint32_t all[] = {PROCSET_WILDCARD};
    struct series *series = make(all, 1);

    (void)state;
    assert_false(series_is_near(series, 0));
    assert_true(series_is_over(series, 0));
    assert_true(series_is_near(series, SERIES_AHEAD) && !series_is_near(series, SERIES_AHEAD + 1));
    series_set_over(series, SERIES_AHEAD);
    series_set_over(series, 2);
    assert_true(series_is_over(series, 2) && series_is_over(series, SERIES_AHEAD) &&
                !series_is_over(series, 1));
    assert_false(series_is_over(series, UINT32_MAX));
    series_set_over(series, 1);
    assert_int_equal(series->over_upto, 2);
    for (uint32_t number = 3; number < SERIES_AHEAD; number++)
        series_set_over(series, number);
    assert_int_equal(series->over_upto, SERIES_AHEAD);
    assert_true(series->over_mask == 0);
    series_destroy(series);
}

UNIT_MAIN(cmocka_unit_test(a_set_is_the_same_in_any_order_and_however_often_named),
          cmocka_unit_test(the_wildcard_swallows_the_others),
          cmocka_unit_test(unknown_ranks_and_nobody_are_no_set),
          cmocka_unit_test(positions_are_the_hosts_in_order),
          cmocka_unit_test(a_host_is_awaited_while_a_rank_of_the_set_lives_there),
          cmocka_unit_test(fences_may_end_out_of_order_within_a_window))
