/* SPDX-License-Identifier: BSD-3-Clause */
/* place.c - which rank runs where */
#include "config.h"
#include "plan/place.h"

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
        int done = place_ranks(cases[i].strategy, hosts, 4, cases[i].ranks, 1, rank_host, NULL);
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
    const struct place_host hosts[3] = {{2, NULL}, {1, NULL}, {2, NULL}};
    uint32_t counts[3];

    (void)state;
    assert_int_equal(place_counts(SPREAD, hosts, 3, 7, counts), 2);
    assert_int_equal(counts[0] + counts[1] + counts[2], 5);
    assert_int_equal(place_counts(CONCENTRATE, hosts, 3, 3, counts), 0);
    assert_int_equal(counts[0], 2);
    assert_int_equal(counts[2], 0);
    assert_int_equal(place_counts(SPREAD, hosts, 0, 3, counts), 3);
}

UNIT_MAIN(cmocka_unit_test(ranks_go_where_the_strategy_says),
          cmocka_unit_test(counts_tell_what_finds_no_place))
