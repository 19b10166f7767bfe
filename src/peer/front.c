/* SPDX-License-Identifier: BSD-3-Clause */
/* front.c - the daemon's Unix socket, where our tools speak to it
 *
 * A tool's link belongs here until it submits a job; from then on it belongs to the job (homes.c).
 */
#include "config.h"
#include "peer/front.h"

#include "base/log.h"
#include "base/mem.h"
#include "net/link.h"
#include "peer/homes.h"
#include "peer/hosting.h"
#include "peer/members.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define TOOLS_MAX 256 /* tools connected at a time */

struct tool {
    struct tool *next;
    struct front *front;
    struct link *link;
};

struct front {
    struct daemon *daemon;
    struct listener *listener; /* NULL in a private daemon */
    struct tool *tools;
    unsigned count;
};

static const struct link_ops tool_ops;

static void tool_forget(struct tool *tool)
{
    struct tool **at = &tool->front->tools;

    while (*at != tool)
        at = &(*at)->next;
    *at = tool->next;
    tool->front->count--;
    members_forget_tool(tool->front->daemon, tool->link);
    free(tool);
}

static struct tool *tool_add(struct front *front, struct link *link)
{
    struct tool *tool = mem_alloc(sizeof *tool);

    tool->front = front;
    tool->link = link;
    tool->next = front->tools;
    front->tools = tool;
    front->count++;
    return tool;
}

static void answer_jobs(struct front *front, struct link *link, const Wire__Frame *question)
{
    Wire__Frame answer = WIRE__FRAME__INIT;
    Wire__Jobs *jobs = mem_alloc(sizeof *jobs);

    wire__jobs__init(jobs);
    homes_list(front->daemon->homes, jobs);
    hosting_list(front->daemon->hosting, jobs);
    answer.body_case = WIRE__FRAME__BODY_JOBS;
    answer.jobs = jobs;
    link_answer(link, question, &answer);
    message_free(jobs);
}

static void answer_halt(struct front *front, struct link *link, const Wire__Frame *question)
{
    struct daemon *daemon = front->daemon;
    Wire__Frame answer = WIRE__FRAME__INIT;
    Wire__Halting halting = WIRE__HALTING__INIT;

    halting.jobs = homes_count(daemon->homes) + hosting_guests(daemon->hosting);
    answer.body_case = WIRE__FRAME__BODY_HALTING;
    answer.halting = &halting;
    if (halting.jobs > 0 && !question->halt->kill_jobs)
        halting.text = (char *)"jobs are running here";
    link_answer(link, question, &answer);
    if (halting.jobs == 0 || question->halt->kill_jobs)
        daemon_stop(daemon);
}

static void answer_status(struct front *front, struct link *link, const Wire__Frame *question)
{
    struct daemon *daemon = front->daemon;
    Wire__Frame answer = WIRE__FRAME__INIT;
    Wire__Status status = WIRE__STATUS__INIT;

    status.self = daemon_self(daemon);
    status.jobs = homes_count(daemon->homes) + hosting_guests(daemon->hosting);
    status.pid = (uint32_t)getpid();
    members_status(daemon, &status);
    answer.body_case = WIRE__FRAME__BODY_STATUS;
    answer.status = &status;
    link_answer(link, question, &answer);
    message_free(status.self);
}

static void answer_ping(struct link *link, const Wire__Frame *question)
{
    Wire__Frame answer = WIRE__FRAME__INIT;
    Wire__Pong pong = WIRE__PONG__INIT;

    pong.stamp_us = question->ping->stamp_us;
    answer.body_case = WIRE__FRAME__BODY_PONG;
    answer.pong = &pong;
    link_answer(link, question, &answer);
}

static void on_frame(struct link *link, Wire__Frame *frame, void *arg)
{
    struct tool *tool = arg;
    struct front *front = tool->front;

    switch (frame->body_case) {
    case WIRE__FRAME__BODY_PING:
        answer_ping(link, frame);
        break;
    case WIRE__FRAME__BODY_PEERS_QUERY:
        members_list(front->daemon, link, frame, frame->peers_query->refresh);
        break;
    case WIRE__FRAME__BODY_JOBS_QUERY:
        answer_jobs(front, link, frame);
        break;
    case WIRE__FRAME__BODY_STATUS_QUERY:
        answer_status(front, link, frame);
        break;
    case WIRE__FRAME__BODY_HALT:
        answer_halt(front, link, frame);
        break;
    case WIRE__FRAME__BODY_JOB_SUBMIT:
    case WIRE__FRAME__BODY_JOB_RECLAIM:
        if (homes_submit(front->daemon->homes, link, frame))
            tool_forget(tool);
        break;
    default:
        link_answer_error(link, frame, WIRE__CODE__ERR_BAD_MESSAGE,
                          "p2pmpid does not know the question \"%s\"", frame_name(frame));
        break;
    }
}

static void on_closed(struct link *link, enum link_end end, const char *why, void *arg)
{
    struct tool *tool = arg;
    struct daemon *daemon = tool->front->daemon;

    if (end == LINK_END_PROTOCOL)
        log_warning("tool refused why=\"%s\"", why);
    tool_forget(tool);
    link_destroy(link);
    if (daemon->is_private)
        daemon_stop(daemon);
}

static void on_ready(struct link *link, const Wire__Hello *hello, void *arg)
{
    (void)arg;
    log_debug("tool pid=%d program=%s", (int)link_pid(link), hello->program);
}

static const struct link_ops tool_ops = {on_ready, on_frame, NULL, on_closed};

static void on_accept(struct listener *listener, struct link *link, void *arg)
{
    struct front *front = arg;

    (void)listener;
    if (front->count >= TOOLS_MAX)
        link_destroy(link);
    else
        link_set_ops(link, &tool_ops, tool_add(front, link));
}

struct front *front_listen(struct daemon *daemon, struct err *err)
{
    static const struct listener_ops ops = {on_accept, NULL, NULL};
    struct front *front = mem_alloc(sizeof *front);
    char *path = mem_format("%s/p2pmpid.sock", daemon->dirs.run);

    front->daemon = daemon;
    front->listener = listener_unix(daemon->base, path, daemon->hello, &ops, front, err);
    free(path);
    if (front->listener == NULL) {
        if (errno == EADDRINUSE)
            err_set(err, "a p2pmpid of yours is running on this host already; stop it with "
                         "p2pmpi-halt first");
        free(front);
        return NULL;
    }
    return front;
}

struct front *front_adopt(struct daemon *daemon, int fd)
{
    struct front *front = mem_alloc(sizeof *front);

    front->daemon = daemon;
    struct tool *tool = tool_add(front, NULL);
    tool->link = link_from_fd_take(daemon->base, fd, daemon->hello, &tool_ops, tool);
    return front;
}

void front_destroy(struct front *front)
{
    if (front == NULL)
        return;
    listener_destroy(front->listener);
    while (front->tools != NULL) {
        link_destroy(front->tools->link);
        tool_forget(front->tools);
    }
    free(front);
}
