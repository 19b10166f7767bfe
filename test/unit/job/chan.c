/* SPDX-License-Identifier: BSD-3-Clause */
/* chan.c - one pair of endpoints, frame by frame; test/sim/sim-chan.c has the storms */
#include "config.h"
#include "job/chan.h"

#include "test/lib/prelude.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define JOB        "0123456789abcdef0123456789abcdef"
#define FRAMES_MAX 256

/* An endpoint whose frames wait in a row until the test moves or drops them. */
struct end {
    struct chan *chan;
    Wire__Route *frames[FRAMES_MAX];
    int count;
    uint64_t got[FRAMES_MAX];
    int got_count, restarts, breaks;
    char why[ERR_TEXT_MAX];
    bool drops_on_delivery;
};

static void on_send(void *arg, const Wire__Route *route)
{
    struct end *end = arg;

    assert_true(end->count < FRAMES_MAX);
    end->frames[end->count++] = message_copy(&route->base);
}

static void on_deliver(void *arg, int src, const Wire__Step *step)
{
    struct end *end = arg;

    end->got[end->got_count++] = step->input_ack->bytes;
    if (end->drops_on_delivery)
        chan_drop_peer(end->chan, src);
}

static void on_restarted(void *arg, int peer)
{
    (void)peer;
    ((struct end *)arg)->restarts++;
}

static void on_broken(void *arg, int peer, const char *why)
{
    struct end *end = arg;

    (void)peer;
    end->breaks++;
    snprintf(end->why, sizeof end->why, "%s", why);
}

static const struct chan_ops ops = {on_send, on_deliver, on_restarted, on_broken};

static void open_end(struct end *end, int self, uint64_t epoch)
{
    memset(end, 0, sizeof *end);
    end->chan = chan_create(JOB, self, 2, epoch, &ops, end);
}

static void forget_frames(struct end *end)
{
    for (int i = 0; i < end->count; i++)
        message_free(end->frames[i]);
    end->count = 0;
}

static void close_end(struct end *end)
{
    forget_frames(end);
    chan_destroy(end->chan);
}

/* Moves what waits at `from`. Returns how many frames. */
static int carry(struct end *from, struct end *to, int64_t now_ms)
{
    int count = from->count;
    Wire__Route *frames[FRAMES_MAX];

    memcpy(frames, from->frames, sizeof frames);
    from->count = 0;
    for (int i = 0; i < count; i++) {
        chan_receive(to->chan, frames[i], now_ms);
        message_free(frames[i]);
    }
    return count;
}

static void carry_all(struct end *a, struct end *b, int64_t now_ms)
{
    do {
        if (chan_next(a->chan, now_ms) == 0)
            chan_tick(a->chan, now_ms);
        if (chan_next(b->chan, now_ms) == 0)
            chan_tick(b->chan, now_ms);
    } while (carry(a, b, now_ms) + carry(b, a, now_ms) > 0);
}

static int say(struct end *end, int dst, uint64_t number, int64_t now_ms)
{
    Wire__InputAck ack = WIRE__INPUT_ACK__INIT;
    Wire__Step step = WIRE__STEP__INIT;

    ack.bytes = number;
    step.body_case = WIRE__STEP__BODY_INPUT_ACK;
    step.input_ack = &ack;
    return chan_send(end->chan, dst, &step, now_ms, NULL);
}

static int say_much(struct end *end, int dst, size_t size, struct err *err)
{
    Wire__Input input = WIRE__INPUT__INIT;
    Wire__Step step = WIRE__STEP__INIT;
    uint8_t *bytes = calloc(1, size);

    input.data.data = bytes;
    input.data.len = size;
    step.body_case = WIRE__STEP__BODY_INPUT;
    step.input = &input;
    int status = chan_send(end->chan, dst, &step, 0, err);
    free(bytes);
    return status;
}

