/* SPDX-License-Identifier: BSD-3-Clause */
/* hosting.c - parts of jobs that run on this host: lease, staging, p2pmpi-stepd, end */
#include "config.h"
#include "peer/hosting.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "job/jobid.h"
#include "job/life.h"
#include "peer/members.h"
#include "peer/mesh.h"
#include "peer/step.h"
#include "stage/fetchout.h"
#include "stage/intake.h"

#include <dirent.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define REMOVE_MS 5000

struct hosted { /* this host's part of one job */
    struct hosting *hosting;
    char job[LEASE_JOB_MAX + 1];
    struct id home;
    enum host_state state;
    char *dir;          /* RUN/jobs/JOB; NULL: not made yet */
    struct event *work; /* pieces of staging and fetching, between other events */
    struct intake *intake;
    struct fetchout *fetchout;
    struct step *step;
    Wire__JobSpec *spec; /* since JobStart */
    uint32_t host;       /* our number in spec */
    bool is_retaken;     /* waits for StepAttach of a step that another p2pmpid started */
    struct id killer;    /* who wanted it killed before that; all zero: nobody */
    char *reason;        /* why it ended; NULL: as told */
    UT_hash_handle hh;
};

struct leftover { /* a directory that could not be removed yet */
    struct leftover *next;
    char *dir;
    int64_t until_ms;
};

struct hosting {
    struct daemon *daemon;
    struct hosted *parts;
    struct leftover *leftovers;
    char *jobs_dir;
    bool stopping;
};

static const struct step_ops step_ops;
static void hosted_end(struct hosted *hosted, const char *reason);

/* ---- frames to the home */

static void send_home(struct hosted *hosted, const Wire__Frame *frame)
{
    daemon_send(hosted->hosting->daemon, &hosted->home, frame);
}

static void send_refused(struct hosting *hosting, const struct id *to, uint64_t re, char *job,
                         Wire__Code code, const char *text)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__Refused refused = WIRE__REFUSED__INIT;

    refused.job = job;
    refused.code = code;
    refused.text = (char *)text;
    frame.re = re;
    frame.body_case = WIRE__FRAME__BODY_REFUSED;
    frame.refused = &refused;
    daemon_send(hosting->daemon, to, &frame);
}

static void send_started(struct hosted *hosted, const char *error)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__JobStarted started = WIRE__JOB_STARTED__INIT;

    started.job = hosted->job;
    started.error = error != NULL ? (char *)error : started.error;
    frame.body_case = WIRE__FRAME__BODY_JOB_STARTED;
    frame.job_started = &started;
    send_home(hosted, &frame);
}

static void send_gone(struct hosting *hosting, const struct id *to, char *job, const char *reason)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__JobGone gone = WIRE__JOB_GONE__INIT;

    gone.job = job;
    gone.reason = reason != NULL ? (char *)reason : gone.reason;
    frame.body_case = WIRE__FRAME__BODY_JOB_GONE;
    frame.job_gone = &gone;
    daemon_send(hosting->daemon, to, &frame);
}

/* ---- life of a part */

static struct hosted *hosted_find(struct hosting *hosting, const char *job)
{
    struct hosted *hosted;

    HASH_FIND_STR(hosting->parts, job, hosted);
    return hosted;
}

/* The part, if it exists and belongs to this home. */
static struct hosted *hosted_of(struct hosting *hosting, const char *job, const struct id *from)
{
    struct hosted *hosted = hosted_find(hosting, job);

    return hosted != NULL && id_equal(&hosted->home, from) ? hosted : NULL;
}

static void do_work(evutil_socket_t fd, short what, void *arg)
{
    static const struct timeval now = {0, 0};
    struct hosted *hosted = arg;
    bool more = false;

    (void)fd;
    (void)what;
    if (hosted->intake != NULL) {
        more |= intake_work(hosted->intake);
        if (intake_state(hosted->intake) == INTAKE_READY && hosted->state == HOST_STAGING)
            hosted->state = (enum host_state)host_next(hosted->state, HOST_EVENT_READY);
    }
    if (hosted->fetchout != NULL)
        more |= fetchout_work(hosted->fetchout);
    if (more)
        event_add(hosted->work, &now);
}

