/* SPDX-License-Identifier: BSD-3-Clause */
/* peers.c - what is believed of whom, and for how long */
#include "config.h"
#include "member/peers.h"

#include "base/file.h"
#include "base/mem.h"
#include "test/lib/prelude.h"
#include "wire/frame.h"

#include <stdio.h>
#include <string.h>

#define WALL 1000000 /* seconds; the tests' clock is WALL + now_ms / 1000 */

static const struct id self = {{0xff}};

static struct id id_of(unsigned number)
{
    struct id id = {{0}};

    id.bytes[0] = (uint8_t)number;
    id.bytes[1] = (uint8_t)(number >> 8);
    return id;
}

struct told {
    Wire__Peer peer;
    Wire__Addr addr, *addrs[1];
    Wire__LoadInfo load;
    struct id id;
};

/* A usable description; fields may be changed before it is used. */
static Wire__Peer *tell(struct told *told, unsigned number, uint64_t seen_s)
{
    wire__peer__init(&told->peer);
    wire__addr__init(&told->addr);
    wire__load_info__init(&told->load);
    told->id = id_of(number);
    told->peer.id = (ProtobufCBinaryData){ID_SIZE, told->id.bytes};
    told->peer.name = (char *)"host";
    told->addr.host = (char *)"10.0.0.1";
    told->addr.port = 9740;
    told->addrs[0] = &told->addr;
    told->peer.addrs = told->addrs;
    told->peer.n_addrs = 1;
    told->load.slots = 4;
    told->load.slots_free = 4;
    told->peer.load = &told->load;
    told->peer.seen_s = seen_s;
    return &told->peer;
}

static void unusable_descriptions_are_dropped(void **state)
{
    struct peers *peers = peers_create(10, &self);
    struct told told;

    (void)state;
    tell(&told, 1, WALL)->n_addrs = 0;
    assert_false(peers_merge(peers, &told.peer, 0, WALL));
    tell(&told, 1, WALL)->id.len = 31;
    assert_false(peers_merge(peers, &told.peer, 0, WALL));
    tell(&told, 1, WALL);
    told.addr.port = 0;
    assert_false(peers_merge(peers, &told.peer, 0, WALL));
    told.addr.port = 65536;
    assert_false(peers_hello(peers, &told.peer, 0, WALL));
    tell(&told, 0xff, WALL);
    assert_false(peers_merge(peers, &told.peer, 0, WALL)); /* ourselves */
    assert_int_equal(peers_count(peers), 0);
    tell(&told, 1, WALL)->name = (char *)"a\033[31mb";
    assert_true(peers_merge(peers, &told.peer, 0, WALL));
    assert_string_equal(peers_find(peers, &told.id)->info->name, "a?[31mb");
    peers_destroy(peers);
}

/* Events on one peer, each with the state that follows: the table of who is believed. */
static void own_observations_are_believed_before_hearsay(void **state)
{
    enum what { TOLD, ANSWERED, FAILED, HELLO };
    static const struct {
        enum what what;
        int64_t now_ms;
        int64_t seen_s; /* TOLD: relative to WALL */
        enum peer_state state;
        uint32_t free;
    } cases[] = {
        {TOLD, 1000, 0, PEER_UNTRIED, 4},
        {ANSWERED, 10000, 0, PEER_ALIVE, 1},
        {TOLD, 11000, 5, PEER_ALIVE, 1},  /* older than what we saw at 10 s */
        {TOLD, 15000, 14, PEER_ALIVE, 4}, /* newer: its load is taken */
        {FAILED, 20000, 0, PEER_DEAD, 4},
        {TOLD, 21000, 14, PEER_DEAD, 4},    /* the same old news */
        {TOLD, 22000, 18, PEER_DEAD, 4},    /* newer, yet from before our failure */
        {TOLD, 30000, 29, PEER_UNTRIED, 4}, /* somebody heard it since: worth a try */
        {FAILED, 31000, 0, PEER_DEAD, 4},
        {TOLD, 32000, 99, PEER_UNTRIED, 4}, /* from the future: as of now */
        {HELLO, 33000, 0, PEER_ALIVE, 4},
        {TOLD, 34000, 34, PEER_ALIVE, 4},
    };
    struct peers *peers = peers_create(10, &self);

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct told told;
        Wire__LoadInfo load = WIRE__LOAD_INFO__INIT;
        int64_t now_ms = cases[i].now_ms, wall_s = WALL + now_ms / 1000;
        tell(&told, 1, (uint64_t)(WALL + cases[i].seen_s));
        load.slots_free = 1;
        if (cases[i].what == TOLD)
            assert_true(peers_merge(peers, &told.peer, now_ms, wall_s));
        else if (cases[i].what == ANSWERED)
            peers_answered(peers, &told.id, 500, &load, now_ms, wall_s);
        else if (cases[i].what == HELLO)
            assert_true(peers_hello(peers, &told.peer, now_ms, wall_s));
        else
            peers_failed(peers, &told.id, now_ms);
        const struct peer *peer = peers_find(peers, &told.id);
        if (peer->state != cases[i].state || peer->info->load->slots_free != cases[i].free)
            fail_msg("event %zu: state %d, %u free", i, peer->state, peer->info->load->slots_free);
        assert_int_equal(peer->info->alive, peer->state == PEER_ALIVE);
    }
    peers_destroy(peers);
}

