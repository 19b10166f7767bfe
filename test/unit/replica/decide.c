/* SPDX-License-Identifier: BSD-3-Clause */
/* decide.c - the replicas of one rank decide, by hand: links are queues, deaths happen when told */
#include "config.h"

#include "replica/decide.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "test/lib/prelude.h"

enum { REPLICAS = 3, PACKETS = 64 };

struct packet {
    struct replica_msg msg;
    uint8_t bytes[2048];
    size_t size;
};

struct link {
    struct packet packet[PACKETS];
    int queued, delivered, received;
};

struct node {
    struct stage *stage;
    int self;
    struct decide *decide;
    bool leads, is_late; /* late: a message that was named is not here */
    bool keeps;          /* matches are asked for later */
    int matches, last_source;
    uint64_t last_seq, stable;
    char why[384];
};

struct stage {
    struct world *world;
    struct node node[REPLICAS];
    struct link link[REPLICAS][REPLICAS];
    bool is_at_once; /* what is sent is published: there are no places in links */
};

static void node_send(void *arg, int process, const struct replica_msg *msg, const void *bytes,
                      size_t size)
{
    struct node *node = arg;
    struct link *link = &node->stage->link[node->self][process];
    struct packet *packet = &link->packet[link->queued++];

    assert_true(link->queued < PACKETS && size <= sizeof packet->bytes);
    packet->msg = *msg;
    packet->size = size;
    if (size > 0)
        memcpy(packet->bytes, bytes, size);
}

static uint64_t node_queued(void *arg, int process)
{
    struct node *node = arg;

    return node->stage->is_at_once ? 0 : (uint64_t)node->stage->link[node->self][process].queued;
}

static uint64_t node_delivered(void *arg, int process)
{
    struct node *node = arg;

    return node->stage->is_at_once ? 0 : (uint64_t)node->stage->link[node->self][process].delivered;
}

static bool node_matched(void *arg, const struct decide_wild *wild, int source, uint64_t seq)
{
    struct node *node = arg;

    node->matches++;
    node->last_source = source;
    node->last_seq = seq;
    return wild->index != 9 && !node->keeps; /* 9: which is not posted yet */
}

static bool node_is_caught_up(void *arg)
{
    return !((struct node *)arg)->is_late;
}

static void node_lead(void *arg)
{
    ((struct node *)arg)->leads = true;
}

static void node_stable(void *arg, uint64_t number)
{
    ((struct node *)arg)->stable = number;
}

static void node_end(void *arg, const char *sentence)
{
    struct node *node = arg;

    snprintf(node->why, sizeof node->why, "%s", sentence);
}

static const char *node_name(int kind)
{
    return kind == DECIDE_END ? "its end" : kind == 5 ? "a five" : "a six";
}

static const struct decide_ops ops = {
    .send = node_send,
    .queued = node_queued,
    .delivered = node_delivered,
    .matched = node_matched,
    .is_caught_up = node_is_caught_up,
    .lead = node_lead,
    .stable = node_stable,
    .end = node_end,
    .name = node_name,
};

/* Everything on the way from a to b is in b's kernel. */
static void carry(struct stage *stage, int a, int b)
{
    stage->link[a][b].delivered = stage->link[a][b].queued;
}

/* b reads what its kernel has from a. */
static void reads(struct stage *stage, int a, int b)
{
    struct link *link = &stage->link[a][b];

    while (link->received < link->delivered) {
        struct packet *packet = &link->packet[link->received++];

        decide_receive(stage->node[b].decide, a, &packet->msg, packet->bytes, packet->size);
    }
}

static void carry_and_read(struct stage *stage, int a, int b)
{
    carry(stage, a, b);
    reads(stage, a, b);
    decide_poll(stage->node[a].decide);
}

static struct stage *stage_create(int replicas)
{
    struct stage *stage = mem_alloc(sizeof *stage);