static void work_soon(struct hosted *hosted)
{
    static const struct timeval now = {0, 0};

    event_add(hosted->work, &now);
}

static struct hosted *hosted_create(struct hosting *hosting, const char *job, const struct id *home)
{
    struct hosted *hosted = mem_alloc(sizeof *hosted);

    hosted->hosting = hosting;
    strcpy(hosted->job, job);
    hosted->home = *home;
    hosted->work = event_new(hosting->daemon->base, -1, 0, do_work, hosted);
    HASH_ADD_STR(hosting->parts, job, hosted);
    mesh_hold(hosting->daemon->mesh, home);
    return hosted;
}

/* The links to the job's other hosts: watched while the job runs here. */
static void hold_others(struct hosted *hosted, bool hold)
{
    struct mesh *mesh = hosted->hosting->daemon->mesh;

    for (size_t i = 0; hosted->spec != NULL && i < hosted->spec->n_hosts; i++) {
        const Wire__Peer *peer = hosted->spec->hosts[i]->peer;
        struct id id;
        if (id_from_bytes(peer->id.data, peer->id.len, &id) < 0)
            continue;
        if (!hold) {
            mesh_release(mesh, &id);
            continue;
        }
        mesh_locate(mesh, &id, peer->addrs, peer->n_addrs);
        mesh_hold(mesh, &id);
    }
}

/* Ranks that were just killed may still write: a directory that cannot be removed is tried again.
 */
static void remove_dir_take(struct hosting *hosting, char *dir)
{
    struct err err;

    if (dir == NULL || file_remove_tree(dir, &err) == 0) {
        free(dir);
        return;
    }
    struct leftover *leftover = mem_alloc(sizeof *leftover);
    leftover->dir = dir;
    leftover->until_ms = clock_now_ms() + REMOVE_MS;
    leftover->next = hosting->leftovers;
    hosting->leftovers = leftover;
}

void hosting_tick(struct hosting *hosting, int64_t now_ms)
{
    struct err err;

    for (struct leftover **at = &hosting->leftovers; *at != NULL;) {
        struct leftover *leftover = *at;
        bool is_removed = file_remove_tree(leftover->dir, &err) == 0;
        if (!is_removed && now_ms < leftover->until_ms) {
            at = &leftover->next;
            continue;
        }
        if (!is_removed)
            log_warning("job directory left path=%s why=\"%s\"", leftover->dir, err.text);
        *at = leftover->next;
        free(leftover->dir);
        free(leftover);
    }
}

static void hosted_destroy(struct hosted *hosted)
{
    struct hosting *hosting = hosted->hosting;

    leases_end(hosting->daemon->leases, hosted->job);
    hold_others(hosted, false);
    mesh_release(hosting->daemon->mesh, &hosted->home);
    step_destroy(hosted->step);
    intake_destroy(hosted->intake);
    fetchout_destroy(hosted->fetchout);
    remove_dir_take(hosting, hosted->dir);
    event_free(hosted->work);
    message_free(hosted->spec);
    HASH_DEL(hosting->parts, hosted);
    free(hosted->reason);
    free(hosted);
}

/* The part is over: everything of it goes, the home is told. */
static void hosted_gone(struct hosted *hosted)
{
    struct hosting *hosting = hosted->hosting;
    struct id home = hosted->home;
    char job[LEASE_JOB_MAX + 1];
    char *reason = hosted->reason;
    bool was_booked = hosted->state == HOST_LEASED;

    hosted->reason = NULL;
    strcpy(job, hosted->job);
    log_info("job part gone job=%s reason=\"%s\"", job, reason != NULL ? reason : "ended");
    hosted_destroy(hosted);
    if (!was_booked || reason != NULL)
        send_gone(hosting, &home, job, reason);
    free(reason);
}

static void hosted_event(struct hosted *hosted, enum host_event event)
{
    int next = host_next(hosted->state, event);

    if (next < 0)
        return;
    if (next == HOST_GONE) {
        hosted_gone(hosted); /* state stays what it was: hosted_gone() looks at it */
        return;
    }
    hosted->state = (enum host_state)next;
    if (next == HOST_ENDING && hosted->step != NULL)
        step_end(hosted->step);
}

