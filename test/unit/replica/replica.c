/* SPDX-License-Identifier: BSD-3-Clause */
/* replica.c - one engine, played to by hand: process 0 of a world of two ranks, two or three
 * replicas */
#include "config.h"

#include "replica/replica.h"

#include <string.h>

#include "base/mem.h"
#include "test/lib/prelude.h"

/* Processes of world(4, 2): 0 = rank 0 set 0 (the engine), 1 = rank 1 set 0, 2 = rank 0 set 1, 3 =
 * rank 1 set 1 */
enum { SELF, PEER, SIBLING, OTHER };

struct stage {
    struct world *world;
    struct replica *replica;
    struct replica_settings settings;
    unsigned sent[REPLICA_KINDS][4]; /* by kind and receiver */
    struct replica_msg last[REPLICA_KINDS];
    unsigned completed, delivered, filled;
    struct replica_body *body;
    size_t room;
    int ended; /* enum replica_end + 1 */
    char why[256];
    int lagging;
    unsigned lags;
    size_t lag_bytes;
    bool can_get;
    uint64_t read_at; /* the address of the last get() */
    uint8_t got[4096];
};

static void stage_send(void *arg, int dst, const struct replica_msg *msg,
                       const struct replica_bytes *bytes)
{
    struct stage *stage = arg;

    stage->sent[msg->kind][dst]++;
    stage->last[msg->kind] = *msg;
    (void)bytes;
}

static size_t stage_room(void *arg, int dst)
{
    (void)dst;
    return ((struct stage *)arg)->room;
}

static void stage_pack(void *arg, void *token, uint64_t offset, void *to, size_t size)
{
    memcpy(to, (char *)token + offset, size);
    (void)arg;
}

static void stage_complete(void *arg, void *token)
{
    ((struct stage *)arg)->completed++;
    (void)token;
}

static void stage_deliver(void *arg, const struct replica_envelope *envelope)
{
    struct stage *stage = arg;

    stage->delivered++;
    stage->body = envelope->body;
}

static void stage_fill(void *arg, void *token, uint64_t offset, const void *bytes, size_t size)
{
    struct stage *stage = arg;

    memcpy(stage->got + offset, bytes, size);
    (void)token;
}

static void stage_filled(void *arg, void *token)
{
    ((struct stage *)arg)->filled++;
    (void)token;
}

static bool stage_get(void *arg, int src, void *token, uint64_t address, uint64_t length)
{
    struct stage *stage = arg;

    stage->read_at = address;
    (void)src, (void)token, (void)length;
    return stage->can_get;
}

static void stage_end(void *arg, enum replica_end why, int rank, const char *sentence)
{
    struct stage *stage = arg;

    stage->ended = (int)why + 1;
    strcpy(stage->why, sentence);
    (void)rank;
}

static void stage_lag(void *arg, int process, int64_t for_ms, size_t bytes)
{
    struct stage *stage = arg;

    stage->lagging = process;
    stage->lags++;
    stage->lag_bytes = bytes;
    assert_true(for_ms >= stage->settings.lag_max_ms);
}

static const struct replica_ops ops = {
    .send = stage_send,
    .room = stage_room,
    .pack = stage_pack,
    .complete = stage_complete,
    .deliver = stage_deliver,
    .fill = stage_fill,
    .filled = stage_filled,
    .get = stage_get,
    .end = stage_end,
    .lag = stage_lag,
};

static int setup(void **state)
{
    struct stage *stage = mem_alloc(sizeof *stage);

    replica_settings_default(&stage->settings);
    stage->room = 1 << 30;
    stage->lagging = -1;
    stage->world = world_create(4, 2, NULL);
    stage->replica = replica_create(stage->world, SELF, &stage->settings, &ops, stage);
    replica_start(stage->replica);
    *state = stage;
    return 0;
}

static int teardown(void **state)
{
    struct stage *stage = *state;

    replica_destroy(stage->replica);
    world_destroy(stage->world);
    free(stage);
    return 0;
}

