/* SPDX-License-Identifier: BSD-3-Clause */
/* outbox.c - messages kept until acknowledged: numbers, flight, ceilings */
#include "config.h"
#include "job/outbox.h"

#include "test/lib/prelude.h"

static int add(struct outbox *box, size_t size, size_t max_bytes)
{
    uint8_t *body = malloc(1); /* nobody reads it */
    int status = outbox_add_take(box, body, size, max_bytes);

    if (status < 0)
        free(body);
    return status;
}

static void messages_are_sent_in_order_and_numbered_from_one(void **state)
{
    struct outbox box = {0};

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(add(&box, 10, 100), 0);
    for (uint64_t seq = 1; seq <= 3; seq++)
        assert_int_equal(outbox_next(&box, 100)->seq, seq);
    assert_null(outbox_next(&box, 100));
    assert_int_equal(box.flight_bytes, 30);
    outbox_clear(&box);
}

static void the_flight_has_a_ceiling_but_one_long_message_may_fly(void **state)
{
    struct outbox box = {0};

    (void)state;
    add(&box, 500, 10000);
    add(&box, 60, 10000);
    add(&box, 60, 10000);
    assert_int_equal(outbox_next(&box, 100)->seq, 1);
    assert_null(outbox_next(&box, 100));
    assert_int_equal(outbox_acked(&box, 1), 1);
    assert_int_equal(outbox_next(&box, 100)->seq, 2);
    assert_null(outbox_next(&box, 100));
    outbox_clear(&box);
}

static void a_full_box_refuses_and_an_empty_one_takes_any(void **state)
{
    struct outbox box = {0};

    (void)state;
    assert_int_equal(add(&box, 200, 100), 0);
    assert_int_equal(add(&box, 1, 100), -1);
    assert_int_equal(outbox_acked(&box, 1), 1);
    assert_int_equal(add(&box, 99, 100), 0);
    assert_int_equal(add(&box, 2, 100), -1);
    assert_int_equal(add(&box, 1, 100), 0);
    assert_int_equal(add(&box, SIZE_MAX / 2, 100), -1);
    outbox_clear(&box);
}

static void acknowledgements_are_cumulative_and_checked(void **state)
{
    struct outbox box = {0};

    (void)state;
    for (int i = 0; i < 5; i++)
        add(&box, 10, 1000);
    outbox_next(&box, 1000);
    assert_int_equal(outbox_acked(&box, 6), -1);
    assert_int_equal(outbox_acked(&box, 3), 3); /* two of them only sent in an earlier flight */
    assert_int_equal(outbox_acked(&box, 3), 0);
    assert_int_equal(outbox_acked(&box, 1), 0);
    assert_int_equal(outbox_next(&box, 1000)->seq, 4);
    assert_int_equal(box.flight_bytes, 10);
    assert_int_equal(box.bytes, 20);
    outbox_clear(&box);
    assert_int_equal(box.bytes, 0);
    assert_int_equal(box.flight_bytes, 0);
}

static void after_a_rewind_all_are_sent_again(void **state)
{
    struct outbox box = {0};

    (void)state;
    for (int i = 0; i < 3; i++)
        add(&box, 10, 1000);
    while (outbox_next(&box, 1000) != NULL)
        continue;
    outbox_acked(&box, 1);
    outbox_rewind(&box);
    assert_int_equal(outbox_next(&box, 1000)->seq, 2);
    outbox_renumber(&box);
    assert_int_equal(outbox_next(&box, 1000)->seq, 1);
    assert_int_equal(box.last_seq, 2);
    outbox_clear(&box);
}

UNIT_MAIN(cmocka_unit_test(messages_are_sent_in_order_and_numbered_from_one),
          cmocka_unit_test(the_flight_has_a_ceiling_but_one_long_message_may_fly),
          cmocka_unit_test(a_full_box_refuses_and_an_empty_one_takes_any),
          cmocka_unit_test(acknowledgements_are_cumulative_and_checked),
          cmocka_unit_test(after_a_rewind_all_are_sent_again))