static void hosted_end(struct hosted *hosted, const char *reason)
{
    if (hosted->reason == NULL && reason != NULL)
        hosted->reason = mem_string(reason);
    hosted_event(hosted, HOST_EVENT_END);
}

static int make_dir(struct hosted *hosted, struct err *err)
{
    if (hosted->dir != NULL)
        return 0;
    char *dir = mem_format("%s/%s", hosted->hosting->jobs_dir, hosted->job);
    if (file_mkdirs(dir, 0700, err) < 0) {
        free(dir);
        return -1;
    }
    hosted->dir = dir;
    return 0;
}

/* ---- leases */

/* Why a job cannot ask for a lease here, or OK. */
static Wire__Code check_request(struct hosting *hosting, const struct id *from, const char *job,
                                struct err *err)
{
    const struct hosted *known = hosted_find(hosting, job);

    if (!jobid_is_valid(job)) {
        err_set(err, "a job id has 32 hexadecimal digits");
        return WIRE__CODE__ERR_BAD_MESSAGE;
    }
    if (hosting->stopping) {
        err_set(err, "it is being stopped");
        return WIRE__CODE__ERR_BUSY;
    }
    if (known != NULL && (known->state != HOST_LEASED || !id_equal(&known->home, from))) {
        err_set(err, "a job of this name is here already");
        return WIRE__CODE__ERR_BUSY;
    }
    return WIRE__CODE__OK;
}

static void send_grant(struct hosting *hosting, const struct id *to, uint64_t re,
                       const struct lease *lease)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__LeaseGrant grant = WIRE__LEASE_GRANT__INIT;

    grant.job = (char *)lease->job;
    grant.slots = lease->slots;
    grant.expires_ms = (uint32_t)(lease->expires_ms - clock_now_ms());
    grant.host = hosting->daemon->hello->self->host;
    frame.re = re;
    frame.body_case = WIRE__FRAME__BODY_LEASE_GRANT;
    frame.lease_grant = &grant;
    daemon_send(hosting->daemon, to, &frame);
}

static void on_lease_request(struct hosting *hosting, const struct id *from,
                             const Wire__Frame *frame)
{
    const Wire__LeaseRequest *request = frame->lease_request;
    const struct lease *lease;
    struct err err;
    struct lease_ask ask = {.job = request->job,
                            .user = request->user,
                            .home = *from,
                            .slots = request->slots,
                            .oversubscribe = request->oversubscribe,
                            .duration_ms = request->duration_ms};

    Wire__Code code = check_request(hosting, from, request->job, &err);
    if (code == WIRE__CODE__OK)
        code = leases_request(hosting->daemon->leases, &ask, clock_now_ms(), &lease, &err);
    if (code != WIRE__CODE__OK) {
        send_refused(hosting, from, frame->id, request->job, code, err.text);
        return;
    }
    if (hosted_find(hosting, lease->job) == NULL)
        hosted_create(hosting, lease->job, from);
    send_grant(hosting, from, frame->id, lease);
}

/* A part found after a restart has not told yet whose it is. */
static bool is_unknown_yet(struct hosting *hosting, const char *job)
{
    const struct hosted *hosted = hosted_find(hosting, job);

    return hosted != NULL && hosted->is_retaken;
}

static void on_lease_renew(struct hosting *hosting, const struct id *from, Wire__LeaseRenew *renew)
{
    if (leases_renew(hosting->daemon->leases, renew->job, from, renew->slots, renew->duration_ms,
                     clock_now_ms()) < 0 &&
        !is_unknown_yet(hosting, renew->job))
        send_gone(hosting, from, renew->job, "its lease ran out");
}

static void on_lease_release(struct hosting *hosting, const struct id *from,
                             Wire__LeaseRelease *release)
{
    struct hosted *hosted = hosted_of(hosting, release->job, from);

    if (hosted != NULL)
        hosted_end(hosted, NULL);
}

/* ---- staging */

static void intake_send(void *arg, const Wire__Frame *frame)
{
    send_home(arg, frame);
}

