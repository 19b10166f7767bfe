/* SPDX-License-Identifier: BSD-3-Clause */
/* px_daemon.c - p2pmpid on the socket in the job's directory
 *
 * p2pmpid connects; the step greets every connection with StepAttach, so that one that was
 * restarted learns what runs here. Without a connection for rejoin_ms the job here is over. */
#include "config.h"
#include "pmix-server/px_daemon.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "job/roster.h"
#include "net/link.h"
#include "pmix-server/px_fence.h"
#include "pmix-server/px_host.h"
#include "pmix-server/px_iof.h"
#include "pmix-server/px_launch.h"
#include "pmix-server/px_map.h"
#include "pmix-server/px_modex.h"
#include "pmix-server/px_query.h"
#include "pmix-server/px_route.h"
#include "pmix-server/px_step.h"

#include <event2/event.h>
#include <stdlib.h>
#include <unistd.h>

#define FIRST_MS      30000 /* p2pmpid has that long to come at all */
#define LAST_WORDS_MS 1000  /* to write what was sent before the end */

struct px_daemon {
    struct listener *listener;
    struct link *link;
    struct event *alone; /* runs while there is no p2pmpid */
};

static void wait_alone(struct px_step *step, unsigned ms)
{
    struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

    event_add(step->daemon->alone, &wait);
}

static void on_alone(evutil_socket_t fd, short what, void *arg)
{
    struct px_step *step = arg;

    (void)fd;
    (void)what;
    log_error("p2pmpid lost job=%s: ranks are killed, the job's directory is emptied", step->job);
    step->is_orphan = true;
    px_step_end(step);
}

/* ---- the start */

static void make_ranks(struct px_step *step)
{
    const Wire__JobSpec *spec = px_spec(step);

    step->ranks = mem_array(spec->ranks, sizeof *step->ranks);
    for (uint32_t rank = 0; rank < spec->ranks; rank++) {
        if (spec->rank_host[rank] != step->start->host)
            continue;
        step->ranks[step->rank_count] =
            (struct px_rank){.rank = rank, .local = (uint32_t)step->rank_count};
        step->rank_count++;
    }
}

/* why: "" is a success. */
static void tell_result(struct px_step *step, uint32_t host, const char *why)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__StepStarted started = WIRE__STEP_STARTED__INIT;

    started.host = host;
    started.error = (char *)(uintptr_t)why;
    started.pid = (uint32_t)getpid();
    frame.body_case = WIRE__FRAME__BODY_STEP_STARTED;
    frame.step_started = &started;
    px_daemon_send(step, &frame);
    if (*why != '\0')
        log_warning("start failed why=\"%s\"", why);
}

static void start(struct px_step *step, const Wire__StepStart *message)
{
    struct err err;

    if (step->start != NULL) {
        tell_result(step, message->host, "this step has been started already");
        return;
    }
    if (map_check(message, &err) != 0) {
        tell_result(step, message->host, err.text);
        return;
    }
    step->start = message_copy(&message->base);
    step->roster =
        roster_create(px_spec(step)->ranks, px_spec(step)->degrees, px_spec(step)->n_degrees);
    make_ranks(step);
    px_route_open(step);
    px_fence_open(step);
    px_modex_open(step);
    px_fence_greet(step);
    if (px_launch(step, &err) != 0)
        tell_result(step, message->host, err.text);
}

/* Puts the file by which tools find this server where p2pmpid wants it. */
static void serve_tools(struct px_step *step, const Wire__StepTools *message)
{
    char *made = px_host_tools_file(step);
    struct err err = {""};
    size_t size;

    char *text = step->is_for_tools ? file_read(made, 64 << 10, &size, &err) : NULL;
    if (!step->is_for_tools)
        err_set(&err, "this step serves a job, not tools");
    else if (text != NULL && *message->report_file != '\0')
        file_write(message->report_file, text, size, 0600, &err);
    tell_result(step, 0, err.text);
    free(text);
    free(made);
}

/* ---- the link */

