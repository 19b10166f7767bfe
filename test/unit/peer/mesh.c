/* SPDX-License-Identifier: BSD-3-Clause */
/* mesh.c - two meshes in one process, over TLS on the loopback interface; the clock can be put
 * forward */
#include "config.h"
#include "peer/mesh.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "test/lib/loop.h"
#include "test/lib/member.h"
#include "test/lib/prelude.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { FRAMES = 200 };

/* ---- a clock of our own, instead of src/base/clock.c */

static int64_t skew_ms;

int64_t clock_now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000 + skew_ms * 1000;
}

int64_t clock_now_ms(void)
{
    return clock_now_us() / 1000;
}

int64_t clock_wall_s(void)
{
    return (int64_t)time(NULL);
}

/* ---- a host: identity, listener, mesh, and notes of what the mesh said */

struct host {
    struct member member;
    struct listener *listener;
    struct mesh *mesh;
    struct id id;
    int frames, ups, downs, pongs;
    int last; /* number of the last frame; -1: one was out of order */
    enum link_end end;
    char why[300];
    uint32_t load;
    struct link *deaf; /* accepted, but not given to the mesh */
    bool is_deaf;
};

struct scene {
    struct event_base *base;
    char dir[40];
    struct authority *authority;
    Wire__Hello hello;
    struct host a, b;
};

static void on_frame(const struct id *from, Wire__Frame *frame, void *arg)
{
    struct host *host = arg;

    (void)from;
    assert_int_equal(frame->body_case, WIRE__FRAME__BODY_JOB_KILL);
    host->frames++;
    int number = atoi(frame->job_kill->job);
    host->last = host->last >= 0 && number == host->last + 1 ? number : -1;
}

static void on_up(const struct id *peer, const Wire__Hello *hello, void *arg)
{
    struct host *host = arg;

    (void)peer;
    assert_string_equal(hello->program, "test");
    host->ups++;
}

static void on_down(const struct id *peer, enum link_end end, const char *why, void *arg)
{
    struct host *host = arg;

    (void)peer;
    host->downs++;
    host->end = end;
    snprintf(host->why, sizeof host->why, "%s", why);
}

static void on_pong(const struct id *peer, int64_t rtt_us, const Wire__LoadInfo *load, void *arg)
{
    struct host *host = arg;

    (void)peer;
    assert_true(rtt_us >= 0);
    host->load = load != NULL ? load->slots : 0;
    host->pongs++;
}

static void on_load(Wire__LoadInfo *load_out, void *arg)
{
    (void)arg;
    load_out->slots = 42;
}

static const struct mesh_ops mesh_ops = {on_frame, on_up, on_down, on_pong, on_load};

static void deaf_ready(struct link *link, const Wire__Hello *hello, void *arg)
{
    (void)link;
    (void)hello;
    (void)arg;
}

static void deaf_frame(struct link *link, Wire__Frame *frame, void *arg)
{
    (void)link;
    (void)frame;
    (void)arg;
}

static void deaf_closed(struct link *link, enum link_end end, const char *why, void *arg)
{
    struct host *host = arg;

    (void)end;
    (void)why;
    host->deaf = NULL;
    link_destroy(link);
}

static const struct link_ops deaf_ops = {deaf_ready, deaf_frame, NULL, deaf_closed};

static void on_accept(struct listener *listener, struct link *link, void *arg)
{
    struct host *host = arg;

    (void)listener;
    if (!host->is_deaf) {
        mesh_adopt_take(host->mesh, link);
        return;
    }
    host->deaf = link;
    link_set_ops(link, &deaf_ops, host);
}

/* ---- the scene */

static const struct listener_ops listener_ops = {.accept = on_accept};

static void host_open(struct scene *scene, struct host *host, const char *name)
{
    struct err err = {""};

    member_open(&host->member, scene->dir, name, scene->authority, MEMBER_DAY_S);
    host->id = *identity_id(host->member.identity);
    host->listener = listener_tls(scene->base, host->member.tls, "127.0.0.1", 0, &scene->hello,
                                  &listener_ops, host, &err);
    if (host->listener == NULL)
        fail_msg("%s", err.text);
    host->mesh =
        mesh_create(scene->base, host->member.tls, &host->id, &scene->hello, &mesh_ops, host);
}