static void a_message_greets_first_and_then_goes_and_is_acknowledged(void **state)
{
    struct end home, step;

    (void)state;
    open_end(&home, HOME_HOST, 1);
    open_end(&step, 0, 2);
    assert_int_equal(chan_next(home.chan, 0), -1);
    say(&home, 0, 7, 0);
    say(&home, 0, 8, 0);
    assert_int_equal(home.count, 1);
    assert_int_equal(home.frames[0]->seq, 0);
    carry_all(&home, &step, 0);
    assert_int_equal(step.got_count, 2);
    assert_int_equal(step.got[1], 8);
    assert_int_equal(chan_next(step.chan, 0), CHAN_ACK_MS);
    assert_true(chan_waiting(home.chan, 0) > 0);
    carry_all(&home, &step, CHAN_ACK_MS);
    assert_int_equal(chan_waiting_all(home.chan), 0);
    assert_int_equal(chan_next(home.chan, CHAN_ACK_MS), -1);
    assert_int_equal(home.restarts + step.restarts + home.breaks + step.breaks, 0);
    close_end(&home);
    close_end(&step);
}

static void a_greeting_before_spares_the_round_trip(void **state)
{
    struct end home, step;

    (void)state;
    open_end(&home, HOME_HOST, 1);
    open_end(&step, 0, 2);
    chan_route_up(step.chan, HOME_HOST, 0);
    carry_all(&home, &step, 0);
    say(&step, HOME_HOST, 7, 0);
    assert_int_equal(carry(&step, &home, 0), 1);
    assert_int_equal(home.got_count, 1);
    close_end(&home);
    close_end(&step);
}

static void an_acknowledgement_rides_on_a_message(void **state)
{
    struct end home, step;

    (void)state;
    open_end(&home, HOME_HOST, 1);
    open_end(&step, 0, 2);
    say(&home, 0, 1, 0);
    carry_all(&home, &step, 0);
    say(&step, HOME_HOST, 2, 0);
    assert_int_equal(chan_next(step.chan, 0), CHAN_RESEND_MS);
    carry(&step, &home, 0);
    assert_int_equal(chan_waiting_all(home.chan), 0);
    close_end(&home);
    close_end(&step);
}

static void many_messages_are_acknowledged_at_once(void **state)
{
    struct end home, step;

    (void)state;
    open_end(&home, HOME_HOST, 1);
    open_end(&step, 0, 2);
    for (int i = 0; i < CHAN_ACK_COUNT; i++)
        say(&home, 0, 1, 0);
    carry_all(&home, &step, 0);
    assert_int_equal(chan_waiting_all(home.chan), 0);
    close_end(&home);
    close_end(&step);
}

static void resending_backs_off_and_progress_resets_it(void **state)
{
    struct end home, step;
    int64_t now_ms = 0;
    const int waits[] = {500, 1000, 2000, 4000, 4000};

    (void)state;
    open_end(&home, HOME_HOST, 1);
    open_end(&step, 0, 2);
    say(&home, 0, 1, 0);
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        forget_frames(&home);
        assert_int_equal(chan_next(home.chan, now_ms), waits[i]);
        now_ms += waits[i];
        chan_tick(home.chan, now_ms);
        assert_int_equal(home.count, 1);
    }
    carry_all(&home, &step, now_ms);
    assert_int_equal(step.got_count, 1);
    assert_int_equal(chan_next(home.chan, now_ms), CHAN_RESEND_MS);
    close_end(&home);
    close_end(&step);
}

static void a_route_that_is_up_again_resends_at_once(void **state)
{
    struct end home, step;

    (void)state;
    open_end(&home, HOME_HOST, 1);
    open_end(&step, 0, 2);
    chan_route_up(home.chan, 0, 0);
    carry_all(&home, &step, 0);
    for (uint64_t i = 1; i <= 3; i++)
        say(&home, 0, i, 0);
    forget_frames(&home);
    chan_route_up_all(home.chan, 1);
    assert_int_equal(home.count, 3);
    carry_all(&home, &step, 1);
    assert_int_equal(step.got_count, 3);
    close_end(&home);
    close_end(&step);
}

