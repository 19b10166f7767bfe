/* SPDX-License-Identifier: BSD-3-Clause */
/* probe.c - who is probed when */
#include "config.h"
#include "member/probe.h"

#include "test/lib/prelude.h"

#include <string.h>

#define WALL 1000000

struct watch {
    unsigned probes[256]; /* by id.bytes[0] */
    unsigned sent, timeouts, refreshed;
};

static void on_probe(const struct peer *peer, void *arg)
{
    struct watch *watch = arg;

    watch->probes[peer->id.bytes[0]]++;
    watch->sent++;
}

static void on_timeout(const struct id *id, void *arg)
{
    struct watch *watch = arg;

    (void)id;
    watch->timeouts++;
}

static void on_refreshed(void *arg)
{
    struct watch *watch = arg;

    watch->refreshed++;
}

static const struct probe_ops ops = {on_probe, on_timeout, on_refreshed};

static struct id add(struct peers *peers, unsigned number, int64_t now_ms)
{
    struct id id = {{(uint8_t)number}};
    Wire__Peer peer = WIRE__PEER__INIT;
    Wire__Addr addr = WIRE__ADDR__INIT, *addrs[] = {&addr};

    id.bytes[31] = 1;
    addr.host = (char *)"10.0.0.1";
    addr.port = 9740;
    peer.id = (ProtobufCBinaryData){ID_SIZE, id.bytes};
    peer.addrs = addrs;
    peer.n_addrs = 1;
    peer.seen_s = (uint64_t)(WALL + now_ms / 1000);
    assert_true(peers_merge(peers, &peer, now_ms, WALL + now_ms / 1000));
    return id;
}

static void new_peers_are_probed_side_by_side_within_the_bound(void **state)
{
    struct peers *peers = peers_create(0, NULL);
    struct watch watch = {{0}, 0, 0, 0};
    struct probe_config config = {.outstanding = 10};
    struct probes *probes = probes_create(peers, &config, &ops, &watch);
    struct id ids[25];

    (void)state;
    for (unsigned i = 0; i < 25; i++)
        ids[i] = add(peers, i, 0);
    probes_tick(probes, 0);
    assert_int_equal(watch.sent, 10);
    assert_int_equal(probes_next_ms(probes), 2000);
    for (unsigned i = 0; i < 25; i++)
        if (watch.probes[i] > 0 && i % 2 == 0)
            probes_answered(probes, &ids[i], 100, NULL, 10, WALL);
        else if (watch.probes[i] > 0)
            probes_failed(probes, &ids[i], 10);
    assert_int_equal(watch.sent, 25);
    assert_true(probes_outstanding(probes) <= 10);
    probes_tick(probes, 2010);
    assert_int_equal(probes_outstanding(probes), 0);
    assert_int_equal(peers_find(peers, &ids[0])->state, PEER_ALIVE);
    assert_int_equal(peers_find(peers, &ids[1])->state, PEER_DEAD);
    probes_destroy(probes);
    peers_destroy(peers);
}

static void the_living_are_probed_again_when_no_longer_fresh(void **state)
{
    struct peers *peers = peers_create(0, NULL);
    struct watch watch = {{0}, 0, 0, 0};
    struct probes *probes = probes_create(peers, NULL, &ops, &watch);
    struct id id = add(peers, 1, 0);

    (void)state;
    probes_tick(probes, 0);
    probes_answered(probes, &id, 100, NULL, 5, WALL);
    int64_t next_ms = probes_next_ms(probes);
    assert_in_range(next_ms, 27000, 33005);
    peers_answered(peers, &id, 100, NULL, 20000,
                   WALL + 20); /* heard of on another way: it stays fresh */
    probes_tick(probes, next_ms);
    assert_int_equal(watch.sent, 1);
    assert_int_equal(probes_next_ms(probes), 50000);
    probes_tick(probes, 50000);
    assert_int_equal(watch.sent, 2);
    probes_destroy(probes);
    peers_destroy(peers);
}

