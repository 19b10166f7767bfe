/* SPDX-License-Identifier: BSD-3-Clause */
/* matching.c - receives and messages of one communicator, by hand, at a leader and at a follower */
#include "config.h"

#include "replica/matching.h"

#include <string.h>

#include "test/lib/prelude.h"

enum { A, B, SOURCES };

struct stage {
    struct matching *matching;
    int decisions, unbound;
    struct match_item *of[16]; /* by order of posting */
    struct match_post post[16];
    struct match_item item[16];
    int posts, items;
    bool has_told; /* answers told() for any receive */
    int told_source;
    uint64_t told_seq;
    uint64_t matched; /* a synchronous message that the leader matched, if asked */
};

static void stage_bind(void *arg, struct match_post *post, struct match_item *item)
{
    struct stage *stage = arg;

    assert_null(stage->of[post - stage->post]);
    stage->of[post - stage->post] = item;
}

static void stage_decided(void *arg, const struct match_post *post, const struct match_item *item)
{
    ((struct stage *)arg)->decisions++;
    (void)post;
    (void)item;
}

static struct match_item *stage_keep(void *arg, struct match_item *item)
{
    (void)arg;
    return item;
}

static struct match_item *stage_unbind(void *arg, struct match_post *post)
{
    struct stage *stage = arg;
    struct match_item *item = stage->of[post - stage->post];

    stage->of[post - stage->post] = NULL;
    stage->unbound++;
    return item;
}

static bool stage_told(void *arg, const struct match_post *post, int *source_out, uint64_t *seq_out)
{
    struct stage *stage = arg;

    *source_out = stage->told_source;
    *seq_out = stage->told_seq;
    (void)post;
    return stage->has_told;
}

static bool stage_is_matched(void *arg, const struct match_item *item)
{
    return ((struct stage *)arg)->matched == item->seq;
}

static const struct matching_ops ops = {stage_bind,   stage_keep, stage_decided,
                                        stage_unbind, stage_told, stage_is_matched};

static void stage_set(struct stage *stage, bool leads)
{
    memset(stage, 0, sizeof *stage);
    stage->matching = matching_create(SOURCES, leads, &ops, stage);
}

static int post(struct stage *stage, int source, int32_t tag)
{
    struct match_post *post = &stage->post[stage->posts];

    post->source = source;
    post->tag = tag;
    matching_post(stage->matching, post);
    return stage->posts++;
}

static void arrive(struct stage *stage, int source, int32_t tag, uint64_t seq)
{
    struct match_item *item = &stage->item[stage->items++];

    *item = (struct match_item){.source = source, .tag = tag, .seq = seq};
    matching_arrive(stage->matching, item);
}

static void arrive_sync(struct stage *stage, int source, int32_t tag, uint64_t seq)
{
    struct match_item *item = &stage->item[stage->items++];

    *item = (struct match_item){.source = source, .tag = tag, .seq = seq, .is_sync = true};
    matching_arrive(stage->matching, item);
}

/* The receive has message seq of source (0: none). */
static void has(const struct stage *stage, int post, int source, uint64_t seq)
{
    const struct match_item *item = stage->of[post];

    if (seq == 0) {
        assert_null(item);
        return;
    }
    assert_non_null(item);
    assert_int_equal(item->source, source);
    assert_int_equal(item->seq, seq);
}

static void a_leader_gives_what_came_first_and_says_so(void **state)
{
    struct stage stage;
    (void)state;

    stage_set(&stage, true);
    arrive(&stage, B, 1, 1);
    arrive(&stage, A, 1, 1);
    has(&stage, post(&stage, MATCHING_ANY_SOURCE, 1), B, 1);
    assert_int_equal(stage.decisions, 1);
    int open = post(&stage, MATCHING_ANY_SOURCE, MATCHING_ANY_TAG);

    has(&stage, open, A, 1);
    assert_int_equal(stage.decisions, 2);
    has(&stage, post(&stage, A, 1), A, 0);
    matching_destroy(stage.matching, NULL);
}

static void a_follower_hides_what_an_open_receive_could_take(void **state)
{
    struct stage stage;
    (void)state;

    stage_set(&stage, false);
    int wild = post(&stage, MATCHING_ANY_SOURCE, 1), later = post(&stage, A, 1);

    arrive(&stage, A, 1, 1);
    arrive(&stage, A, 2, 2);
    arrive(&stage, B, 1, 1);
    has(&stage, wild, A, 0);
    has(&stage, later, A, 0);
    assert_null(matching_probe(stage.matching, A, 1));
    assert_null(matching_probe(stage.matching, A, MATCHING_ANY_TAG)); /* not past the hidden one */
    assert_non_null(matching_probe(stage.matching, A, 2));
    assert_true(matching_told(stage.matching, false, 1, B, 1));
    has(&stage, wild, B, 1);
    has(&stage, later, A, 1);
    assert_int_equal(stage.decisions, 0);
    matching_destroy(stage.matching, NULL);
}