static void who_starts_anew_gets_what_was_not_acknowledged(void **state)
{
    struct end home, step;

    (void)state;
    open_end(&home, HOME_HOST, 1);
    open_end(&step, 0, 2);
    say(&step, HOME_HOST, 1, 0);
    carry_all(&home, &step, 0);
    carry_all(&home, &step, CHAN_ACK_MS);
    say(&step, HOME_HOST, 2, CHAN_ACK_MS);
    forget_frames(&step);
    close_end(&home);
    open_end(&home, HOME_HOST, 10);
    chan_route_up(home.chan, 0, 100);
    carry_all(&home, &step, 100);
    assert_int_equal(step.restarts, 1);
    assert_int_equal(home.restarts, 0);
    assert_int_equal(home.got_count, 1);
    assert_int_equal(home.got[0], 2);
    close_end(&home);
    close_end(&step);
}

static void a_frame_of_the_dead_incarnation_is_no_restart(void **state)
{
    struct end home, step;
    Wire__Route late = WIRE__ROUTE__INIT;
    char job[] = JOB;

    (void)state;
    open_end(&home, HOME_HOST, 10);
    open_end(&step, 0, 2);
    chan_route_up(home.chan, 0, 0);
    carry_all(&home, &step, 0);
    late.job = job;
    late.src = HOME_HOST;
    late.src_epoch = 5;
    late.seq = 1;
    assert_int_equal(chan_receive(step.chan, &late, 0), 0);
    late.dst_epoch = 2;
    assert_int_equal(chan_receive(step.chan, &late, 0), 0);
    assert_int_equal(step.restarts + step.got_count + step.breaks, 0);
    close_end(&home);
    close_end(&step);
}

static void a_clock_that_went_back_is_stepped_over(void **state)
{
    struct end home, step;

    (void)state;
    open_end(&home, HOME_HOST, 1000);
    open_end(&step, 0, 2);
    chan_route_up(home.chan, 0, 0);
    carry_all(&home, &step, 0);
    close_end(&home);
    open_end(&home, HOME_HOST, 900);
    say(&home, 0, 5, 0);
    carry_all(&home, &step, 0);
    assert_int_equal(step.restarts, 1);
    assert_int_equal(step.got_count, 1);
    close_end(&home);
    close_end(&step);
}

static void what_is_not_for_this_endpoint_is_ignored(void **state)
{
    struct end step;
    Wire__Route route = WIRE__ROUTE__INIT;
    char job[] = JOB, other[] = "other";

    (void)state;
    open_end(&step, 0, 2);
    route.job = other;
    route.src = 1;
    route.src_epoch = 1;
    assert_int_equal(chan_receive(step.chan, &route, 0), -1);
    route.job = job;
    route.dst = 1;
    assert_int_equal(chan_receive(step.chan, &route, 0), -1);
    route.dst = 0;
    for (int src = -3; src <= 3; src++) {
        route.src = src;
        assert_int_equal(chan_receive(step.chan, &route, 0), src == HOME_HOST || src == 1 ? 0 : -1);
    }
    route.src = 1;
    route.src_epoch = 0;
    assert_int_equal(chan_receive(step.chan, &route, 0), -1);
    close_end(&step);
}

static void rubbish_breaks_the_channel_with_a_sentence(void **state)
{
    struct end step;
    Wire__Route route = WIRE__ROUTE__INIT;
    char job[] = JOB;
    uint8_t rubbish[] = {0xff, 0xff, 0xff};

    (void)state;
    open_end(&step, 0, 2);
    route.job = job;
    route.src = 1;
    route.src_epoch = 1;
    route.dst_epoch = 2;
    route.seq = 1;
    route.body.data = rubbish;
    route.body.len = sizeof rubbish;
    chan_receive(step.chan, &route, 0);
    assert_int_equal(step.breaks, 1);
    assert_string_equal(step.why, "a message that is not of the protocol");
    assert_true(chan_is_dropped(step.chan, 1));
    close_end(&step);
}