static void host_close(struct host *host)
{
    mesh_destroy(host->mesh);
    link_destroy(host->deaf);
    listener_destroy(host->listener);
    member_close(&host->member);
}

static int scene_open(void **state)
{
    struct scene *scene = mem_alloc(sizeof *scene);

    signal(SIGPIPE, SIG_IGN);
    skew_ms = 0;
    scene->base = event_base_new();
    snprintf(scene->dir, sizeof scene->dir, "/tmp/p2pmpi-mesh-XXXXXX");
    assert_non_null(mkdtemp(scene->dir));
    scene->authority = member_authority(scene->dir, "lab");
    scene->hello = member_hello();
    host_open(scene, &scene->a, "a");
    host_open(scene, &scene->b, "b");
    *state = scene;
    return 0;
}

static int scene_close(void **state)
{
    struct scene *scene = *state;

    host_close(&scene->a);
    host_close(&scene->b);
    event_base_dispatch(scene->base);
    event_base_free(scene->base);
    authority_destroy(scene->authority);
    file_remove_tree(scene->dir, NULL);
    free(scene);
    return 0;
}

static void wait_for(struct scene *scene, const int *counter, int wanted)
{
    if (!loop_until(scene->base, counter, wanted))
        fail_msg("waited in vain for %d; a: %s, b: %s", wanted, scene->a.why, scene->b.why);
}

static int send_number(struct host *from, const struct id *to, int number)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__JobKill kill = WIRE__JOB_KILL__INIT;
    char text[16];

    snprintf(text, sizeof text, "%d", number);
    kill.job = text;
    frame.body_case = WIRE__FRAME__BODY_JOB_KILL;
    frame.job_kill = &kill;
    return mesh_send(from->mesh, to, &frame);
}

static void locate(struct host *host, const struct id *peer, const uint16_t *ports, size_t count)
{
    Wire__Addr addrs[4], *list[4];

    for (size_t i = 0; i < count; i++) {
        wire__addr__init(&addrs[i]);
        addrs[i].host = (char *)"127.0.0.1";
        addrs[i].port = ports[i];
        list[i] = &addrs[i];
    }
    mesh_locate(host->mesh, peer, list, count);
}

static void locate_host(struct host *host, const struct host *peer)
{
    const uint16_t port = listener_port(peer->listener);

    locate(host, &peer->id, &port, 1);
}

/* A port of this host that nobody listens at. */
static uint16_t free_port(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    socklen_t size = sizeof addr;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &size), 0);
    close(fd);
    return ntohs(addr.sin_port);
}

/* ---- what is proven */

static void a_peer_is_dialled_when_needed(void **state)
{
    struct scene *scene = *state;

    assert_int_equal(send_number(&scene->a, &scene->b.id, 1), -1); /* where is it? */
    locate_host(&scene->a, &scene->b);
    assert_false(mesh_is_up(scene->a.mesh, &scene->b.id));
    assert_null(mesh_local_host(scene->a.mesh, &scene->b.id));
    assert_int_equal(send_number(&scene->a, &scene->b.id, 1), 0);
    wait_for(scene, &scene->b.frames, 1);
    assert_true(mesh_is_up(scene->a.mesh, &scene->b.id));
    assert_true(mesh_is_up(scene->b.mesh, &scene->a.id));
    assert_string_equal(mesh_local_host(scene->a.mesh, &scene->b.id), "127.0.0.1");
    assert_int_equal(scene->a.ups, 1);
    assert_int_equal(scene->b.ups, 1);
    assert_int_equal(send_number(&scene->b, &scene->a.id, 1),
                     0); /* the way back needs no address */
    wait_for(scene, &scene->a.frames, 1);
    assert_int_equal(scene->a.downs, 0);
}

static void frames_sent_while_dialling_arrive_in_order(void **state)
{
    struct scene *scene = *state;

    locate_host(&scene->a, &scene->b);
    for (int i = 1; i <= FRAMES; i++) {
        assert_int_equal(send_number(&scene->a, &scene->b.id, i), 0);
        if (i % 20 == 0)
            event_base_loop(scene->base, EVLOOP_NONBLOCK);
    }
    wait_for(scene, &scene->b.frames, FRAMES);
    assert_int_equal(scene->b.last, FRAMES);
}

