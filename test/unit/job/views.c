/* SPDX-License-Identifier: BSD-3-Clause */
#include "config.h"
#include "test/lib/prelude.h"

#include "job/views.h"
#include "wire/frame.h"

#include <string.h>

#define MEMBERS 5

/* One member's engine, what it sent last to whom, and what it kept then. */
struct bench {
    struct view *first;
    struct views *views;
    unsigned sent;
    Wire__VoteKind kind;
    uint64_t ballot, bound, kept_promise, kept_when_sent;
    size_t heard_count;
    bool hears;
    uint64_t changed;
};

static uint32_t machines[MEMBERS] = {0, 1, 2, 3, 4};
static const struct view_rules rules = {machines, VIEW_FIVE_FROM};

static void on_send(void *arg, int member, const Wire__ViewVote *vote)
{
    struct bench *bench = arg;

    (void)member;
    bench->sent++;
    bench->kind = vote->kind;
    bench->ballot = vote->ballot;
    bench->bound = vote->bound;
    bench->heard_count = vote->n_heard;
    bench->kept_when_sent = bench->kept_promise;
}

static void on_keep(void *arg, const Wire__ViewMemory *memory)
{
    ((struct bench *)arg)->kept_promise = memory->promised;
}

static enum view_trust on_trust(void *arg, int member)
{
    (void)member;
    return ((struct bench *)arg)->hears ? VIEW_HEARD : VIEW_UNKNOWN;
}

static void on_changed(void *arg, const struct view *before, const struct view *after)
{
    (void)before;
    ((struct bench *)arg)->changed = after->number;
}

static const struct views_ops ops = {on_send, on_keep, on_trust, on_changed};

/* Member self of five; voters are 0 (the home), 1 and 2. */
static struct bench *bench_make(int self, bool is_mute)
{
    struct bench *bench = calloc(1, sizeof *bench);
    struct views_config config = {self, rules, 7};

    bench->first = view_first(MEMBERS, 0, &rules);
    bench->views = views_create(&config, bench->first, NULL, is_mute, &ops, bench, NULL);
    return bench;
}

static void bench_free(struct bench *bench)
{
    views_destroy(bench->views);
    view_destroy(bench->first);
    free(bench);
}

static struct view *without(const struct bench *bench, int member)
{
    bool lost[MEMBERS] = {false};
    enum view_trust trust[MEMBERS] = {VIEW_HEARD, VIEW_HEARD, VIEW_HEARD, VIEW_HEARD, VIEW_HEARD};

    lost[member] = true;
    return view_next(bench->first, lost, trust, &rules);
}

static int tell(struct bench *bench, int src, Wire__VoteKind kind, uint64_t ballot, uint64_t bound,
                const struct view *view)
{
    Wire__ViewVote vote = WIRE__VIEW_VOTE__INIT;
    struct err err;

    vote.kind = kind;
    vote.slot = 2;
    vote.ballot = ballot;
    vote.bound = bound;
    vote.view = view != NULL ? view_to_wire(view) : NULL;
    int result = views_receive(bench->views, src, &vote, 1000, &err);
    if (vote.view != NULL)
        message_free(vote.view);
    return result;
}

static void a_promise_is_kept_before_it_is_sent(void **state)
{
    struct bench *bench = bench_make(2, false);

    (void)state;
    assert_int_equal(tell(bench, 1, WIRE__VOTE_KIND__VOTE_PREPARE, 10, 0, NULL), 0);
    assert_int_equal(bench->kind, WIRE__VOTE_KIND__VOTE_PROMISE);
    assert_int_equal(bench->kept_when_sent, 10);
    bench_free(bench);
}

static void what_was_kept_binds_after_a_restart(void **state)
{
    struct bench *bench = bench_make(2, false);
    struct views_config config = {2, rules, 7};
    Wire__ViewMemory memory = WIRE__VIEW_MEMORY__INIT;
    struct view *value = without(bench, 3);

    (void)state;
    memory.view = view_to_wire(bench->first);
    memory.promised = 18;
    views_destroy(bench->views);
    bench->views = views_create(&config, bench->first, &memory, false, &ops, bench, NULL);
    tell(bench, 1, WIRE__VOTE_KIND__VOTE_ACCEPT, 10, 0, value);
    assert_int_equal(bench->kind, WIRE__VOTE_KIND__VOTE_REFUSED);
    assert_int_equal(bench->bound, 18);
    message_free(memory.view);
    view_destroy(value);
    bench_free(bench);
}

static void who_is_heard_is_not_voted_lost(void **state)
{
    struct bench *bench = bench_make(2, false);
    struct view *value = without(bench, 3);

    (void)state;
    bench->hears = true;
    tell(bench, 0, WIRE__VOTE_KIND__VOTE_ACCEPT, 1, 0, value);
    assert_int_equal(bench->kind, WIRE__VOTE_KIND__VOTE_REFUSED);
    assert_int_equal(bench->heard_count, 1);
    bench->hears = false;
    tell(bench, 0, WIRE__VOTE_KIND__VOTE_ACCEPT, 1, 0, value);
    assert_int_equal(bench->kind, WIRE__VOTE_KIND__VOTE_ACCEPTED);
    view_destroy(value);
    bench_free(bench);
}

