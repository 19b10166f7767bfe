/* SPDX-License-Identifier: BSD-3-Clause */
/* modex.c - questions for ranks' data: answers, deadlines, deaths, nonsense */
#include "config.h"
#include "coll/modex.h"

#include "test/lib/prelude.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const uint32_t rank_host[] = {0, 1, 1, 2};

struct side {
    struct modex *modex;
    Wire__Step *sent;
    int sent_to, sent_count, done_count, status, asked_count;
    char data[64];
    uint64_t asked_id;
    uint32_t asked_rank, asked_ms;
    bool asks_again;
};

static void on_send(void *arg, int host, const Wire__Step *step)
{
    struct side *side = arg;

    message_free(side->sent);
    side->sent = message_copy(&step->base);
    side->sent_to = host;
    side->sent_count++;
}

static void on_done(void *arg, void *tag, int status, const uint8_t *data, size_t size)
{
    struct side *side = arg;

    assert_ptr_equal(tag, side);
    side->done_count++;
    side->status = status;
    snprintf(side->data, sizeof side->data, "%.*s", (int)size, size > 0 ? (const char *)data : "");
    if (side->asks_again) {
        side->asks_again = false;
        modex_get(side->modex, 3, NULL, 100, side, 0, NULL);
    }
}

static void on_asked(void *arg, int src, uint64_t id, uint32_t rank, const char *key,
                     uint32_t timeout_ms)
{
    struct side *side = arg;

    (void)src;
    assert_string_equal(key, "k");
    side->asked_count++;
    side->asked_id = id;
    side->asked_rank = rank;
    side->asked_ms = timeout_ms;
}

static const struct modex_ops ops = {on_send, on_done, on_asked};

static void open_side(struct side *side, int self)
{
    memset(side, 0, sizeof *side);
    side->modex = modex_create(self, rank_host, 4, &ops, side);
}

static void close_side(struct side *side)
{
    message_free(side->sent);
    modex_destroy(side->modex);
}

static void a_question_is_asked_and_answered(void **state)
{
    struct side here, there;

    (void)state;
    open_side(&here, 0);
    open_side(&there, 1);
    assert_int_equal(modex_get(here.modex, 2, "k", 1500, &here, 0, NULL), 0);
    assert_int_equal(here.sent_to, 1);
    assert_int_equal(modex_receive(there.modex, 0, here.sent, 0, NULL), 0);
    assert_int_equal(there.asked_rank, 2);
    assert_int_equal(there.asked_ms, 2000);
    modex_answer(there.modex, 0, there.asked_id, MODEX_OK, "data", 4);
    assert_int_equal(modex_receive(here.modex, 1, there.sent, 0, NULL), 0);
    assert_int_equal(here.done_count, 1);
    assert_string_equal(here.data, "data");
    assert_int_equal(modex_receive(here.modex, 1, there.sent, 0, NULL), 0);
    assert_int_equal(here.done_count, 1);
    assert_int_equal(modex_next(here.modex, 0), -1);
    close_side(&here);
    close_side(&there);
}

static void an_answer_of_another_host_is_refused(void **state)
{
    struct side here, there;
    struct err err;

    (void)state;
    open_side(&here, 0);
    open_side(&there, 1);
    modex_get(here.modex, 1, "k", 0, &here, 0, NULL);
    modex_receive(there.modex, 0, here.sent, 0, NULL);
    modex_answer(there.modex, 0, there.asked_id, -5, NULL, 0);
    assert_int_equal(modex_receive(here.modex, 2, there.sent, 0, &err), -1);
    assert_string_equal(err.text, "host 2 answers a question that was another's");
    assert_int_equal(modex_receive(here.modex, 9, there.sent, 0, &err), -1);
    assert_int_equal(here.done_count, 0);
    assert_int_equal(modex_receive(here.modex, 1, there.sent, 0, &err), 0);
    assert_int_equal(here.status, -5);
    close_side(&here);
    close_side(&there);
}

static void a_deadline_ends_the_question(void **state)
{
    struct side here;

    (void)state;
    open_side(&here, 0);
    modex_get(here.modex, 1, NULL, 300, &here, 1000, NULL);
    modex_get(here.modex, 1, NULL, 200, &here, 1000, NULL);
    modex_get(here.modex, 1, NULL, 0, &here, 1000, NULL);
    assert_int_equal(modex_next(here.modex, 1000), 200);
    assert_int_equal(modex_tick(here.modex, 1199), 1);
    assert_int_equal(modex_tick(here.modex, 1200), 100);
    assert_int_equal(here.done_count, 1);
    assert_int_equal(modex_tick(here.modex, 1300), MODEX_DEFAULT_MS - 300);
    assert_int_equal(here.done_count, 2);
    assert_int_equal(here.status, MODEX_TIMEOUT);
    close_side(&here);
}

static void a_death_ends_the_questions_about_it(void **state)
{
    struct side here;

    (void)state;
    open_side(&here, 0);
    modex_get(here.modex, 1, NULL, 0, &here, 0, NULL);
    modex_get(here.modex, 2, NULL, 0, &here, 0, NULL);
    modex_get(here.modex, 3, NULL, 0, &here, 0, NULL);
    modex_rank_gone(here.modex, 1);
    assert_int_equal(here.done_count, 1);
    modex_host_lost(here.modex, 1);
    assert_int_equal(here.done_count, 2);
    assert_int_equal(here.status, MODEX_LOST);
    int sent = here.sent_count;
    assert_int_equal(modex_get(here.modex, 2, NULL, 0, &here, 0, NULL), 0); /* answered at once */
    assert_int_equal(here.done_count, 3);
    assert_int_equal(here.sent_count, sent);
    close_side(&here);
}

static void the_end_of_the_job_answers_all_and_callbacks_may_ask_anew(void **state)
{
    struct side here;

    (void)state;
    open_side(&here, 0);
    modex_get(here.modex, 1, NULL, 0, &here, 0, NULL);
    modex_get(here.modex, 2, NULL, 0, &here, 0, NULL);
    here.asks_again = true;
    modex_fail_all(here.modex, -3);
    assert_int_equal(here.done_count, 2);
    assert_int_equal(modex_next(here.modex, 0), 100);
    close_side(&here);
}

static void nonsense_is_refused(void **state)
{
    struct side here, there;
    struct err err;

    (void)state;
    open_side(&here, 0);
    open_side(&there, 2);
    assert_int_equal(modex_get(here.modex, 0, NULL, 0, &here, 0, &err), -1);
    assert_int_equal(modex_get(here.modex, 4, NULL, 0, &here, 0, &err), -1);
    modex_get(here.modex, 1, "k", 0, &here, 0, NULL);
    assert_int_equal(modex_receive(there.modex, 0, here.sent, 0, &err), -1);
    assert_int_equal(there.asked_count, 0);
    assert_int_equal(there.sent->modex_data->status, MODEX_LOST);
    static uint8_t big[MODEX_DATA_MAX + 1];
    modex_answer(there.modex, 0, 1, MODEX_OK, big, sizeof big);
    assert_int_equal(there.sent->modex_data->status, MODEX_TOO_BIG);
    close_side(&here);
    close_side(&there);
}

UNIT_MAIN(cmocka_unit_test(a_question_is_asked_and_answered),
          cmocka_unit_test(an_answer_of_another_host_is_refused),
          cmocka_unit_test(a_deadline_ends_the_question),
          cmocka_unit_test(a_death_ends_the_questions_about_it),
          cmocka_unit_test(the_end_of_the_job_answers_all_and_callbacks_may_ask_anew),
          cmocka_unit_test(nonsense_is_refused))
