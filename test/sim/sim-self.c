/* SPDX-License-Identifier: BSD-3-Clause */
/* sim-self.c - the simulator itself: order, loss, cuts, stalls, deaths, and the same seed, the same
 * run */
#include "config.h"
#include "test/lib/sim.h"

#include "test/lib/prelude.h"

#include <string.h>

struct echo {
    struct sim *sim;
    int number, got, ticks;
    uint8_t last[64];
    int64_t last_ms;
    bool answers;
};

static void echo_receive(void *self, int src, const uint8_t *bytes, size_t size, int64_t now_ms)
{
    struct echo *echo = self;

    echo->last[echo->got++ % 64] = bytes[0];
    echo->last_ms = now_ms;
    if (echo->answers && bytes[0] < 40) {
        uint8_t next = (uint8_t)(bytes[0] + 1);
        sim_send(echo->sim, echo->number, src, &next, size);
    }
}

static void echo_tick(void *self, int64_t now_ms)
{
    (void)now_ms;
    ((struct echo *)self)->ticks++;
}

static const struct sim_node echo_type = {echo_receive, echo_tick, NULL, NULL};

static struct sim *world(uint64_t seed, struct echo *echoes, int count)
{
    struct sim *sim = sim_create(seed);

    memset(echoes, 0, (size_t)count * sizeof *echoes);
    for (int i = 0; i < count; i++) {
        echoes[i].sim = sim;
        echoes[i].number = sim_node_add(sim, &echo_type, &echoes[i]);
    }
    return sim;
}

static void send_many(struct sim *sim, int count)
{
    for (int i = 0; i < count; i++) {
        uint8_t byte = (uint8_t)(100 + i);
        sim_send(sim, 0, 1, &byte, 1);
    }
}

static void messages_stay_in_order_unless_told_otherwise(void **state)
{
    struct echo echoes[2];
    struct sim *sim = world(7, echoes, 2);

    (void)state;
    sim_links(sim, &(struct sim_link){1, 50, 0, 0, false});
    send_many(sim, 40);
    assert_false(sim_run(sim, 1000, NULL, NULL));
    assert_int_equal(echoes[1].got, 40);
    for (int i = 0; i < 40; i++)
        assert_int_equal(echoes[1].last[i], 100 + i);
    sim_destroy(sim);
}

static void a_link_loses_and_repeats_as_often_as_told(void **state)
{
    struct echo echoes[2];
    struct sim *sim = world(7, echoes, 2);

    (void)state;
    sim_links(sim, &(struct sim_link){1, 5, 500, 0, true});
    for (int i = 0; i < 100; i++)
        send_many(sim, 10);
    sim_run(sim, 1000, NULL, NULL);
    assert_in_range(echoes[1].got, 400, 600);
    echoes[1].got = 0;
    sim_links(sim, &(struct sim_link){1, 5, 0, 1000, true});
    send_many(sim, 10);
    sim_run(sim, 1000, NULL, NULL);
    assert_int_equal(echoes[1].got, 20);
    sim_destroy(sim);
}

static void a_cut_loses_what_is_on_the_way(void **state)
{
    struct echo echoes[2];
    struct sim *sim = world(7, echoes, 2);

    (void)state;
    send_many(sim, 3);
    sim_cut(sim, 0, 1);
    send_many(sim, 3);
    sim_mend(sim, 0, 1);
    sim_run(sim, 100, NULL, NULL);
    assert_int_equal(echoes[1].got, 0);
    send_many(sim, 3);
    sim_run(sim, 100, NULL, NULL);
    assert_int_equal(echoes[1].got, 3);
    sim_destroy(sim);
}

static void a_stalled_node_gets_all_later_in_order(void **state)
{
    struct echo echoes[2];
    struct sim *sim = world(7, echoes, 2);

    (void)state;
    sim_stall(sim, 1, 300);
    send_many(sim, 5);
    sim_wake(sim, 1, 10);
    sim_run(sim, 299, NULL, NULL);
    assert_int_equal(echoes[1].got + echoes[1].ticks, 0);
    sim_run(sim, 2, NULL, NULL);
    assert_int_equal(echoes[1].got, 5);
    assert_int_equal(echoes[1].ticks, 1);
    assert_int_equal(echoes[1].last[4], 104);
    sim_destroy(sim);
}

static void the_dead_neither_send_nor_receive_nor_wake(void **state)
{
    struct echo echoes[2];
    struct sim *sim = world(7, echoes, 2);

    (void)state;
    sim_wake(sim, 1, 10);
    sim_kill(sim, 1);
    send_many(sim, 2);
    sim_run(sim, 100, NULL, NULL);
    assert_int_equal(echoes[1].got + echoes[1].ticks, 0);
    sim_start(sim, 1);
    sim_kill(sim, 0);
    send_many(sim, 2);
    sim_run(sim, 100, NULL, NULL);
    assert_int_equal(echoes[1].got, 0);
    sim_destroy(sim);
}

static void only_the_newest_wake_counts(void **state)
{
    struct echo echoes[1];
    struct sim *sim = world(7, echoes, 1);

    (void)state;
    sim_wake(sim, 0, 10);
    sim_wake(sim, 0, 20);
    sim_run(sim, 100, NULL, NULL);
    assert_int_equal(echoes[0].ticks, 1);
    sim_wake(sim, 0, 10);
    sim_wake(sim, 0, -1);
    sim_run(sim, 100, NULL, NULL);
    assert_int_equal(echoes[0].ticks, 1);
    sim_destroy(sim);
}

static uint64_t hash_of(uint64_t seed)
{
    struct echo echoes[3];
    struct sim *sim = world(seed, echoes, 3);

    sim_links(sim, &(struct sim_link){1, 9, 200, 200, true});
    for (int i = 0; i < 3; i++) {
        echoes[i].answers = true;
        uint8_t zero = 0;
        sim_send(sim, i, (i + 1) % 3, &zero, 1);
    }
    sim_run(sim, 1000, NULL, NULL);
    uint64_t hash = sim_hash(sim);
    sim_destroy(sim);
    return hash;
}

static void the_same_seed_is_the_same_run(void **state)
{
    (void)state;
    assert_true(hash_of(1) == hash_of(1));
    assert_true(hash_of(2) == hash_of(2));
    assert_true(hash_of(1) != hash_of(2));
}

UNIT_MAIN(cmocka_unit_test(messages_stay_in_order_unless_told_otherwise),
          cmocka_unit_test(a_link_loses_and_repeats_as_often_as_told),
          cmocka_unit_test(a_cut_loses_what_is_on_the_way),
          cmocka_unit_test(a_stalled_node_gets_all_later_in_order),
          cmocka_unit_test(the_dead_neither_send_nor_receive_nor_wake),
          cmocka_unit_test(only_the_newest_wake_counts),
          cmocka_unit_test(the_same_seed_is_the_same_run))
