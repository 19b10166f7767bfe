/* SPDX-License-Identifier: BSD-3-Clause */
/* home_run.c - a placed and staged job at its home: start, output and input, exits */
#include "config.h"
#include "peer/home.h"

#include "base/clock.h"
#include "base/log.h"
#include "peer/mesh.h"
#include "peer/watches.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

/* ---- what comes from steps */

static void step_state(struct home *home, size_t host, const Wire__StepState *state)
{
    for (size_t i = 0; i < state->n_exits; i++)
        home_process_ended(home, host, state->exits[i]);
    if (state->error != NULL && state->error[0] != '\0')
        home_fail(home, RESULT_FAILED, "%s: %s", home->hosts[host].name, state->error);
    home->hosts[host].all_done |= state->all_done;
    home->hosts[host].output_done |= state->output_done;
}

static uint32_t rank_of(const struct home *home, uint32_t process)
{
    return process < home->spec->ranks ? roster_rank(home->roster, process) : process;
}

static void deliver(void *arg, int src, const Wire__Step *step)
{
    struct home *home = arg;

    if (src < 0 || (size_t)src >= home->host_count)
        return;
    switch (step->body_case) {
    case WIRE__STEP__BODY_RANK_EXIT:
        home_process_ended(home, (size_t)src, step->rank_exit);
        break;
    case WIRE__STEP__BODY_STATE:
        step_state(home, (size_t)src, step->state);
        break;
    case WIRE__STEP__BODY_OUTPUT:
        home_output(home, (size_t)src, step->output);
        break;
    case WIRE__STEP__BODY_INPUT_ACK:
        home_input_ack(home, (size_t)src, step->input_ack->bytes);
        break;
    case WIRE__STEP__BODY_ABORT:
        if (step->abort->rank < home->spec->ranks) {
            result_aborted(&home->result, rank_of(home, step->abort->rank), step->abort->status,
                           step->abort->text, home->hosts[src].name);
            home_event(home, HOME_EVENT_FAIL);
        }
        break;
    case WIRE__STEP__BODY_LOG:
        home_warn(home, "rank %u on %s: %s", rank_of(home, step->log->rank), home->hosts[src].name,
                  step->log->text);
        break;
    default:
        break;
    }
    home_drain_check(home);
}

static void chan_out(void *arg, const Wire__Route *route)
{
    struct home *home = arg;
    Wire__Frame frame = WIRE__FRAME__INIT;

    frame.body_case = WIRE__FRAME__BODY_ROUTE;
    frame.route = (Wire__Route *)route;
    home_send_host(home, (size_t)route->dst, &frame);
}

static void chan_restarted(void *arg, int peer)
{
    struct home *home = arg;

    log_debug("step's channel began anew job=%s host=%d", home->job, peer);
}

static void chan_broken(void *arg, int peer, const char *why)
{
    struct home *home = arg;

    home_host_lost(home, (size_t)peer, why);
}

void home_chan_make(struct home *home)
{
    const struct chan_ops ops = {chan_out, deliver, chan_restarted, chan_broken};
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t epoch = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
    home->chan = chan_create(home->job, HOME_HOST, (unsigned)home->host_count, epoch, &ops, home);
}

void home_send_step(struct home *home, size_t host, const Wire__Step *step)
{
    struct err err;

    if (home->chan == NULL || home->hosts[host].gone)
        return;
    if (chan_send(home->chan, (int)host, step, clock_now_ms(), &err) < 0 && errno != EPIPE)
        log_warning("step message lost job=%s host=%zu why=\"%s\"", home->job, host, err.text);
}

void home_send_steps(struct home *home, size_t except, const Wire__Step *step)
{
    for (size_t i = 0; i < home->host_count; i++)
        if (i != except)
            home_send_step(home, i, step);
}

/* ---- start */

static void home_watch_begin(struct home *home)
{
    struct watches *watches = home->daemon->watches;

    watches_begin(watches, home->spec);
    for (size_t i = 0; i < home->host_count; i++)
        watches_tell(watches, home->job, (uint32_t)i);
    if (home->spec->n_degrees > 0 && watches_voters(watches, home->job) == 1)
        home_warn(home, "fewer than three machines take part: if this one is lost, the job is");
}

void home_start_begin(struct home *home)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__JobStart start = WIRE__JOB_START__INIT;

    home_progress(home, WIRE__PHASE__PHASE_START, 0, home->host_count, "");
    home_chan_make(home);
    start.spec = home->spec;
    frame.body_case = WIRE__FRAME__BODY_JOB_START;
    frame.job_start = &start;
    for (size_t i = 0; i < home->host_count; i++)
        home_send_host(home, i, &frame);
    home_watch_begin(home);
    home->renew_ms = clock_now_ms() + RENEW_MS;
}

void home_start_check(struct home *home)
{
    size_t count = 0;

    if (home->state != HOME_START)
        return;
    for (size_t i = 0; i < home->host_count; i++)
        count += home->hosts[i].started || home->hosts[i].gone;
    home_progress(home, WIRE__PHASE__PHASE_START, count, home->host_count, "");
    if (count == home->host_count)
        home_event(home, HOME_EVENT_STARTED);
}

