/* SPDX-License-Identifier: BSD-3-Clause */
/* verify.c - the replicas of rank 0 post messages to rank 1; what they tell each other is delivered
 * when a test says so, all else is not */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "replica/replica.h"
#include "test/lib/prelude.h"

#define RANKS    2
#define REPLICAS 3

struct packet {
    struct packet *next;
    int src, dst;
    struct replica_msg msg;
    size_t size;
    uint8_t bytes[2048];
};

struct one {
    struct stage *stage;
    int self;
    struct replica *replica;
    int ended; /* enum replica_end + 1 */
    char why[768];
};

struct stage {
    struct world *world;
    struct replica_settings settings;
    struct one one[REPLICAS];
    struct packet *first, **end;
    unsigned told; /* messages with hashes */
};

static void op_send(void *arg, int dst, const struct replica_msg *msg,
                    const struct replica_bytes *bytes)
{
    struct one *one = arg;
    struct stage *stage = one->stage;

    if (msg->kind != REPLICA_HASHES && msg->kind != REPLICA_HASHES_END)
        return;
    struct packet *packet = mem_alloc(sizeof *packet);

    assert_true(bytes == NULL || bytes->size <= sizeof packet->bytes);
    packet->src = one->self;
    packet->dst = dst;
    packet->msg = *msg;
    if (bytes != NULL) {
        packet->size = bytes->size;
        memcpy(packet->bytes, bytes->data, bytes->size);
    }
    *stage->end = packet;
    stage->end = &packet->next;
    stage->told += msg->kind == REPLICA_HASHES;
}

static size_t op_room(void *arg, int dst)
{
    (void)arg, (void)dst;
    return 1 << 20;
}

static void op_pack(void *arg, void *token, uint64_t offset, void *to, size_t size)
{
    (void)arg;
    memcpy(to, (char *)token + offset, size);
}

static void op_complete(void *arg, void *token)
{
    (void)arg, (void)token;
}

static void op_end(void *arg, enum replica_end why, int rank, const char *sentence)
{
    struct one *one = arg;

    one->ended = (int)why + 1;
    snprintf(one->why, sizeof one->why, "%s", sentence);
    (void)rank;
}

static const struct replica_ops ops = {
    .send = op_send, .room = op_room, .pack = op_pack, .complete = op_complete, .end = op_end};

/* Process of replica k of rank 0 */
static int process(int k)
{
    return k * RANKS;
}

static struct stage *stage_open(int replicas)
{
    struct stage *stage = mem_alloc(sizeof *stage);

    stage->end = &stage->first;
    replica_settings_default(&stage->settings);
    stage->settings.verify = true;
    stage->world = world_create(RANKS * replicas, replicas, NULL);
    for (int k = 0; k < replicas; k++) {
        struct one *one = &stage->one[k];

        one->stage = stage;
        one->self = process(k);
        one->replica = replica_create(stage->world, one->self, &stage->settings, &ops, one);
        replica_start(one->replica);
    }
    return stage;
}

static int setup_two(void **state)
{
    *state = stage_open(2);
    return 0;
}

static int setup_three(void **state)
{
    *state = stage_open(3);
    return 0;
}

static int teardown(void **state)
{
    struct stage *stage = *state;

    for (int k = 0; k < REPLICAS; k++)
        replica_destroy(stage->one[k].replica);
    while (stage->first != NULL) {
        struct packet *next = stage->first->next;

        free(stage->first);
        stage->first = next;
    }
    world_destroy(stage->world);
    free(stage);
    return 0;
}

static void deliver(struct stage *stage)
{
    while (stage->first != NULL) {
        struct packet *packet = stage->first;
        struct replica *to = stage->one[packet->dst / RANKS].replica;

        stage->first = packet->next;
        if (stage->first == NULL)
            stage->end = &stage->first;
        replica_receive(to, packet->src, &packet->msg, packet->bytes, packet->size);
        free(packet);
    }
}

static void flush(struct stage *stage)
{
    for (int k = 0; k < stage->world->replicas; k++)
        replica_flush(stage->one[k].replica);
    deliver(stage);
}