static void the_home_needs_one_round_trip(void **state)
{
    struct bench *bench = bench_make(0, false);

    (void)state;
    views_accuse(bench->views, 3, true, 1000);
    views_tick(bench->views, 1000);
    assert_int_equal(bench->kind, WIRE__VOTE_KIND__VOTE_ACCEPT);
    assert_int_equal(bench->ballot, 1);
    assert_int_equal(bench->changed, 0);
    tell(bench, 2, WIRE__VOTE_KIND__VOTE_ACCEPTED, 1, 0, NULL);
    assert_int_equal(bench->changed, 2);
    assert_true(views_current(bench->views)->lost[3]);
    bench_free(bench);
}

static void answers_to_another_ballot_do_not_count(void **state)
{
    struct bench *bench = bench_make(1, false);

    (void)state;
    views_accuse(bench->views, 0, true, 1000);
    views_tick(bench->views, 1000);
    assert_int_equal(bench->kind, WIRE__VOTE_KIND__VOTE_PREPARE);
    uint64_t ballot = bench->ballot;
    tell(bench, 2, WIRE__VOTE_KIND__VOTE_PROMISE, ballot + 8, 0, NULL);
    assert_int_equal(bench->kind, WIRE__VOTE_KIND__VOTE_PREPARE);
    tell(bench, 2, WIRE__VOTE_KIND__VOTE_PROMISE, ballot, 0, NULL);
    assert_int_equal(bench->kind, WIRE__VOTE_KIND__VOTE_ACCEPT);
    tell(bench, 2, WIRE__VOTE_KIND__VOTE_ACCEPTED, ballot + 8, 0, NULL);
    assert_int_equal(bench->changed, 0);
    tell(bench, 2, WIRE__VOTE_KIND__VOTE_ACCEPTED, ballot, 0, NULL);
    assert_int_equal(bench->changed, 2);
    assert_int_equal(views_current(bench->views)->home, 1);
    bench_free(bench);
}

static void what_was_written_before_is_proposed_again(void **state)
{
    struct bench *bench = bench_make(1, false);
    struct view *older = without(bench, 4);

    (void)state;
    views_accuse(bench->views, 0, true, 1000);
    views_tick(bench->views, 1000);
    uint64_t ballot = bench->ballot;
    tell(bench, 2, WIRE__VOTE_KIND__VOTE_PROMISE, ballot, 1, older);
    assert_int_equal(bench->bound, 1);
    tell(bench, 2, WIRE__VOTE_KIND__VOTE_ACCEPTED, ballot, 0, NULL);
    assert_true(view_equal(views_current(bench->views), older));
    view_destroy(older);
    bench_free(bench);
}

static void who_forgot_does_not_vote_but_learns(void **state)
{
    struct bench *bench = bench_make(2, true);
    struct view *value = without(bench, 3);

    (void)state;
    tell(bench, 1, WIRE__VOTE_KIND__VOTE_PREPARE, 10, 0, NULL);
    tell(bench, 0, WIRE__VOTE_KIND__VOTE_ACCEPT, 1, 0, value);
    assert_int_equal(bench->sent, 0);
    tell(bench, 0, WIRE__VOTE_KIND__VOTE_VIEW, 0, 0, value);
    assert_int_equal(bench->changed, 2);
    view_destroy(value);
    bench_free(bench);
}

static void votes_of_others_than_voters_are_refused(void **state)
{
    struct bench *bench = bench_make(2, false);
    struct view *value = without(bench, 3);

    (void)state;
    assert_int_equal(tell(bench, 4, WIRE__VOTE_KIND__VOTE_PREPARE, 10, 0, NULL), -1);
    assert_int_equal(tell(bench, 0, WIRE__VOTE_KIND__VOTE_PREPARE, 10, 0, NULL), -1);
    assert_int_equal(tell(bench, 9, WIRE__VOTE_KIND__VOTE_PREPARE, 10, 0, NULL), -1);
    assert_int_equal(tell(bench, 1, WIRE__VOTE_KIND__VOTE_ACCEPT, 10, 0, NULL), -1);
    value->number = 3;
    assert_int_equal(tell(bench, 1, WIRE__VOTE_KIND__VOTE_ACCEPT, 10, 0, value), -1);
    assert_int_equal(bench->sent, 0);
    view_destroy(value);
    bench_free(bench);
}

static void voters_are_on_machines_of_their_own(void **state)
{
    uint32_t two[4] = {0, 0, 2, 0}, five[12];
    struct view_rules few = {two, VIEW_FIVE_FROM}, many = {five, VIEW_FIVE_FROM};
    struct view *view = view_first(4, 1, &few);

    (void)state;
    assert_int_equal(view->voter_count, 1); /* two machines: the home's side goes on */
    assert_int_equal(view->voters[0], 1);
    view_destroy(view);
    for (uint32_t i = 0; i < 12; i++)
        five[i] = i == 1 ? 0 : i;
    view = view_first(12, 3, &many);
    assert_int_equal(view->voter_count, 5);
    assert_int_equal(view->voters[0], 3);
    assert_int_equal(view_voter(view, 0) >= 0, 1);
    assert_int_equal(view_voter(view, 1), -1);
    view_destroy(view);
}

UNIT_MAIN(cmocka_unit_test(a_promise_is_kept_before_it_is_sent),
          cmocka_unit_test(what_was_kept_binds_after_a_restart),
          cmocka_unit_test(who_is_heard_is_not_voted_lost),
          cmocka_unit_test(the_home_needs_one_round_trip),
          cmocka_unit_test(answers_to_another_ballot_do_not_count),
          cmocka_unit_test(what_was_written_before_is_proposed_again),
          cmocka_unit_test(who_forgot_does_not_vote_but_learns),
          cmocka_unit_test(votes_of_others_than_voters_are_refused),
          cmocka_unit_test(voters_are_on_machines_of_their_own))
