/* SPDX-License-Identifier: BSD-3-Clause */
/* home_hosts.c - what the home knows of each host of a job: there, silent, back again, lost
 *
 * A broken link is looked into: refused means that the host is up and its p2pmpid is not, which has
 * rejoin_s to be restarted; no answer means that the host is lost. */
#include "config.h"
#include "peer/home.h"

#include "base/clock.h"
#include "base/log.h"
#include "peer/mesh.h"
#include "peer/watches.h"

#include <stdio.h>

int home_host_find(const struct home *home, const struct id *id)
{
    for (size_t i = 0; i < home->host_count; i++)
        if (id_equal(&home->hosts[i].id, id))
            return (int)i;
    return -1;
}

/* The host will not be spoken to again. */
static void host_forget(struct home *home, size_t host)
{
    home->hosts[host].gone = true;
    home->hosts[host].down_ms = 0;
    if (home->chan != NULL)
        chan_drop_peer(home->chan, (int)host);
    if (home->supply != NULL)
        supply_drop(home->supply, (uint32_t)host);
}

/* To the other hosts' steps: nothing of it counts any more. */
static void tell_lost(struct home *home, size_t host, const char *why)
{
    Wire__Step step = WIRE__STEP__INIT;
    Wire__HostLost lost = WIRE__HOST_LOST__INIT;

    lost.host = (uint32_t)host;
    lost.why = (char *)why;
    step.body_case = WIRE__STEP__BODY_HOST_LOST;
    step.host_lost = &lost;
    home_send_steps(home, host, &step);
}

/* A host takes no part any more: can the job do without? what: "host h3 was lost (...)". */
static void host_over(struct home *home, size_t host, const char *why, const char *what)
{
    char left[256];

    host_forget(home, host);
    tell_lost(home, host, why);
    bool goes_on = home_processes_lost(home, host, left, sizeof left);
    const char *glue = left[0] != '\0' ? ": " : "";
    if (home->state < HOME_START) /* others were not sought in its place */
        home_fail(home, RESULT_FAILED, "%s while the job was %s", what,
                  home_state_name(home->state));
    else if (!goes_on)
        home_fail(home, RESULT_FAILED, "%s while the job was %s%s%s", what,
                  home_state_name(home->state), glue, left);
    else if (home->state < HOME_RELEASE)
        home_warn(home, "%s%s%s", what, glue, left);
    home_input_check(home);
    home_start_check(home);
    home_drain_check(home);
    home_fetch_check(home);
    home_release_check(home);
}

void home_host_lost(struct home *home, size_t host, const char *why)
{
    struct home_host *state = &home->hosts[host];
    char what[ERR_TEXT_MAX];

    if (state->gone)
        return;
    state->lost = true;
    log_warning("host lost job=%s host=%s why=\"%s\"", home->job, state->name, why);
    snprintf(what, sizeof what, "host %s was lost (%s)", state->name, why);
    host_over(home, host, why, what);
}

void home_host_down(struct home *home, size_t host, enum link_end end, const char *why)
{
    struct home_host *state = &home->hosts[host];
    int64_t now_ms = clock_now_ms();

    if (state->gone)
        return;
    log_info("link to host broken job=%s host=%s why=\"%s\"", home->job, state->name, why);
    if (home->state < HOME_START) {
        home_host_lost(home, host, why);
        return;
    }
    if (state->down_ms == 0) /* a link that went silent was waited for already */
        state->down_ms = now_ms - (end == LINK_END_UNREACHABLE ? HOME_LOST_MS : 0);
    state->down_end = end;
    state->attach_ms = 0;
    state->dial_ms = now_ms + HOME_REDIAL_MS;
    if (end == LINK_END_TLS || end == LINK_END_PROTOCOL)
        home_host_lost(home, host, why);
    home_schedule(home);
}

void home_host_up(struct home *home, size_t host)
{
    struct home_host *state = &home->hosts[host];
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__JobAttach attach = WIRE__JOB_ATTACH__INIT;

    if (state->lost) /* cut off, and here again: too late */
        home_release_host(home, host);
    if (state->gone || state->down_ms == 0)
        return;
    attach.job = home->job;
    frame.body_case = WIRE__FRAME__BODY_JOB_ATTACH;
    frame.job_attach = &attach;
    home_send_host(home, host, &frame);
    state->attach_ms = clock_now_ms();
    if (home->state == HOME_RELEASE) /* it may have missed this */
        home_release_host(home, host);
}

void home_host_attached(struct home *home, size_t host, const Wire__JobAttached *attached)
{
    struct home_host *state = &home->hosts[host];

    if (state->down_ms == 0 || state->gone)
        return;
    if (!attached->running) {
        /* a restarted p2pmpid may still be taking its jobs back: ask again until the limit */
        state->attach_ms = 0;
        state->dial_ms = clock_now_ms() + HOME_REDIAL_MS;
        home_schedule(home);
        return;
    }
    log_info("host back job=%s host=%s after_ms=%lld", home->job, state->name,
             (long long)(clock_now_ms() - state->down_ms));
    state->down_ms = 0;
    state->attach_ms = 0;
    home_renew(home, host);
    watches_tell(home->daemon->watches, home->job, (uint32_t)host);
    if (home->chan != NULL)
        chan_route_up(home->chan, (int)host, clock_now_ms());
}

void home_host_gone(struct home *home, size_t host, const char *reason)
{
    struct home_host *state = &home->hosts[host];
    bool asked = home->state == HOME_RELEASE || home->state == HOME_DONE;

    char what[ERR_TEXT_MAX];

    if (state->gone)
        return;
    mesh_ping(home->daemon->mesh,
              &state->id); /* its slots are free again: the next job should know */
    if (asked) {
        state->gone = true;
        state->down_ms = 0;
        home_release_check(home);
        return;
    }
    log_warning("part of job ended job=%s host=%s reason=\"%s\"", home->job, state->name, reason);
    snprintf(what, sizeof what, "host %s gave the job up: %s", state->name,
             reason[0] != '\0' ? reason : "no reason given");
    host_over(home, host, "it gave the job up", what);
}

static void host_down_tick(struct home *home, size_t host, int64_t now_ms)
{
    struct home_host *state = &home->hosts[host];
    int64_t rejoin_ms = (int64_t)home->daemon->settings.rejoin_s * 1000;
    bool is_silent = state->down_end == LINK_END_UNREACHABLE;

    if (is_silent && now_ms - state->down_ms >= HOME_LOST_MS) {
        home_host_lost(home, host, "it does not answer any more");
    } else if (now_ms - state->down_ms >= rejoin_ms) {
        home_host_lost(home, host, "its p2pmpid is gone and was not started again in time");
    } else if (now_ms >= state->dial_ms && state->attach_ms == 0) {
        state->dial_ms = now_ms + HOME_REDIAL_MS;
        if (mesh_is_up(home->daemon->mesh, &state->id))
            home_host_up(home, host);
        else
            mesh_dial(home->daemon->mesh, &state->id);
    }
}

void home_hosts_tick(struct home *home, int64_t now_ms)
{
    for (size_t i = 0; i < home->host_count; i++)
        if (home->hosts[i].down_ms != 0 && !home->hosts[i].gone)
            host_down_tick(home, i, now_ms);
}
