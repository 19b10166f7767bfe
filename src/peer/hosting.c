/* SPDX-License-Identifier: BSD-3-Clause */
/* hosting.c - parts of jobs that run on this host: the collection, and the frames' way in */
#include "config.h"
#include "peer/hosting.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "job/jobid.h"
#include "peer/mesh.h"
#include "peer/part.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct part *part_find(struct hosting *hosting, const char *job)
{
    struct part *part;

    HASH_FIND_STR(hosting->parts, job, part);
    return part;
}

/* The part, if it exists and belongs to this home. */
struct part *part_of(struct hosting *hosting, const char *job, const struct id *from)
{
    struct part *part = part_find(hosting, job);

    return part != NULL && id_equal(&part->home, from) ? part : NULL;
}

/* A part found after a restart has not told yet whose it is. */
bool part_is_unknown(struct hosting *hosting, const char *job)
{
    const struct part *part = part_find(hosting, job);

    return part != NULL && part->is_retaken;
}

/* ---- frames of homes */

static void on_job_kill(struct hosting *hosting, const struct id *from, Wire__JobKill *kill)
{
    struct part *part = part_of(hosting, kill->job, from);

    if (part == NULL && part_is_unknown(hosting, kill->job)) {
        part = part_find(hosting, kill->job);
        part->killer = *from;
    } else if (part == NULL) {
        part_send_gone(hosting, from, kill->job, NULL);
    } else {
        if (part->state == HOST_LEASED) /* a mere lease ends without a word, but this was asked */
            part_send_gone(hosting, from, kill->job, NULL);
        part_end(part, NULL);
    }
}

static void on_job_attach(struct hosting *hosting, const struct id *from, Wire__JobAttach *attach)
{
    struct part *part = part_of(hosting, attach->job, from);
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__JobAttached attached = WIRE__JOB_ATTACHED__INIT;
    Wire__RouteUp up = WIRE__ROUTE_UP__INIT;

    if (part == NULL && !part_is_unknown(hosting, attach->job)) {
        part_send_gone(hosting, from, attach->job, "it has no part of this job any more");
        return;
    }
    attached.job = attach->job;
    attached.running = part != NULL && part->state == HOST_RUNNING && !part->is_retaken;
    frame.body_case = WIRE__FRAME__BODY_JOB_ATTACHED;
    frame.job_attached = &attached;
    daemon_send(hosting->daemon, from, &frame);
    if (attached.running) {
        up.job = part->job;
        up.host = HOME_HOST;
        frame.body_case = WIRE__FRAME__BODY_ROUTE_UP;
        frame.route_up = &up;
        step_send(part->step, &frame);
    }
}

static bool job_frame(struct hosting *hosting, const struct id *from, Wire__Frame *frame)
{
    switch (frame->body_case) {
    case WIRE__FRAME__BODY_LEASE_REQUEST:
        part_lease_request(hosting, from, frame);
        return true;
    case WIRE__FRAME__BODY_LEASE_RENEW:
        part_lease_renew(hosting, from, frame->lease_renew);
        return true;
    case WIRE__FRAME__BODY_LEASE_RELEASE:
        part_lease_release(hosting, from, frame->lease_release);
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
    struct part *part = part_of(hosting, job, from);
    if (part == NULL) {
        part_send_gone(hosting, from, job, "its lease is no more");
        return true;
    }
    switch (frame->body_case) {
    case WIRE__FRAME__BODY_STAGE_OFFER:
        part_stage_offer(part, frame->stage_offer);
        break;
    case WIRE__FRAME__BODY_STAGE_DATA:
        part_stage_data(part, frame->stage_data);
        break;
    case WIRE__FRAME__BODY_JOB_START:
        part_start(part, frame->job_start);
        break;
    case WIRE__FRAME__BODY_FETCH_REQUEST:
        part_fetch(part, frame->fetch_request);
        break;
    case WIRE__FRAME__BODY_FETCH_ACK:
        part_fetch_ack(part, frame->fetch_ack);
        break;
    default:
        break;
    }
    return true;
}

/* ---- frames between steps */

void hosting_route(struct hosting *hosting, const Wire__Route *route)
{
    struct part *part = part_find(hosting, route->job);
    Wire__Frame frame = WIRE__FRAME__INIT;

    if (part == NULL || part->step == NULL || part->spec == NULL ||
        route->dst != (int32_t)part->host)
        return;
    frame.body_case = WIRE__FRAME__BODY_ROUTE;
    frame.route = (Wire__Route *)route;
    step_send(part->step, &frame);
}

bool hosting_is_from(const struct hosting *hosting, const struct id *from, const Wire__Route *route)
{
    struct part *part = part_find((struct hosting *)hosting, route->job);

    if (part == NULL || part->spec == NULL)
        return false;
    if (route->src == HOME_HOST)
        return id_equal(from, &part->home);
    return route->src >= 0 && (size_t)route->src < part->spec->n_hosts &&
           memcmp(part->spec->hosts[route->src]->peer->id.data, from->bytes, ID_SIZE) == 0;
}

void hosting_peer_up(struct hosting *hosting, const struct id *peer)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__RouteUp up = WIRE__ROUTE_UP__INIT;

    frame.body_case = WIRE__FRAME__BODY_ROUTE_UP;
    frame.route_up = &up;
    for (struct part *part = hosting->parts; part != NULL; part = part->hh.next) {
        if (part->spec == NULL || part->step == NULL)
            continue;
        up.job = part->job;
        if (id_equal(peer, &part->home)) {
            up.host = HOME_HOST;
            step_send(part->step, &frame);
        }
        for (size_t i = 0; i < part->spec->n_hosts; i++)
            if (memcmp(part->spec->hosts[i]->peer->id.data, peer->bytes, ID_SIZE) == 0 &&
                i != part->host) {
                up.host = (int32_t)i;
                step_send(part->step, &frame);
            }
    }
}