static void with_cap(struct stage *stage, size_t cap)
{
    stage->settings.retain_max = cap;
    replica_destroy(stage->replica);
    stage->replica = replica_create(stage->world, SELF, &stage->settings, &ops, stage);
    replica_start(stage->replica);
}

static char text[1 << 20] = "what is sent";

static bool send_bytes(struct stage *stage, uint64_t length)
{
    return replica_send(stage->replica, 1, 1, 7, 0, length <= stage->settings.eager ? text : NULL,
                        length, text, NULL);
}

static void arrive(struct stage *stage, int src, struct replica_msg msg, size_t size)
{
    replica_receive(stage->replica, src, &msg, text, size);
}

/* The rolling hash after `count` messages of tag 7 and this length: what the receiver would say. */
static uint64_t hash_of(int count, uint64_t length)
{
    struct stage other = {.room = 1 << 30};
    struct world *world = world_create(4, 2, NULL);
    uint64_t hash;

    replica_settings_default(&other.settings);
    other.replica = replica_create(world, PEER, &other.settings, &ops, &other);
    replica_start(other.replica);
    for (int i = 1; i <= count; i++) {
        struct replica_msg msg = {.kind = length > other.settings.eager ? REPLICA_ANNOUNCE
                                                                        : REPLICA_EAGER,
                                  .cid = 1,
                                  .tag = 7,
                                  .seq = (uint64_t)i,
                                  .length = length};

        arrive(&other, SELF, msg, msg.kind == REPLICA_EAGER ? length : 0);
    }
    replica_flush(other.replica);
    hash = other.last[REPLICA_ACK].hash;
    replica_destroy(other.replica);
    world_destroy(world);
    return hash;
}

static struct replica_msg note_ack(int seq, uint64_t length)
{
    return (struct replica_msg){.kind = REPLICA_NOTE_ACK,
                                .cid = 1,
                                .tag = 0,
                                .rank = 1,
                                .set = 1,
                                .seq = (uint64_t)seq,
                                .hash = hash_of(seq, length)};
}

static size_t retained(const struct stage *stage)
{
    struct replica_stats stats;

    replica_stats(stage->replica, &stats);
    return stats.retained;
}

/* ---------------------------------------------------------------- claims */

static void a_message_is_sent_once_and_kept_until_the_other_set_has_it(void **state)
{
    struct stage *stage = *state;

    assert_true(send_bytes(stage, 8));
    assert_int_equal(stage->sent[REPLICA_EAGER][PEER], 1);
    assert_int_equal(stage->sent[REPLICA_EAGER][OTHER], 0);
    assert_false(replica_is_idle(stage->replica));
    arrive(stage, SIBLING, note_ack(1, 8), 0);
    assert_true(replica_is_idle(stage->replica));
    assert_int_equal(retained(stage), 0);
}

static void who_posts_behind_keeps_nothing(void **state)
{
    struct stage *stage = *state;

    arrive(stage, SIBLING, note_ack(2, 8), 0);
    assert_true(send_bytes(stage, 8));
    assert_true(send_bytes(stage, 8));
    assert_true(replica_is_idle(stage->replica));
    assert_true(send_bytes(stage, 8));
    assert_false(replica_is_idle(stage->replica));
}

static void replicas_that_disagree_end_the_job(void **state)
{
    struct stage *stage = *state;

    arrive(stage, SIBLING, note_ack(1, 16), 0);
    send_bytes(stage, 8);
    assert_int_equal(stage->ended, REPLICA_END_DIFFERS + 1);
    assert_non_null(strstr(stage->why, "replicas of rank 0 disagree"));
}

static void disagreement_is_found_behind_as_well(void **state)
{
    struct stage *stage = *state;

    send_bytes(stage, 8);
    send_bytes(stage, 8);
    arrive(stage, SIBLING, note_ack(1, 16), 0);
    assert_int_equal(stage->ended, REPLICA_END_DIFFERS + 1);
}