static void a_dropped_peer_is_neither_sent_to_nor_heard(void **state)
{
    struct end home, step;

    (void)state;
    open_end(&home, HOME_HOST, 1);
    open_end(&step, 0, 2);
    step.drops_on_delivery = true;
    say(&home, 0, 1, 0);
    say(&home, 0, 2, 0);
    carry_all(&home, &step, 0);
    assert_int_equal(step.got_count, 1);
    assert_int_equal(say(&step, HOME_HOST, 1, 0), -1);
    assert_int_equal(errno, EPIPE);
    assert_int_equal(chan_next(step.chan, 0), -1);
    close_end(&home);
    close_end(&step);
}

static void a_channel_gets_full_and_refuses_at_last(void **state)
{
    struct end home;
    struct err err = {""};
    size_t sent = 0;

    (void)state;
    open_end(&home, HOME_HOST, 1);
    for (; say_much(&home, 0, 1 << 20, &err) == 0; sent++)
        assert_int_equal(chan_is_full(home.chan, 0), sent + 1 >= CHAN_FULL_BYTES >> 20);
    assert_int_equal(errno, ENOBUFS);
    assert_string_equal(err.text, "too much waits for host 0 to answer");
    assert_int_equal(sent, (CHAN_MAX_BYTES >> 20) - 1);
    assert_int_equal(say_much(&home, 1, FRAME_MAX, &err), -1);
    assert_int_equal(errno, EMSGSIZE);
    assert_int_equal(say_much(&home, 1, 6 << 20, &err), 0);
    assert_int_equal(say_much(&home, 2, 1, &err), -1);
    assert_int_equal(errno, EINVAL);
    close_end(&home);
}

static void an_acknowledgement_of_what_was_never_sent_is_ignored(void **state)
{
    struct end home, step;
    Wire__Route route = WIRE__ROUTE__INIT;
    char job[] = JOB;

    (void)state;
    open_end(&home, HOME_HOST, 1);
    open_end(&step, 0, 2);
    say(&home, 0, 1, 0);
    carry_all(&home, &step, 0);
    route.job = job;
    route.dst = HOME_HOST;
    route.src_epoch = 2;
    route.dst_epoch = 1;
    route.ack = 99;
    assert_int_equal(chan_receive(home.chan, &route, 0), 0);
    assert_true(chan_waiting(home.chan, 0) > 0);
    close_end(&home);
    close_end(&step);
}

UNIT_MAIN(cmocka_unit_test(a_message_greets_first_and_then_goes_and_is_acknowledged),
          cmocka_unit_test(a_greeting_before_spares_the_round_trip),
          cmocka_unit_test(an_acknowledgement_rides_on_a_message),
          cmocka_unit_test(many_messages_are_acknowledged_at_once),
          cmocka_unit_test(resending_backs_off_and_progress_resets_it),
          cmocka_unit_test(a_route_that_is_up_again_resends_at_once),
          cmocka_unit_test(who_starts_anew_gets_what_was_not_acknowledged),
          cmocka_unit_test(a_frame_of_the_dead_incarnation_is_no_restart),
          cmocka_unit_test(a_clock_that_went_back_is_stepped_over),
          cmocka_unit_test(what_is_not_for_this_endpoint_is_ignored),
          cmocka_unit_test(rubbish_breaks_the_channel_with_a_sentence),
          cmocka_unit_test(a_dropped_peer_is_neither_sent_to_nor_heard),
          cmocka_unit_test(a_channel_gets_full_and_refuses_at_last),
          cmocka_unit_test(an_acknowledgement_of_what_was_never_sent_is_ignored))
