/* SPDX-License-Identifier: BSD-3-Clause */
/* link.c - links over Unix sockets: greeting, frames, pausing, filling up, every way to end */
#include "config.h"
#include "net/link.h"

#include "base/mem.h"
#include "test/lib/loop.h"
#include "test/lib/member.h"
#include "test/lib/prelude.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* One side of a link and what it has seen. */
struct side {
    struct link *link;
    int ready, frames, writable, closed;
    uint64_t last_id;
    size_t last_size;
    enum link_end end;
    char why[400];
    bool echo, destroy_on_frame, pause_on_frame;
};

struct scene {
    struct event_base *base;
    char dir[40], path[60];
    Wire__Hello hello;
    struct side a, b;
    struct listener *listener;
};

static void side_ready(struct link *link, const Wire__Hello *hello, void *arg)
{
    struct side *side = arg;

    (void)link;
    assert_string_equal(hello->program, "test");
    side->ready++;
}

static void side_frame(struct link *link, Wire__Frame *frame, void *arg)
{
    struct side *side = arg;

    side->frames++;
    side->last_id = frame->id;
    if (frame->body_case == WIRE__FRAME__BODY_CERT_ISSUED)
        side->last_size = frame->cert_issued->certificate.len;
    if (side->echo)
        link_answer_error(link, frame, WIRE__CODE__ERR_BUSY, "%s", "later");
    if (side->pause_on_frame)
        link_pause(link, true);
    if (side->destroy_on_frame) {
        side->link = NULL;
        link_destroy(link);
    }
}

static void side_writable(struct link *link, void *arg)
{
    (void)link;
    ((struct side *)arg)->writable++;
}

static void side_closed(struct link *link, enum link_end end, const char *why, void *arg)
{
    struct side *side = arg;

    side->closed++;
    side->end = end;
    snprintf(side->why, sizeof side->why, "%s", why);
    side->link = NULL;
    link_destroy(link);
}

static const struct link_ops ops = {side_ready, side_frame, side_writable, side_closed};

static void on_accept(struct listener *listener, struct link *link, void *arg)
{
    struct scene *scene = arg;

    (void)listener;
    scene->b.link = link;
    link_set_ops(link, &ops, &scene->b);
}

static const struct listener_ops listener_ops = {.accept = on_accept};

static int scene_open(void **state)
{
    struct scene *scene = mem_alloc(sizeof *scene);

    signal(SIGPIPE, SIG_IGN);
    scene->base = event_base_new();
    snprintf(scene->dir, sizeof scene->dir, "/tmp/p2pmpi-link-XXXXXX");
    assert_non_null(mkdtemp(scene->dir));
    snprintf(scene->path, sizeof scene->path, "%s/sock", scene->dir);
    scene->hello = member_hello();
    *state = scene;
    return 0;
}

static int scene_close(void **state)
{
    struct scene *scene = *state;

    link_destroy(scene->a.link);
    link_destroy(scene->b.link);
    listener_destroy(scene->listener);
    event_base_dispatch(scene->base); /* returns when lingering links are gone */
    event_base_free(scene->base);
    assert_int_equal(access(scene->path, F_OK), -1); /* the listener took its socket away */
    rmdir(scene->dir);
    free(scene);
    return 0;
}

static void wait_for(struct scene *scene, const int *counter, int wanted)
{
    assert_true(loop_until(scene->base, counter, wanted));
    assert_int_equal(*counter, wanted);
}

static void link_up(struct scene *scene)
{
    struct err err = {""};

    scene->listener =
        listener_unix(scene->base, scene->path, &scene->hello, &listener_ops, scene, &err);
    if (scene->listener == NULL)
        fail_msg("%s", err.text);
    scene->a.link =
        link_connect_unix(scene->base, scene->path, &scene->hello, 5000, &ops, &scene->a, &err);
    assert_non_null(scene->a.link);
    wait_for(scene, &scene->a.ready, 1);
    wait_for(scene, &scene->b.ready, 1);
}

