/* SPDX-License-Identifier: BSD-3-Clause */
/* sim-member.c - 200 peers and a supernode: peers come and go, the supernode dies and starts again
 * empty
 *
 * Each peer has a directory, a peer cache and probes, as p2pmpid has. The supernode is a simple
 * one: a table with an expiry. A link is a Hello and its answer; a frame on a link that the
 * supernode does not know (any more) is answered as a broken link would be. Claims, each some time
 * after the last change: every living peer is a member (or was 5 s ago: a lost message breaks its
 * link), sees every other living peer alive, and no dead one; the long dead have left the lists. */
#include "config.h"
#include "member/directory.h"
#include "member/peers.h"
#include "member/probe.h"

#include "test/lib/prelude.h"
#include "test/lib/sim.h"
#include "wire/frame.h"

#include <stdio.h>
#include <string.h>

#define PEERS_AT_MOST 200
#define EXPIRES_S     30
#define WALL          1000000

struct world;

struct peer_node {
    struct world *world;
    int node;
    struct id id;
    struct peers *peers;
    struct probes *probes;
    struct directory *directory;
    bool is_linked;
};

struct supernode {
    struct world *world;
    int node;
    Wire__Peer *known[PEERS_AT_MOST];
    int64_t until_ms[PEERS_AT_MOST];
    bool linked[PEERS_AT_MOST];
};

struct world {
    struct sim *sim;
    int count;
    struct peer_node peer[PEERS_AT_MOST];
    struct supernode supernode;
};

static int64_t wall_s(const struct world *world)
{
    return WALL + sim_now(world->sim) / 1000;
}

static void post(struct world *world, int src, int dst, Wire__Frame *frame)
{
    size_t size;
    uint8_t *bytes = frame_pack(frame, &size);

    sim_send(world->sim, src, dst, bytes, size);
    free(bytes);
}

static void post_error(struct world *world, int src, int dst)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__Error error = WIRE__ERROR__INIT;

    frame.body_case = WIRE__FRAME__BODY_ERROR;
    frame.error = &error;
    post(world, src, dst, &frame);
}

static void post_hello(struct world *world, int src, int dst)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__Hello hello = WIRE__HELLO__INIT;

    frame.body_case = WIRE__FRAME__BODY_HELLO;
    frame.hello = &hello;
    post(world, src, dst, &frame);
}

/* ---------------------------------------------------------------- the supernode */

static void registry_put(struct supernode *supernode, int src, Wire__Peer *peer, int64_t now_ms)
{
    message_free(supernode->known[src]);
    supernode->known[src] = message_copy(&peer->base);
    supernode->known[src]->seen_s = (uint64_t)wall_s(supernode->world);
    supernode->until_ms[src] = now_ms + EXPIRES_S * 1000;
}

static void registry_drop(struct supernode *supernode, int src)
{
    message_free(supernode->known[src]);
    supernode->known[src] = NULL;
}

static void answer_query(struct supernode *supernode, int src, Wire__Frame *frame, int64_t now_ms)
{
    Wire__Peer *list[PEERS_AT_MOST];
    Wire__Answer answer = WIRE__ANSWER__INIT;

    for (int i = 0; i < supernode->world->count; i++) {
        if (supernode->known[i] != NULL && now_ms >= supernode->until_ms[i])
            registry_drop(supernode, i);
        if (supernode->known[i] != NULL && i != src)
            list[answer.n_peers++] = supernode->known[i];
    }
    answer.peers = list;
    answer.total = (uint32_t)answer.n_peers;
    frame->body_case = WIRE__FRAME__BODY_ANSWER;
    frame->answer = &answer;
    post(supernode->world, supernode->node, src, frame);
}

static void supernode_renew(struct supernode *supernode, int src, Wire__Frame *frame,
                            int64_t now_ms)
{
    Wire__Renewed renewed = WIRE__RENEWED__INIT;
    Wire__Peer *peer = supernode->known[src];

    renewed.known = peer != NULL;
    renewed.expires_s = EXPIRES_S;
    if (peer != NULL) {
        peer->seen_s = (uint64_t)wall_s(supernode->world);
        supernode->until_ms[src] = now_ms + EXPIRES_S * 1000;
    }
    frame->body_case = WIRE__FRAME__BODY_RENEWED;
    frame->renewed = &renewed;
    post(supernode->world, supernode->node, src, frame);
}