    stage->world = world_create(replicas, replicas, NULL);
    for (int i = 0; i < replicas; i++) {
        stage->node[i].stage = stage;
        stage->node[i].self = i;
        stage->node[i].decide = decide_create(stage->world, i, 256, &ops, &stage->node[i]);
        decide_start(stage->node[i].decide);
    }
    for (int a = 0; a < replicas; a++)
        for (int b = 0; b < replicas; b++)
            carry_and_read(stage, a, b);
    memset(stage->link, 0, sizeof stage->link);
    return stage;
}

static void stage_destroy(struct stage *stage)
{
    for (int i = 0; i < REPLICAS; i++)
        decide_destroy(stage->node[i].decide);
    world_destroy(stage->world);
    free(stage);
}

static enum decide_answer ask(struct stage *stage, int node, char *value_out)
{
    const void *value;
    size_t size;
    enum decide_answer answer = decide_ask(stage->node[node].decide, 5, &value, &size);

    if (answer == DECIDE_GIVEN)
        *value_out = *(const char *)value;
    return answer;
}

static void decides(struct stage *stage, int node, char value)
{
    assert_int_equal(ask(stage, node, NULL), DECIDE_FREE);
    decide_outcome(stage->node[node].decide, 5, &value, 1);
}

static void takes(struct stage *stage, int node, char value)
{
    char given = 0;

    assert_int_equal(ask(stage, node, &given), DECIDE_GIVEN);
    assert_int_equal(given, value);
}

static void a_follower_takes_outcomes_in_order_and_waits(void **state)
{
    struct stage *stage = stage_create(2);
    struct decide *leader = stage->node[0].decide;
    (void)state;

    assert_true(stage->node[0].leads);
    assert_false(stage->node[1].leads);
    assert_int_equal(ask(stage, 1, NULL), DECIDE_WAIT);
    decides(stage, 0, 'a');
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ask(stage, 0, NULL), DECIDE_FREE);
        decide_no(leader);
    }
    decides(stage, 0, 'b');
    decide_flush(leader);
    carry_and_read(stage, 0, 1);
    takes(stage, 1, 'a');
    for (int i = 0; i < 3; i++)
        assert_int_equal(ask(stage, 1, NULL), DECIDE_NO);
    takes(stage, 1, 'b');
    assert_int_equal(ask(stage, 1, NULL), DECIDE_WAIT);
    stage_destroy(stage);
}

static void a_million_noes_are_one_message(void **state)
{
    struct stage *stage = stage_create(2);
    (void)state;

    for (int i = 0; i < 1000000; i++)
        decide_no(stage->node[0].decide);
    (void)decide_gate(stage->node[0].decide);
    assert_int_equal(stage->link[0][1].queued, 1);
    carry_and_read(stage, 0, 1);
    for (int i = 0; i < 1000000; i++)
        assert_int_equal(ask(stage, 1, NULL), DECIDE_NO);
    assert_int_equal(ask(stage, 1, NULL), DECIDE_WAIT);
    stage_destroy(stage);
}

static void a_decision_is_stable_when_the_kernel_has_it(void **state)
{
    struct stage *stage = stage_create(2);
    (void)state;

    decides(stage, 0, 'a');
    uint64_t gate = decide_gate(stage->node[0].decide);

    assert_true(gate > 0 && decide_stable(stage->node[0].decide) < gate);
    carry(stage, 0, 1); /* it need not read */
    decide_poll(stage->node[0].decide);
    assert_int_equal(stage->node[0].stable, gate);
    stage_destroy(stage);
}