static void the_silent_are_probed_ever_less_often(void **state)
{
    struct peers *peers = peers_create(0, NULL);
    struct watch watch = {{0}, 0, 0, 0};
    struct probes *probes = probes_create(peers, NULL, &ops, &watch);
    struct id id = add(peers, 1, 0);
    int64_t now_ms = 0;

    (void)state;
    while (now_ms < 1000000) {
        probes_tick(probes, now_ms);
        assert_true(probes_next_ms(probes) > now_ms);
        now_ms = probes_next_ms(probes);
    }
    /* 5 + 10 + 20 + 40 + 80 s, then every 120 s, and 2 s for each */
    assert_in_range(watch.sent, 10, 16);
    assert_true(watch.timeouts >= watch.sent - 1);
    unsigned before = watch.sent;
    add(peers, 1, now_ms); /* a supernode heard of it: at once */
    probes_tick(probes, now_ms + 2000);
    add(peers, 1, now_ms + 5000);
    probes_tick(probes, now_ms + 5000);
    assert_true(watch.sent > before);
    probes_answered(probes, &id, 50, NULL, now_ms + 5001, WALL + 5000);
    assert_int_equal(peers_find(peers, &id)->failures, 0);
    probes_destroy(probes);
    peers_destroy(peers);
}

static void a_late_answer_is_a_sign_of_life(void **state)
{
    struct peers *peers = peers_create(0, NULL);
    struct watch watch = {{0}, 0, 0, 0};
    struct probes *probes = probes_create(peers, NULL, &ops, &watch);
    struct id id = add(peers, 1, 0), stranger = {{77}};

    (void)state;
    probes_tick(probes, 0);
    probes_tick(probes, 2000);
    assert_int_equal(watch.timeouts, 1);
    assert_int_equal(peers_find(peers, &id)->state, PEER_DEAD);
    probes_answered(probes, &id, 2100000, NULL, 2100, WALL);
    assert_int_equal(peers_find(peers, &id)->state, PEER_ALIVE);
    probes_failed(probes, &id, 2200); /* a late failure is not one */
    assert_int_equal(peers_find(peers, &id)->state, PEER_ALIVE);
    probes_answered(probes, &stranger, 1, NULL, 2300, WALL);
    probes_destroy(probes);
    peers_destroy(peers);
}

static void a_refresh_ends_when_all_have_answered_or_not(void **state)
{
    struct peers *peers = peers_create(0, NULL);
    struct watch watch = {{0}, 0, 0, 0};
    struct probe_config config = {.outstanding = 2};
    struct probes *probes = probes_create(peers, &config, &ops, &watch);
    struct id ids[5];

    (void)state;
    probes_refresh(probes, 1000, 0);
    assert_int_equal(watch.refreshed, 1); /* nobody there */
    for (unsigned i = 0; i < 5; i++)
        ids[i] = add(peers, i, 0);
    probes_refresh(probes, 1000, 10);
    assert_int_equal(watch.sent, 2);
    for (unsigned i = 0; i < 4; i++)
        probes_answered(probes, &ids[i], 100, NULL, 20 + i, WALL);
    assert_int_equal(watch.refreshed, 1);
    probes_tick(probes, 2100);
    assert_int_equal(watch.refreshed, 2);
    watch.sent = 0;
    probes_refresh(probes, 3000, 2200); /* four are fresh enough, the fifth is tried again */
    assert_int_equal(watch.sent, 1);
    peers_remove(peers, &ids[4]);
    probes_tick(probes, 2300);
    assert_int_equal(watch.refreshed, 3);
    assert_int_equal(probes_outstanding(probes), 0);
    probes_destroy(probes);
    peers_destroy(peers);
}

UNIT_MAIN(cmocka_unit_test(new_peers_are_probed_side_by_side_within_the_bound),
          cmocka_unit_test(the_living_are_probed_again_when_no_longer_fresh),
          cmocka_unit_test(the_silent_are_probed_ever_less_often),
          cmocka_unit_test(a_late_answer_is_a_sign_of_life),
          cmocka_unit_test(a_refresh_ends_when_all_have_answered_or_not))
