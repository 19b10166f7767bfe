/* SPDX-License-Identifier: BSD-3-Clause */
/* id.c - numbers that stand for requests: who may name what, and how often */
#include "config.h"
#include "mca-component/pml_p2prep/pml_p2prep_id.h"

#include "test/lib/prelude.h"

static int things[1000], peers[2];

static int teardown(void **state)
{
    (void)state;
    p2prep_id_close();
    return 0;
}

static void a_number_names_its_thing_once(void **state)
{
    uint64_t id = p2prep_id_give(things, P2PREP_ID_SEND, peers);
    (void)state;
    assert_ptr_equal(p2prep_id_claim(id, P2PREP_ID_SEND, peers), things);
    assert_null(p2prep_id_claim(id, P2PREP_ID_SEND, peers)); /* a second CLEAR */
}

static void a_number_of_a_send_names_no_receive(void **state)
{
    uint64_t send = p2prep_id_give(&things[0], P2PREP_ID_SEND, peers);
    uint64_t recv = p2prep_id_give(&things[1], P2PREP_ID_RECV, peers);
    (void)state;
    assert_null(p2prep_id_claim(send, P2PREP_ID_RECV, peers));
    assert_null(p2prep_id_claim(recv, P2PREP_ID_SEND, peers));
    assert_ptr_equal(p2prep_id_claim(send, P2PREP_ID_SEND, peers), &things[0]);
    assert_ptr_equal(p2prep_id_claim(recv, P2PREP_ID_RECV, peers), &things[1]);
}

static void another_process_cannot_name_it(void **state)
{
    uint64_t id = p2prep_id_give(things, P2PREP_ID_RECV, &peers[0]);
    (void)state;
    assert_null(p2prep_id_claim(id, P2PREP_ID_RECV, &peers[1]));
    assert_ptr_equal(p2prep_id_claim(id, P2PREP_ID_RECV, &peers[0]), things);
}

static void what_is_gone_is_not_named_by_its_old_number(void **state)
{
    uint64_t old = p2prep_id_give(&things[0], P2PREP_ID_SEND, peers), new;
    (void)state;
    p2prep_id_drop(old);
    new = p2prep_id_give(&things[1], P2PREP_ID_SEND, peers);
    assert_null(p2prep_id_claim(old, P2PREP_ID_SEND, peers));
    p2prep_id_drop(old); /* nor dropped */
    assert_ptr_equal(p2prep_id_claim(new, P2PREP_ID_SEND, peers), &things[1]);
}

static void a_thousand_are_told_apart_and_nonsense_is_nobody(void **state)
{
    uint64_t ids[1000];
    (void)state;
    for (int i = 0; i < 1000; i++)
        ids[i] = p2prep_id_give(&things[i], P2PREP_ID_SEND, peers);
    for (int i = 0; i < 1000; i++)
        assert_ptr_equal(p2prep_id_claim(ids[i], P2PREP_ID_SEND, peers), &things[i]);
    assert_null(p2prep_id_claim(0, P2PREP_ID_SEND, peers));
    assert_null(p2prep_id_claim(UINT64_MAX, P2PREP_ID_SEND, peers));
    assert_null(p2prep_id_claim(1, P2PREP_ID_SEND, peers));
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

UNIT_MAIN(TEST(a_number_names_its_thing_once), TEST(a_number_of_a_send_names_no_receive),
          TEST(another_process_cannot_name_it), TEST(what_is_gone_is_not_named_by_its_old_number),
          TEST(a_thousand_are_told_apart_and_nonsense_is_nobody))