static void at_the_cap_small_sends_wait_for_arrival_elsewhere(void **state)
{
    struct stage *stage = *state;

    with_cap(stage, 0);
    assert_false(send_bytes(stage, 8));
    assert_int_equal(stage->sent[REPLICA_EAGER][PEER], 1);
    assert_int_equal(retained(stage), 0);
    arrive(stage, SIBLING, note_ack(1, 8), 0);
    assert_int_equal(stage->completed, 1);
}

static void at_the_cap_acknowledgements_are_asked_for(void **state)
{
    struct stage *stage = *state;

    with_cap(stage, 0);
    send_bytes(stage, 8);
    replica_tick(stage->replica, 1000);
    assert_int_equal(stage->sent[REPLICA_WANT][SIBLING], 1);
    send_bytes(stage, 8);
    assert_true(stage->last[REPLICA_EAGER].flags & REPLICA_MSG_WANT);
}

static void a_buffered_send_is_copied_whatever_the_cap(void **state)
{
    struct stage *stage = *state;
    struct replica_stats stats;

    with_cap(stage, 0);
    assert_true(replica_send(stage->replica, 1, 1, 7, REPLICA_COPY, NULL, 100000, text, NULL));
    replica_stats(stage->replica, &stats);
    assert_true(stats.retained_forced >= 100000);
}

static void a_large_send_waits_for_its_own_receiver_then_a_copy_will_do(void **state)
{
    struct stage *stage = *state;
    struct replica_msg body = {
        .kind = REPLICA_BODY, .cid = 1, .seq = 1, .length = 1, .hash = hash_of(1, 100000)};

    replica_tick(stage->replica, 1000);
    assert_false(send_bytes(stage, 100000));
    assert_int_equal(stage->sent[REPLICA_ANNOUNCE][PEER], 1);
    replica_tick(stage->replica, 1100);
    assert_int_equal(stage->completed, 0);
    arrive(stage, PEER, body, 0);
    assert_int_equal(stage->sent[REPLICA_NOTE_BODY][SIBLING], 1);
    assert_int_equal(stage->completed, 0);
    replica_tick(stage->replica, 1101);
    assert_int_equal(stage->completed, 0);
    replica_tick(stage->replica, 1110);
    assert_int_equal(stage->completed, 1);
    assert_true(retained(stage) >= 100000);
}

static void the_receiver_of_its_own_set_may_read_the_original_until_it_has_it(void **state)
{
    struct stage *stage = *state;
    struct replica_held *held = NULL;
    struct replica_msg body = {
        .kind = REPLICA_BODY, .cid = 1, .seq = 1, .length = 1, .hash = hash_of(1, 100000)};

    assert_false(replica_send(stage->replica, 1, 1, 7, 0, text, 100000, text, &held));
    assert_true(stage->last[REPLICA_ANNOUNCE].body == (uintptr_t)text);
    assert_false(replica_detach(stage->replica, held));
    assert_int_equal(stage->completed, 0);
    arrive(stage, PEER, body, 0);
    assert_int_equal(stage->completed, 1);
}

static void receivers_of_other_sets_are_shown_copies_only(void **state)
{
    struct stage *stage = *state;
    struct replica_msg end = {.kind = REPLICA_CLAIM_END};

    send_bytes(stage, 100000);
    assert_true(replica_send(stage->replica, 1, 1, 7, REPLICA_COPY, text, 100000, NULL, NULL));
    assert_true(stage->last[REPLICA_ANNOUNCE].body != 0);
    assert_true(stage->last[REPLICA_ANNOUNCE].body != (uintptr_t)text);
    replica_dead(stage->replica, SIBLING);
    stage->room = 100; /* for one */
    arrive(stage, OTHER, end, 0);
    assert_int_equal(stage->last[REPLICA_ANNOUNCE].seq, 2);
    assert_int_equal(stage->sent[REPLICA_ANNOUNCE][OTHER], 2);
    assert_true(stage->last[REPLICA_ANNOUNCE].body != (uintptr_t)text);
}

static void sends_to_the_dead_are_done(void **state)
{
    struct stage *stage = *state;

    replica_dead(stage->replica, PEER);
    arrive(stage, SIBLING, note_ack(1, 8), 0);
    assert_true(send_bytes(stage, 8));
    assert_int_equal(stage->sent[REPLICA_EAGER][PEER], 0);
    assert_true(replica_is_idle(stage->replica));
}

