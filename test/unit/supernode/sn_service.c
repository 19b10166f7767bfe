/* SPDX-License-Identifier: BSD-3-Clause */
/* sn_service.c - a whole supernode on the loopback interface: a peer's life with it, its owner's
 * questions */
#include "config.h"
#include "supernode/sn_service.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "net/join.h"
#include "supernode/sn_registry.h"
#include "test/lib/loop.h"
#include "test/lib/member.h"
#include "test/lib/prelude.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { EXPIRY_MS = 60000 };

/* Both ends in one process and one loop. */
struct scene {
    struct event_base *base;
    char dir[40], socket[64];
    struct authority *authority;
    struct member node, peer;
    struct sn_directory directory;
    struct sn_service *service;
    struct link *link; /* the client's */
    int ready, answers, closed, joined;
    Wire__Frame *last;
    size_t peers_told;
};

static void on_ready(struct link *link, const Wire__Hello *hello, void *arg)
{
    (void)link;
    assert_string_equal(hello->program, "p2pmpi-supernode");
    ((struct scene *)arg)->ready++;
}

static void on_frame(struct link *link, Wire__Frame *frame, void *arg)
{
    struct scene *scene = arg;

    (void)link;
    message_free(scene->last);
    scene->last = message_copy(&frame->base);
    if (frame->body_case == WIRE__FRAME__BODY_ANSWER)
        scene->peers_told += frame->answer->n_peers;
    if (frame->body_case != WIRE__FRAME__BODY_ANSWER || frame->re != 99) /* 99: pages of a list */
        scene->answers++;
}

static void on_closed(struct link *link, enum link_end end, const char *why, void *arg)
{
    struct scene *scene = arg;

    (void)end;
    (void)why;
    link_destroy(link);
    scene->link = NULL;
    scene->closed++;
}

static const struct link_ops ops = {.ready = on_ready, .frame = on_frame, .closed = on_closed};

static void service_start(struct scene *scene)
{
    struct sn_settings settings = {.host = "127.0.0.1",
                                   .socket_path = scene->socket,
                                   .expiry_s = EXPIRY_MS / 1000,
                                   .links_max = 100};
    struct err err = {""};

    scene->directory = sn_registry_create(EXPIRY_MS, 100000);
    scene->service = sn_service_create(scene->base, scene->node.tls, scene->authority,
                                       &scene->directory, &settings, &err);
    if (scene->service == NULL)
        fail_msg("%s", err.text);
}

static void service_stop(struct scene *scene)
{
    sn_service_destroy(scene->service);
    scene->service = NULL;
    scene->directory.destroy(scene->directory.self);
}

static int scene_open(void **state)
{
    struct scene *scene = mem_alloc(sizeof *scene);

    signal(SIGPIPE, SIG_IGN);
    scene->base = event_base_new();
    snprintf(scene->dir, sizeof scene->dir, "/tmp/p2pmpi-sn-XXXXXX");
    assert_non_null(mkdtemp(scene->dir));
    snprintf(scene->socket, sizeof scene->socket, "%s/sock", scene->dir);
    scene->authority = member_authority(scene->dir, "lab");
    member_open(&scene->node, scene->dir, "node", scene->authority, MEMBER_DAY_S);
    member_open(&scene->peer, scene->dir, "peer", scene->authority, 0);
    service_start(scene);
    *state = scene;
    return 0;
}

static int scene_close(void **state)
{
    struct scene *scene = *state;

    link_destroy(scene->link);
    service_stop(scene);
    event_base_dispatch(scene->base);
    event_base_free(scene->base);
    message_free(scene->last);
    member_close(&scene->node);
    member_close(&scene->peer);
    authority_destroy(scene->authority);
    file_remove_tree(scene->dir, NULL);
    free(scene);
    return 0;
}

static void wait_for(struct scene *scene, const int *counter, int wanted)
{
    assert_true(loop_until(scene->base, counter, wanted));
}

static void on_joined(struct join *join, enum link_end end, const char *why, const uint8_t *chain,
                      size_t size, void *arg)
{
    (void)end, (void)chain, (void)size;
    if (why != NULL)
        fail_msg("%s", why);
    ((struct scene *)arg)->joined++;
    join_destroy(join);
}