static void supernode_frame(struct supernode *supernode, int src, const Wire__Frame *frame,
                            int64_t now_ms)
{
    Wire__Frame answer = WIRE__FRAME__INIT;
    Wire__Registered registered = WIRE__REGISTERED__INIT;

    answer.re = frame->id;
    if (frame->body_case == WIRE__FRAME__BODY_HELLO) {
        supernode->linked[src] = true;
        post_hello(supernode->world, supernode->node, src);
    } else if (!supernode->linked[src]) {
        post_error(supernode->world, supernode->node, src);
    } else if (frame->body_case == WIRE__FRAME__BODY_REGISTER) {
        registry_put(supernode, src, frame->register_->peer, now_ms);
        registered.expires_s = EXPIRES_S;
        answer.body_case = WIRE__FRAME__BODY_REGISTERED;
        answer.registered = &registered;
        post(supernode->world, supernode->node, src, &answer);
    } else if (frame->body_case == WIRE__FRAME__BODY_RENEW) {
        supernode_renew(supernode, src, &answer, now_ms);
    } else if (frame->body_case == WIRE__FRAME__BODY_QUERY) {
        answer_query(supernode, src, &answer, now_ms);
    } else if (frame->body_case == WIRE__FRAME__BODY_UNREGISTER) {
        registry_drop(supernode, src);
    }
}

static void supernode_receive(void *self, int src, const uint8_t *bytes, size_t size,
                              int64_t now_ms)
{
    Wire__Frame *frame = frame_unpack(bytes + FRAME_HEAD, size - FRAME_HEAD, NULL);

    supernode_frame(self, src, frame, now_ms);
    frame_free(frame);
}

static void supernode_died(void *self)
{
    struct supernode *supernode = self;

    for (int i = 0; i < PEERS_AT_MOST; i++) {
        registry_drop(supernode, i);
        supernode->linked[i] = false;
    }
}

static const struct sim_node supernode_type = {supernode_receive, NULL, supernode_died, NULL};

/* ---------------------------------------------------------------- a peer */

static void rearm(struct peer_node *peer)
{
    int64_t now_ms = sim_now(peer->world->sim), next_ms = now_ms + 10000; /* peers_tick() */
    int64_t directory_ms = directory_next_ms(peer->directory),
            probes_ms = probes_next_ms(peer->probes);

    next_ms = directory_ms < next_ms ? directory_ms : next_ms;
    next_ms = probes_ms < next_ms ? probes_ms : next_ms;
    sim_wake(peer->world->sim, peer->node, next_ms > now_ms ? next_ms - now_ms : 0);
}

static void on_connect(unsigned i, void *arg)
{
    struct peer_node *peer = arg;

    (void)i;
    peer->is_linked = true;
    post_hello(peer->world, peer->node, peer->world->supernode.node);
}

static void on_send(const Wire__Frame *frame, void *arg)
{
    struct peer_node *peer = arg;
    Wire__Frame copy = *frame;

    post(peer->world, peer->node, peer->world->supernode.node, &copy);
}

static void on_close(void *arg)
{
    struct peer_node *peer = arg;

    peer->is_linked = false;
}

static void on_answer(uint64_t query, const Wire__Answer *answer, void *arg)
{
    struct peer_node *peer = arg;

    (void)query;
    for (size_t i = 0; answer != NULL && i < answer->n_peers; i++)
        peers_merge(peer->peers, answer->peers[i], sim_now(peer->world->sim), wall_s(peer->world));
    probes_tick(peer->probes, sim_now(peer->world->sim));
}

static void on_probe(const struct peer *target, void *arg)
{
    struct peer_node *peer = arg;
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__Ping ping = WIRE__PING__INIT;

    ping.stamp_us = (uint64_t)sim_now(peer->world->sim);
    frame.body_case = WIRE__FRAME__BODY_PING;
    frame.ping = &ping;
    post(peer->world, peer->node, (int)target->info->addrs[0]->port - 1, &frame);
}