static void the_dead_are_owed_nothing(void **state)
{
    struct stage *stage = *state;

    send_bytes(stage, 8);
    send_bytes(stage, 100000);
    assert_false(replica_is_idle(stage->replica));
    replica_dead(stage->replica, OTHER);
    replica_dead(stage->replica, PEER);
    assert_true(replica_is_idle(stage->replica));
    assert_int_equal(stage->ended, REPLICA_END_GONE + 1);
}

static void every_byte_of_the_dead_is_refused(void **state)
{
    struct stage *stage = *state;
    struct replica_msg msg = {.kind = REPLICA_EAGER, .cid = 1, .tag = 7, .seq = 1, .length = 4};

    replica_dead(stage->replica, PEER);
    assert_false(replica_receive(stage->replica, PEER, &msg, text, 4));
    assert_int_equal(stage->delivered, 0);
    assert_int_equal(stage->sent[REPLICA_CLAIM_END][OTHER], 1);
    assert_true(replica_receive(stage->replica, OTHER, &msg, text, 4));
    assert_int_equal(stage->delivered, 1);
}

static void who_is_taken_for_dead_leaves(void **state)
{
    struct stage *stage = *state;

    assert_true(replica_dead(stage->replica, SELF));
    assert_int_equal(stage->ended, REPLICA_END_REFUSED + 1);
}

static void envelopes_are_released_in_order_once(void **state)
{
    struct stage *stage = *state;
    static const int order[] = {3, 2, 3, 1, 2, 4};
    static const unsigned delivered[] = {0, 0, 0, 3, 3, 4};

    for (int i = 0; i < 6; i++) {
        struct replica_msg msg = {
            .kind = REPLICA_EAGER, .cid = 1, .tag = 7, .seq = (uint64_t)order[i], .length = 4};

        arrive(stage, PEER, msg, 4);
        assert_int_equal(stage->delivered, delivered[i]);
    }
}

static void a_half_filled_receive_is_filled_by_the_substitute(void **state)
{
    struct stage *stage = *state;
    struct replica_msg announce = {
        .kind = REPLICA_ANNOUNCE, .cid = 1, .tag = 7, .seq = 1, .length = 4000};

    stage->settings.eager = 100;
    with_cap(stage, 1 << 20);
    arrive(stage, PEER, announce, 0);
    replica_pull(stage->replica, stage->body, text);
    assert_int_equal(stage->sent[REPLICA_PULL][PEER], 1);
    struct replica_msg data = stage->last[REPLICA_PULL];

    data.kind = REPLICA_DATA;
    arrive(stage, PEER, data, 1500);
    replica_dead(stage->replica, PEER);
    assert_int_equal(stage->sent[REPLICA_CLAIM_BODY][OTHER], 1);
    assert_int_equal(stage->sent[REPLICA_PULL][OTHER], 1);
    assert_int_equal(stage->last[REPLICA_PULL].offset, 1500);
    data.offset = 1500;
    arrive(stage, OTHER, data, 2500);
    assert_int_equal(stage->filled, 1);
    assert_int_equal(stage->sent[REPLICA_BODY][OTHER], 1);
}

static void a_body_is_read_where_it_lies_or_asked_for(void **state)
{
    struct stage *stage = *state;
    struct replica_msg announce = {
        .kind = REPLICA_ANNOUNCE, .cid = 1, .tag = 7, .length = 100000, .body = 4711};

    for (stage->can_get = false; announce.seq < 2; stage->can_get = true) {
        announce.seq++;
        arrive(stage, PEER, announce, 0);
        replica_pull(stage->replica, stage->body, text);
        assert_int_equal(stage->read_at, 4711);
        assert_int_equal(stage->sent[REPLICA_PULL][PEER], 1);
    }
    assert_int_equal(stage->filled, 1);
    assert_int_equal(stage->sent[REPLICA_BODY][PEER], 1);
    assert_int_equal(stage->last[REPLICA_BODY].length, 2);
}