static void is_not_there_before_it_begins(bool is_at_once)
{
    struct stage *stage = stage_create(2);
    struct node *node = &stage->node[0];
    struct replica_msg begun = {.kind = DECIDE_TAKEN};

    stage->is_at_once = is_at_once;
    decide_destroy(node->decide);
    node->decide = decide_create(stage->world, 0, 0, &ops, node);
    decide_start(node->decide);
    decides(stage, 0, 'a');
    uint64_t gate = decide_gate(node->decide);

    carry(stage, 0, 1);
    decide_poll(node->decide);
    assert_int_equal(node->stable, 0);
    decide_receive(node->decide, 1, &begun, NULL, 0);
    decide_poll(node->decide);
    assert_int_equal(node->stable, gate);
    stage_destroy(stage);
}

static void what_is_sent_to_one_who_has_not_begun_is_not_there(void **state)
{
    (void)state;
    is_not_there_before_it_begins(false);
    is_not_there_before_it_begins(true);
}

static void of_three_the_slowest_makes_it_stable_and_all_hear(void **state)
{
    struct stage *stage = stage_create(3);
    (void)state;

    decides(stage, 0, 'a');
    uint64_t gate = decide_gate(stage->node[0].decide);

    carry_and_read(stage, 0, 1);
    assert_int_equal(stage->node[0].stable, 0);
    assert_int_equal(stage->node[1].stable, 0);
    carry_and_read(stage, 0, 2);
    carry_and_read(stage, 0, 1);
    assert_int_equal(stage->node[0].stable, gate);
    assert_int_equal(stage->node[1].stable, gate);
    stage_destroy(stage);
}

static void a_match_is_told_or_kept_until_its_receive_is_posted(void **state)
{
    struct stage *stage = stage_create(2);
    struct decide_wild posted = {3, false, 1}, later = {3, false, 9};
    int source;
    uint64_t seq;
    (void)state;

    decide_match(stage->node[0].decide, &posted, 2, 7);
    decide_match(stage->node[0].decide, &later, 4, 8);
    decide_flush(stage->node[0].decide);
    carry_and_read(stage, 0, 1);
    assert_int_equal(stage->node[1].matches, 2);
    assert_false(decide_match_of(stage->node[1].decide, &posted, &source, &seq));
    assert_true(decide_match_of(stage->node[1].decide, &later, &source, &seq));
    assert_int_equal(source, 4);
    assert_int_equal(seq, 8);
    assert_false(decide_match_of(stage->node[1].decide, &later, &source, &seq));
    stage_destroy(stage);
}

static void who_leads_next_takes_all_of_the_log_first(void **state)
{
    struct stage *stage = stage_create(2);
    (void)state;

    decides(stage, 0, 'a');
    decides(stage, 0, 'b');
    decide_flush(stage->node[0].decide);
    carry(stage, 0, 1);
    decides(stage, 0, 'c');
    decide_flush(stage->node[0].decide); /* is lost */
    reads(stage, 0, 1);
    decide_dead(stage->node[1].decide, 0);
    decide_poll(stage->node[1].decide);
    assert_false(stage->node[1].leads);
    takes(stage, 1, 'a');
    takes(stage, 1, 'b');
    stage->node[1].is_late = true;
    assert_int_equal(ask(stage, 1, NULL), DECIDE_WAIT);
    stage->node[1].is_late = false;
    decides(stage, 1, 'd');
    assert_true(stage->node[1].leads);
    assert_int_equal(decide_gate(stage->node[1].decide), decide_stable(stage->node[1].decide));
    stage_destroy(stage);
}

/* Of 'a' and 'b' the next leader has nothing, the last replica both. */
static void the_next_leader_adopts_what_a_sibling_has(void **state)
{
    struct stage *stage = stage_create(3);
    (void)state;

    decides(stage, 0, 'a');
    decides(stage, 0, 'b');
    decide_flush(stage->node[0].decide);
    carry_and_read(stage, 0, 2);
    decide_dead(stage->node[1].decide, 0);
    carry_and_read(stage, 1, 2);
    carry_and_read(stage, 2, 1);
    assert_int_equal(ask(stage, 1, NULL),
                     DECIDE_WAIT); /* it knows of no death, and does not answer */
    decide_dead(stage->node[2].decide, 0);
    carry_and_read(stage, 2, 1);
    takes(stage, 1, 'a');
    takes(stage, 1, 'b');
    decides(stage, 1, 'c');
    decide_flush(stage->node[1].decide);
    carry_and_read(stage, 1, 2);
    takes(stage, 2, 'a');
    takes(stage, 2, 'b');
    takes(stage, 2, 'c');
    assert_string_equal(stage->node[1].why, "");
    assert_string_equal(stage->node[2].why, "");
    stage_destroy(stage);
}