static void round_trip_times_are_smoothed(void **state)
{
    struct peers *peers = peers_create(10, &self);
    struct told told;

    (void)state;
    tell(&told, 1, WALL)->rtt_us = 77; /* of somebody else: means nothing here */
    peers_merge(peers, &told.peer, 0, WALL);
    const struct peer *peer = peers_find(peers, &told.id);
    assert_int_equal(peer->info->rtt_us, 0);
    peers_answered(peers, &told.id, 800, NULL, 0, WALL);
    assert_int_equal(peer->info->rtt_us, 800);
    peers_answered(peers, &told.id, 1600, NULL, 0, WALL);
    assert_int_equal(peer->srtt_us, 900);
    peers_answered(peers, &told.id, 100, NULL, 0, WALL);
    assert_int_equal(peer->srtt_us, 800);
    assert_int_equal(peer->rtt_min_us, 100);
    peers_answered(peers, &told.id, 0, NULL, 0, WALL);
    assert_int_equal(peer->srtt_us, 700);
    assert_int_equal(peer->rtt_min_us, 1);
    peers_destroy(peers);
}

static void a_hello_without_description_keeps_the_old_one(void **state)
{
    struct peers *peers = peers_create(10, &self);
    Wire__HostInfo host = WIRE__HOST_INFO__INIT;
    struct told told;

    (void)state;
    host.arch = (char *)"x86_64";
    tell(&told, 1, WALL)->host = &host;
    peers_merge(peers, &told.peer, 0, WALL);
    tell(&told, 1, WALL)->load = NULL;
    told.peer.name = (char *)"renamed";
    peers_hello(peers, &told.peer, 0, WALL);
    const struct peer *peer = peers_find(peers, &told.id);
    assert_string_equal(peer->info->name, "renamed");
    assert_string_equal(peer->info->host->arch, "x86_64");
    assert_int_equal(peer->info->load->slots, 4);
    peers_destroy(peers);
}

static void the_nearest_come_first_and_the_dead_last(void **state)
{
    static const struct {
        uint32_t rtt_us;
        bool dead;
    } cases[] = {{900, false}, {0, false}, {100, true}, {300, false}, {100, false}};
    static const unsigned expected[] = {4, 3, 0, 1, 2};
    struct peers *peers = peers_create(10, &self);
    const struct peer **list;
    struct told told;

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        peers_merge(peers, tell(&told, i, WALL), 0, WALL);
        if (cases[i].rtt_us > 0)
            peers_answered(peers, &told.id, cases[i].rtt_us, NULL, 1, WALL);
        if (cases[i].dead)
            peers_failed(peers, &told.id, 2);
    }
    assert_int_equal(peers_sorted(peers, &list), 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(list[i]->id.bytes[0], expected[i]);
    free(list);
    peers_destroy(peers);
}

static void the_longest_dead_make_room(void **state)
{
    struct peers *peers = peers_create(4, &self);
    struct told told;

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        peers_merge(peers, tell(&told, i, WALL), i, WALL);
        peers_answered(peers, &told.id, 100 * (i + 1), NULL, i, WALL);
    }
    struct id first = id_of(0), second = id_of(1), last = id_of(3);
    peers_failed(peers, &second, 10);
    peers_failed(peers, &first, 20);
    peers_merge(peers, tell(&told, 10, WALL), 30, WALL);
    assert_null(peers_find(peers, &second));
    peers_merge(peers, tell(&told, 11, WALL), 40, WALL);
    assert_null(peers_find(peers, &first));
    peers_merge(peers, tell(&told, 12, WALL), 50,
                WALL); /* no dead left: the untried told of first */
    struct id tenth = id_of(10);
    assert_null(peers_find(peers, &tenth));
    for (unsigned i = 11; i < 13; i++) {
        struct id id = id_of(i);
        peers_answered(peers, &id, 10, NULL, 60, WALL);
    }
    peers_merge(peers, tell(&told, 13, WALL), 70, WALL); /* all alive: the farthest */
    assert_null(peers_find(peers, &last));
    assert_int_equal(peers_count(peers), 4);
    peers_destroy(peers);
}

