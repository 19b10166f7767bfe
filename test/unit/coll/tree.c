/* SPDX-License-Identifier: BSD-3-Clause */
/* tree.c - who reports to whom, whoever is lost */
#include "config.h"
#include "coll/tree.h"

#include "test/lib/prelude.h"

static void parents_are_those_of_a_heap(void **state)
{
    static const size_t parents[] = {TREE_NONE, 0, 0, 1, 1, 2, 2, 3};
    bool lost[8] = {false};
    struct tree tree = {8, lost};

    (void)state;
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(tree_parent(&tree, i), parents[i]);
}

static void orphans_go_to_the_nearest_living_ancestor_or_the_new_root(void **state)
{
    bool lost[8] = {false};
    struct tree tree = {8, lost};

    (void)state;
    lost[3] = lost[1] = true;
    assert_int_equal(tree_parent(&tree, 7), 0);
    assert_int_equal(tree_parent(&tree, 4), 0);
    lost[0] = true;
    assert_int_equal(tree_root(&tree), 2);
    assert_int_equal(tree_parent(&tree, 2), TREE_NONE);
    assert_int_equal(tree_parent(&tree, 7), 2);
    assert_int_equal(tree_parent(&tree, 5), 2);
}

/* For every set of lost ones: exactly one has no parent, all others reach it in few steps. */
static void every_survivor_reaches_the_root(void **state)
{
    enum { COUNT = 11 };
    bool lost[COUNT];
    struct tree tree = {COUNT, lost};

    (void)state;
    for (unsigned set = 0; set < (1u << COUNT) - 1; set++) {
        for (size_t i = 0; i < COUNT; i++)
            lost[i] = (set >> i & 1) != 0;
        for (size_t i = 0; i < COUNT; i++) {
            size_t at = i, steps = 0;
            for (size_t up; !lost[i] && (up = tree_parent(&tree, at)) != TREE_NONE;
                 at = up, steps++)
                assert_true(!lost[up] && steps < 5);
            assert_true(lost[i] || at == tree_root(&tree));
        }
    }
    for (size_t i = 0; i < COUNT; i++)
        lost[i] = true;
    assert_int_equal(tree_root(&tree), TREE_NONE);
}

static void subtrees_are_the_fixed_ones(void **state)
{
    (void)state;
    assert_true(tree_is_below(0, 0) && tree_is_below(0, 100) && tree_is_below(2, 6) &&
                tree_is_below(1, 10));
    assert_false(tree_is_below(1, 2) || tree_is_below(2, 10) || tree_is_below(6, 2));
}

UNIT_MAIN(cmocka_unit_test(parents_are_those_of_a_heap),
          cmocka_unit_test(orphans_go_to_the_nearest_living_ancestor_or_the_new_root),
          cmocka_unit_test(every_survivor_reaches_the_root),
          cmocka_unit_test(subtrees_are_the_fixed_ones))
