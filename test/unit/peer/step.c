/* SPDX-License-Identifier: BSD-3-Clause */
/* step.c - a p2pmpi-stepd started, spoken to, lost, found again; this program itself plays it */
#include "config.h"
#include "peer/step.h"

#include "base/file.h"
#include "base/mem.h"
#include "net/link.h"
#include "test/lib/loop.h"
#include "test/lib/prelude.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DEADLINE_S = 20 };

/* ---- the played p2pmpi-stepd; the job's name is what it does */

static struct event_base *play_base;
static const char *play_job;

static void play_ready(struct link *link, const Wire__Hello *hello, void *arg)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__StepAttach attach = WIRE__STEP_ATTACH__INIT;

    (void)hello;
    (void)arg;
    attach.job = (char *)play_job;
    frame.body_case = WIRE__FRAME__BODY_STEP_ATTACH;
    frame.step_attach = &attach;
    link_send(link, &frame);
}

static void play_frame(struct link *link, Wire__Frame *frame, void *arg)
{
    Wire__Frame answer = WIRE__FRAME__INIT;
    Wire__StepStarted started = WIRE__STEP_STARTED__INIT;

    (void)arg;
    if (frame->body_case == WIRE__FRAME__BODY_STEP_START) {
        answer.body_case = WIRE__FRAME__BODY_STEP_STARTED;
        answer.step_started = &started;
        link_send(link, &answer);
    } else if (frame->body_case == WIRE__FRAME__BODY_STEP_END &&
               strcmp(play_job, "stubborn") != 0) {
        event_base_loopbreak(play_base);
    }
}

static void play_closed(struct link *link, enum link_end end, const char *why, void *arg)
{
    (void)end;
    (void)why;
    (void)arg;
    link_destroy(link); /* and waits for the next p2pmpid */
}

static const struct link_ops play_ops = {play_ready, play_frame, NULL, play_closed};

static void play_accept(struct listener *listener, struct link *link, void *arg)
{
    (void)listener;
    (void)arg;
    link_set_ops(link, &play_ops, NULL);
}

static int play(void)
{
    static const struct listener_ops ops = {.accept = play_accept};
    Wire__Hello hello = WIRE__HELLO__INIT;

    hello.protocol = PROTOCOL_VERSION;
    hello.program = (char *)"stepd";
    signal(SIGPIPE, SIG_IGN);
    alarm(2 * DEADLINE_S);
    if (strcmp(play_job, "hasty") == 0)
        return 3;
    play_base = event_base_new();
    struct listener *listener = listener_from_fd_take(play_base, 3, &hello, &ops, NULL);
    event_base_dispatch(play_base);
    _exit(listener == NULL); /* the kernel tidies up */
}

/* ---- p2pmpid's side */

struct scene {
    struct event_base *base;
    struct event *chld;
    char dir[40];
    Wire__Hello hello;
    struct step *step;
    int attached, started, gone, reaped;
    char why[300];
};

static void on_attached(struct step *step, const Wire__StepAttach *attach, void *arg)
{
    struct scene *scene = arg;

    (void)step;
    assert_string_equal(attach->job, play_job);
    scene->attached++;
}

static void on_started(struct step *step, const Wire__StepStarted *started, void *arg)
{
    (void)step;
    (void)started;
    ((struct scene *)arg)->started++;
}

static void on_frame(struct step *step, Wire__Frame *frame, void *arg)
{
    (void)step;
    (void)arg;
    fail_msg("unexpected %s", frame_name(frame));
}

static void on_gone(struct step *step, const char *why, void *arg)
{
    struct scene *scene = arg;

    snprintf(scene->why, sizeof scene->why, "%s", why);
    scene->gone++;
    step_destroy(step);
    scene->step = NULL;
}

static const struct step_ops ops = {on_attached, on_started, on_frame, on_gone};

static void on_child(evutil_socket_t fd, short what, void *arg)
{
    struct scene *scene = arg;
    int status;
    pid_t pid;

    (void)fd;
    (void)what;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        scene->reaped++;
        if (scene->step != NULL)
            step_reaped(scene->step, pid, status);
    }
}

static int scene_open(void **state)
{
    struct scene *scene = mem_alloc(sizeof *scene);

    signal(SIGPIPE, SIG_IGN);
    scene->base = event_base_new();
    scene->chld = evsignal_new(scene->base, SIGCHLD, on_child, scene);
    event_add(scene->chld, NULL);
    snprintf(scene->dir, sizeof scene->dir, "/tmp/p2pmpi-step-XXXXXX");
    assert_non_null(mkdtemp(scene->dir));
    wire__hello__init(&scene->hello);
    scene->hello.protocol = PROTOCOL_VERSION;
    scene->hello.program = (char *)"p2pmpid";
    *state = scene;
    return 0;
}