static void on_stage_offer(struct hosting *hosting, struct hosted *hosted,
                           const Wire__StageOffer *offer)
{
    struct daemon *daemon = hosting->daemon;
    const struct intake_calls calls = {intake_send, hosted};
    struct err err;

    if (hosted->intake == NULL) {
        if (host_next(hosted->state, HOST_EVENT_OFFER) < 0)
            return;
        if (make_dir(hosted, &err) < 0) {
            hosted_end(hosted, err.text);
            return;
        }
        hosted_event(hosted, HOST_EVENT_OFFER);
        hosted->intake = intake_create(daemon->store, hosted->job, hosted->dir,
                                       daemon->hello->self->host, &calls);
    }
    intake_offer(hosted->intake, offer);
    work_soon(hosted);
}

/* ---- start and end */

/* The number of this host in the job, or -1. */
static int find_self(const struct daemon *daemon, const Wire__JobSpec *spec)
{
    struct id id;

    for (size_t i = 0; i < spec->n_hosts; i++)
        if (spec->hosts[i]->peer != NULL &&
            id_from_bytes(spec->hosts[i]->peer->id.data, spec->hosts[i]->peer->id.len, &id) == 0 &&
            id_equal(&id, &daemon->self))
            return (int)i;
    return -1;
}

/* Lists and numbers of a spec fit together: everything behind here may trust them. Only the private
 * daemon may give a job its user's directory and environment. */
static bool is_spec_sound(const struct daemon *daemon, const Wire__JobSpec *spec)
{
    if (!jobid_is_valid(spec->job) || spec->embedded != daemon->is_private)
        return false;
    if (spec->ranks == 0 || spec->n_rank_host != spec->ranks || spec->n_hosts == 0 ||
        spec->n_argv == 0)
        return false;
    for (size_t i = 0; i < spec->n_rank_host; i++)
        if (spec->rank_host[i] >= spec->n_hosts)
            return false;
    for (size_t i = 0; i < spec->n_hosts; i++)
        if (spec->hosts[i]->peer == NULL || spec->hosts[i]->peer->id.len != ID_SIZE)
            return false;
    return spec->home_id.len == ID_SIZE;
}

/* An address of ours that the other hosts of the job can reach: the one they, or the home, see us
 * under. */
static const char *own_address(const struct hosted *hosted)
{
    struct mesh *mesh = hosted->hosting->daemon->mesh;
    const char *address = mesh_local_host(mesh, &hosted->home);

    for (size_t i = 0; address == NULL && i < hosted->spec->n_hosts; i++) {
        struct id id;
        id_from_bytes(hosted->spec->hosts[i]->peer->id.data, ID_SIZE, &id);
        address = mesh_local_host(mesh, &id);
    }
    return address;
}

static void send_step_start(struct hosted *hosted)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__StepStart start = WIRE__STEP_START__INIT;
    const char *address = own_address(hosted);

    start.spec = hosted->spec;
    start.host = hosted->host;
    start.dir = (char *)step_dir(hosted->step);
    if (address != NULL)
        start.address = (char *)address;
    frame.body_case = WIRE__FRAME__BODY_STEP_START;
    frame.step_start = &start;
    step_send(hosted->step, &frame);
}

/* The program's path as the step sees it: below its directory, or in place on this host. */
static void set_program(struct hosted *hosted)
{
    const char *program = hosted->intake != NULL ? intake_program(hosted->intake) : NULL;
    size_t length = hosted->dir != NULL ? strlen(hosted->dir) : 0;

    if (program == NULL)
        return;
    if (strncmp(program, hosted->dir, length) == 0 && program[length] == '/')
        program += length + 1;
    if (hosted->spec->program != NULL && hosted->spec->program[0] != '\0')
        free(hosted->spec->program);
    hosted->spec->program = mem_string(program);
}

static int start_step(struct hosted *hosted, struct err *err)
{
    struct daemon *daemon = hosted->hosting->daemon;

    if (make_dir(hosted, err) < 0)
        return -1;
    struct step_place place = {.dir = hosted->dir,
                               .job = hosted->job,
                               .inherit_stderr = daemon->is_private,
                               .sandbox = daemon->is_private ? NULL : daemon->bwrap};
    hosted->step = step_spawn(daemon->base, &place, daemon->hello, &step_ops, hosted, err);
    return hosted->step != NULL ? 0 : -1;
}