static void two_that_dial_each_other_both_are_heard(void **state)
{
    struct scene *scene = *state;

    locate_host(&scene->a, &scene->b);
    locate_host(&scene->b, &scene->a);
    for (int i = 1; i <= FRAMES; i++) {
        assert_int_equal(send_number(&scene->a, &scene->b.id, i), 0);
        assert_int_equal(send_number(&scene->b, &scene->a.id, i), 0);
        if (i % 20 == 0)
            event_base_loop(scene->base, EVLOOP_NONBLOCK);
    }
    wait_for(scene, &scene->a.frames, FRAMES);
    wait_for(scene, &scene->b.frames, FRAMES);
    assert_int_equal(scene->a.last, FRAMES);
    assert_int_equal(scene->b.last, FRAMES);
    assert_int_equal(scene->a.ups, 1);
    assert_int_equal(scene->b.ups, 1);
    assert_int_equal(scene->a.downs + scene->b.downs, 0);
}

static void a_refused_dial_is_reported(void **state)
{
    struct scene *scene = *state;
    const uint16_t port = free_port();

    locate(&scene->a, &scene->b.id, &port, 1);
    assert_int_equal(send_number(&scene->a, &scene->b.id, 1), 0);
    wait_for(scene, &scene->a.downs, 1);
    assert_int_equal(scene->a.end, LINK_END_REFUSED);
    locate_host(&scene->a, &scene->b); /* what waited is lost, what comes now is not */
    assert_int_equal(send_number(&scene->a, &scene->b.id, 1), 0);
    wait_for(scene, &scene->b.frames, 1);
    assert_int_equal(scene->b.last, 1);
}

static void the_next_address_is_tried(void **state)
{
    struct scene *scene = *state;
    const uint16_t ports[] = {free_port(), listener_port(scene->b.listener)};

    locate(&scene->a, &scene->b.id, ports, 2);
    assert_int_equal(send_number(&scene->a, &scene->b.id, 1), 0);
    wait_for(scene, &scene->b.frames, 1);
    assert_int_equal(scene->a.downs, 0);
}

/* An address that belongs to somebody else (a private network's) says nothing of the peer. */
static void refused_outweighs_a_wrong_identity(void **state)
{
    struct scene *scene = *state;
    const uint16_t ports[] = {free_port(), listener_port(scene->b.listener)};
    struct id other = scene->b.id;

    other.bytes[0] ^= 1;
    locate(&scene->a, &other, ports, 2);
    assert_int_equal(mesh_dial(scene->a.mesh, &other), 0);
    wait_for(scene, &scene->a.downs, 1);
    assert_int_equal(scene->a.end, LINK_END_REFUSED);
    locate(&scene->a, &other, ports + 1, 1);
    assert_int_equal(mesh_dial(scene->a.mesh, &other), 0);
    wait_for(scene, &scene->a.downs, 2);
    assert_int_equal(scene->a.end, LINK_END_TLS);
}

static void one_that_never_answers_is_given_up(void **state)
{
    struct scene *scene = *state;
    struct sockaddr_in addr = {.sin_family = AF_INET};
    socklen_t size = sizeof addr;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &size), 0);
    const uint16_t port = ntohs(addr.sin_port);
    locate(&scene->a, &scene->b.id, &port, 1);
    assert_int_equal(mesh_dial(scene->a.mesh, &scene->b.id), 0);
    wait_for(scene, &scene->a.downs, 1);
    assert_int_equal(scene->a.end, LINK_END_UNREACHABLE);
    close(fd);
}

static void frames_to_oneself_come_from_the_loop(void **state)
{
    struct scene *scene = *state;

    assert_true(mesh_is_up(scene->a.mesh, &scene->a.id));
    for (int i = 1; i <= FRAMES; i++)
        assert_int_equal(send_number(&scene->a, &scene->a.id, i), 0);
    assert_int_equal(scene->a.frames, 0);
    wait_for(scene, &scene->a.frames, FRAMES);
    assert_int_equal(scene->a.last, FRAMES);
}