static int scene_close(void **state)
{
    struct scene *scene = *state;

    step_destroy(scene->step);
    event_free(scene->chld);
    event_base_dispatch(scene->base);
    event_base_free(scene->base);
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
        ;
    file_remove_tree(scene->dir, NULL);
    free(scene);
    return 0;
}

static void wait_for(struct scene *scene, const int *counter)
{
    if (!loop_until(scene->base, counter, 1))
        fail_msg("waited in vain; %s", scene->why);
}

static void spawn(struct scene *scene, const char *program, const char *job)
{
    const struct step_place place = {
        .program = program, .dir = scene->dir, .job = job, .inherit_stderr = true};
    struct err err = {""};

    play_job = job;
    scene->step = step_spawn(scene->base, &place, &scene->hello, &ops, scene, &err);
    if (scene->step == NULL)
        fail_msg("%s", err.text);
}

static void start(struct scene *scene)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__StepStart message = WIRE__STEP_START__INIT;

    frame.body_case = WIRE__FRAME__BODY_STEP_START;
    frame.step_start = &message;
    assert_int_equal(step_send(scene->step, &frame), 0);
}

/* ---- what is proven */

static void a_step_starts_and_ends_when_asked(void **state)
{
    struct scene *scene = *state;

    spawn(scene, "/proc/self/exe", "good");
    assert_string_equal(step_dir(scene->step), scene->dir);
    start(scene);
    wait_for(scene, &scene->started);
    assert_int_equal(scene->attached, 1);
    step_end(scene->step);
    wait_for(scene, &scene->gone);
    wait_for(scene, &scene->reaped);
}

static void one_that_ends_at_once_is_reported(void **state)
{
    struct scene *scene = *state;

    spawn(scene, "/proc/self/exe", "hasty");
    wait_for(scene, &scene->gone);
    assert_int_equal(scene->started, 0);
}

static void one_that_is_not_there_is_reported(void **state)
{
    struct scene *scene = *state;

    spawn(scene, "/nonexistent/stepd", "absent");
    wait_for(scene, &scene->gone);
}

static void one_that_does_not_end_is_killed(void **state)
{
    struct scene *scene = *state;

    spawn(scene, "/proc/self/exe", "stubborn");
    start(scene);
    wait_for(scene, &scene->started);
    step_end(scene->step);
    wait_for(scene, &scene->gone);
    assert_non_null(strstr(scene->why, "was killed"));
    wait_for(scene, &scene->reaped);
}

/* As a p2pmpid does that is started again: the first one's link breaks, its process record is gone.
 */
static void one_that_runs_is_found_again(void **state)
{
    struct scene *scene = *state;
    struct err err = {""};

    spawn(scene, "/proc/self/exe", "again");
    start(scene);
    wait_for(scene, &scene->started);
    scene->attached = 0;
    struct step *second =
        step_retake(scene->base, scene->dir, "again", &scene->hello, &ops, scene, &err);
    assert_non_null(second);
    wait_for(scene, &scene->attached);
    struct step *first = scene->step;
    scene->step = second;
    step_end(second);
    wait_for(scene, &scene->gone);
    step_destroy(first);
    scene->step = NULL;
}

static void a_stale_directory_has_none(void **state)
{
    struct scene *scene = *state;
    struct err err = {""};

    scene->step = step_retake(scene->base, scene->dir, "stale", &scene->hello, &ops, scene, &err);
    if (scene->step != NULL)
        wait_for(scene, &scene->gone);
}

static void a_path_too_long_for_a_socket_is_told(void **state)
{
    struct scene *scene = *state;
    char *dir = mem_format("%s/%0100d", scene->dir, 0);
    const struct step_place place = {.program = "/proc/self/exe", .dir = dir, .job = "long"};
    struct err err = {""};

    assert_null(step_spawn(scene->base, &place, &scene->hello, &ops, scene, &err));
    assert_non_null(strstr(err.text, "P2PMPI_DIR"));
    free(dir);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, scene_open, scene_close)

static int test_all(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_step_starts_and_ends_when_asked),   CASE(one_that_ends_at_once_is_reported),
        CASE(one_that_is_not_there_is_reported),   CASE(one_that_does_not_end_is_killed),
        CASE(one_that_runs_is_found_again),        CASE(a_stale_directory_has_none),
        CASE(a_path_too_long_for_a_socket_is_told)};

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return test_all();
    for (int i = 1; i + 1 < argc; i++)
        if (strcmp(argv[i], "--job") == 0)
            play_job = argv[i + 1];
    return play();
}