void hosting_peer_down(struct hosting *hosting, const struct id *peer)
{
    struct part *part, *next;

    HASH_ITER(hh, hosting->parts, part, next)
    if (id_equal(&part->home, peer) && part->state < HOST_STARTING)
        part_end(part, "the link to its home broke before it was started");
}

/* ---- the module */

void hosting_tick(struct hosting *hosting, int64_t now_ms)
{
    jobdirs_tick(hosting->jobdirs, now_ms);
}

void hosting_retake(struct hosting *hosting)
{
    struct daemon *daemon = hosting->daemon;
    struct err err;
    DIR *dir = opendir(hosting->jobs_dir);

    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        if (!jobid_is_valid(entry->d_name))
            continue;
        struct part *part = part_create(hosting, entry->d_name, &daemon->self);
        part->dir = mem_format("%s/%s", hosting->jobs_dir, entry->d_name);
        part->state = HOST_RUNNING;
        part->is_retaken = true;
        part->step = step_retake(daemon->base, part->dir, part->job, daemon->hello, &part_step_ops,
                                 part, &err);
        if (part->step == NULL) {
            log_info("stale job directory job=%s", part->job);
            part_destroy(part);
        }
    }
    if (dir != NULL)
        closedir(dir);
}

void hosting_lease_over(struct hosting *hosting, const char *job)
{
    struct part *part = part_find(hosting, job);

    if (part != NULL)
        part_end(part, "its lease ran out: the job's home was not heard of");
}

void hosting_void(struct hosting *hosting, const char *job, const char *why)
{
    struct part *part = part_find(hosting, job);

    if (part == NULL)
        return;
    log_warning("job part is void job=%s why=\"%s\"", job, why);
    part_end(part, why);
}

bool hosting_has_part(struct hosting *hosting, const char *job, const struct id *home)
{
    return part_of(hosting, job, home) != NULL;
}

void hosting_reaped(struct hosting *hosting, pid_t pid, int status)
{
    struct part *part, *next;

    HASH_ITER(hh, hosting->parts, part, next)
    if (part->step != NULL && step_reaped(part->step, pid, status))
        return;
}

void hosting_stop(struct hosting *hosting)
{
    struct part *part, *next;

    hosting->stopping = true;
    HASH_ITER(hh, hosting->parts, part, next)
    part_end(part, "its p2pmpid was stopped");
}

unsigned hosting_count(const struct hosting *hosting)
{
    return HASH_COUNT(hosting->parts) + !jobdirs_is_empty(hosting->jobdirs);
}

unsigned hosting_guests(const struct hosting *hosting)
{
    unsigned count = 0;

    for (const struct part *part = hosting->parts; part != NULL; part = part->hh.next)
        count += !id_equal(&part->home, &hosting->daemon->self);
    return count;
}

void hosting_list(const struct hosting *hosting, Wire__Jobs *jobs)
{
    const struct part *part;
    int64_t now_ms = clock_now_ms();

    for (part = hosting->parts; part != NULL; part = part->hh.next) {
        const struct lease *lease = leases_find(hosting->daemon->leases, part->job);
        Wire__JobInfo *info = mem_alloc(sizeof *info);
        wire__job_info__init(info);
        info->job = mem_string(part->job);
        info->role = mem_string(part->state == HOST_LEASED ? "lease" : "host");
        info->state = mem_string(host_state_name(part->state));
        info->owner = mem_string(lease != NULL ? lease->user : "");
        if (lease != NULL) {
            info->slots = lease->slots;
            info->since_s = (uint64_t)(clock_wall_s() - (now_ms - lease->since_ms) / 1000);
            info->expires_ms =
                lease->expires_ms > now_ms ? (uint64_t)(lease->expires_ms - now_ms) : 0;
        }
        if (part->spec != NULL) {
            info->command = mem_string(part->spec->command);
            info->ranks =
                part->spec->n_degrees > 0 ? (uint32_t)part->spec->n_degrees : part->spec->ranks;
            info->hosts = (uint32_t)part->spec->n_hosts;
        }
        jobs->jobs = mem_grow(jobs->jobs, jobs->n_jobs + 1, sizeof *jobs->jobs);
        jobs->jobs[jobs->n_jobs++] = info;
    }
}

/* Private daemons keep their jobs apart: nobody takes back what runs there. */
struct hosting *hosting_create(struct daemon *daemon)
{
    struct hosting *hosting = mem_alloc(sizeof *hosting);

    hosting->daemon = daemon;
    hosting->jobdirs = jobdirs_create();
    hosting->jobs_dir =
        mem_format("%s/%s", daemon->dirs.run, daemon->is_private ? "private" : "jobs");
    if (daemon->is_private)
        jobdirs_sweep(hosting->jobs_dir);
    return hosting;
}

void hosting_destroy(struct hosting *hosting)
{
    struct part *part, *next;

    if (hosting == NULL)
        return;
    HASH_ITER(hh, hosting->parts, part, next)
    part_destroy(part);
    jobdirs_destroy(hosting->jobdirs);
    if (hosting->daemon->is_private)
        rmdir(hosting->jobs_dir); /* unless others of ours have jobs there */
    free(hosting->jobs_dir);
    free(hosting);
}