static void a_mesh_without_keys_speaks_to_itself(void **state)
{
    struct scene *scene = *state;
    struct host lone = {.id = {{0}}};

    lone.mesh = mesh_create(scene->base, NULL, &lone.id, &scene->hello, &mesh_ops, &lone);
    assert_int_equal(send_number(&lone, &lone.id, 1), 0);
    wait_for(scene, &lone.frames, 1);
    locate_host(&lone, &scene->b);
    assert_int_equal(send_number(&lone, &scene->b.id, 1), -1);
    mesh_destroy(lone.mesh);
}

static void a_ping_dials_and_brings_the_load(void **state)
{
    struct scene *scene = *state;

    locate_host(&scene->a, &scene->b);
    assert_int_equal(mesh_ping(scene->a.mesh, &scene->b.id), 0);
    wait_for(scene, &scene->a.pongs, 1);
    assert_int_equal(scene->a.load, 42);
    assert_int_equal(mesh_ping(scene->a.mesh, &scene->b.id), 0);
    wait_for(scene, &scene->a.pongs, 2);
}

static void a_link_without_use_is_closed(void **state)
{
    struct scene *scene = *state;

    locate_host(&scene->a, &scene->b);
    assert_int_equal(send_number(&scene->a, &scene->b.id, 1), 0);
    wait_for(scene, &scene->b.frames, 1);
    skew_ms += MESH_IDLE_MS + 1000;
    wait_for(scene, &scene->a.downs, 1);
    assert_int_equal(scene->a.end, LINK_END_CLOSED);
    wait_for(scene, &scene->b.downs, 1);
}

static void a_held_link_is_kept(void **state)
{
    struct scene *scene = *state;

    locate_host(&scene->a, &scene->b);
    mesh_hold(scene->a.mesh, &scene->b.id);
    assert_int_equal(send_number(&scene->a, &scene->b.id, 1), 0);
    wait_for(scene, &scene->b.frames, 1);
    skew_ms += MESH_IDLE_MS + 1000;
    wait_for(scene, &scene->a.pongs, 1);
    skew_ms += MESH_IDLE_MS + 1000;
    wait_for(scene, &scene->a.pongs, 2);
    assert_int_equal(scene->a.downs, 0);
    mesh_release(scene->a.mesh, &scene->b.id);
    skew_ms += MESH_IDLE_MS + 1000;
    wait_for(scene, &scene->a.downs, 1);
}

static void a_held_link_that_is_silent_is_given_up(void **state)
{
    struct scene *scene = *state;

    scene->b.is_deaf = true;
    locate_host(&scene->a, &scene->b);
    mesh_hold(scene->a.mesh, &scene->b.id);
    assert_int_equal(mesh_ping(scene->a.mesh, &scene->b.id), 0);
    wait_for(scene, &scene->a.ups, 1);
    skew_ms += MESH_SILENCE_MS;
    wait_for(scene, &scene->a.downs, 1);
    assert_int_equal(scene->a.end, LINK_END_UNREACHABLE);
    assert_int_equal(scene->a.pongs, 0);
}

static void a_peer_nobody_asks_for_is_forgotten(void **state)
{
    struct scene *scene = *state;
    const struct timeval ticks = {0, 600000};

    locate_host(&scene->a, &scene->b);
    skew_ms += 600 * 1000;
    event_base_loopexit(scene->base, &ticks);
    event_base_dispatch(scene->base);
    assert_int_equal(mesh_dial(scene->a.mesh, &scene->b.id), -1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, scene_open, scene_close)

UNIT_MAIN(CASE(a_peer_is_dialled_when_needed), CASE(frames_sent_while_dialling_arrive_in_order),
          CASE(two_that_dial_each_other_both_are_heard), CASE(a_refused_dial_is_reported),
          CASE(the_next_address_is_tried), CASE(refused_outweighs_a_wrong_identity),
          CASE(one_that_never_answers_is_given_up), CASE(frames_to_oneself_come_from_the_loop),
          CASE(a_mesh_without_keys_speaks_to_itself), CASE(a_ping_dials_and_brings_the_load),
          CASE(a_link_without_use_is_closed), CASE(a_held_link_is_kept),
          CASE(a_held_link_that_is_silent_is_given_up), CASE(a_peer_nobody_asks_for_is_forgotten))