static void the_memory_of_the_dead_is_not_looked_at(void **state)
{
    struct stage *stage = *state;
    struct replica_msg announce = {
        .kind = REPLICA_ANNOUNCE, .cid = 1, .tag = 7, .seq = 1, .length = 100000, .body = 4711};

    stage->can_get = true;
    arrive(stage, PEER, announce, 0);
    replica_dead(stage->replica, PEER);
    replica_pull(stage->replica, stage->body, text);
    assert_int_equal(stage->read_at, 0);
    assert_int_equal(stage->sent[REPLICA_PULL][OTHER], 1);
}

static void claim_all(struct stage *stage)
{
    struct replica_msg end = {.kind = REPLICA_CLAIM_END};

    replica_dead(stage->replica, SIBLING);
    arrive(stage, OTHER, end, 0);
}

static void a_claim_is_served_in_order_and_from_then_on(void **state)
{
    struct stage *stage = *state;
    struct replica_msg claim = note_ack(2, 8);

    for (int i = 0; i < 5; i++)
        send_bytes(stage, 8);
    claim.kind = REPLICA_CLAIM;
    arrive(stage, OTHER, claim, 0);
    claim_all(stage);
    assert_int_equal(stage->sent[REPLICA_EAGER][OTHER], 3);
    send_bytes(stage, 8);
    assert_int_equal(stage->sent[REPLICA_EAGER][OTHER], 4);
    assert_int_equal(stage->last[REPLICA_EAGER].seq, 6);
}

static void a_claim_beyond_what_is_posted_waits(void **state)
{
    struct stage *stage = *state;
    struct replica_msg claim = note_ack(2, 8);

    claim.kind = REPLICA_CLAIM;
    arrive(stage, OTHER, claim, 0);
    claim_all(stage);
    send_bytes(stage, 8);
    send_bytes(stage, 8);
    assert_int_equal(stage->sent[REPLICA_EAGER][OTHER], 0);
    send_bytes(stage, 8);
    assert_int_equal(stage->sent[REPLICA_EAGER][OTHER], 1);
}

static void a_long_resend_is_announced_after_the_first_mebibyte(void **state)
{
    struct stage *stage = *state;

    for (int i = 0; i < 300; i++)
        send_bytes(stage, 4096);
    claim_all(stage);
    assert_int_equal(stage->sent[REPLICA_EAGER][OTHER], 256);
    assert_int_equal(stage->sent[REPLICA_ANNOUNCE][OTHER], 44);
}

static void a_stopped_receiver_fills_the_cap_not_the_queue(void **state)
{
    struct stage *stage = *state;
    int complete = 0;

    with_cap(stage, 64 << 10);
    stage->room = 0;
    for (int i = 0; i < 100; i++)
        complete += send_bytes(stage, 1024);
    assert_true(complete > 40 && complete < 64);
    assert_true(retained(stage) <= 64 << 10);
    assert_int_equal(stage->sent[REPLICA_EAGER][PEER], 0);
    stage->room = 1 << 30;
    assert_false(replica_progress(stage->replica));
    assert_int_equal(stage->sent[REPLICA_EAGER][PEER], 100);
}

/* The receiver's part in this is a second engine, which takes all envelopes and matches nothing. */
static void a_million_small_ones_behind_an_unmatched_large_one_are_not_kept(void **state)
{
    struct stage *stage = *state, other = {.room = 1 << 30};

    replica_settings_default(&other.settings);
    other.replica = replica_create(stage->world, OTHER, &other.settings, &ops, &other);
    replica_start(other.replica);
    for (uint64_t seq = 1; seq <= 1000000; seq++) {
        uint64_t length = seq == 1 ? 100000 : 8;
        struct replica_msg msg = {.kind = seq == 1 ? REPLICA_ANNOUNCE : REPLICA_EAGER,
                                  .cid = 1,
                                  .tag = 7,
                                  .seq = seq,
                                  .length = length};
        unsigned acks = other.sent[REPLICA_ACK][SIBLING];

        assert_int_equal(send_bytes(stage, length), seq > 1);
        arrive(&other, SIBLING, msg, seq == 1 ? 0 : length);
        if (other.sent[REPLICA_ACK][SIBLING] == acks)
            continue;
        msg = other.last[REPLICA_ACK];
        msg.kind = REPLICA_NOTE_ACK;
        msg.rank = msg.set = 1;
        arrive(stage, SIBLING, msg, 0);
    }
    assert_int_equal(stage->ended, 0);
    assert_true(retained(stage) < 64 * 1024);
    replica_destroy(other.replica);
}