static void send_attach(struct px_step *step)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__StepAttach attach = WIRE__STEP_ATTACH__INIT;

    attach.pid = (uint32_t)getpid();
    attach.job = (char *)(uintptr_t)step->job;
    if (step->start != NULL) {
        attach.host = step->start->host;
        attach.spec.data = spec_pack(px_spec(step), &attach.spec.len);
        attach.done = step->rank_living == 0 && px_iof_is_done(step);
    }
    frame.body_case = WIRE__FRAME__BODY_STEP_ATTACH;
    frame.step_attach = &attach;
    px_daemon_send(step, &frame);
    free(attach.spec.data);
}

static void on_ready(struct link *link, const Wire__Hello *hello, void *arg)
{
    struct px_step *step = arg;

    log_debug("p2pmpid attached pid=%d version=%s", (int)link_pid(link), hello->version);
    if (step->daemon->link != NULL && step->daemon->link != link)
        link_destroy(step->daemon->link); /* the newer one is the living one */
    step->daemon->link = link;
    event_del(step->daemon->alone);
    send_attach(step);
    px_route_is_up(step);
}

static void on_frame(struct link *link, Wire__Frame *frame, void *arg)
{
    struct px_step *step = arg;

    if (link != step->daemon->link || step->is_ending)
        return;
    switch (frame->body_case) {
    case WIRE__FRAME__BODY_ROUTE:
        px_route_receive(step, frame->route);
        break;
    case WIRE__FRAME__BODY_ROUTE_UP:
        px_route_up(step, frame->route_up->host);
        break;
    case WIRE__FRAME__BODY_STEP_START:
        start(step, frame->step_start);
        break;
    case WIRE__FRAME__BODY_STEP_TOOLS:
        serve_tools(step, frame->step_tools);
        break;
    case WIRE__FRAME__BODY_STEP_END:
        px_step_end(step);
        break;
    case WIRE__FRAME__BODY_ANSWER:
    case WIRE__FRAME__BODY_LIST_END:
    case WIRE__FRAME__BODY_ERROR:
        px_query_answered(step, frame);
        break;
    case WIRE__FRAME__BODY_PING:
        break;
    default:
        log_warning("frame unexpected kind=%s", frame_name(frame));
    }
}

static void on_closed(struct link *link, enum link_end end, const char *why, void *arg)
{
    struct px_step *step = arg;

    if (link != step->daemon->link) {
        if (end == LINK_END_PROTOCOL)
            log_warning("p2pmpid refused why=\"%s\"", why);
        link_destroy(link);
        return;
    }
    link_destroy(link);
    step->daemon->link = NULL;
    log_warning("p2pmpid gone why=\"%s\"", why);
    if (!step->is_ending)
        wait_alone(step, step->start != NULL ? px_spec(step)->rejoin_ms : 0);
}

static void on_accept(struct listener *listener, struct link *link, void *arg)
{
    static const struct link_ops ops = {on_ready, on_frame, NULL, on_closed};

    (void)listener;
    link_set_ops(link, &ops, arg);
}

int px_daemon_open(struct px_step *step, int fd)
{
    static const struct listener_ops ops = {.accept = on_accept};
    Wire__Hello hello = WIRE__HELLO__INIT;

    hello.protocol = PROTOCOL_VERSION;
    hello.version = (char *)(uintptr_t)PACKAGE_VERSION;
    hello.program = (char *)(uintptr_t) "p2pmpi-stepd";
    step->daemon = mem_alloc(sizeof *step->daemon);
    step->daemon->alone = evtimer_new(step->base, on_alone, step);
    wait_alone(step, FIRST_MS);
    step->daemon->listener = listener_from_fd_take(step->base, fd, &hello, &ops, step);
    return step->daemon->listener != NULL ? 0 : -1;
}

void px_daemon_close(struct px_step *step)
{
    struct px_daemon *daemon = step->daemon;

    if (daemon == NULL)
        return;
    step->daemon = NULL;
    listener_destroy(daemon->listener);
    if (daemon->link != NULL)
        link_close_flushed(daemon->link, LAST_WORDS_MS);
    event_free(daemon->alone);
    free(daemon);
}

int px_daemon_send(struct px_step *step, const Wire__Frame *frame)
{
    if (step->daemon == NULL || step->daemon->link == NULL)
        return -1;
    return link_send(step->daemon->link, frame);
}