static void on_job_start(struct hosting *hosting, struct hosted *hosted,
                         const Wire__JobStart *start)
{
    struct err err;
    uint32_t ranks = 0;

    if (hosted->spec != NULL || host_next(hosted->state, HOST_EVENT_START) < 0)
        return;
    int host = is_spec_sound(hosting->daemon, start->spec) &&
                       memcmp(start->spec->home_id.data, hosted->home.bytes, ID_SIZE) == 0
                   ? find_self(hosting->daemon, start->spec)
                   : -1;
    if (host < 0) {
        hosted_end(hosted, "it was told to start a job without a place for it");
        return;
    }
    hosted->spec = message_copy(&start->spec->base);
    hosted->host = (uint32_t)host;
    for (size_t i = 0; i < hosted->spec->n_rank_host; i++)
        ranks += hosted->spec->rank_host[i] == hosted->host;
    if (leases_run(hosting->daemon->leases, hosted->job, &hosted->home, ranks,
                   daemon_lease_ms(hosted->spec), clock_now_ms()) < 0) {
        hosted_end(hosted, "more processes were to be started than slots were leased");
        return;
    }
    hold_others(hosted, true);
    set_program(hosted);
    if (start_step(hosted, &err) < 0) {
        hosted_end(hosted, err.text);
        return;
    }
    hosted_event(hosted, HOST_EVENT_START);
    send_step_start(hosted);
}

static void on_job_kill(struct hosting *hosting, const struct id *from, Wire__JobKill *kill)
{
    struct hosted *hosted = hosted_of(hosting, kill->job, from);

    if (hosted == NULL && is_unknown_yet(hosting, kill->job)) {
        hosted = hosted_find(hosting, kill->job);
        hosted->killer = *from;
    } else if (hosted == NULL) {
        send_gone(hosting, from, kill->job, NULL);
    } else {
        if (hosted->state == HOST_LEASED) /* a mere lease ends without a word, but this was asked */
            send_gone(hosting, from, kill->job, NULL);
        hosted_end(hosted, NULL);
    }
}

static void on_job_attach(struct hosting *hosting, const struct id *from, Wire__JobAttach *attach)
{
    struct hosted *hosted = hosted_of(hosting, attach->job, from);
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__JobAttached attached = WIRE__JOB_ATTACHED__INIT;
    Wire__RouteUp up = WIRE__ROUTE_UP__INIT;

    if (hosted == NULL && !is_unknown_yet(hosting, attach->job)) {
        send_gone(hosting, from, attach->job, "it has no part of this job any more");
        return;
    }
    attached.job = attach->job;
    attached.running = hosted != NULL && hosted->state == HOST_RUNNING && !hosted->is_retaken;
    frame.body_case = WIRE__FRAME__BODY_JOB_ATTACHED;
    frame.job_attached = &attached;
    daemon_send(hosting->daemon, from, &frame);
    if (attached.running) {
        up.job = hosted->job;
        up.host = HOME_HOST;
        frame.body_case = WIRE__FRAME__BODY_ROUTE_UP;
        frame.route_up = &up;
        step_send(hosted->step, &frame);
    }
}

/* ---- results */

static void on_fetch_request(struct hosted *hosted, const Wire__FetchRequest *request)
{
    const struct fetchout_calls calls = {intake_send, hosted};

    if (hosted->dir == NULL)
        return;
    fetchout_destroy(hosted->fetchout);
    hosted->fetchout = fetchout_create(hosted->dir, request, &calls);
    work_soon(hosted);
}

/* ---- frames */

static bool job_frame(struct hosting *hosting, const struct id *from, Wire__Frame *frame)
{
    switch (frame->body_case) {
    case WIRE__FRAME__BODY_LEASE_REQUEST:
        on_lease_request(hosting, from, frame);
        return true;
    case WIRE__FRAME__BODY_LEASE_RENEW:
        on_lease_renew(hosting, from, frame->lease_renew);
        return true;
    case WIRE__FRAME__BODY_LEASE_RELEASE:
        on_lease_release(hosting, from, frame->lease_release);
        return true;
    case WIRE__FRAME__BODY_JOB_KILL:
        on_job_kill(hosting, from, frame->job_kill);
        return true;
    case WIRE__FRAME__BODY_JOB_ATTACH:
        on_job_attach(hosting, from, frame->job_attach);
        return true;
    default:
        return false;
    }
}