void home_started(struct home *home, size_t host, const Wire__JobStarted *started)
{
    if (started->error != NULL && started->error[0] != '\0') {
        home_fail(home, RESULT_FAILED, "the job could not be started on %s: %s",
                  home->hosts[host].name, started->error);
        return;
    }
    home->hosts[host].started = true;
    home_start_check(home);
}

/* ---- time */

static void start_tick(struct home *home, int64_t now_ms)
{
    if (home->state != HOME_START || now_ms - home->since_ms <= HOME_START_MS)
        return;
    for (size_t i = 0; i < home->host_count; i++)
        if (!home->hosts[i].started && !home->hosts[i].gone) {
            home_fail(home, RESULT_FAILED, "%s did not start its part of the job within %d s",
                      home->hosts[i].name, HOME_START_MS / 1000);
            return;
        }
}

void home_renew(struct home *home, size_t host)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__LeaseRenew renew = WIRE__LEASE_RENEW__INIT;

    if (home->hosts[host].gone || !mesh_is_up(home->daemon->mesh, &home->hosts[host].id))
        return;
    renew.job = home->job;
    renew.duration_ms = daemon_lease_ms(home->spec);
    frame.body_case = WIRE__FRAME__BODY_LEASE_RENEW;
    frame.lease_renew = &renew;
    home_send_host(home, host, &frame);
}

static void renew_tick(struct home *home, int64_t now_ms)
{
    if (home->state < HOME_STAGE || home->state > HOME_FETCH || now_ms < home->renew_ms)
        return;
    home->renew_ms = now_ms + RENEW_MS;
    for (size_t i = 0; i < home->host_count; i++)
        home_renew(home, i);
}

void home_run_tick(struct home *home, int64_t now_ms)
{
    renew_tick(home, now_ms);
    if (home->state == HOME_RUN && home->submit->timeout_ms != 0 &&
        now_ms - home->since_ms >= (int64_t)home->submit->timeout_ms)
        home_fail(home, RESULT_TIMEOUT,
                  "the job ran longer than --timeout %g seconds and was ended",
                  home->submit->timeout_ms / 1000.0);
    start_tick(home, now_ms);
    home_kill_tick(home, now_ms);
    if (home->state == HOME_RELEASE && now_ms - home->since_ms >= HOME_RELEASE_MS)
        home_event(home, HOME_EVENT_HOSTS_GONE);
    if (home->chan != NULL)
        chan_tick(home->chan, now_ms);
}

/* ---- p2pmpirun's frames */

static void tool_signal(struct home *home, int number)
{
    if (number == SIGKILL) {
        home_fail(home, RESULT_FAILED, "the job was killed by its user");
        home_kill_now(home);
    } else if (number != SIGINT && number != SIGTERM) {
        home_signal_all(home, number);
    } else if (home->state == HOME_DRAIN && roster_running(home->roster) == 0) {
        /* nothing is left to end but the output of what the ranks left behind */
        result_failed(&home->result, RESULT_FAILED, "interrupted while output was still coming");
        home_event(home, HOME_EVENT_ABANDON);
    } else if (home->killing != 0 || home->kill_ms != 0) {
        home_kill_now(home);
    } else {
        home_fail(home, RESULT_FAILED, "the job was interrupted by signal %d (%s)", number,
                  strsignal(number));
    }
}

/* Host number that p2pmpirun names, or -1. */
static int tool_host(const struct home *home, uint32_t host)
{
    return host < home->host_count ? (int)host : -1;
}

void home_tool_frame(struct home *home, Wire__Frame *frame)
{
    const Wire__JobOutputAck *written;
    Wire__FetchAck fetch_ack = WIRE__FETCH_ACK__INIT;
    Wire__Frame out = WIRE__FRAME__INIT;
    int host;

    switch (frame->body_case) {
    case WIRE__FRAME__BODY_JOB_OUTPUT_ACK:
        written = frame->job_output_ack;
        if (home->merge != NULL)
            merge_written(home->merge, written->rank, written->stream, written->bytes);
        break;
    case WIRE__FRAME__BODY_JOB_INPUT:
        if (home->roster != NULL && frame->job_input->input != NULL)
            home_input(home, frame->job_input->input);
        break;
    case WIRE__FRAME__BODY_JOB_SIGNAL:
        tool_signal(home, (int)frame->job_signal->number);
        break;
    case WIRE__FRAME__BODY_JOB_FETCH_ACK:
        host = tool_host(home, frame->job_fetch_ack->host);
        if (host < 0)
            return;
        fetch_ack.job = home->job;
        fetch_ack.host = frame->job_fetch_ack->host;
        fetch_ack.bytes = frame->job_fetch_ack->bytes;
        out.body_case = WIRE__FRAME__BODY_FETCH_ACK;
        out.fetch_ack = &fetch_ack;
        home_send_host(home, (size_t)host, &out);
        break;
    default:
        log_debug("unexpected frame from p2pmpirun frame=%s", frame_name(frame));
        break;
    }
    home_schedule(home);
}