static int send_bytes(struct link *link, uint64_t id, size_t size)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__CertIssued body = WIRE__CERT_ISSUED__INIT;

    frame.id = id;
    frame.body_case = WIRE__FRAME__BODY_CERT_ISSUED;
    frame.cert_issued = &body;
    body.certificate.len = size;
    body.certificate.data = mem_alloc(size + 1);
    int result = link_send(link, &frame);
    free(body.certificate.data);
    return result;
}

static void both_sides_greet_and_questions_are_answered(void **state)
{
    struct scene *scene = *state;

    link_up(scene);
    assert_int_equal(link_uid(scene->b.link), geteuid());
    assert_int_equal(link_pid(scene->b.link), getpid());
    assert_null(link_peer_id(scene->b.link));
    assert_string_equal(link_remote_host(scene->a.link), "unix");
    scene->b.echo = true;
    assert_int_equal(send_bytes(scene->a.link, 17, 10), 0);
    wait_for(scene, &scene->a.frames, 1);
    assert_int_equal(scene->b.last_id, 17);
}

static void frames_of_every_size_arrive_in_order(void **state)
{
    static const size_t sizes[] = {0, 1, 4095, 4096, 70000, 1u << 20, FRAME_MAX - 64, 3};
    struct scene *scene = *state;

    link_up(scene);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_int_equal(send_bytes(scene->a.link, i + 1, sizes[i]), 0);
        wait_for(scene, &scene->b.frames, (int)i + 1);
        assert_int_equal(scene->b.last_id, i + 1);
        assert_int_equal(scene->b.last_size, sizes[i]);
    }
    assert_int_equal(send_bytes(scene->a.link, 1, FRAME_MAX + 1), -1);
    assert_true(link_is_ready(scene->a.link));
}

static void many_small_frames_arrive(void **state)
{
    struct scene *scene = *state;

    link_up(scene);
    for (int i = 0; i < 5000; i++)
        assert_int_equal(send_bytes(scene->a.link, (uint64_t)i + 1, 8), 0);
    wait_for(scene, &scene->b.frames, 5000);
    assert_int_equal(scene->b.last_id, 5000);
}

static void a_paused_reader_fills_the_writer_and_drains_it_later(void **state)
{
    struct scene *scene = *state;

    link_up(scene);
    link_pause(scene->b.link, true);
    for (int i = 0; i < 40; i++)
        assert_int_equal(send_bytes(scene->a.link, (uint64_t)i + 1, 100000), 0);
    assert_true(link_is_full(scene->a.link));
    for (int i = 0; i < 50; i++)
        event_base_loop(scene->base, EVLOOP_NONBLOCK);
    assert_int_equal(scene->b.frames, 0);
    assert_int_equal(scene->a.writable, 0);
    link_pause(scene->b.link, false);
    wait_for(scene, &scene->a.writable, 1);
    wait_for(scene, &scene->b.frames, 40);
    assert_int_equal(link_pending(scene->a.link), 0);
}

static void pausing_in_a_frame_holds_the_next_and_the_end(void **state)
{
    struct scene *scene = *state;

    link_up(scene);
    scene->b.pause_on_frame = true;
    send_bytes(scene->a.link, 1, 8);
    send_bytes(scene->a.link, 2, 8);
    link_close_flushed(scene->a.link, 2000);
    scene->a.link = NULL;
    wait_for(scene, &scene->b.frames, 1);
    for (int i = 0; i < 20; i++)
        event_base_loop(scene->base, EVLOOP_NONBLOCK);
    assert_int_equal(scene->b.frames, 1);
    assert_int_equal(scene->b.closed, 0);
    scene->b.pause_on_frame = false;
    link_pause(scene->b.link, false);
    wait_for(scene, &scene->b.closed, 1);
    assert_int_equal(scene->b.frames, 2);
    assert_int_equal(scene->b.end, LINK_END_CLOSED);
}

