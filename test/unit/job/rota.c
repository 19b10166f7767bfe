/* SPDX-License-Identifier: BSD-3-Clause */
#include "config.h"
#include "test/lib/prelude.h"

#include "base/rand.h"
#include "job/rota.h"
#include "job/window.h"

static uint32_t machines[400];

static struct view *some_view(struct prng *prng, unsigned members)
{
    struct view_rules rules = {machines, VIEW_FIVE_FROM};
    struct view *view = view_first(members, (int)prng_below(prng, members), &rules);

    for (unsigned i = 0; i < members; i++)
        view->lost[i] = view_voter(view, (int)i) < 0 && prng_below(prng, 5) == 0;
    return view;
}

static bool has(const int *list, unsigned count, int member)
{
    for (unsigned i = 0; i < count; i++)
        if (list[i] == member)
            return true;
    return false;
}

static void check_member(const struct view *view, int member, unsigned living)
{
    int partners[ROTA_MAX], theirs[ROTA_MAX];
    unsigned count = rota_partners(view, member, partners);

    assert_true(count <= ROTA_MAX);
    assert_true(count >= (living > 2 ? 2 : living - 1));
    for (unsigned i = 0; i < count; i++) {
        assert_false(view_is_lost(view, partners[i]));
        assert_int_not_equal(partners[i], member);
        unsigned their_count = rota_partners(view, partners[i], theirs);
        assert_true(has(theirs, their_count, member));
    }
    for (unsigned i = 0; view_voter(view, member) >= 0 && i < view->voter_count; i++)
        assert_true(view->voters[i] == member || has(partners, count, view->voters[i]));
}

static void partners_are_few_living_and_mutual_and_voters_know_each_other(void **state)
{
    struct prng prng;

    (void)state;
    prng_seed(&prng, 1);
    for (unsigned i = 0; i < 400; i++)
        machines[i] = i;
    for (unsigned members = 1; members <= 400; members += 1 + members / 20) {
        struct view *view = some_view(&prng, members);
        unsigned living = 0;
        for (unsigned i = 0; i < members; i++)
            living += !view->lost[i];
        for (unsigned i = 0; i < members; i++)
            if (!view->lost[i])
                check_member(view, (int)i, living);
        view_destroy(view);
    }
}

static void a_number_counts_once(void **state)
{
    struct window window = {0, 0};

    (void)state;
    assert_false(window_take(&window, 0));
    assert_true(window_take(&window, 1000));
    assert_false(window_take(&window, 1000));
    assert_true(window_take(&window, 998));
    assert_true(window_take(&window, 1002));
    assert_false(window_take(&window, 998));
    assert_true(window_take(&window, 999));
    assert_true(window_take(&window, 939)); /* 63 behind */
    assert_false(window_take(&window, 939));
    assert_false(window_take(&window, 938)); /* too old to know */
    assert_true(window_take(&window, 5000));
    assert_false(window_take(&window, 1002));
    assert_true(window_take(&window, 4999));
}

UNIT_MAIN(cmocka_unit_test(partners_are_few_living_and_mutual_and_voters_know_each_other),
          cmocka_unit_test(a_number_counts_once))