static void many_streams_below_every_threshold_are_acknowledged_before_a_block(void **state)
{
    struct stage *stage = *state;

    for (uint32_t cid = 1; cid <= 2000; cid++) {
        struct replica_msg msg = {
            .kind = REPLICA_EAGER, .cid = cid, .tag = 7, .seq = 1, .length = 1};

        arrive(stage, PEER, msg, 1);
    }
    assert_int_equal(stage->sent[REPLICA_ACK][PEER], 0);
    replica_flush(stage->replica);
    assert_int_equal(stage->sent[REPLICA_ACK][PEER], 2000);
}

static void a_lagging_replica_is_reported(void **state)
{
    struct stage *stage = *state;

    with_cap(stage, 0);
    replica_tick(stage->replica, 1000);
    send_bytes(stage, 8);
    replica_tick(stage->replica, 31000); /* computed for long, then posted */
    assert_int_equal(stage->lagging, -1);
    replica_tick(stage->replica, 60999);
    assert_int_equal(stage->lagging, -1);
    replica_tick(stage->replica, 61000);
    assert_int_equal(stage->lagging, SIBLING);
    for (int64_t now_ms = 62000; now_ms <= 91000; now_ms += 1000) {
        arrive(stage, SIBLING, (struct replica_msg){.kind = REPLICA_HERE, .rank = 1, .seq = 1}, 0);
        replica_tick(stage->replica, now_ms);
    }
    assert_int_equal(stage->lagging, SIBLING);
    arrive(stage, SIBLING, (struct replica_msg){.kind = REPLICA_HERE, .rank = 1, .seq = 1}, 0);
    replica_tick(stage->replica, 92000);
    assert_int_equal(stage->lagging, OTHER); /* the sibling answers, its receiver does not */
}

static void a_lagging_replica_is_reported_once_until_it_has_caught_up(void **state)
{
    struct stage *stage = *state;

    with_cap(stage, 1000);
    replica_tick(stage->replica, 1000);
    while (send_bytes(stage, 8))
        continue;
    for (int64_t now_ms = 31000; now_ms <= 300000; now_ms += 1000)
        replica_tick(stage->replica, now_ms);
    assert_int_equal(stage->lags, 1);
    assert_true(stage->lag_bytes > 0 && stage->lag_bytes <= 1000);
    assert_int_equal(stage->lag_bytes, retained(stage));
    arrive(stage, SIBLING, note_ack(1, 8), 0);
    replica_tick(stage->replica, 301000);
    while (send_bytes(stage, 8))
        continue;
    replica_tick(stage->replica, 302000);
    replica_tick(stage->replica, 340000);
    assert_int_equal(stage->lags, 2);
}

/* Process 3 has stopped: process 2 cannot go on, so that process 1 has nothing to receive. */
static void who_waits_for_a_sibling_that_waits_itself_names_nobody(void **state)
{
    struct stage *stage = *state;
    struct replica_msg here = {
        .kind = REPLICA_HERE, .flags = REPLICA_MSG_HELD, .rank = 1, .seq = 0};

    with_cap(stage, 0);
    replica_tick(stage->replica, 1000);
    send_bytes(stage, 8);
    for (int64_t now_ms = 2000; now_ms <= 100000; now_ms += 1000) {
        arrive(stage, SIBLING, here, 0);
        replica_tick(stage->replica, now_ms);
    }
    assert_int_equal(stage->lags, 0);
    here.seq = 1; /* it has posted it now: its receiver is slow */
    for (int64_t now_ms = 101000; now_ms <= 150000; now_ms += 1000) {
        arrive(stage, SIBLING, here, 0);
        replica_tick(stage->replica, now_ms);
    }
    assert_int_equal(stage->lagging, OTHER);
}

