/* SPDX-License-Identifier: BSD-3-Clause */
/* home_stage.c - program and data of a job on their way to its hosts */
#include "config.h"
#include "peer/home.h"

#include "base/clock.h"

static void stage_send(void *arg, uint32_t host, const Wire__Frame *frame)
{
    home_send_host(arg, host, frame);
}

static void stage_done(void *arg, uint32_t host, const char *error)
{
    struct home *home = arg;

    if (error != NULL) {
        home_fail(home, RESULT_FAILED, "%s cannot run this job: %s", home->hosts[host].name, error);
        return;
    }
    home->hosts[host].staged = true;
    for (size_t i = 0; i < home->host_count; i++)
        if (!home->hosts[i].staged)
            return;
    home_event(home, HOME_EVENT_STAGED);
}

void home_stage_begin(struct home *home)
{
    const Wire__JobSubmit *submit = home->submit;

    if (home->daemon->is_private) { /* the program runs where it is */
        home_event(home, HOME_EVENT_STAGED);
        return;
    }
    const struct supply_calls calls = {stage_send, stage_done, home};
    home->staged_ms = clock_now_ms();
    home->supply = supply_create(home->job, submit->files, submit->n_files, submit->needs, &calls);
    for (uint32_t i = 0; i < home->host_count; i++)
        supply_host(home->supply, i);
}

bool home_stage_frame(struct home *home, size_t host, Wire__Frame *frame)
{
    if (home->supply == NULL)
        return false;
    switch (frame->body_case) {
    case WIRE__FRAME__BODY_STAGE_WANT:
        supply_want(home->supply, (uint32_t)host, frame->stage_want);
        return true;
    case WIRE__FRAME__BODY_STAGE_ACK:
        supply_ack(home->supply, (uint32_t)host, frame->stage_ack);
        return true;
    case WIRE__FRAME__BODY_STAGE_READY:
        supply_ready(home->supply, (uint32_t)host, frame->stage_ready);
        return true;
    default:
        return false;
    }
}

void home_stage_tick(struct home *home, int64_t now_ms)
{
    uint64_t done, total;

    if (home->supply == NULL)
        return;
    supply_progress(home->supply, &done, &total);
    if (done != home->staged_bytes) {
        home->staged_bytes = done;
        home->staged_ms = now_ms;
        home_progress(home, WIRE__PHASE__PHASE_STAGE, done, total, "");
        return;
    }
    /* hosts that have everything still look through it and lay it out, which tells nothing
     * meanwhile */
    int64_t limit_ms = done == total ? HOME_LAYOUT_MS : HOME_STAGE_MS;
    if (now_ms - home->staged_ms <= limit_ms)
        return;
    for (size_t i = 0; i < home->host_count; i++)
        if (!home->hosts[i].staged) {
            home_fail(home, RESULT_FAILED, "%s made no progress with program or data for %lld s",
                      home->hosts[i].name, (long long)limit_ms / 1000);
            return;
        }
}