/* The job that a frame for a running part names; NULL: not such a frame. */
static char *frame_job(const Wire__Frame *frame)
{
    switch (frame->body_case) {
    case WIRE__FRAME__BODY_STAGE_OFFER:
        return frame->stage_offer->job;
    case WIRE__FRAME__BODY_STAGE_DATA:
        return frame->stage_data->job;
    case WIRE__FRAME__BODY_JOB_START:
        return frame->job_start->spec != NULL ? frame->job_start->spec->job : NULL;
    case WIRE__FRAME__BODY_FETCH_REQUEST:
        return frame->fetch_request->job;
    case WIRE__FRAME__BODY_FETCH_ACK:
        return frame->fetch_ack->job;
    default:
        return NULL;
    }
}

bool hosting_frame(struct hosting *hosting, const struct id *from, Wire__Frame *frame)
{
    if (job_frame(hosting, from, frame))
        return true;
    char *job = frame_job(frame);
    if (job == NULL)
        return false;
    struct hosted *hosted = hosted_of(hosting, job, from);
    if (hosted == NULL) {
        send_gone(hosting, from, job, "its lease is no more");
        return true;
    }
    switch (frame->body_case) {
    case WIRE__FRAME__BODY_STAGE_OFFER:
        on_stage_offer(hosting, hosted, frame->stage_offer);
        break;
    case WIRE__FRAME__BODY_STAGE_DATA:
        if (hosted->intake != NULL) {
            intake_data(hosted->intake, frame->stage_data);
            work_soon(hosted);
        }
        break;
    case WIRE__FRAME__BODY_JOB_START:
        on_job_start(hosting, hosted, frame->job_start);
        break;
    case WIRE__FRAME__BODY_FETCH_REQUEST:
        on_fetch_request(hosted, frame->fetch_request);
        break;
    case WIRE__FRAME__BODY_FETCH_ACK:
        if (hosted->fetchout != NULL) {
            fetchout_ack(hosted->fetchout, frame->fetch_ack->bytes);
            work_soon(hosted);
        }
        break;
    default:
        break;
    }
    return true;
}

void hosting_route(struct hosting *hosting, const Wire__Route *route)
{
    struct hosted *hosted = hosted_find(hosting, route->job);
    Wire__Frame frame = WIRE__FRAME__INIT;

    if (hosted == NULL || hosted->step == NULL || hosted->spec == NULL ||
        route->dst != (int32_t)hosted->host)
        return;
    frame.body_case = WIRE__FRAME__BODY_ROUTE;
    frame.route = (Wire__Route *)route;
    step_send(hosted->step, &frame);
}

/* A step's own frame for another endpoint. Where there is no way it is dropped: the channel sends
 * it again. */
static void route_out(struct hosted *hosted, Wire__Frame *frame)
{
    struct daemon *daemon = hosted->hosting->daemon;
    Wire__Route *route = frame->route;
    struct id to;

    if (route->src != (int32_t)hosted->host || strcmp(route->job, hosted->job) != 0)
        return; /* a step speaks for itself alone */
    if (route->dst == HOME_HOST)
        to = hosted->home;
    else if (route->dst < 0 || (size_t)route->dst >= hosted->spec->n_hosts ||
             id_from_bytes(hosted->spec->hosts[route->dst]->peer->id.data, ID_SIZE, &to) < 0)
        return;
    daemon_send(daemon, &to, frame);
}

/* ---- what the step says */