static bool post(struct stage *stage, int k, int32_t tag, const char *text)
{
    return replica_send(stage->one[k].replica, 1, 3, tag, 0, text, strlen(text), (void *)text,
                        NULL);
}

static uint64_t verified(const struct stage *stage, int k)
{
    struct replica_stats stats;

    replica_stats(stage->one[k].replica, &stats);
    return stats.verified;
}

static void assert_said(const struct one *one, const char *text)
{
    assert_int_equal(one->ended, REPLICA_END_DIFFERS + 1);
    if (strstr(one->why, text) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", text, one->why);
}

/* ---------------------------------------------------------------- claims */

static void equal_messages_are_verified_on_both_sides(void **state)
{
    struct stage *stage = *state;

    for (int i = 0; i < 100; i++)
        for (int k = 0; k < 2; k++)
            post(stage, k, 7, i % 2 ? "odd" : "even");
    flush(stage);
    for (int k = 0; k < 2; k++) {
        assert_int_equal(stage->one[k].ended, 0);
        assert_int_equal(verified(stage, k), 100);
    }
}

static void hashes_are_told_by_the_dozen(void **state)
{
    struct stage *stage = *state;

    for (int i = 0; i < 96; i++)
        post(stage, 0, 7, "the same");
    assert_int_equal(stage->told, 3);
}

static void the_first_message_on_which_two_differ_is_named_by_both(void **state)
{
    struct stage *stage = *state;

    for (int i = 1; i <= 40; i++) {
        post(stage, 0, 7, "the same");
        post(stage, 1, 7, i < 17 ? "the same" : i == 17 ? "the sAme" : "something else");
    }
    flush(stage);
    for (int k = 0; k < 2; k++) {
        assert_said(&stage->one[k], "rank 0 disagree first in message 17 to rank 1");
        assert_said(&stage->one[k], "communicator 3");
        assert_said(&stage->one[k], "replica 1 sent 8 bytes with tag 7");
        assert_null(strstr(stage->one[k].why, "alone"));
    }
}

static void another_tag_or_length_is_a_difference_too(void **state)
{
    struct stage *stage = *state;

    post(stage, 0, 7, "the same");
    post(stage, 1, 8, "the same");
    flush(stage);
    assert_said(&stage->one[0], "message 1 to rank 1");
    assert_said(&stage->one[0], "replica 1 sent 8 bytes with tag 8");
}

static void across_streams_the_first_in_the_order_of_posting_is_named(void **state)
{
    struct stage *stage = *state;

    for (int k = 0; k < 2; k++) {
        post(stage, k, -12, "the same");
        post(stage, k, 7, k == 0 ? "the same" : "something else");
        post(stage, k, -12, k == 0 ? "the same" : "something else");
    }
    flush(stage);
    for (int k = 0; k < 2; k++)
        assert_said(&stage->one[k], "replica 1 sent 14 bytes with tag 7");
}

static void streams_are_compared_each_in_its_own_order(void **state)
{
    struct stage *stage = *state;

    post(stage, 0, 7, "in the application's");
    post(stage, 0, -30, "in a collective's");
    post(stage, 1, -30, "in a collective's");
    post(stage, 1, 7, "in the application's");
    flush(stage);
    assert_int_equal(stage->one[0].ended, 0);
    assert_int_equal(verified(stage, 0), 2);
    assert_int_equal(verified(stage, 1), 2);
}

static void bytes_that_must_be_packed_have_the_same_hash(void **state)
{
    struct stage *stage = *state;
    static char large[100000] = "some of it";

    replica_send(stage->one[0].replica, 1, 3, 7, 0, large, sizeof large, large, NULL);
    replica_send(stage->one[1].replica, 1, 3, 7, 0, NULL, sizeof large, large, NULL);
    flush(stage);
    assert_int_equal(verified(stage, 0), 1);
    large[sizeof large - 1] ^= 1;
    replica_send(stage->one[0].replica, 1, 3, 7, 0, large, sizeof large, large, NULL);
    large[sizeof large - 1] ^= 1;
    replica_send(stage->one[1].replica, 1, 3, 7, 0, NULL, sizeof large, large, NULL);
    flush(stage);
    assert_said(&stage->one[0], "message 2 to rank 1");
}

static void of_three_the_odd_one_is_named(void **state)
{
    struct stage *stage = *state;

    for (int odd = 0; odd < 3; odd++) {
        for (int k = 0; k < 3; k++)
            post(stage, k, 7, k == odd ? "otherwise" : "as always");
        flush(stage);
        for (int k = 0; k < 3; k++) {
            char text[64];

            snprintf(text, sizeof text, "replica %d is alone", odd);
            assert_said(&stage->one[k], text);
        }
        teardown(state);
        setup_three(state);
        stage = *state;
    }
}

static void three_of_three_minds_have_no_majority(void **state)
{
    struct stage *stage = *state;

    post(stage, 0, 7, "one");
    post(stage, 1, 7, "two");
    post(stage, 2, 7, "three");
    flush(stage);
    assert_said(&stage->one[1], "no majority");
}

static void a_verdict_waits_for_the_third_or_for_its_death(void **state)
{
    struct stage *stage = *state;

    post(stage, 0, 7, "one");
    post(stage, 1, 7, "two");
    flush(stage);
    assert_int_equal(stage->one[0].ended, 0);
    replica_dead(stage->one[0].replica, process(2));
    assert_said(&stage->one[0], "message 1 to rank 1");
}

static void what_one_of_the_dead_told_counts(void **state)
{
    struct stage *stage = *state;

    post(stage, 0, 7, "as always");
    post(stage, 1, 7, "as always");
    post(stage, 2, 7, "otherwise");
    replica_flush(stage->one[2].replica);
    deliver(stage);
    replica_dead(stage->one[0].replica, process(2));
    replica_dead(stage->one[1].replica, process(2));
    flush(stage);
    assert_said(&stage->one[0], "replica 2 is alone");
}

static void who_is_alone_compares_nothing(void **state)
{
    struct stage *stage = *state;

    replica_dead(stage->one[0].replica, process(1));
    for (int i = 0; i < 100; i++)
        post(stage, 0, 7, "to myself");
    assert_int_equal(stage->told, 0);
    assert_true(replica_is_verified(stage->one[0].replica));
}

static void the_end_waits_for_the_siblings(void **state)
{
    struct stage *stage = *state;

    post(stage, 0, 7, "the same");
    replica_verify_end(stage->one[0].replica);
    assert_false(replica_is_verified(stage->one[0].replica));
    post(stage, 1, 7, "the same");
    replica_verify_end(stage->one[1].replica);
    deliver(stage);
    assert_true(replica_is_verified(stage->one[0].replica));
    assert_true(replica_is_verified(stage->one[1].replica));
}

static void a_message_that_only_one_sent_is_found_at_the_end(void **state)
{
    struct stage *stage = *state;

    post(stage, 0, 7, "only I");
    for (int k = 0; k < 2; k++)
        replica_verify_end(stage->one[k].replica);
    deliver(stage);
    for (int k = 0; k < 2; k++) {
        assert_false(replica_is_verified(stage->one[k].replica));
        assert_said(&stage->one[k], "message 1 to rank 1");
        assert_said(&stage->one[k], "replica 1 sent none");
    }
}

static void collectives_are_forgotten_when_all_agreed(void **state)
{
    struct stage *stage = *state;
    struct replica_stats stats;
    struct replica_msg ack = {.kind = REPLICA_NOTE_CLOSED, .cid = 3, .rank = 1, .set = 1};

    ack.tag = -30;
    replica_receive(stage->one[0].replica, process(1), &ack, NULL, 0);
    post(stage, 0, -30, "of a collective");
    replica_close(stage->one[0].replica, 3, -30);
    replica_tick(stage->one[0].replica, 1000);
    replica_stats(stage->one[0].replica, &stats);
    assert_int_equal(stats.streams, 1);
    post(stage, 1, -30, "of a collective");
    flush(stage);
    replica_tick(stage->one[0].replica, 2000);
    replica_stats(stage->one[0].replica, &stats);
    assert_int_equal(stats.streams, 0);
    assert_int_equal(stats.verified, 1);
}

static void hashes_of_nonsense_end_the_job(void **state)
{
    static const struct {
        uint32_t rank;
        uint64_t seq;
        size_t size;
    } bad[] = {
        {2, 1, sizeof(struct replica_digest)}, /* no such rank */
        {UINT32_MAX, 1, sizeof(struct replica_digest)},
        {0, 1, sizeof(struct replica_digest)},      /* to itself */
        {1, 2, sizeof(struct replica_digest)},      /* one is lacking */
        {1, 1, sizeof(struct replica_digest) - 1},  /* not whole */
        {1, 1, 33 * sizeof(struct replica_digest)}, /* too many */
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct stage *stage = *state;
        struct replica_msg msg = {.kind = REPLICA_HASHES, .seq = bad[i].seq};
        struct replica_digest digests[33] = {{.cid = 3, .rank = bad[i].rank}};

        replica_receive(stage->one[0].replica, process(1), &msg, digests, bad[i].size);
        assert_int_equal(stage->one[0].ended, REPLICA_END_BROKEN + 1);
        teardown(state);
        setup_two(state);
    }
}

static void hashes_of_another_rank_are_not_heard(void **state)
{
    struct stage *stage = *state;
    struct replica_digest digest = {.hash = 1, .cid = 3, .rank = 1};
    struct replica_msg msg = {.kind = REPLICA_HASHES, .seq = 1};

    replica_receive(stage->one[0].replica, 1, &msg, &digest, sizeof digest);
    post(stage, 0, 7, "the same");
    post(stage, 1, 7, "the same");
    flush(stage);
    assert_int_equal(stage->one[0].ended, 0);
    assert_int_equal(verified(stage, 0), 1);
}

static void too_far_behind_is_given_up_not_kept_for_ever(void **state)
{
    struct stage *stage = *state;
    struct replica_stats stats;
    unsigned posts = (1 << 20) + 50;

    for (unsigned i = 0; i < posts; i++)
        replica_send(stage->one[0].replica, 1, 3, 7, REPLICA_COPY, i == 10 ? "A" : "a", 1, NULL,
                     NULL);
    for (unsigned i = 0; i < posts; i++)
        replica_send(stage->one[1].replica, 1, 3, 7, REPLICA_COPY, i == 60 ? "A" : "a", 1, NULL,
                     NULL);
    flush(stage);
    replica_stats(stage->one[0].replica, &stats);
    assert_int_equal(stats.unverified, 50);
    assert_said(&stage->one[0], "message 61 to rank 1");
}

#define TWO(name)   cmocka_unit_test_setup_teardown(name, setup_two, teardown)
#define THREE(name) cmocka_unit_test_setup_teardown(name, setup_three, teardown)

UNIT_MAIN(TWO(equal_messages_are_verified_on_both_sides), TWO(hashes_are_told_by_the_dozen),
          TWO(the_first_message_on_which_two_differ_is_named_by_both),
          TWO(another_tag_or_length_is_a_difference_too),
          TWO(across_streams_the_first_in_the_order_of_posting_is_named),
          TWO(streams_are_compared_each_in_its_own_order),
          TWO(bytes_that_must_be_packed_have_the_same_hash), THREE(of_three_the_odd_one_is_named),
          THREE(three_of_three_minds_have_no_majority),
          THREE(a_verdict_waits_for_the_third_or_for_its_death),
          THREE(what_one_of_the_dead_told_counts), TWO(who_is_alone_compares_nothing),
          TWO(the_end_waits_for_the_siblings),
          TWO(a_message_that_only_one_sent_is_found_at_the_end),
          TWO(collectives_are_forgotten_when_all_agreed), TWO(hashes_of_nonsense_end_the_job),
          TWO(hashes_of_another_rank_are_not_heard),
          TWO(too_far_behind_is_given_up_not_kept_for_ever))
