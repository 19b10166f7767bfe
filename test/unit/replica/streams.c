/* SPDX-License-Identifier: BSD-3-Clause */
/* streams.c - streams are found by communicator, class of tag and rank */
#include "config.h"

#include "replica/streams.h"

#include "test/lib/prelude.h"

static void each_of_many_is_found(void **state)
{
    enum { CIDS = 50, RANKS = 40 };
    static struct stream_key key[CIDS][RANKS];
    struct streams streams = {0};
    struct stream_key other = {1, -5, 1};

    assert_null(streams_find(&streams, &other));
    for (uint32_t cid = 0; cid < CIDS; cid++)
        for (int32_t rank = 0; rank < RANKS; rank++) {
            key[cid][rank] = (struct stream_key){cid, 0, rank};
            streams_add(&streams, &key[cid][rank]);
        }
    for (uint32_t cid = 0; cid < CIDS; cid++)
        for (int32_t rank = 0; rank < RANKS; rank++) {
            struct stream_key asked = {cid, 0, rank};

            assert_ptr_equal(streams_find(&streams, &asked), &key[cid][rank]);
        }
    assert_null(streams_find(&streams, &other));
    streams_free(&streams);
    (void)state;
}

static void what_is_removed_is_gone_the_others_are_found(void **state)
{
    enum { CIDS = 50, RANKS = 40 };
    static struct stream_key key[CIDS * RANKS];
    struct streams streams = {0};
    int count = CIDS * RANKS;

    for (int i = 0; i < count; i++) {
        key[i] = (struct stream_key){(uint32_t)(i / RANKS), -i, i % RANKS};
        streams_add(&streams, &key[i]);
    }
    for (int i = 0; i < count; i++)
        if (i % 3 != 0)
            streams_remove(&streams, &key[i]);
    for (int i = 0; i < count; i++) {
        struct stream_key asked = key[i];

        assert_ptr_equal(streams_find(&streams, &asked), i % 3 == 0 ? &key[i] : NULL);
    }
    assert_int_equal(streams.count, (count + 2) / 3);
    streams_free(&streams);
    (void)state;
}

static void tags_from_0_on_share_a_class(void **state)
{
    assert_int_equal(stream_class(0), stream_class(7));
    assert_int_not_equal(stream_class(-3), stream_class(-4));
    assert_int_not_equal(stream_class(-3), stream_class(0));
    (void)state;
}

UNIT_MAIN(cmocka_unit_test(each_of_many_is_found),
          cmocka_unit_test(what_is_removed_is_gone_the_others_are_found),
          cmocka_unit_test(tags_from_0_on_share_a_class))
