/* SPDX-License-Identifier: BSD-3-Clause */
/* results.c - how the last fences ended is known, within ceilings */
#include "config.h"
#include "coll/results.h"

#include "test/lib/prelude.h"

static const struct result *add(struct results *results, uint32_t number, size_t size)
{
    return results_add_take(results, results, number, 0, NULL, malloc(size + 1), size);
}

static void the_newest_are_known(void **state)
{
    struct results *results = calloc(1, sizeof *results);

    (void)state;
    for (uint32_t number = 1; number <= RESULTS_MAX + 1; number++)
        add(results, number, 10);
    assert_null(results_find(results, results, 1));
    assert_non_null(results_find(results, results, 2));
    assert_null(results_find(results, NULL, 2));
    assert_int_equal(results->bytes, 10 * RESULTS_MAX);
    results_clear(results);
    assert_int_equal(results->bytes, 0);
    free(results);
}

static void old_data_goes_first_and_the_newest_stays(void **state)
{
    struct results *results = calloc(1, sizeof *results);

    (void)state;
    add(results, 1, RESULTS_BYTES_MAX / 2);
    add(results, 2, 0);
    add(results, 3, RESULTS_BYTES_MAX / 2);
    assert_true(results_find(results, results, 1)->has_data);
    add(results, 4, 1);
    assert_false(results_find(results, results, 1)->has_data);
    assert_true(results_find(results, results, 2)->has_data);
    assert_true(results_find(results, results, 3)->has_data);
    assert_true(add(results, 5, RESULTS_BYTES_MAX + 1)->has_data);
    assert_false(results_find(results, results, 4)->has_data);
    results_clear(results);
    free(results);
}

UNIT_MAIN(cmocka_unit_test(the_newest_are_known),
          cmocka_unit_test(old_data_goes_first_and_the_newest_stays))