static void on_attached(struct step *step, const Wire__StepAttach *attach, void *arg)
{
    struct hosted *hosted = arg;
    struct daemon *daemon = hosted->hosting->daemon;
    uint32_t ranks = 0;
    struct err err;

    (void)step;
    if (!hosted->is_retaken)
        return;
    hosted->is_retaken = false;
    hosted->spec = spec_unpack(attach->spec.data, attach->spec.len, &err);
    if (hosted->spec == NULL || !is_spec_sound(daemon, hosted->spec) ||
        strcmp(hosted->spec->job, hosted->job) != 0 || attach->host >= hosted->spec->n_hosts) {
        message_free(hosted->spec);
        hosted->spec = NULL;
        hosted_end(hosted, "it could not be taken back after a restart");
        return;
    }
    hosted->host = attach->host;
    mesh_release(daemon->mesh, &hosted->home);
    id_from_bytes(hosted->spec->home_id.data, ID_SIZE, &hosted->home);
    mesh_hold(daemon->mesh, &hosted->home);
    for (size_t i = 0; i < hosted->spec->n_rank_host; i++)
        ranks += hosted->spec->rank_host[i] == hosted->host;
    struct lease_ask ask = {.job = hosted->job,
                            .home = hosted->home,
                            .slots = ranks,
                            .duration_ms = hosted->spec->rejoin_ms + 5000};
    leases_restore(daemon->leases, &ask, clock_now_ms());
    hold_others(hosted, true);
    log_info("job taken back job=%s ranks=%u", hosted->job, ranks);
    if (id_equal(&hosted->killer, &hosted->home))
        hosted_end(hosted, NULL);
}

static void on_started(struct step *step, const Wire__StepStarted *started, void *arg)
{
    struct hosted *hosted = arg;
    bool failed = started->error != NULL && started->error[0] != '\0';

    (void)step;
    if (hosted->state != HOST_STARTING)
        return;
    hosted_event(hosted, HOST_EVENT_STARTED);
    send_started(hosted, failed ? started->error : NULL);
    log_info("job part started job=%s host=%u error=\"%s\"", hosted->job, hosted->host,
             failed ? started->error : "");
    if (failed)
        hosted_end(hosted, started->error);
}

static void on_step_frame(struct step *step, Wire__Frame *frame, void *arg)
{
    struct hosted *hosted = arg;

    if (hosted->spec == NULL)
        return;
    if (frame->body_case == WIRE__FRAME__BODY_ROUTE)
        route_out(hosted, frame);
    else if (frame->body_case == WIRE__FRAME__BODY_GRID_PEERS)
        members_tell_step(hosted->hosting->daemon, step, frame);
}

static void on_step_gone(struct step *step, const char *why, void *arg)
{
    struct hosted *hosted = arg;

    if (hosted->state != HOST_ENDING && hosted->reason == NULL)
        hosted->reason = mem_format("its p2pmpi-stepd is gone: %s", why);
    step_destroy(step);
    hosted->step = NULL;
    if (hosted->state == HOST_STARTING)
        send_started(hosted, hosted->reason);
    hosted_event(hosted, HOST_EVENT_STEP_GONE);
}

static const struct step_ops step_ops = {on_attached, on_started, on_step_frame, on_step_gone};

/* ---- the module */

void hosting_retake(struct hosting *hosting)
{
    struct daemon *daemon = hosting->daemon;
    struct err err;
    DIR *dir = opendir(hosting->jobs_dir);

    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        if (!jobid_is_valid(entry->d_name))
            continue;
        struct hosted *hosted = hosted_create(hosting, entry->d_name, &daemon->self);
        hosted->dir = mem_format("%s/%s", hosting->jobs_dir, entry->d_name);
        hosted->state = HOST_RUNNING;
        hosted->is_retaken = true;
        hosted->step = step_retake(daemon->base, hosted->dir, hosted->job, daemon->hello, &step_ops,
                                   hosted, &err);
        if (hosted->step == NULL) {
            log_info("stale job directory job=%s", hosted->job);
            hosted_destroy(hosted);
        }
    }
    if (dir != NULL)
        closedir(dir);
}

void hosting_peer_up(struct hosting *hosting, const struct id *peer)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__RouteUp up = WIRE__ROUTE_UP__INIT;

    frame.body_case = WIRE__FRAME__BODY_ROUTE_UP;
    frame.route_up = &up;
    for (struct hosted *hosted = hosting->parts; hosted != NULL; hosted = hosted->hh.next) {
        if (hosted->spec == NULL || hosted->step == NULL)
            continue;
        up.job = hosted->job;
        if (id_equal(peer, &hosted->home)) {
            up.host = HOME_HOST;
            step_send(hosted->step, &frame);
        }
        for (size_t i = 0; i < hosted->spec->n_hosts; i++)
            if (memcmp(hosted->spec->hosts[i]->peer->id.data, peer->bytes, ID_SIZE) == 0 &&
                i != hosted->host) {
                up.host = (int32_t)i;
                step_send(hosted->step, &frame);
            }
    }
}

