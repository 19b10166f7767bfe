/* SPDX-License-Identifier: BSD-3-Clause */
/* frame.c - encoding and the ceilings of decoding */
#include "config.h"
#include "wire/frame.h"

#include "test/lib/prelude.h"

#include <string.h>

static void a_frame_comes_back_as_it_went(void **state)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__Ping ping = WIRE__PING__INIT;
    size_t size;

    (void)state;
    frame.id = 7;
    frame.body_case = WIRE__FRAME__BODY_PING;
    frame.ping = &ping;
    ping.stamp_us = 123456789;
    uint8_t *bytes = frame_pack(&frame, &size);
    assert_non_null(bytes);
    assert_int_equal(frame_length(bytes), size - FRAME_HEAD);
    Wire__Frame *back = frame_unpack(bytes + FRAME_HEAD, size - FRAME_HEAD, NULL);
    assert_non_null(back);
    assert_int_equal(back->id, 7);
    assert_int_equal(back->ping->stamp_us, 123456789);
    assert_string_equal(frame_name(back), "ping");
    frame_free(back);
    free(bytes);
}

static void a_length_above_the_ceiling_is_refused(void **state)
{
    const uint8_t huge[FRAME_HEAD] = {0xff, 0xff, 0xff, 0xff}, none[FRAME_HEAD] = {0};

    (void)state;
    assert_int_equal(frame_length(huge), -1);
    assert_int_equal(frame_length(none), -1);
}

/* An Answer full of empty Peers: 2 bytes each on the wire, far more as structs. */
static void small_messages_cannot_ask_for_much_memory(void **state)
{
    enum { PEERS = 60000 };
    uint8_t *bytes = malloc(PEERS * 2 + 16), *next = bytes;
    struct err err = {""};

    (void)state;
    next += 2;
    for (unsigned left = PEERS * 2, more = 1; more; left >>= 7) {
        more = left > 127;
        *next++ = (uint8_t)((left & 127) | (more ? 128 : 0));
    }
    for (int i = 0; i < PEERS; i++) {
        *next++ = 1 << 3 | 2;
        *next++ = 0;
    }
    bytes[0] = 0xd2; /* field 26 (answer), length-delimited */
    bytes[1] = 0x01;
    assert_null(frame_unpack(bytes, (size_t)(next - bytes), &err));
    assert_string_equal(err.text, "a message that wants too much memory");
    free(bytes);
}

static void rubbish_is_refused(void **state)
{
    const uint8_t bytes[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

    (void)state;
    assert_null(frame_unpack(bytes, sizeof bytes, NULL));
}

/* Tag 0 in two bytes: protobuf-c would take it for an unknown field, and fail to read its own copy. */
static void a_field_of_number_zero_is_refused(void **state)
{
    const uint8_t bytes[] = {0x08, 0x01, 0x82, 0x00, 0x01, 0x61};
    struct err err = {""};

    (void)state;
    assert_null(frame_unpack(bytes, sizeof bytes, &err));
    assert_non_null(strstr(err.text, "a field that cannot be"));
}

UNIT_MAIN(cmocka_unit_test(a_field_of_number_zero_is_refused),
          cmocka_unit_test(a_frame_comes_back_as_it_went),
          cmocka_unit_test(a_length_above_the_ceiling_is_refused),
          cmocka_unit_test(small_messages_cannot_ask_for_much_memory), cmocka_unit_test(rubbish_is_refused))
