/* SPDX-License-Identifier: BSD-3-Clause */
#include "config.h"
#include "test/lib/prelude.h"

#include "net/beatkey.h"

#include <string.h>

static const struct beatkey key = {"thirty-two bytes that nobody kno"};

static void datagram(uint8_t bytes[BEAT_SIZE])
{
    struct beat beat = {{1, 2, 3, 4, 5, 6, 7, 8}, BEAT_ASK, 7,         4095,      12,
                        UINT64_MAX - 1,           9,        123456789, 987654321, 4000000000u};

    beat_encode(&beat, bytes);
    beatkey_seal(&key, bytes);
}

static void a_datagram_comes_back_as_it_was(void **state)
{
    uint8_t bytes[BEAT_SIZE];
    struct beat beat;

    (void)state;
    datagram(bytes);
    assert_true(beatkey_is_right(&key, bytes));
    assert_int_equal(beat_decode(bytes, sizeof bytes, &beat), 0);
    assert_int_equal(beat.kind, BEAT_ASK);
    assert_int_equal(beat.from, 7);
    assert_int_equal(beat.to, 4095);
    assert_int_equal(beat.subject, 12);
    assert_true(beat.number == UINT64_MAX - 1);
    assert_int_equal(beat.view, 9);
    assert_int_equal(beat.stamp, 123456789);
    assert_int_equal(beat.echo, 987654321);
    assert_int_equal(beat.hold, 4000000000u);
    assert_int_equal(beat_job(bytes, sizeof bytes)[7], 8);
}

static void any_changed_bit_breaks_the_tag(void **state)
{
    uint8_t bytes[BEAT_SIZE];

    (void)state;
    for (size_t bit = 0; bit < 8 * BEAT_SIZE; bit++) {
        datagram(bytes);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(beatkey_is_right(&key, bytes));
    }
}

static void another_key_does_not_fit(void **state)
{
    struct beatkey other = key;
    uint8_t bytes[BEAT_SIZE];

    (void)state;
    datagram(bytes);
    other.bytes[31] ^= 1;
    assert_false(beatkey_is_right(&other, bytes));
}

static void what_is_none_is_refused(void **state)
{
    uint8_t bytes[BEAT_SIZE];
    struct beat beat;

    (void)state;
    datagram(bytes);
    assert_int_equal(beat_decode(bytes, BEAT_SIZE - 1, &beat), -1);
    assert_int_equal(beat_decode(bytes, 0, &beat), -1);
    bytes[3] = BEAT_KINDS;
    assert_int_equal(beat_decode(bytes, BEAT_SIZE, &beat), -1);
    bytes[3] = 0;
    bytes[2]++;
    assert_int_equal(beat_decode(bytes, BEAT_SIZE, &beat), -1);
}

UNIT_MAIN(cmocka_unit_test(a_datagram_comes_back_as_it_was),
          cmocka_unit_test(any_changed_bit_breaks_the_tag),
          cmocka_unit_test(another_key_does_not_fit), cmocka_unit_test(what_is_none_is_refused))