static void peer_frame(struct peer_node *peer, int src, const Wire__Frame *frame, int64_t now_ms)
{
    bool is_supernode = src == peer->world->supernode.node;
    Wire__Frame answer = WIRE__FRAME__INIT;
    Wire__Pong pong = WIRE__PONG__INIT;

    if (frame->body_case == WIRE__FRAME__BODY_PING) {
        pong.stamp_us = frame->ping->stamp_us;
        answer.body_case = WIRE__FRAME__BODY_PONG;
        answer.pong = &pong;
        post(peer->world, peer->node, src, &answer);
    } else if (frame->body_case == WIRE__FRAME__BODY_PONG) {
        probes_answered(peer->probes, &peer->world->peer[src].id,
                        (uint32_t)(now_ms - (int64_t)frame->pong->stamp_us) * 1000, NULL, now_ms,
                        wall_s(peer->world));
    } else if (is_supernode && peer->is_linked && frame->body_case == WIRE__FRAME__BODY_HELLO) {
        directory_connected(peer->directory, now_ms);
    } else if (is_supernode && peer->is_linked && frame->body_case == WIRE__FRAME__BODY_ERROR) {
        peer->is_linked = false;
        directory_closed(peer->directory, "reset", now_ms);
    } else if (is_supernode && peer->is_linked) {
        directory_frame(peer->directory, frame, now_ms);
    }
}

static void peer_receive(void *self, int src, const uint8_t *bytes, size_t size, int64_t now_ms)
{
    struct peer_node *peer = self;
    Wire__Frame *frame = frame_unpack(bytes + FRAME_HEAD, size - FRAME_HEAD, NULL);

    peer_frame(peer, src, frame, now_ms);
    if (frame->body_case != WIRE__FRAME__BODY_PING && frame->body_case != WIRE__FRAME__BODY_PONG)
        rearm(peer); /* an answered probe makes nothing due earlier */
    frame_free(frame);
}

static void peer_tick(void *self, int64_t now_ms)
{
    struct peer_node *peer = self;

    directory_tick(peer->directory, now_ms);
    probes_tick(peer->probes, now_ms);
    peers_tick(peer->peers, now_ms);
    rearm(peer);
}

static void peer_died(void *self)
{
    struct peer_node *peer = self;

    probes_destroy(peer->probes);
    peers_destroy(peer->peers);
    directory_destroy(peer->directory);
    peer->probes = NULL;
    peer->peers = NULL;
    peer->directory = NULL;
    peer->is_linked = false;
}

static void peer_started(void *self, int64_t now_ms)
{
    static const struct directory_ops directory_ops = {on_connect, on_send, on_close, on_answer,
                                                       NULL,       NULL,    NULL};
    static const struct probe_ops probe_ops = {on_probe, NULL, NULL};
    struct peer_node *peer = self;
    uint64_t seed = sim_seed(peer->world->sim) * 1000 + (uint64_t)peer->node;
    struct directory_config directory_config = {.supernodes = 1, .seed = seed};
    struct probe_config probe_config = {.seed = seed,
                                        .fresh_ms = peer->world->count > 100 ? 60000 : 30000};
    Wire__Peer me = WIRE__PEER__INIT;
    Wire__Addr addr = WIRE__ADDR__INIT, *addrs[] = {&addr};

    peer->peers = peers_create(0, &peer->id);
    peer->probes = probes_create(peer->peers, &probe_config, &probe_ops, peer);
    peer->directory = directory_create(&directory_config, &directory_ops, peer);
    me.id = (ProtobufCBinaryData){ID_SIZE, peer->id.bytes};
    addr.host = (char *)"sim";
    addr.port = (uint32_t)peer->node + 1;
    me.addrs = addrs;
    me.n_addrs = 1;
    directory_set_self(peer->directory, &me, now_ms);
    directory_start(peer->directory, now_ms);
    rearm(peer);
}

static const struct sim_node peer_type = {peer_receive, peer_tick, peer_died, peer_started};

/* ---------------------------------------------------------------- worlds */

static void churn(struct sim *sim, void *arg)
{
    struct world *world = arg;
    int node = (int)sim_below(sim, (uint32_t)world->count);

    if (sim_is_alive(sim, node))
        sim_kill(sim, node);
    else
        sim_start(sim, node);
}

static void supernode_stops(struct sim *sim, void *arg)
{
    struct world *world = arg;

    if (sim_is_alive(sim, world->supernode.node))
        sim_kill(sim, world->supernode.node);
}

static void supernode_starts(struct sim *sim, void *arg)
{
    struct world *world = arg;

    if (!sim_is_alive(sim, world->supernode.node))
        sim_start(sim, world->supernode.node);
}