static void join_and_connect(struct scene *scene)
{
    Wire__Hello hello = member_hello();
    uint16_t port = sn_service_port(scene->service);

    join_start(scene->base, scene->peer.tls, "127.0.0.1", port, 5000, on_joined, scene);
    wait_for(scene, &scene->joined, 1);
    scene->link = link_connect_tls(scene->base, scene->peer.tls, "127.0.0.1", port,
                                   tls_id(scene->node.tls), &hello, 5000, &ops, scene, NULL);
    assert_non_null(scene->link);
    wait_for(scene, &scene->ready, 1);
}

static void connect_owner(struct scene *scene)
{
    Wire__Hello hello = member_hello();

    scene->link = link_connect_unix(scene->base, scene->socket, &hello, 5000, &ops, scene, NULL);
    assert_non_null(scene->link);
    wait_for(scene, &scene->ready, 1);
}

/* Sends a question and waits for its answer. */
static const Wire__Frame *ask(struct scene *scene, Wire__Frame *frame, uint64_t id)
{
    int before = scene->answers;

    frame->id = id;
    assert_int_equal(link_send(scene->link, frame), 0);
    wait_for(scene, &scene->answers, before + 1);
    assert_int_equal(scene->last->re, id);
    return scene->last;
}

static const Wire__Frame *ask_register(struct scene *scene, const char *name)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__Register body = WIRE__REGISTER__INIT;
    Wire__Peer peer = WIRE__PEER__INIT;
    Wire__Addr addr = WIRE__ADDR__INIT, *addrs[] = {&addr};

    addr.port = 9740;
    peer.name = (char *)name;
    peer.addrs = addrs;
    peer.n_addrs = 1;
    body.peer = &peer;
    frame.body_case = WIRE__FRAME__BODY_REGISTER;
    frame.register_ = &body;
    return ask(scene, &frame, 7);
}

static bool ask_renew(struct scene *scene)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__Renew body = WIRE__RENEW__INIT;

    frame.body_case = WIRE__FRAME__BODY_RENEW;
    frame.renew = &body;
    const Wire__Frame *answer = ask(scene, &frame, 8);
    assert_int_equal(answer->body_case, WIRE__FRAME__BODY_RENEWED);
    return answer->renewed->known;
}

static void a_peer_registers_renews_and_leaves(void **state)
{
    struct scene *scene = *state;
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__Unregister gone = WIRE__UNREGISTER__INIT;

    join_and_connect(scene);
    assert_false(ask_renew(scene));
    const Wire__Frame *answer = ask_register(scene, "host-a");
    assert_int_equal(answer->body_case, WIRE__FRAME__BODY_REGISTERED);
    assert_int_equal(answer->registered->expires_s, EXPIRY_MS / 1000);
    assert_string_equal(answer->registered->observed->host, "127.0.0.1");
    assert_int_equal(scene->directory.count(scene->directory.self), 1);
    const Wire__Peer *peer = scene->directory.at(scene->directory.self, 0);
    assert_memory_equal(peer->id.data, tls_id(scene->peer.tls)->bytes, ID_SIZE);
    assert_string_equal(peer->addrs[0]->host, "127.0.0.1");
    assert_true(ask_renew(scene));
    frame.body_case = WIRE__FRAME__BODY_UNREGISTER;
    frame.unregister = &gone;
    assert_int_equal(link_send(scene->link, &frame), 0);
    assert_false(ask_renew(scene));
}

static void after_a_restart_peers_are_told_to_register_again(void **state)
{
    struct scene *scene = *state;

    join_and_connect(scene);
    ask_register(scene, "host-a");
    service_stop(scene);
    wait_for(scene, &scene->closed, 1);
    service_start(scene);
    scene->ready = scene->joined = 0;
    join_and_connect(scene);
    assert_false(ask_renew(scene));
    assert_int_equal(ask_register(scene, "host-a")->body_case, WIRE__FRAME__BODY_REGISTERED);
    assert_true(ask_renew(scene));
}

static void a_bad_registration_is_answered_with_a_sentence(void **state)
{
    struct scene *scene = *state;

    join_and_connect(scene);
    const Wire__Frame *answer = ask_register(scene, "");
    assert_int_equal(answer->body_case, WIRE__FRAME__BODY_ERROR);
    assert_non_null(strstr(answer->error->text, "name"));
    assert_int_equal(scene->directory.count(scene->directory.self), 0);
}