static void a_receive_waits_behind_one_that_waits_for_a_hidden_message(void **state)
{
    struct stage stage;
    (void)state;

    stage_set(&stage, false);
    int wild = post(&stage, MATCHING_ANY_SOURCE, 1), any = post(&stage, A, MATCHING_ANY_TAG);
    int two = post(&stage, A, 2);

    arrive(&stage, A, 1, 1);
    arrive(&stage, A, 2, 2);
    has(&stage, two, A, 0);
    assert_true(matching_told(stage.matching, false, 1, A, 1));
    has(&stage, wild, A, 1);
    has(&stage, any, A, 2);
    has(&stage, two, A, 0);
    matching_destroy(stage.matching, NULL);
}

static void what_is_told_waits_for_its_message(void **state)
{
    struct stage stage;
    (void)state;

    stage_set(&stage, false);
    assert_false(matching_told(stage.matching, false, 1, B, 1));
    stage.has_told = true;
    stage.told_source = B;
    stage.told_seq = 1;
    int wild = post(&stage, MATCHING_ANY_SOURCE, 1);

    arrive(&stage, A, 1, 1);
    has(&stage, wild, A, 0);
    assert_non_null(matching_probe(stage.matching, A, 1));
    assert_false(matching_is_caught_up(stage.matching));
    arrive(&stage, B, 1, 1);
    has(&stage, wild, B, 1);
    assert_true(matching_is_caught_up(stage.matching));
    matching_destroy(stage.matching, NULL);
}

static void who_begins_to_lead_matches_in_order_of_posting(void **state)
{
    struct stage stage;
    (void)state;

    stage_set(&stage, false);
    int first = post(&stage, MATCHING_ANY_SOURCE, 1), one = post(&stage, A, 1);
    int second = post(&stage, MATCHING_ANY_SOURCE, 1), third = post(&stage, MATCHING_ANY_SOURCE, 1);

    arrive(&stage, A, 1, 1);
    arrive(&stage, A, 1, 2);
    arrive(&stage, B, 1, 1);
    matching_lead(stage.matching);
    has(&stage, first, A, 1);
    has(&stage, one, A, 2);
    has(&stage, second, B, 1);
    has(&stage, third, A, 0);
    assert_int_equal(stage.decisions, 2);
    matching_forget(stage.matching, &stage.post[second]);
    arrive(&stage, B, 1, 2);
    has(&stage, third, B, 2);
    matching_destroy(stage.matching, NULL);
}

static void a_cancelled_receive_gives_its_message_to_the_next(void **state)
{
    struct stage stage;
    (void)state;

    stage_set(&stage, false);
    int first = post(&stage, A, 1), second = post(&stage, A, 1), third = post(&stage, A, 1);

    arrive(&stage, A, 1, 1);
    arrive(&stage, A, 1, 2);
    matching_revoke(stage.matching, &stage.post[first]);
    has(&stage, first, A, 0);
    has(&stage, second, A, 1);
    has(&stage, third, A, 2);
    assert_int_equal(stage.unbound, 2);
    matching_revoke(stage.matching, &stage.post[third]);
    has(&stage, post(&stage, A, 1), A, 2);
    matching_destroy(stage.matching, NULL);
}

static void what_the_program_has_is_not_taken_back(void **state)
{
    struct stage stage;
    (void)state;

    stage_set(&stage, false);
    int other = post(&stage, A, 2), first = post(&stage, A, 1);

    arrive(&stage, A, 2, 1);
    arrive(&stage, A, 1, 2);
    matching_forget(stage.matching, &stage.post[other]);
    matching_revoke(stage.matching, &stage.post[first]);
    has(&stage, other, A, 1);
    assert_int_equal(matching_kept(stage.matching), 1);
    matching_destroy(stage.matching, NULL);
}

static void a_cancelled_open_receive_hides_nothing(void **state)
{
    struct stage stage;
    (void)state;

    stage_set(&stage, false);
    int wild = post(&stage, MATCHING_ANY_SOURCE, 1), later = post(&stage, A, 1);

    arrive(&stage, A, 1, 1);
    has(&stage, later, A, 0);
    matching_revoke(stage.matching, &stage.post[wild]);
    has(&stage, later, A, 1);
    matching_destroy(stage.matching, NULL);
}

