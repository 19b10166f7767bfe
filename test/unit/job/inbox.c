/* SPDX-License-Identifier: BSD-3-Clause */
/* inbox.c - messages put in order: gaps, repeats, ceilings */
#include "config.h"
#include "job/inbox.h"

#include "test/lib/prelude.h"

static uint8_t small[100], large[INBOX_AHEAD_BYTES];

static void a_gap_is_filled_in_order(void **state)
{
    struct inbox box = {0};
    uint8_t *body;
    size_t size;

    (void)state;
    for (uint64_t seq = 4; seq >= 2; seq--)
        assert_int_equal(inbox_put(&box, seq, small, (size_t)seq), INBOX_KEPT);
    assert_false(inbox_take(&box, &body, &size));
    assert_int_equal(inbox_put(&box, 1, small, 1), INBOX_NEXT);
    for (uint64_t seq = 2; seq <= 4; seq++) {
        assert_true(inbox_take(&box, &body, &size));
        assert_int_equal(size, seq);
        free(body);
    }
    assert_false(inbox_take(&box, &body, &size));
    assert_int_equal(box.taken, 4);
    assert_int_equal(box.ahead_bytes, 0);
}

static void repeated_messages_are_known(void **state)
{
    struct inbox box = {0};

    (void)state;
    assert_int_equal(inbox_put(&box, 1, small, 1), INBOX_NEXT);
    assert_int_equal(inbox_put(&box, 1, small, 1), INBOX_KNOWN);
    assert_int_equal(inbox_put(&box, 3, small, 1), INBOX_KEPT);
    assert_int_equal(inbox_put(&box, 3, small, 1), INBOX_KNOWN);
    inbox_clear(&box);
}

static void what_is_too_far_or_too_much_comes_again(void **state)
{
    struct inbox box = {0};

    (void)state;
    assert_int_equal(inbox_put(&box, INBOX_AHEAD, small, 1), INBOX_FAR);
    assert_int_equal(inbox_put(&box, UINT64_MAX, small, 1), INBOX_FAR);
    assert_int_equal(inbox_put(&box, INBOX_AHEAD - 1, small, 1), INBOX_KEPT);
    assert_int_equal(inbox_put(&box, 2, large, sizeof large), INBOX_FAR);
    assert_int_equal(inbox_put(&box, 2, large, sizeof large - 1), INBOX_KEPT);
    assert_int_equal(inbox_put(&box, 3, small, 1), INBOX_FAR);
    assert_int_equal(inbox_put(&box, 1, large, sizeof large), INBOX_NEXT);
    inbox_clear(&box);
    assert_int_equal(box.taken, 0);
}

UNIT_MAIN(cmocka_unit_test(a_gap_is_filled_in_order), cmocka_unit_test(repeated_messages_are_known),
          cmocka_unit_test(what_is_too_far_or_too_much_comes_again))
