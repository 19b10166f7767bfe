/* SPDX-License-Identifier: BSD-3-Clause */
/* home_end.c - a job at its home comes to its end: ranks killed, output drained, results fetched,
 * hosts released */
#include "config.h"
#include "peer/home.h"
#include "peer/watches.h"

#include "base/clock.h"

#include <signal.h>

void home_signal_all(struct home *home, int number)
{
    Wire__Step step = WIRE__STEP__INIT;
    Wire__Signal message = WIRE__SIGNAL__INIT;

    message.number = (uint32_t)number;
    step.body_case = WIRE__STEP__BODY_SIGNAL;
    step.signal = &message;
    home_send_steps(home, SIZE_MAX, &step);
}

void home_kill_ranks(struct home *home)
{
    if (home->killing == 0 && home->kill_ms == 0)
        home->kill_ms = clock_now_ms() + (home->result.is_code ? HOME_GRACE_MS : 0);
}

void home_kill_tick(struct home *home, int64_t now_ms)
{
    if (home->kill_ms != 0 && now_ms >= home->kill_ms) {
        home->kill_ms = 0;
        home->killing = SIGTERM;
        home->killing_ms = now_ms;
        home_signal_all(home, SIGCONT);
        home_signal_all(home, SIGTERM);
    }
    if (home->killing == SIGTERM && now_ms - home->killing_ms >= HOME_TERM_MS) {
        home->killing = SIGKILL;
        home_signal_all(home, SIGKILL);
    }
    if (home->state == HOME_DRAIN && home->killing != 0 &&
        now_ms - home->killing_ms >= HOME_KILL_MS && roster_running(home->roster) > 0)
        home_event(home, HOME_EVENT_ABANDON); /* JobKill will end what does not die */
}

void home_kill_now(struct home *home)
{
    if (home->killing == 0)
        home->killing_ms = clock_now_ms();
    home->kill_ms = 0;
    home->killing = SIGKILL;
    home_signal_all(home, SIGKILL);
}

/* ---- drain, results, release */

void home_drain_check(struct home *home)
{
    if (home->spec == NULL)
        return;
    home_ranks_check(home);
    if (home->state != HOME_DRAIN)
        return;
    for (size_t i = 0; i < home->host_count; i++)
        if (!home->hosts[i].gone && !home->hosts[i].output_done)
            return;
    home_event(home, HOME_EVENT_OUTPUT_DONE);
}

static void fetch_from(struct home *home, size_t host)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__FetchRequest request = WIRE__FETCH_REQUEST__INIT;

    if (home->hosts[host].fetching)
        return;
    home->hosts[host].fetching = true;
    request.job = home->job;
    request.n_patterns = home->submit->n_fetch;
    request.patterns = home->submit->fetch;
    frame.body_case = WIRE__FRAME__BODY_FETCH_REQUEST;
    frame.fetch_request = &request;
    home_send_host(home, host, &frame);
}

/* Has one of the hosts that are asked a replica of this rank whose files are whole? Else
 * *other_out is the first host that has; host_count: none. */
static bool is_fetched(const struct home *home, int rank, size_t *other_out)
{
    const struct world *world = roster_world(home->roster);

    *other_out = home->host_count;
    for (int set = world->replicas - 1; set >= 0; set--) {
        int process = world_process(world, rank, set);
        if (process < 0 || roster_state_of(home->roster, (uint32_t)process) == ROSTER_DEAD)
            continue;
        size_t host = home->spec->rank_host[process];
        if (home->hosts[host].gone)
            continue;
        if (home->hosts[host].fetching)
            return true;
        *other_out = host;
    }
    return false;
}

/* No more hosts than needed, so that a file that replicas made comes once. */
static void fetch_choose(struct home *home)
{
    size_t host;

    for (int rank = 0; rank < roster_world(home->roster)->ranks; rank++)
        if (!is_fetched(home, rank, &host) && host < home->host_count)
            fetch_from(home, host);
}

static void fetch_all(struct home *home)
{
    for (size_t i = 0; i < home->host_count; i++)
        if (!home->hosts[i].gone)
            fetch_from(home, i);
}

void home_fetch_check(struct home *home)
{
    if (home->state != HOME_FETCH)
        return;
    if (roster_has_replicas(home->roster))
        fetch_choose(home);
    else
        fetch_all(home);
    for (size_t i = 0; i < home->host_count; i++)
        if (!home->hosts[i].gone && home->hosts[i].fetching && !home->hosts[i].fetched)
            return;
    home_event(home, HOME_EVENT_FETCHED);
}

void home_fetch_begin(struct home *home)
{
    if (home->submit->n_fetch == 0 || home->daemon->is_private) {
        home_event(home, HOME_EVENT_FETCHED);
        return;
    }
    home_progress(home, WIRE__PHASE__PHASE_FETCH, 0, 0, "");
    home_fetch_check(home);
}

bool home_fetch_frame(struct home *home, size_t host, Wire__Frame *frame)
{
    Wire__Frame out = WIRE__FRAME__INIT;
    Wire__JobFetchFile file = WIRE__JOB_FETCH_FILE__INIT;
    Wire__JobFetchData data = WIRE__JOB_FETCH_DATA__INIT;

    switch (frame->body_case) {
    case WIRE__FRAME__BODY_FETCH_FILE:
        file.host = (uint32_t)host;
        file.file = frame->fetch_file;
        out.body_case = WIRE__FRAME__BODY_JOB_FETCH_FILE;
        out.job_fetch_file = &file;
        home_send_tool(home, &out);
        return true;
    case WIRE__FRAME__BODY_FETCH_DATA:
        data.host = (uint32_t)host;
        data.data = frame->fetch_data;
        out.body_case = WIRE__FRAME__BODY_JOB_FETCH_DATA;
        out.job_fetch_data = &data;
        home_send_tool(home, &out);
        return true;
    case WIRE__FRAME__BODY_FETCH_END:
        if (frame->fetch_end->error != NULL && frame->fetch_end->error[0] != '\0')
            home_fail(home, RESULT_FAILED, "results of %s could not be fetched: %s",
                      home->hosts[host].name, frame->fetch_end->error);
        home->hosts[host].fetched = true;
        home_fetch_check(home);
        return true;
    default:
        return false;
    }
}

void home_release_host(struct home *home, size_t host)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__JobKill kill = WIRE__JOB_KILL__INIT;

    kill.job = home->job;
    frame.body_case = WIRE__FRAME__BODY_JOB_KILL;
    frame.job_kill = &kill;
    home_send_host(home, host, &frame);
}

void home_release_begin(struct home *home)
{
    home_search_end(home);
    watches_end(home->daemon->watches, home->job, true);
    for (size_t i = 0; i < home->host_count; i++)
        if (!home->hosts[i].gone)
            home_release_host(home, i);
    home_release_check(home);
}

void home_release_check(struct home *home)
{
    if (home->state != HOME_RELEASE)
        return;
    for (size_t i = 0; i < home->host_count; i++)
        if (!home->hosts[i].gone)
            return;
    home_event(home, HOME_EVENT_HOSTS_GONE);
}
