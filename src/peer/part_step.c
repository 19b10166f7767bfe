/* SPDX-License-Identifier: BSD-3-Clause */
/* part_step.c - what p2pmpi-stepd says */
#include "config.h"
#include "peer/part.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "peer/members.h"
#include "peer/mesh.h"

#include <string.h>

static void send_started(struct part *part, const char *error)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__JobStarted started = WIRE__JOB_STARTED__INIT;

    started.job = part->job;
    started.error = error != NULL ? (char *)error : started.error;
    frame.body_case = WIRE__FRAME__BODY_JOB_STARTED;
    frame.job_started = &started;
    part_send(part, &frame);
}

/* A step's own frame for another endpoint. Where there is no way it is dropped: the channel sends
 * it again. */
static void route_out(struct part *part, Wire__Frame *frame)
{
    struct daemon *daemon = part->hosting->daemon;
    Wire__Route *route = frame->route;
    struct id to;

    if (route->src != (int32_t)part->host || strcmp(route->job, part->job) != 0)
        return; /* a step speaks for itself alone */
    if (route->dst == HOME_HOST)
        to = part->home;
    else if (route->dst < 0 || (size_t)route->dst >= part->spec->n_hosts ||
             id_from_bytes(part->spec->hosts[route->dst]->peer->id.data, ID_SIZE, &to) < 0)
        return;
    daemon_send(daemon, &to, frame);
}

static void on_attached(struct step *step, const Wire__StepAttach *attach, void *arg)
{
    struct part *part = arg;
    struct daemon *daemon = part->hosting->daemon;
    uint32_t ranks = 0;
    struct err err;

    (void)step;
    if (!part->is_retaken)
        return;
    part->is_retaken = false;
    part->spec = spec_unpack(attach->spec.data, attach->spec.len, &err);
    if (part->spec == NULL || !part_is_spec_sound(daemon, part->spec) ||
        strcmp(part->spec->job, part->job) != 0 || attach->host >= part->spec->n_hosts) {
        message_free(part->spec);
        part->spec = NULL;
        part_end(part, "it could not be taken back after a restart");
        return;
    }
    part->host = attach->host;
    mesh_release(daemon->mesh, &part->home);
    id_from_bytes(part->spec->home_id.data, ID_SIZE, &part->home);
    mesh_hold(daemon->mesh, &part->home);
    for (size_t i = 0; i < part->spec->n_rank_host; i++)
        ranks += part->spec->rank_host[i] == part->host;
    struct lease_ask ask = {.job = part->job,
                            .home = part->home,
                            .slots = ranks,
                            .duration_ms = part->spec->rejoin_ms + 5000};
    leases_restore(daemon->leases, &ask, clock_now_ms());
    part_hold_others(part, true);
    log_info("job taken back job=%s ranks=%u", part->job, ranks);
    if (id_equal(&part->killer, &part->home))
        part_end(part, NULL);
}

static void on_started(struct step *step, const Wire__StepStarted *started, void *arg)
{
    struct part *part = arg;
    bool failed = started->error != NULL && started->error[0] != '\0';

    (void)step;
    if (part->state != HOST_STARTING)
        return;
    part_event(part, HOST_EVENT_STARTED);
    send_started(part, failed ? started->error : NULL);
    log_info("job part started job=%s host=%u error=\"%s\"", part->job, part->host,
             failed ? started->error : "");
    if (failed)
        part_end(part, started->error);
}

static void on_step_frame(struct step *step, Wire__Frame *frame, void *arg)
{
    struct part *part = arg;

    if (part->spec == NULL)
        return;
    if (frame->body_case == WIRE__FRAME__BODY_ROUTE)
        route_out(part, frame);
    else if (frame->body_case == WIRE__FRAME__BODY_GRID_PEERS)
        members_tell_step(part->hosting->daemon, step, frame);
}

static void on_step_gone(struct step *step, const char *why, void *arg)
{
    struct part *part = arg;

    if (part->state != HOST_ENDING && part->reason == NULL)
        part->reason = mem_format("its p2pmpi-stepd is gone: %s", why);
    step_destroy(step);
    part->step = NULL;
    if (part->state == HOST_STARTING)
        send_started(part, part->reason);
    part_event(part, HOST_EVENT_STEP_GONE);
}

const struct step_ops part_step_ops = {on_attached, on_started, on_step_frame, on_step_gone};