static void the_next_leader_gives_what_a_sibling_lacks(void **state)
{
    struct stage *stage = stage_create(3);
    (void)state;

    decides(stage, 0, 'a');
    decide_flush(stage->node[0].decide);
    carry_and_read(stage, 0, 1);
    decide_dead(stage->node[2].decide, 0);
    decide_dead(stage->node[1].decide, 0);
    carry_and_read(stage, 1, 2);
    carry_and_read(stage, 2, 1);
    carry_and_read(stage, 1, 2);
    takes(stage, 2, 'a');
    takes(stage, 1, 'a');
    carry_and_read(stage, 1, 2);
    assert_int_equal(stage->node[1].stable, decide_gate(stage->node[1].decide));
    assert_int_equal(stage->node[2].stable, decide_gate(stage->node[2].decide));
    stage_destroy(stage);
}

static void a_death_while_taking_over_is_an_ordinary_one(void **state)
{
    struct stage *stage = stage_create(3);
    (void)state;

    decides(stage, 0, 'a');
    decide_flush(stage->node[0].decide);
    carry_and_read(stage, 0, 2);
    decide_dead(stage->node[1].decide, 0);
    decide_dead(stage->node[2].decide, 0);
    carry(stage, 1, 2); /* the question */
    reads(stage, 1, 2);
    decide_dead(stage->node[2].decide, 1);
    takes(stage, 2, 'a');
    decides(stage, 2, 'b');
    assert_true(stage->node[2].leads);
    stage_destroy(stage);
}

static void a_leader_does_not_run_away_from_its_followers(void **state)
{
    struct stage *stage = stage_create(2);
    int made = 0;
    char value;
    (void)state;

    while (made < 1000 && ask(stage, 0, NULL) == DECIDE_FREE) {
        decide_outcome(stage->node[0].decide, 5, "x", 1);
        made++;
    }
    assert_true(made > 10 && made < 1000);
    carry_and_read(stage, 0, 1);
    for (int i = 0; i < made; i++)
        assert_int_equal(ask(stage, 1, &value), DECIDE_GIVEN);
    carry_and_read(stage, 1, 0);
    assert_int_equal(ask(stage, 0, NULL), DECIDE_FREE);
    stage_destroy(stage);
}

static void another_question_than_the_leaders_ends_it(void **state)
{
    struct stage *stage = stage_create(2);
    const void *value;
    size_t size;
    (void)state;

    decides(stage, 0, 'a');
    decide_flush(stage->node[0].decide);
    carry_and_read(stage, 0, 1);
    assert_int_equal(decide_ask(stage->node[1].decide, 6, &value, &size), DECIDE_WAIT);
    assert_non_null(strstr(stage->node[1].why, "comes to a six where its leader came to a five"));
    stage_destroy(stage);
}