/* Process 2 died, so that process 3 has yet to hear from us what it lacks. */
static void whom_a_death_makes_us_wait_for_gets_its_own_time(void **state)
{
    struct stage *stage = *state;

    with_cap(stage, 0);
    replica_tick(stage->replica, 1000);
    send_bytes(stage, 8);
    replica_tick(stage->replica, 2000);
    replica_tick(stage->replica, 32000);
    assert_int_equal(stage->lagging, SIBLING);
    replica_dead(stage->replica, SIBLING);
    replica_tick(stage->replica, 33000);
    replica_tick(stage->replica, 62000);
    assert_int_equal(stage->lags, 1);
    replica_tick(stage->replica, 63000);
    assert_int_equal(stage->lagging, OTHER);
}

static void a_receiver_that_takes_nothing_is_the_one_that_lags(void **state)
{
    struct stage *stage = *state;

    with_cap(stage, 0);
    stage->room = 0;
    replica_tick(stage->replica, 1000);
    send_bytes(stage, 8);
    for (int64_t now_ms = 2000; now_ms <= 40000; now_ms += 1000) {
        arrive(stage, SIBLING, (struct replica_msg){.kind = REPLICA_HERE}, 0);
        replica_tick(stage->replica, now_ms);
    }
    assert_int_equal(stage->lags, 1);
    assert_int_equal(stage->lagging, PEER);
}

static void the_last_replica_of_a_rank_does_not_lag(void **state)
{
    struct stage *stage = *state;

    with_cap(stage, 0);
    replica_dead(stage->replica, PEER);
    replica_tick(stage->replica, 1000);
    send_bytes(stage, 8);
    arrive(stage, SIBLING, (struct replica_msg){.kind = REPLICA_HERE}, 0);
    for (int64_t now_ms = 2000; now_ms <= 100000; now_ms += 1000) {
        arrive(stage, SIBLING, (struct replica_msg){.kind = REPLICA_HERE}, 0);
        replica_tick(stage->replica, now_ms);
    }
    assert_int_equal(stage->lags, 0);
}

/* ---------------------------------------------------------------- decisions */

static void what_depends_on_a_decision_leaves_when_it_is_stable(void **state)
{
    struct stage *stage = *state;

    replica_gate(stage->replica, 7);
    assert_true(send_bytes(stage, 8)); /* the program goes on */
    replica_stable(stage->replica, 6);
    replica_progress(stage->replica);
    assert_int_equal(stage->sent[REPLICA_EAGER][PEER], 0);
    replica_stable(stage->replica, 7);
    replica_progress(stage->replica);
    assert_int_equal(stage->sent[REPLICA_EAGER][PEER], 1);
    assert_true(send_bytes(stage, 8));
    assert_int_equal(stage->sent[REPLICA_EAGER][PEER], 2);
}

static void announce(struct stage *stage, unsigned flags, uint64_t length)
{
    struct replica_msg msg = {.kind = REPLICA_ANNOUNCE,
                              .flags = (uint8_t)flags,
                              .cid = 1,
                              .tag = 7,
                              .seq = 1,
                              .length = length};

    arrive(stage, PEER, msg, 0);
}

static void a_synchronous_match_is_known_when_its_decision_is_stable(void **state)
{
    struct stage *stage = *state;

    announce(stage, REPLICA_MSG_SYNC, 0);
    replica_gate(stage->replica, 7);
    replica_pull(stage->replica, stage->body, text);
    replica_progress(stage->replica);
    assert_int_equal(stage->filled + stage->sent[REPLICA_BODY][PEER], 0);
    replica_stable(stage->replica, 7);
    replica_progress(stage->replica);
    assert_int_equal(stage->filled, 1);
    assert_int_equal(stage->sent[REPLICA_BODY][PEER], 1);
}

