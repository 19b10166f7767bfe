/* SPDX-License-Identifier: BSD-3-Clause */
/* px_route.c - messages to the job's home and its other steps */
#include "config.h"
#include "pmix-server/px_route.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "job/chan.h"
#include "pmix-server/px_daemon.h"
#include "pmix-server/px_event.h"
#include "pmix-server/px_fence.h"
#include "pmix-server/px_iof.h"
#include "pmix-server/px_launch.h"
#include "pmix-server/px_modex.h"
#include "pmix-server/px_reap.h"
#include "pmix-server/px_replicas.h"
#include "pmix-server/px_step.h"

#include <event2/event.h>
#include <stdlib.h>
#include <time.h>

struct px_route {
    struct chan *chan;
    struct event *timer;
    bool *has_ranks; /* by host number */
};

static void arm(struct px_route *route)
{
    int wait_ms = chan_next(route->chan, clock_now_ms());

    if (wait_ms >= 0) {
        struct timeval wait = {.tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000};
        event_add(route->timer, &wait);
    } else {
        event_del(route->timer);
    }
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct px_step *step = arg;

    (void)fd;
    (void)what;
    chan_tick(step->route->chan, clock_now_ms());
    arm(step->route);
}

static void chan_out(void *arg, const Wire__Route *route)
{
    Wire__Frame frame = WIRE__FRAME__INIT;

    frame.body_case = WIRE__FRAME__BODY_ROUTE;
    frame.route = (Wire__Route *)(uintptr_t)route;
    px_daemon_send(arg, &frame);
}

static void chan_in(void *arg, int src, const Wire__Step *message)
{
    struct px_step *step = arg;

    if (step->is_ending)
        return;
    switch (message->body_case) {
    case WIRE__STEP__BODY_FENCE_UP:
    case WIRE__STEP__BODY_FENCE_DOWN:
        px_fence_receive(step, src, message);
        break;
    case WIRE__STEP__BODY_MODEX_GET:
    case WIRE__STEP__BODY_MODEX_DATA:
        px_modex_receive(step, src, message);
        break;
    case WIRE__STEP__BODY_RANK_EXIT:
        px_launch_exit_heard(step, message->rank_exit);
        break;
    case WIRE__STEP__BODY_OUTPUT_ACK:
        px_iof_acked(step, message->output_ack);
        break;
    case WIRE__STEP__BODY_INPUT:
        px_iof_input(step, message->input);
        break;
    case WIRE__STEP__BODY_SIGNAL:
        px_reap_signal(step, (int)message->signal->number);
        break;
    case WIRE__STEP__BODY_EVENT:
        px_event_receive(step, message->event);
        break;
    case WIRE__STEP__BODY_HOST_LOST:
        if (src == HOME_HOST)
            px_replicas_host_lost(step, message->host_lost);
        break;
    default:
        log_warning("message unknown from=%d kind=%d", src, (int)message->body_case);
    }
}

static void chan_restarted(void *arg, int peer)
{
    struct px_step *step = arg;

    if (peer != HOME_HOST || step->is_ending)
        return;
    px_launch_tell_state(step);
    px_iof_repeat(step);
}

static void chan_broken(void *arg, int peer, const char *why)
{
    (void)arg;
    log_warning("channel broken peer=%d why=\"%s\"", peer, why);
}

static uint64_t epoch_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void px_route_open(struct px_step *step)
{
    static const struct chan_ops ops = {chan_out, chan_in, chan_restarted, chan_broken};
    const Wire__JobSpec *spec = px_spec(step);
    struct px_route *route = mem_alloc(sizeof *route);

    route->chan = chan_create(spec->job, (int)step->start->host, (unsigned)spec->n_hosts,
                              epoch_now(), &ops, step);
    route->timer = evtimer_new(step->base, on_timer, step);
    route->has_ranks = mem_array(spec->n_hosts, sizeof *route->has_ranks);
    for (size_t i = 0; i < spec->n_rank_host; i++)
        route->has_ranks[spec->rank_host[i]] = true;
    step->route = route;
    chan_route_up(route->chan, HOME_HOST, clock_now_ms());
    arm(route);
}

void px_route_close(struct px_step *step)
{
    struct px_route *route = step->route;

    if (route == NULL)
        return;
    chan_destroy(route->chan);
    event_free(route->timer);
    free(route->has_ranks);
    free(route);
    step->route = NULL;
}

void px_route_send(struct px_step *step, int dst, const Wire__Step *message)
{
    struct err err;

    if (step->route == NULL)
        return;
    if (chan_send(step->route->chan, dst, message, clock_now_ms(), &err) != 0)
        log_warning("message not sent to=%d kind=%d why=\"%s\"", dst, (int)message->body_case,
                    err.text);
    arm(step->route);
}

void px_route_send_hosts(struct px_step *step, const Wire__Step *message)
{
    for (size_t host = 0; step->route != NULL && host < px_spec(step)->n_hosts; host++)
        if (step->route->has_ranks[host] && host != step->start->host &&
            !chan_is_dropped(step->route->chan, (int)host))
            px_route_send(step, (int)host, message);
}

void px_route_receive(struct px_step *step, const Wire__Route *route)
{
    if (step->route == NULL)
        return;
    chan_receive(step->route->chan, route, clock_now_ms());
    if (step->route != NULL)
        arm(step->route);
}

void px_route_is_up(struct px_step *step)
{
    if (step->route == NULL)
        return;
    chan_route_up_all(step->route->chan, clock_now_ms());
    arm(step->route);
}

void px_route_up(struct px_step *step, int host)
{
    if (step->route == NULL || host < HOME_HOST || host >= (int)px_spec(step)->n_hosts)
        return;
    chan_route_up(step->route->chan, host, clock_now_ms());
    arm(step->route);
}

void px_route_drop(struct px_step *step, int host)
{
    if (step->route != NULL)
        chan_drop_peer(step->route->chan, host);
}