static void a_certificate_is_renewed_over_the_link(void **state)
{
    struct scene *scene = *state;
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__CertRenew body = WIRE__CERT_RENEW__INIT;
    struct err err = {""};

    join_and_connect(scene);
    frame.body_case = WIRE__FRAME__BODY_CERT_RENEW;
    frame.cert_renew = &body;
    const Wire__Frame *answer = ask(scene, &frame, 5);
    assert_int_equal(answer->body_case, WIRE__FRAME__BODY_CERT_ISSUED);
    const ProtobufCBinaryData *chain = &answer->cert_issued->certificate;
    if (tls_use_chain(scene->peer.tls, chain->data, chain->len, &err) < 0)
        fail_msg("%s", err.text);
}

static void a_query_is_answered_without_the_asker(void **state)
{
    struct scene *scene = *state;
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__Query query = WIRE__QUERY__INIT;
    Wire__Peer other = WIRE__PEER__INIT;
    struct id id = {{3}};

    join_and_connect(scene);
    ask_register(scene, "host-a");
    other.name = (char *)"host-b";
    scene->directory.put(scene->directory.self, &id, &other, (struct sn_time){clock_now_ms(), 0},
                         NULL);
    frame.body_case = WIRE__FRAME__BODY_QUERY;
    frame.query = &query;
    const Wire__Frame *answer = ask(scene, &frame, 6);
    assert_int_equal(answer->body_case, WIRE__FRAME__BODY_ANSWER);
    assert_int_equal(answer->answer->total, 2);
    assert_int_equal(answer->answer->n_peers, 1);
    assert_string_equal(answer->answer->peers[0]->name, "host-b");
}

static void members_cannot_stop_or_list(void **state)
{
    struct scene *scene = *state;
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__Stop stop = WIRE__STOP__INIT;
    Wire__List list = WIRE__LIST__INIT;

    join_and_connect(scene);
    frame.body_case = WIRE__FRAME__BODY_STOP;
    frame.stop = &stop;
    assert_int_equal(ask(scene, &frame, 3)->body_case, WIRE__FRAME__BODY_ERROR);
    frame.body_case = WIRE__FRAME__BODY_LIST;
    frame.list = &list;
    assert_int_equal(ask(scene, &frame, 4)->body_case, WIRE__FRAME__BODY_ERROR);
    assert_false(event_base_got_exit(scene->base));
}

static void the_owner_lists_all_of_a_large_registry_and_stops_it(void **state)
{
    enum { MANY = 20000 };
    struct scene *scene = *state;
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__List list = WIRE__LIST__INIT;
    Wire__Stop stop = WIRE__STOP__INIT;
    char text[400];

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (int i = 0; i < MANY; i++) {
        struct id id = {{(uint8_t)i, (uint8_t)(i >> 8)}};
        Wire__Peer peer = WIRE__PEER__INIT;
        peer.name = (char *)"host";
        peer.version = text;
        scene->directory.put(scene->directory.self, &id, &peer, (struct sn_time){clock_now_ms(), 0},
                             NULL);
    }
    connect_owner(scene);
    frame.body_case = WIRE__FRAME__BODY_LIST;
    frame.list = &list;
    assert_int_equal(ask(scene, &frame, 99)->body_case, WIRE__FRAME__BODY_LIST_END);
    assert_int_equal(scene->peers_told, MANY);
    frame.body_case = WIRE__FRAME__BODY_STOP;
    frame.stop = &stop;
    link_send(scene->link, &frame);
    while (!event_base_got_exit(scene->base))
        event_base_loop(scene->base, EVLOOP_ONCE);
}

static void a_second_supernode_of_the_same_owner_is_refused(void **state)
{
    struct scene *scene = *state;
    struct sn_settings settings = {
        .host = "127.0.0.1", .socket_path = scene->socket, .expiry_s = 60, .links_max = 100};
    struct err err = {""};

    assert_null(sn_service_create(scene->base, scene->node.tls, scene->authority, &scene->directory,
                                  &settings, &err));
    assert_int_equal(errno, EADDRINUSE);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, scene_open, scene_close)

UNIT_MAIN(SCENE(a_peer_registers_renews_and_leaves),
          SCENE(after_a_restart_peers_are_told_to_register_again),
          SCENE(a_bad_registration_is_answered_with_a_sentence),
          SCENE(a_certificate_is_renewed_over_the_link),
          SCENE(a_query_is_answered_without_the_asker), SCENE(members_cannot_stop_or_list),
          SCENE(the_owner_lists_all_of_a_large_registry_and_stops_it),
          SCENE(a_second_supernode_of_the_same_owner_is_refused))
