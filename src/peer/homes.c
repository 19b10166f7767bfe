/* SPDX-License-Identifier: BSD-3-Clause */
/* homes.c - the jobs that were submitted at this daemon: taken in, and frames brought to them */
#include "config.h"
#include "peer/homes.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "job/jobid.h"
#include "peer/home.h"
#include "peer/members.h"
#include "peer/mesh.h"
#include "peer/part.h"
#include "peer/watches.h"

#include <stdlib.h>
#include <string.h>

static struct home *home_find(const struct homes *homes, const char *job)
{
    for (struct home *home = homes->list; home != NULL; home = home->next)
        if (strcmp(home->job, job) == 0 && !home->doomed)
            return home;
    return NULL;
}

/* ---- jobs come */

static void accept_submit(struct homes *homes, struct link *tool, const Wire__Frame *frame)
{
    struct home *home = home_create(homes, tool);
    Wire__Frame answer = WIRE__FRAME__INIT;
    Wire__JobAccepted accepted = WIRE__JOB_ACCEPTED__INIT;
    const char *trouble = members_trouble(homes->daemon);

    home->submit = message_copy(&frame->job_submit->base);
    rand_hex(home->job, JOBID_BYTES);
    accepted.job = home->job;
    answer.body_case = WIRE__FRAME__BODY_JOB_ACCEPTED;
    answer.job_accepted = &accepted;
    link_answer(tool, frame, &answer);
    log_info("job submitted job=%s ranks=%u command=\"%s\"", home->job, home->submit->ranks,
             home->submit->command);
    if (trouble != NULL)
        home_warn(home, "%s", trouble);
    home_search_begin(home);
    home_schedule(home);
}

/* p2pmpirun outlived the p2pmpid that ran its job: what is needed to go on stands in the spec it
 * kept. */
static void accept_reclaim(struct homes *homes, struct link *tool, const Wire__Frame *frame)
{
    const Wire__JobReclaim *reclaim = frame->job_reclaim;
    struct daemon *daemon = homes->daemon;
    struct home *home = home_create(homes, tool);

    home->spec = message_copy(&reclaim->spec->base);
    if (reclaim->submit != NULL)
        home->submit = message_copy(&reclaim->submit->base);
    else {
        home->submit = mem_alloc(sizeof *home->submit);
        wire__job_submit__init(home->submit);
    }
    strcpy(home->job, home->spec->job);
    home_hosts_make(home);
    merge_resume(home->merge);
    for (size_t i = 0; i < reclaim->n_written; i++)
        merge_written(home->merge, reclaim->written[i]->rank, reclaim->written[i]->stream,
                      reclaim->written[i]->bytes);
    home_chan_make(home);
    watches_begin(daemon->watches, home->spec);
    home->state = HOME_RUN;
    home->renew_ms = clock_now_ms() + RENEW_MS;
    for (size_t i = 0; i < home->host_count; i++) {
        Wire__Peer *peer = home->spec->hosts[i]->peer;
        home->hosts[i].started = home->hosts[i].staged = true;
        home->hosts[i].down_ms = clock_now_ms();
        home->hosts[i].down_end = LINK_END_REFUSED;
        home->hosts[i].dial_ms = clock_now_ms();
        mesh_locate(daemon->mesh, &home->hosts[i].id, peer->addrs, peer->n_addrs);
    }
    log_info("job reclaimed job=%s ranks=%u", home->job, home->spec->ranks);
    home_schedule(home);
}

static bool is_reclaim_sound(struct homes *homes, const Wire__JobReclaim *reclaim)
{
    const Wire__JobSpec *spec = reclaim->spec;

    return spec != NULL && part_is_spec_sound(homes->daemon, spec) &&
           home_find(homes, spec->job) == NULL &&
           memcmp(spec->home_id.data, homes->daemon->self.bytes, ID_SIZE) == 0;
}

static bool are_degrees_sound(const Wire__JobSubmit *submit)
{
    uint32_t processes = 0;

    for (size_t i = 0; i < submit->n_degrees; i++)
        processes += submit->degrees[i];
    return submit->n_degrees == 0 ||
           (submit->n_degrees == submit->ranks &&
            roster_is_sound(processes, submit->degrees, submit->n_degrees));
}