static void what_was_sent_before_a_close_arrives(void **state)
{
    struct scene *scene = *state;

    link_up(scene);
    /* b talks into a's closing: its bytes stay unread there, a's still arrive. */
    send_bytes(scene->b.link, 5, 300000);
    for (int i = 0; i < 30; i++)
        send_bytes(scene->a.link, (uint64_t)i + 1, 100000);
    link_close_flushed(scene->a.link, 5000);
    scene->a.link = NULL;
    wait_for(scene, &scene->b.closed, 1);
    assert_int_equal(scene->b.frames, 30);
    assert_int_equal(scene->a.closed, 0);
}

static void last_words_are_read_though_writing_fails(void **state)
{
    struct scene *scene = *state;

    link_up(scene);
    send_bytes(scene->a.link, 1, 8);
    event_base_loop(scene->base, EVLOOP_NONBLOCK); /* written; b has not read it, or just so */
    link_destroy(scene->a.link);
    scene->a.link = NULL;
    send_bytes(scene->b.link, 2, 8);
    wait_for(scene, &scene->b.closed, 1);
    assert_int_equal(scene->b.frames, 1);
}

static void a_link_may_be_destroyed_in_its_own_callback(void **state)
{
    struct scene *scene = *state;

    link_up(scene);
    scene->b.destroy_on_frame = true;
    send_bytes(scene->a.link, 1, 8);
    send_bytes(scene->a.link, 2, 8);
    wait_for(scene, &scene->a.closed, 1);
    assert_int_equal(scene->b.frames, 1);
    assert_int_equal(scene->b.closed, 0);
}

static void nobody_there_is_refused_and_told_from_the_loop(void **state)
{
    struct scene *scene = *state;

    scene->a.link =
        link_connect_unix(scene->base, scene->path, &scene->hello, 1000, &ops, &scene->a, NULL);
    assert_non_null(scene->a.link);
    assert_int_equal(scene->a.closed, 0);
    wait_for(scene, &scene->a.closed, 1);
    assert_int_equal(scene->a.end, LINK_END_REFUSED);
    assert_non_null(strstr(scene->a.why, scene->path));
}

static void a_path_that_is_too_long_is_said_at_once(void **state)
{
    struct scene *scene = *state;
    struct err err = {""};
    char path[300];

    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    assert_null(link_connect_unix(scene->base, path, &scene->hello, 1000, &ops, &scene->a, &err));
    assert_non_null(strstr(err.text, "too long"));
}

static void a_listener_that_says_nothing_times_out(void **state)
{
    struct scene *scene = *state;
    struct sockaddr_un addr = {.sun_family = AF_UNIX};

    int mute = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(addr.sun_path, sizeof addr.sun_path, "%s", scene->path);
    assert_int_equal(bind(mute, (struct sockaddr *)&addr, sizeof addr), 0);
    assert_int_equal(listen(mute, 1), 0);
    scene->a.link =
        link_connect_unix(scene->base, scene->path, &scene->hello, 50, &ops, &scene->a, NULL);
    wait_for(scene, &scene->a.closed, 1);
    assert_int_equal(scene->a.end, LINK_END_UNREACHABLE);
    close(mute);
    unlink(scene->path);
}

/* Bytes written by hand to a link over a socketpair; it must end with a protocol fault. */
static void expect_fault(struct scene *scene, const void *bytes, size_t size, const char *says)
{
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    scene->a.closed = 0;
    scene->a.link = link_from_fd_take(scene->base, pair[0], &scene->hello, &ops, &scene->a);
    assert_int_equal(write(pair[1], bytes, size), (ssize_t)size);
    wait_for(scene, &scene->a.closed, 1);
    assert_int_equal(scene->a.end, LINK_END_PROTOCOL);
    if (strstr(scene->a.why, says) == NULL)
        fail_msg("says: %s", scene->a.why);
    close(pair[1]);
}