static void a_matched_synchronous_message_is_named_by_its_number(void **state)
{
    struct stage *stage = stage_create(2);
    struct decide_wild wild = {.cid = 3, .index = 9}, message = {.cid = 3};
    int source;
    uint64_t seq;
    (void)state;

    assert_int_equal(ask(stage, 0, NULL), DECIDE_FREE);
    message.index = 0;
    decide_match(stage->node[0].decide, &message, 2, 5);
    decide_match(stage->node[0].decide, &wild, 1, 7);
    stage->node[1].keeps = true;
    decide_flush(stage->node[0].decide);
    carry_and_read(stage, 0, 1);
    assert_false(decide_is_matched(stage->node[1].decide, &message, 2, 4));
    assert_false(decide_is_matched(stage->node[1].decide, &message, 1, 5));
    assert_true(decide_is_matched(stage->node[1].decide, &message, 2, 5));
    assert_false(decide_is_matched(stage->node[1].decide, &message, 2, 5));
    assert_true(decide_match_of(stage->node[1].decide, &wild, &source, &seq));
    assert_int_equal(source, 1);
    assert_int_equal(seq, 7);
    stage_destroy(stage);
}

static enum decide_answer ask_end(struct stage *stage, int node)
{
    const void *value;
    size_t size;

    return decide_ask(stage->node[node].decide, DECIDE_END, &value, &size);
}

static void who_comes_to_the_end_another_way_is_named(void **state)
{
    static const struct {
        int noes, answers; /* of the leader, before its end */
        bool asks;         /* the follower asks once more, or comes to its end */
        const char *words;
    } cases[] = {
        {0, 0, false, ""},
        {0, 0, true, "comes to a five where its leader came to its end"},
        {1, 0, false, "comes to its end where its leader came to a test or a probe"},
        {3, 0, false, "comes to its end where its leader came to a test or a probe"},
        {0, 1, false, "comes to its end where its leader came to a five"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct stage *stage = stage_create(2);

        for (int no = 0; no < cases[i].noes; no++)
            decide_no(stage->node[0].decide);
        for (int answer = 0; answer < cases[i].answers; answer++)
            decides(stage, 0, 'a');
        assert_int_equal(ask_end(stage, 0), DECIDE_FREE);
        decide_outcome(stage->node[0].decide, DECIDE_END, NULL, 0);
        decide_flush(stage->node[0].decide);
        carry_and_read(stage, 0, 1);
        enum decide_answer answer = cases[i].asks ? ask(stage, 1, NULL) : ask_end(stage, 1);

        assert_int_equal(answer, cases[i].words[0] == '\0' ? DECIDE_GIVEN : DECIDE_WAIT);
        assert_non_null(strstr(stage->node[1].why, cases[i].words));
        stage_destroy(stage);
    }
}

static void one_without_siblings_says_nothing(void **state)
{
    struct stage *stage = stage_create(1);
    (void)state;

    decides(stage, 0, 'a');
    decide_no(stage->node[0].decide);
    assert_int_equal(decide_gate(stage->node[0].decide), 0);
    assert_int_equal(decide_stable(stage->node[0].decide), 0);
    stage_destroy(stage);
}

UNIT_MAIN(cmocka_unit_test(a_follower_takes_outcomes_in_order_and_waits),
          cmocka_unit_test(a_million_noes_are_one_message),
          cmocka_unit_test(a_decision_is_stable_when_the_kernel_has_it),
          cmocka_unit_test(what_is_sent_to_one_who_has_not_begun_is_not_there),
          cmocka_unit_test(of_three_the_slowest_makes_it_stable_and_all_hear),
          cmocka_unit_test(a_match_is_told_or_kept_until_its_receive_is_posted),
          cmocka_unit_test(who_leads_next_takes_all_of_the_log_first),
          cmocka_unit_test(the_next_leader_adopts_what_a_sibling_has),
          cmocka_unit_test(the_next_leader_gives_what_a_sibling_lacks),
          cmocka_unit_test(a_death_while_taking_over_is_an_ordinary_one),
          cmocka_unit_test(a_leader_does_not_run_away_from_its_followers),
          cmocka_unit_test(another_question_than_the_leaders_ends_it),
          cmocka_unit_test(a_matched_synchronous_message_is_named_by_its_number),
          cmocka_unit_test(who_comes_to_the_end_another_way_is_named),
          cmocka_unit_test(one_without_siblings_says_nothing))