bool homes_submit(struct homes *homes, struct link *tool, const Wire__Frame *frame)
{
    bool is_new = frame->body_case == WIRE__FRAME__BODY_JOB_SUBMIT;
    const char *why = NULL;

    if (homes->stopping)
        why = "this p2pmpid is being stopped";
    else if (is_new && frame->job_submit->n_argv == 0)
        why = "no program was named";
    else if (is_new && !are_degrees_sound(frame->job_submit))
        why = "the ranks and their replicas do not fit together";
    else if (!is_new && !is_reclaim_sound(homes, frame->job_reclaim))
        why = "the job to take back is not one of ours";
    if (why != NULL) {
        link_answer_error(tool, frame,
                          homes->stopping ? WIRE__CODE__ERR_BUSY : WIRE__CODE__ERR_BAD_MESSAGE,
                          "%s", why);
        return false;
    }
    if (is_new)
        accept_submit(homes, tool, frame);
    else
        accept_reclaim(homes, tool, frame);
    return true;
}

/* ---- frames of hosts */

static const char *frame_job(const Wire__Frame *frame)
{
    switch (frame->body_case) {
    case WIRE__FRAME__BODY_LEASE_GRANT:
        return frame->lease_grant->job;
    case WIRE__FRAME__BODY_REFUSED:
        return frame->refused->job;
    case WIRE__FRAME__BODY_STAGE_WANT:
        return frame->stage_want->job;
    case WIRE__FRAME__BODY_STAGE_ACK:
        return frame->stage_ack->job;
    case WIRE__FRAME__BODY_STAGE_READY:
        return frame->stage_ready->job;
    case WIRE__FRAME__BODY_JOB_STARTED:
        return frame->job_started->job;
    case WIRE__FRAME__BODY_JOB_GONE:
        return frame->job_gone->job;
    case WIRE__FRAME__BODY_JOB_ATTACHED:
        return frame->job_attached->job;
    case WIRE__FRAME__BODY_FETCH_FILE:
        return frame->fetch_file->job;
    case WIRE__FRAME__BODY_FETCH_DATA:
        return frame->fetch_data->job;
    case WIRE__FRAME__BODY_FETCH_END:
        return frame->fetch_end->job;
    default:
        return NULL;
    }
}

static bool booking_frame(struct home *home, const struct id *from, Wire__Frame *frame)
{
    if (home->state != HOME_SEARCH || (frame->body_case != WIRE__FRAME__BODY_LEASE_GRANT &&
                                       frame->body_case != WIRE__FRAME__BODY_REFUSED))
        return false;
    home_search_answer(home, from, frame);
    return true;
}

/* A grant or refusal for a job that does not wait for it any more: the lease goes back at once. */
static void late_grant(struct homes *homes, const struct id *from, Wire__Frame *frame)
{
    Wire__Frame out = WIRE__FRAME__INIT;
    Wire__LeaseRelease release = WIRE__LEASE_RELEASE__INIT;

    if (frame->body_case != WIRE__FRAME__BODY_LEASE_GRANT)
        return;
    release.job = frame->lease_grant->job;
    out.body_case = WIRE__FRAME__BODY_LEASE_RELEASE;
    out.lease_release = &release;
    daemon_send(homes->daemon, from, &out);
}

bool homes_frame(struct homes *homes, const struct id *from, Wire__Frame *frame)
{
    const char *job = frame_job(frame);

    if (job == NULL)
        return false;
    struct home *home = home_find(homes, job);
    int host = home != NULL ? home_host_find(home, from) : -1;
    if (home == NULL || (host < 0 && home->state != HOME_SEARCH)) {
        late_grant(homes, from, frame);
        return true;
    }
    if (host >= 0 && home->hosts[host].lost)
        return true; /* its word does not count any more */
    if (!booking_frame(home, from, frame) && host >= 0 &&
        !home_stage_frame(home, (size_t)host, frame) &&
        !home_fetch_frame(home, (size_t)host, frame)) {
        if (frame->body_case == WIRE__FRAME__BODY_JOB_STARTED)
            home_started(home, (size_t)host, frame->job_started);
        else if (frame->body_case == WIRE__FRAME__BODY_JOB_GONE)
            home_host_gone(home, (size_t)host, frame->job_gone->reason);
        else if (frame->body_case == WIRE__FRAME__BODY_JOB_ATTACHED)
            home_host_attached(home, (size_t)host, frame->job_attached);
        else if (frame->body_case == WIRE__FRAME__BODY_REFUSED)
            home_fail(home, RESULT_FAILED, "%s: %s", home->hosts[host].name, frame->refused->text);
    }
    home_schedule(home);
    return true;
}