static void what_is_no_protocol_is_refused(void **state)
{
    struct scene *scene = *state;
    const uint8_t large[] = {0, 2, 0, 0}, empty[] = {0, 0, 0, 0},
                  rubbish[] = {0, 0, 0, 3, 255, 255, 255};
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__Ping ping = WIRE__PING__INIT;
    size_t size;

    expect_fault(scene, "GET / HTTP/1.1\r\n\r\n", 18, "does not speak");
    expect_fault(scene, large, sizeof large, "does not speak"); /* 128 KiB before the Hello */
    expect_fault(scene, empty, sizeof empty, "does not speak");
    expect_fault(scene, rubbish, sizeof rubbish, "not of the protocol");
    frame.body_case = WIRE__FRAME__BODY_PING;
    frame.ping = &ping;
    uint8_t *bytes = frame_pack(&frame, &size);
    expect_fault(scene, bytes, size, "sent ping before its greeting");
    free(bytes);
}

static void another_version_is_named(void **state)
{
    struct scene *scene = *state;
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__Hello hello = scene->hello;
    size_t size;

    hello.protocol = PROTOCOL_VERSION + 1;
    hello.version = (char *)"9.9";
    frame.body_case = WIRE__FRAME__BODY_HELLO;
    frame.hello = &hello;
    uint8_t *bytes = frame_pack(&frame, &size);
    char sentence[64];
    snprintf(sentence, sizeof sentence, "runs P2P-MPI 9.9 (protocol %d)", PROTOCOL_VERSION + 1);
    expect_fault(scene, bytes, size, sentence);
    free(bytes);
}

static void a_cut_message_is_a_broken_link(void **state)
{
    struct scene *scene = *state;
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    scene->a.link = link_from_fd_take(scene->base, pair[0], &scene->hello, &ops, &scene->a);
    assert_int_equal(write(pair[1], "\0\0\1\0abc", 7), 7);
    shutdown(pair[1], SHUT_WR);
    wait_for(scene, &scene->a.closed, 1);
    assert_int_equal(scene->a.end, LINK_END_RESET);
    close(pair[1]);
}

static void a_second_listener_is_refused_and_a_stale_socket_replaced(void **state)
{
    struct scene *scene = *state;
    struct err err = {""};
    struct stat st;

    scene->listener =
        listener_unix(scene->base, scene->path, &scene->hello, &listener_ops, scene, &err);
    assert_non_null(scene->listener);
    assert_int_equal(stat(scene->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_null(listener_unix(scene->base, scene->path, &scene->hello, &listener_ops, scene, &err));
    assert_int_equal(errno, EADDRINUSE);
    listener_destroy(scene->listener);
    assert_int_equal(access(scene->path, F_OK), -1);

    char *stale = mem_format("%s/stale", scene->dir);
    rename(scene->path, stale);
    struct listener *first =
        listener_unix(scene->base, stale, &scene->hello, &listener_ops, scene, &err);
    assert_non_null(first);
    assert_int_equal(rename(stale, scene->path), 0); /* the first will not find and remove it */
    listener_destroy(first);
    event_base_loop(scene->base, EVLOOP_NONBLOCK);
    scene->listener =
        listener_unix(scene->base, scene->path, &scene->hello, &listener_ops, scene, &err);
    if (scene->listener == NULL)
        fail_msg("%s", err.text);
    free(stale);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, scene_open, scene_close)

UNIT_MAIN(SCENE(both_sides_greet_and_questions_are_answered),
          SCENE(frames_of_every_size_arrive_in_order), SCENE(many_small_frames_arrive),
          SCENE(a_paused_reader_fills_the_writer_and_drains_it_later),
          SCENE(pausing_in_a_frame_holds_the_next_and_the_end),
          SCENE(what_was_sent_before_a_close_arrives),
          SCENE(last_words_are_read_though_writing_fails),
          SCENE(a_link_may_be_destroyed_in_its_own_callback),
          SCENE(nobody_there_is_refused_and_told_from_the_loop),
          SCENE(a_path_that_is_too_long_is_said_at_once),
          SCENE(a_listener_that_says_nothing_times_out), SCENE(what_is_no_protocol_is_refused),
          SCENE(another_version_is_named), SCENE(a_cut_message_is_a_broken_link),
          SCENE(a_second_listener_is_refused_and_a_stale_socket_replaced))