static void the_dead_are_forgotten_the_living_are_not(void **state)
{
    struct peers *peers = peers_create(10, &self);
    struct told told;

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        peers_merge(peers, tell(&told, i, WALL), 0, WALL);
    struct id alive = id_of(0), dead = id_of(1), untried = id_of(2);
    peers_answered(peers, &alive, 100, NULL, 1000, WALL + 1);
    peers_answered(peers, &dead, 100, NULL, 1000, WALL + 1);
    peers_failed(peers, &dead, 2000);
    peers_tick(peers, PEERS_FORGET_MS - 1);
    assert_int_equal(peers_count(peers), 3);
    peers_failed(peers, &dead, PEERS_FORGET_MS); /* failing again does not lengthen its stay */
    peers_tick(peers, PEERS_FORGET_MS + 1000);
    assert_null(peers_find(peers, &dead));
    assert_null(peers_find(peers, &untried));
    assert_non_null(peers_find(peers, &alive));
    peers_destroy(peers);
}

static void the_cache_survives_a_restart(void **state)
{
    char dir[] = "/tmp/peers-test-XXXXXX";
    struct peers *peers = peers_create(10, &self), *again = peers_create(10, &self);
    struct err err = {""};
    struct told told;

    (void)state;
    assert_non_null(mkdtemp(dir));
    char *path = mem_format("%s/peers", dir);
    assert_int_equal(peers_read(again, path, 0, WALL, &err), 0); /* none yet */
    for (unsigned i = 0; i < 3; i++)
        peers_merge(peers, tell(&told, i, WALL), 0, WALL);
    peers_answered(peers, &told.id, 250, NULL, 0, WALL);
    assert_int_equal(peers_save(peers, path, &err), 0);
    assert_int_equal(peers_read(again, path, 5000, WALL + 100, &err), 0);
    assert_int_equal(peers_count(again), 3);
    const struct peer *peer = peers_find(again, &told.id);
    assert_int_equal(peer->state, PEER_UNTRIED);
    assert_int_equal(peer->info->rtt_us, 250);
    assert_false(peer->info->alive);
    assert_int_equal(peer->info->seen_s, WALL);
    peers_destroy(peers);
    peers_destroy(again);
    free(path);
    assert_int_equal(file_remove_tree(dir, NULL), 0);
}

/* Every byte of the file changed, and every shorter file: a sentence and an empty cache, never a
 * wrong peer. */
static void a_damaged_file_leaves_an_empty_cache(void **state)
{
    char dir[] = "/tmp/peers-test-XXXXXX";
    struct peers *peers = peers_create(10, &self), *again = peers_create(10, &self);
    struct told told;
    size_t size;

    (void)state;
    assert_non_null(mkdtemp(dir));
    char *path = mem_format("%s/peers", dir);
    peers_merge(peers, tell(&told, 1, WALL), 0, WALL);
    assert_int_equal(peers_save(peers, path, NULL), 0);
    char *bytes = file_read(path, 1 << 20, &size, NULL);
    for (size_t i = 0; i < 2 * size; i++) {
        struct err err = {""};
        bool cut = i >= size;
        bytes[i % size] ^= cut ? 0 : 1;
        assert_int_equal(file_write(path, bytes, cut ? i - size : size, 0600, NULL), 0);
        bytes[i % size] ^= cut ? 0 : 1;
        assert_int_equal(peers_read(again, path, 0, WALL, &err), -1);
        assert_non_null(strstr(err.text, path));
        assert_int_equal(peers_count(again), 0);
    }
    free(bytes);
    peers_destroy(peers);
    peers_destroy(again);
    free(path);
    assert_int_equal(file_remove_tree(dir, NULL), 0);
}

UNIT_MAIN(cmocka_unit_test(unusable_descriptions_are_dropped),
          cmocka_unit_test(own_observations_are_believed_before_hearsay),
          cmocka_unit_test(round_trip_times_are_smoothed),
          cmocka_unit_test(a_hello_without_description_keeps_the_old_one),
          cmocka_unit_test(the_nearest_come_first_and_the_dead_last),
          cmocka_unit_test(the_longest_dead_make_room),
          cmocka_unit_test(the_dead_are_forgotten_the_living_are_not),
          cmocka_unit_test(the_cache_survives_a_restart),
          cmocka_unit_test(a_damaged_file_leaves_an_empty_cache))