bool homes_is_from(const struct homes *homes, const struct id *from, const Wire__Route *route)
{
    struct home *home = home_find(homes, route->job);

    return home != NULL && route->src >= 0 && home_host_find(home, from) == route->src;
}

void homes_route(struct homes *homes, const Wire__Route *route)
{
    struct home *home = home_find(homes, route->job);

    /* out of contact with the other voters: what comes now will come again */
    if (home == NULL || home->chan == NULL ||
        !watches_may_go_on(homes->daemon->watches, home->job))
        return;
    chan_receive(home->chan, route, clock_now_ms());
    home_schedule(home);
}

void homes_host_lost(struct homes *homes, const char *job, const struct id *host, const char *why)
{
    struct home *home = home_find(homes, job);
    int number = home != NULL ? home_host_find(home, host) : -1;

    if (number < 0)
        return;
    home_host_lost(home, (size_t)number, why);
    home_schedule(home);
}

void homes_peer_up(struct homes *homes, const struct id *peer)
{
    for (struct home *home = homes->list; home != NULL; home = home->next) {
        int host = home_host_find(home, peer);
        if (host >= 0)
            home_host_up(home, (size_t)host);
    }
}

void homes_peer_down(struct homes *homes, const struct id *peer, enum link_end end, const char *why)
{
    bool is_telling = end == LINK_END_PROTOCOL || end == LINK_END_TLS; /* more than silence */

    for (struct home *home = homes->list; home != NULL; home = home->next) {
        int host = home_host_find(home, peer);
        if (host >= 0)
            home_host_down(home, (size_t)host, end, why);
        else if (home->book != NULL && home->state == HOME_SEARCH) {
            book_lost(home->book, peer, is_telling ? why : NULL, clock_now_ms());
            home_schedule(home);
        }
    }
}

void homes_candidates(struct homes *homes, const Wire__Answer *answer)
{
    for (struct home *home = homes->list; home != NULL; home = home->next)
        if (home->state == HOME_SEARCH)
            home_search_candidates(home, answer);
}

/* ---- the module */

void homes_stop(struct homes *homes)
{
    homes->stopping = true;
    for (struct home *home = homes->list; home != NULL; home = home->next) {
        result_failed(&home->result, RESULT_FAILED, "p2pmpid was stopped");
        home_event(home, home->state == HOME_RUN ? HOME_EVENT_FAIL : HOME_EVENT_ABANDON);
    }
}

unsigned homes_count(const struct homes *homes)
{
    unsigned count = 0;

    for (struct home *home = homes->list; home != NULL; home = home->next)
        count++;
    return count;
}

void homes_list(const struct homes *homes, Wire__Jobs *jobs)
{
    for (struct home *home = homes->list; home != NULL; home = home->next) {
        Wire__JobInfo *info = mem_alloc(sizeof *info);
        wire__job_info__init(info);
        info->job = mem_string(home->job);
        info->command = mem_string(home->submit->command);
        info->state = mem_string(home_state_name(home->state));
        info->role = mem_string("home");
        info->owner = mem_string(home->daemon->hello->self->name);
        info->ranks = home->roster != NULL ? (uint32_t)roster_world(home->roster)->ranks
                                           : home->submit->ranks;
        info->hosts = (uint32_t)home->host_count;
        info->since_s = (uint64_t)(clock_wall_s() - (clock_now_ms() - home->submitted_ms) / 1000);
        if (home->tool != NULL)
            info->pid = (uint32_t)link_pid(home->tool);
        jobs->jobs = mem_grow(jobs->jobs, jobs->n_jobs + 1, sizeof *jobs->jobs);
        jobs->jobs[jobs->n_jobs++] = info;
    }
}

struct homes *homes_create(struct daemon *daemon)
{
    struct homes *homes = mem_alloc(sizeof *homes);

    homes->daemon = daemon;
    return homes;
}

void homes_destroy(struct homes *homes)
{
    if (homes == NULL)
        return;
    while (homes->list != NULL)
        home_destroy(homes->list);
    free(homes);
}