void hosting_peer_down(struct hosting *hosting, const struct id *peer)
{
    struct hosted *hosted, *next;

    HASH_ITER(hh, hosting->parts, hosted, next)
    if (id_equal(&hosted->home, peer) && hosted->state < HOST_STARTING)
        hosted_end(hosted, "the link to its home broke before it was started");
}

bool hosting_is_from(const struct hosting *hosting, const struct id *from, const Wire__Route *route)
{
    struct hosted *hosted = hosted_find((struct hosting *)hosting, route->job);

    if (hosted == NULL || hosted->spec == NULL)
        return false;
    if (route->src == HOME_HOST)
        return id_equal(from, &hosted->home);
    return route->src >= 0 && (size_t)route->src < hosted->spec->n_hosts &&
           memcmp(hosted->spec->hosts[route->src]->peer->id.data, from->bytes, ID_SIZE) == 0;
}

void hosting_lease_over(struct hosting *hosting, const char *job)
{
    struct hosted *hosted = hosted_find(hosting, job);

    if (hosted != NULL)
        hosted_end(hosted, "its lease ran out: the job's home was not heard of");
}

void hosting_reaped(struct hosting *hosting, pid_t pid, int status)
{
    struct hosted *hosted, *next;

    HASH_ITER(hh, hosting->parts, hosted, next)
    if (hosted->step != NULL && step_reaped(hosted->step, pid, status))
        return;
}

void hosting_stop(struct hosting *hosting)
{
    struct hosted *hosted, *next;

    hosting->stopping = true;
    HASH_ITER(hh, hosting->parts, hosted, next)
    hosted_end(hosted, "its p2pmpid was stopped");
}

unsigned hosting_count(const struct hosting *hosting)
{
    return HASH_COUNT(hosting->parts) + (hosting->leftovers != NULL);
}

void hosting_list(const struct hosting *hosting, Wire__Jobs *jobs)
{
    const struct hosted *hosted;
    int64_t now_ms = clock_now_ms();

    for (hosted = hosting->parts; hosted != NULL; hosted = hosted->hh.next) {
        const struct lease *lease = leases_find(hosting->daemon->leases, hosted->job);
        Wire__JobInfo *info = mem_alloc(sizeof *info);
        wire__job_info__init(info);
        info->job = mem_string(hosted->job);
        info->role = mem_string(hosted->state == HOST_LEASED ? "lease" : "host");
        info->state = mem_string(host_state_name(hosted->state));
        info->owner = mem_string(lease != NULL ? lease->user : "");
        if (lease != NULL) {
            info->slots = lease->slots;
            info->since_s = (uint64_t)(clock_wall_s() - (now_ms - lease->since_ms) / 1000);
            info->expires_ms =
                lease->expires_ms > now_ms ? (uint64_t)(lease->expires_ms - now_ms) : 0;
        }
        if (hosted->spec != NULL) {
            info->command = mem_string(hosted->spec->command);
            info->ranks = hosted->spec->ranks;
            info->hosts = (uint32_t)hosted->spec->n_hosts;
        }
        jobs->jobs = mem_grow(jobs->jobs, jobs->n_jobs + 1, sizeof *jobs->jobs);
        jobs->jobs[jobs->n_jobs++] = info;
    }
}

struct hosting *hosting_create(struct daemon *daemon)
{
    struct hosting *hosting = mem_alloc(sizeof *hosting);

    hosting->daemon = daemon;
    hosting->jobs_dir = mem_format("%s/jobs", daemon->dirs.run);
    return hosting;
}

void hosting_destroy(struct hosting *hosting)
{
    struct hosted *hosted, *next;

    if (hosting == NULL)
        return;
    HASH_ITER(hh, hosting->parts, hosted, next)
    hosted_destroy(hosted);
    hosting_tick(hosting, INT64_MAX);
    free(hosting->jobs_dir);
    free(hosting);
}