static struct world *world_make(struct sim *sim, int count)
{
    struct world *world = calloc(1, sizeof *world);
    struct sim_link link = {1, 1 + sim_below(sim, 80),
                            sim_chance(sim, 500) ? sim_below(sim, 10) : 0, 0, false};

    world->sim = sim;
    world->count = count;
    sim_links(sim, &link);
    for (int i = 0; i < count; i++) {
        struct peer_node *peer = &world->peer[i];
        peer->world = world;
        peer->id.bytes[0] = (uint8_t)(i + 1);
        peer->id.bytes[1] = (uint8_t)((i + 1) >> 8);
        peer->node = sim_node_add(sim, &peer_type, peer);
    }
    world->supernode.world = world;
    world->supernode.node = sim_node_add(sim, &supernode_type, &world->supernode);
    for (int i = 0; i < count; i++)
        peer_started(&world->peer[i], sim_now(sim));
    return world;
}

static void world_end(struct world *world)
{
    for (int i = 0; i < world->count; i++)
        if (sim_is_alive(world->sim, i))
            peer_died(&world->peer[i]);
    supernode_died(&world->supernode);
    free(world);
}

/* What peer i believes of all others, against the truth. A probe or two may be lost: so few may be
 * wrong. */
static void check_view(struct world *world, int i)
{
    struct peer_node *peer = &world->peer[i];
    int wrong = 0;

    int64_t absent_ms = directory_absent_ms(peer->directory, sim_now(world->sim));
    SIM_CHECK(world->sim, absent_ms >= 0 && absent_ms < 5000, "peer %d is %s since %lld ms", i,
              directory_state_name(directory_state(peer->directory)), (long long)absent_ms);
    for (int j = 0; j < world->count; j++) {
        const struct peer *other = j != i ? peers_find(peer->peers, &world->peer[j].id) : NULL;
        bool seen = other != NULL && other->state == PEER_ALIVE;
        if (j != i && seen != sim_is_alive(world->sim, j))
            wrong++;
    }
    SIM_CHECK(world->sim, wrong <= 2 + world->count / 20, "peer %d is wrong about %d others", i,
              wrong);
}

static void check_views(struct world *world)
{
    for (int i = 0; i < world->count; i++)
        if (sim_is_alive(world->sim, i))
            check_view(world, i);
}

/* The dead have left all lists. */
static void check_forgotten(struct world *world)
{
    for (int i = 0; i < world->count; i++) {
        for (int j = 0; j < world->count && sim_is_alive(world->sim, i); j++)
            SIM_CHECK(world->sim,
                      sim_is_alive(world->sim, j) ||
                          peers_find(world->peer[i].peers, &world->peer[j].id) == NULL,
                      "peer %d still lists the dead %d", i, j);
    }
}

static void live(struct sim *sim, int count, int deaths, bool forgets)
{
    struct world *world = world_make(sim, count);

    sim_run(sim, 70000, NULL, NULL);
    check_views(world);
    for (int i = 0; i < deaths; i++)
        sim_after(sim, sim_below(sim, 60000), churn, world);
    sim_after(sim, sim_below(sim, 40000), supernode_stops, world);
    sim_after(sim, 45000 + sim_below(sim, 20000), supernode_starts, world);
    sim_run(sim, 65000, NULL, NULL);
    sim_run(sim, 130000, NULL,
            NULL); /* expiry, the longest wait for a supernode, a query, a probe */
    check_views(world);
    if (forgets) {
        sim_run(sim, PEERS_FORGET_MS + 40000, NULL, NULL);
        check_views(world);
        check_forgotten(world);
    }
    world_end(world);
}

static void run_small(struct sim *sim)
{
    live(sim, 20 + (int)sim_below(sim, 20), 15, true);
}

static void run_large(struct sim *sim)
{
    live(sim, PEERS_AT_MOST, 60, false);
}

static void small_grids_agree_on_who_lives(void **state)
{
    (void)state;
    assert_int_equal(sim_seeds("some 30 peers", 6, run_small), 0);
}

static void two_hundred_peers_agree_on_who_lives(void **state)
{
    (void)state;
    assert_int_equal(sim_seeds("200 peers", 1, run_large), 0);
}

UNIT_MAIN(cmocka_unit_test(small_grids_agree_on_who_lives),
          cmocka_unit_test(two_hundred_peers_agree_on_who_lives))
