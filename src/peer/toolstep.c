/* SPDX-License-Identifier: BSD-3-Clause */
/* toolstep.c - the p2pmpi-stepd without ranks that shows the grid to PMIx tools of this owner */
#include "config.h"
#include "peer/toolstep.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "peer/members.h"
#include "peer/step.h"

#include <event2/event.h>
#include <stdlib.h>
#include <unistd.h>

#define AGAIN_MS     1000 /* first wait after an end; doubles */
#define AGAIN_MAX_MS 60000

struct toolstep {
    struct daemon *daemon;
    struct step *step;
    struct event *again;
    unsigned again_ms;
    char *dir, *uri;
};

static void start(evutil_socket_t fd, short what, void *arg);

static void start_later(struct toolstep *toolstep)
{
    struct timeval wait = {toolstep->again_ms / 1000, toolstep->again_ms % 1000 * 1000};

    event_add(toolstep->again, &wait);
    if (toolstep->again_ms < AGAIN_MAX_MS)
        toolstep->again_ms *= 2;
}

static void on_attached(struct step *step, const Wire__StepAttach *attach, void *arg)
{
    (void)step;
    (void)attach;
    (void)arg;
}

static void on_started(struct step *step, const Wire__StepStarted *started, void *arg)
{
    struct toolstep *toolstep = arg;

    (void)step;
    if (started->error != NULL && started->error[0] != '\0')
        log_warning("no service for PMIx tools why=\"%s\"", started->error);
    else
        log_info("PMIx tools served uri=%s", toolstep->uri);
}

static void on_frame(struct step *step, Wire__Frame *frame, void *arg)
{
    struct toolstep *toolstep = arg;

    if (frame->body_case == WIRE__FRAME__BODY_GRID_PEERS)
        members_tell_step(toolstep->daemon, step, frame);
}

static void on_gone(struct step *step, const char *why, void *arg)
{
    struct toolstep *toolstep = arg;

    log_info("service for PMIx tools ended why=\"%s\"", why);
    step_destroy(step);
    toolstep->step = NULL;
    start_later(toolstep);
}

static const struct step_ops ops = {on_attached, on_started, on_frame, on_gone};

static void send_tools(struct toolstep *toolstep)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__StepTools tools = WIRE__STEP_TOOLS__INIT;

    tools.dir = toolstep->dir;
    tools.report_file = toolstep->uri;
    frame.body_case = WIRE__FRAME__BODY_STEP_TOOLS;
    frame.step_tools = &tools;
    step_send(toolstep->step, &frame);
}

static void start(evutil_socket_t fd, short what, void *arg)
{
    struct toolstep *toolstep = arg;
    struct daemon *daemon = toolstep->daemon;
    struct err err;

    (void)fd;
    (void)what;
    unlink(toolstep->uri);
    if (file_remove_tree(toolstep->dir, &err) == 0 && file_mkdirs(toolstep->dir, 0700, &err) == 0) {
        const struct step_place place = {.dir = toolstep->dir, .job = "tools", .tools = true};
        toolstep->step = step_spawn(daemon->base, &place, daemon->hello, &ops, toolstep, &err);
    }
    if (toolstep->step != NULL) {
        send_tools(toolstep);
        return;
    }
    log_warning("no service for PMIx tools why=\"%s\"", err.text);
    start_later(toolstep);
}

void toolstep_reaped(struct toolstep *toolstep, pid_t pid, int status)
{
    if (toolstep != NULL && toolstep->step != NULL)
        step_reaped(toolstep->step, pid, status);
}

struct toolstep *toolstep_create(struct daemon *daemon)
{
    static const struct timeval soon = {0, 0};
    struct toolstep *toolstep = mem_alloc(sizeof *toolstep);

    toolstep->daemon = daemon;
    toolstep->dir = mem_format("%s/tools", daemon->dirs.run);
    toolstep->uri = mem_format("%s/pmix.uri", daemon->dirs.run);
    toolstep->again_ms = AGAIN_MS;
    toolstep->again = event_new(daemon->base, -1, 0, start, toolstep);
    event_add(toolstep->again, &soon);
    return toolstep;
}

void toolstep_destroy(struct toolstep *toolstep)
{
    if (toolstep == NULL)
        return;
    step_destroy(toolstep->step);
    event_free(toolstep->again);
    unlink(toolstep->uri);
    file_remove_tree(toolstep->dir, NULL);
    free(toolstep->dir);
    free(toolstep->uri);
    free(toolstep);
}