static void any_tag_does_not_mean_the_librarys(void **state)
{
    struct stage stage;
    (void)state;

    stage_set(&stage, true);
    int any = post(&stage, MATCHING_ANY_SOURCE, MATCHING_ANY_TAG);
    int library = post(&stage, MATCHING_ANY_SOURCE, -20);

    arrive(&stage, A, -20, 1);
    has(&stage, any, A, 0);
    has(&stage, library, A, 1);
    assert_int_equal(stage.post[any].index, 1);
    assert_int_equal(stage.post[library].index, 1); /* each has its own numbers */
    matching_destroy(stage.matching, NULL);
}

static void a_leader_says_that_it_matched_a_synchronous_message(void **state)
{
    struct stage stage;
    (void)state;

    stage_set(&stage, true);
    (void)post(&stage, A, 1);
    arrive_sync(&stage, A, 1, 1);
    has(&stage, 0, A, 1);
    assert_int_equal(stage.decisions, 1);
    stage.post[1].is_firm = true;
    (void)post(&stage, A, 1);
    arrive_sync(&stage, A, 1, 2);
    has(&stage, 1, A, 2);
    assert_int_equal(stage.decisions, 1);
    matching_destroy(stage.matching, NULL);
}

static void a_follower_gives_a_synchronous_message_when_the_leader_has(void **state)
{
    struct stage stage;
    (void)state;

    stage_set(&stage, false);
    (void)post(&stage, A, 1);
    (void)post(&stage, A, 1);
    assert_false(matching_told(stage.matching, false, 0, A, 1));
    arrive_sync(&stage, A, 1, 1);
    arrive(&stage, A, 1, 2);
    has(&stage, 0, A, 0);
    has(&stage, 1, A, 0);
    assert_null(matching_probe(stage.matching, A, 1));
    assert_true(matching_told(stage.matching, false, 0, A, 1));
    has(&stage, 0, A, 1);
    has(&stage, 1, A, 2);
    stage.matched = 3; /* said before it came */
    (void)post(&stage, A, 1);
    arrive_sync(&stage, A, 1, 3);
    has(&stage, 2, A, 3);
    (void)post(&stage, A, 1);
    arrive_sync(&stage, A, 1, 4);
    has(&stage, 3, A, 0);
    stage.post[4].is_firm = true;
    (void)post(&stage, B, 1);
    arrive_sync(&stage, B, 1, 1);
    has(&stage, 4, B, 1);
    matching_lead(stage.matching);
    has(&stage, 3, A, 4);
    assert_int_equal(stage.decisions, 1);
    matching_destroy(stage.matching, NULL);
}

static void what_a_dead_leader_said_is_not_said_again(void **state)
{
    struct stage stage;
    (void)state;

    stage_set(&stage, false);
    stage.matched = 1;
    arrive_sync(&stage, A, 1, 1);
    matching_lead(stage.matching);
    (void)post(&stage, A, 1);
    has(&stage, 0, A, 1);
    assert_int_equal(stage.decisions, 0);
    matching_destroy(stage.matching, NULL);
}

static void a_synchronous_message_is_not_the_receives_that_the_leader_cancels(void **state)
{
    struct stage stage;
    (void)state;

    stage_set(&stage, false);
    (void)post(&stage, A, 1);
    (void)post(&stage, A, 1);
    arrive_sync(&stage, A, 1, 1);
    matching_revoke(stage.matching, &stage.post[0]);
    has(&stage, 0, A, 0);
    has(&stage, 1, A, 0);
    assert_true(matching_told(stage.matching, false, 0, A, 1));
    has(&stage, 1, A, 1);
    assert_int_equal(stage.unbound, 0);
    matching_destroy(stage.matching, NULL);
}

UNIT_MAIN(cmocka_unit_test(a_leader_says_that_it_matched_a_synchronous_message),
          cmocka_unit_test(a_follower_gives_a_synchronous_message_when_the_leader_has),
          cmocka_unit_test(what_a_dead_leader_said_is_not_said_again),
          cmocka_unit_test(a_synchronous_message_is_not_the_receives_that_the_leader_cancels),
          cmocka_unit_test(a_leader_gives_what_came_first_and_says_so),
          cmocka_unit_test(a_follower_hides_what_an_open_receive_could_take),
          cmocka_unit_test(a_receive_waits_behind_one_that_waits_for_a_hidden_message),
          cmocka_unit_test(what_is_told_waits_for_its_message),
          cmocka_unit_test(who_begins_to_lead_matches_in_order_of_posting),
          cmocka_unit_test(a_cancelled_receive_gives_its_message_to_the_next),
          cmocka_unit_test(what_the_program_has_is_not_taken_back),
          cmocka_unit_test(a_cancelled_open_receive_hides_nothing),
          cmocka_unit_test(any_tag_does_not_mean_the_librarys))
