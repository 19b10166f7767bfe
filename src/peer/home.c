/* SPDX-License-Identifier: BSD-3-Clause */
/* home.c - one job at its home: its state, its clock, the link to p2pmpirun */
#include "config.h"
#include "peer/home.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "peer/mesh.h"
#include "peer/watches.h"

#include <event2/event.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void home_send_tool(struct home *home, const Wire__Frame *frame)
{
    if (home->tool != NULL)
        link_send(home->tool, frame);
}

void home_send_host(struct home *home, size_t host, const Wire__Frame *frame)
{
    daemon_send(home->daemon, &home->hosts[host].id, frame);
}

void home_warn(struct home *home, const char *format, ...)
{
    char text[ERR_TEXT_MAX];
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__JobWarning warning = WIRE__JOB_WARNING__INIT;
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    err_plain(text);
    va_end(args);
    warning.text = text;
    frame.body_case = WIRE__FRAME__BODY_JOB_WARNING;
    frame.job_warning = &warning;
    home_send_tool(home, &frame);
}

void home_progress(struct home *home, Wire__Phase phase, uint64_t done, uint64_t total,
                   const char *text)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__JobProgress progress = WIRE__JOB_PROGRESS__INIT;

    progress.phase = phase;
    progress.done = done;
    progress.total = total;
    progress.text = (char *)text;
    frame.body_case = WIRE__FRAME__BODY_JOB_PROGRESS;
    frame.job_progress = &progress;
    home_send_tool(home, &frame);
}

static void send_result(struct home *home)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__JobResult result = WIRE__JOB_RESULT__INIT;

    result.exit_code = home->result.code;
    result.text = home->result.text;
    result.rank = home->result.code_rank;
    result.signal = home->result.signal;
    frame.body_case = WIRE__FRAME__BODY_JOB_RESULT;
    frame.job_result = &result;
    home_send_tool(home, &frame);
    log_info("job ended job=%s code=%u text=\"%s\"", home->job, result.exit_code, result.text);
}

/* ---- the state table at work */

static void enter(struct home *home, enum home_state state)
{
    log_debug("job state job=%s from=%s to=%s", home->job, home_state_name(home->state),
              home_state_name(state));
    home->state = state;
    home->since_ms = clock_now_ms();
    switch (state) {
    case HOME_STAGE:
        home_stage_begin(home);
        break;
    case HOME_START:
        home_start_begin(home);
        break;
    case HOME_RUN:
        home_progress(home, WIRE__PHASE__PHASE_RUN, 0, 0, "");
        home_drain_check(home);
        break;
    case HOME_DRAIN:
        if (roster_running(home->roster) > 0)
            home_kill_ranks(home);
        home_drain_check(home);
        break;
    case HOME_FETCH:
        home_fetch_begin(home);
        break;
    case HOME_RELEASE:
        home_release_begin(home);
        break;
    case HOME_DONE:
        send_result(home);
        home->doomed = true;
        break;
    default:
        break;
    }
}

void home_event(struct home *home, enum home_event event)
{
    int next = home_next(home->state, event);

    if (next >= 0)
        enter(home, (enum home_state)next);
    home_schedule(home);
}

void home_fail(struct home *home, uint32_t code, const char *format, ...)
{
    char text[ERR_TEXT_MAX];
    va_list args;

    if (home->state >= HOME_RELEASE)
        return; /* too late to change what the job came to */
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    err_plain(text);
    va_end(args);
    result_failed(&home->result, code, "%s", text);
    home_event(home, HOME_EVENT_FAIL);
}

/* ---- life */

void home_destroy(struct home *home)
{
    struct home **at = &home->homes->list;

    while (*at != home)
        at = &(*at)->next;
    *at = home->next;
    watches_end(home->daemon->watches, home->job, true);
    for (size_t i = 0; i < home->host_count; i++)
        mesh_release(home->daemon->mesh, &home->hosts[i].id);
    if (home->tool != NULL)
        link_close_flushed(home->tool, 5000);
    book_destroy(home->book);
    supply_destroy(home->supply);
    chan_destroy(home->chan);
    event_free(home->timer);
    message_free(home->submit);
    message_free(home->spec);
    if (home->daemon->is_private)
        daemon_stop(home->daemon);
    free(home->hosts);
    merge_destroy(home->merge);
    roster_destroy(home->roster);
    free(home);
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

void home_schedule(struct home *home)
{
    int64_t now_ms = clock_now_ms();
    int64_t wait_ms = 500;
    struct timeval wait;

    if (home->doomed)
        wait_ms = 0;
    if (home->book != NULL)
        wait_ms = sooner(wait_ms, book_next_ms(home->book) - now_ms);
    if (home->chan != NULL && chan_next(home->chan, now_ms) >= 0)
        wait_ms = sooner(wait_ms, chan_next(home->chan, now_ms));
    if (home->kill_ms != 0)
        wait_ms = sooner(wait_ms, home->kill_ms - now_ms);
    for (size_t i = 0; i < home->host_count; i++)
        if (home->hosts[i].down_ms != 0)
            wait_ms = sooner(wait_ms, 100);
    if (wait_ms < 0)
        wait_ms = 0;
    if (home->tick_ms != 0 && home->tick_ms <= now_ms + wait_ms)
        return; /* frames come all the time: they must not put the tick off */
    home->tick_ms = now_ms + wait_ms;
    wait.tv_sec = wait_ms / 1000;
    wait.tv_usec = wait_ms % 1000 * 1000;
    event_add(home->timer, &wait);
}

static void home_tick(evutil_socket_t fd, short what, void *arg)
{
    struct home *home = arg;
    int64_t now_ms = clock_now_ms();

    (void)fd;
    (void)what;
    home->tick_ms = 0;
    if (home->doomed) {
        home_destroy(home);
        return;
    }
    if (home->state == HOME_SEARCH && home->book != NULL)
        book_tick(home->book, now_ms);
    if (home->state == HOME_STAGE)
        home_stage_tick(home, now_ms);
    if (home->state > HOME_SEARCH)
        home_search_end(home); /* the book is not needed any more, and done() may not destroy it */
    home_hosts_tick(home, now_ms);
    home_run_tick(home, now_ms);
    home_schedule(home);
}

static void tool_frame(struct link *link, Wire__Frame *frame, void *arg)
{
    (void)link;
    home_tool_frame(arg, frame);
}

static void tool_closed(struct link *link, enum link_end end, const char *why, void *arg)
{
    struct home *home = arg;

    (void)end;
    link_destroy(link);
    home->tool = NULL;
    log_info("p2pmpirun is gone job=%s why=\"%s\"", home->job, why);
    result_failed(&home->result, RESULT_FAILED, "p2pmpirun is gone");
    home_event(home, HOME_EVENT_ABANDON);
}

static void tool_ready(struct link *link, const Wire__Hello *hello, void *arg)
{
    (void)link; /* it was ready long before it submitted */
    (void)hello;
    (void)arg;
}

static const struct link_ops tool_ops = {tool_ready, tool_frame, NULL, tool_closed};

struct home *home_create(struct homes *homes, struct link *tool)
{
    struct home *home = mem_alloc(sizeof *home);

    home->homes = homes;
    home->daemon = homes->daemon;
    home->tool = tool;
    home->since_ms = home->submitted_ms = clock_now_ms();
    home->timer = event_new(homes->daemon->base, -1, 0, home_tick, home);
    home->next = homes->list;
    homes->list = home;
    link_set_ops(tool, &tool_ops, home);
    return home;
}