static void a_body_goes_to_another_receive_from_its_first_byte(void **state)
{
    struct stage *stage = *state;
    enum { LENGTH = 3000, HALF = LENGTH / 2 };
    struct replica_msg data = {.kind = REPLICA_DATA, .cid = 1, .tag = 7, .seq = 1};

    announce(stage, REPLICA_MSG_SYNC, LENGTH);
    replica_pull(stage->replica, stage->body, text);
    data.body = stage->last[REPLICA_PULL].body;
    arrive(stage, PEER, data, HALF);
    replica_unpull(stage->replica, stage->body, mem_copy(stage->got, LENGTH));
    data.offset = HALF;
    arrive(stage, PEER, data, HALF);
    memset(stage->got, 0, sizeof stage->got);
    assert_int_equal(stage->filled, 0);
    replica_pull(stage->replica, stage->body, text);
    assert_int_equal(stage->filled, 1);
    assert_int_equal(stage->sent[REPLICA_PULL][PEER], 1);
    assert_memory_equal(stage->got, text, HALF);
    assert_memory_equal(stage->got + HALF, text, HALF);
}

static void a_synchronous_send_to_the_dead_waits_for_a_match_elsewhere(void **state)
{
    struct stage *stage = *state;
    struct replica_msg note = note_ack(1, 1 << 16);

    assert_false(replica_send(stage->replica, 1, 1, 7, REPLICA_SYNC, NULL, 1 << 16, text, NULL));
    replica_dead(stage->replica, PEER);
    replica_tick(stage->replica, 1000);
    assert_int_equal(stage->completed, 0);
    note.kind = REPLICA_NOTE_BODY;
    note.length = 1;
    arrive(stage, SIBLING, note, 0);
    assert_int_equal(stage->completed, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
UNIT_MAIN(TEST(a_message_is_sent_once_and_kept_until_the_other_set_has_it),
          TEST(who_posts_behind_keeps_nothing), TEST(replicas_that_disagree_end_the_job),
          TEST(disagreement_is_found_behind_as_well),
          TEST(at_the_cap_small_sends_wait_for_arrival_elsewhere),
          TEST(at_the_cap_acknowledgements_are_asked_for),
          TEST(a_buffered_send_is_copied_whatever_the_cap),
          TEST(a_large_send_waits_for_its_own_receiver_then_a_copy_will_do),
          TEST(the_receiver_of_its_own_set_may_read_the_original_until_it_has_it),
          TEST(receivers_of_other_sets_are_shown_copies_only), TEST(sends_to_the_dead_are_done),
          TEST(the_dead_are_owed_nothing), TEST(every_byte_of_the_dead_is_refused),
          TEST(who_is_taken_for_dead_leaves), TEST(envelopes_are_released_in_order_once),
          TEST(a_half_filled_receive_is_filled_by_the_substitute),
          TEST(a_body_is_read_where_it_lies_or_asked_for),
          TEST(the_memory_of_the_dead_is_not_looked_at),
          TEST(a_claim_is_served_in_order_and_from_then_on),
          TEST(a_claim_beyond_what_is_posted_waits),
          TEST(a_long_resend_is_announced_after_the_first_mebibyte),
          TEST(a_stopped_receiver_fills_the_cap_not_the_queue),
          TEST(a_million_small_ones_behind_an_unmatched_large_one_are_not_kept),
          TEST(many_streams_below_every_threshold_are_acknowledged_before_a_block),
          TEST(a_lagging_replica_is_reported),
          TEST(a_lagging_replica_is_reported_once_until_it_has_caught_up),
          TEST(who_waits_for_a_sibling_that_waits_itself_names_nobody),
          TEST(whom_a_death_makes_us_wait_for_gets_its_own_time),
          TEST(a_receiver_that_takes_nothing_is_the_one_that_lags),
          TEST(the_last_replica_of_a_rank_does_not_lag),
          TEST(what_depends_on_a_decision_leaves_when_it_is_stable),
          TEST(a_synchronous_match_is_known_when_its_decision_is_stable),
          TEST(a_body_goes_to_another_receive_from_its_first_byte),
          TEST(a_synchronous_send_to_the_dead_waits_for_a_match_elsewhere))
