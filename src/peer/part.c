/* SPDX-License-Identifier: BSD-3-Clause */
/* part.c - one job's part on this host: its life */
#include "config.h"
#include "peer/part.h"

#include "base/log.h"
#include "base/file.h"
#include "base/mem.h"
#include "peer/mesh.h"
#include "peer/watches.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

void part_send(struct part *part, const Wire__Frame *frame)
{
    daemon_send(part->hosting->daemon, &part->home, frame);
}

void part_send_gone(struct hosting *hosting, const struct id *to, char *job, const char *reason)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__JobGone gone = WIRE__JOB_GONE__INIT;

    gone.job = job;
    gone.reason = reason != NULL ? (char *)reason : gone.reason;
    frame.body_case = WIRE__FRAME__BODY_JOB_GONE;
    frame.job_gone = &gone;
    daemon_send(hosting->daemon, to, &frame);
}

static void do_work(evutil_socket_t fd, short what, void *arg)
{
    static const struct timeval now = {0, 0};
    struct part *part = arg;
    bool more = false;

    (void)fd;
    (void)what;
    if (part->intake != NULL) {
        more |= intake_work(part->intake);
        if (intake_state(part->intake) == INTAKE_READY && part->state == HOST_STAGING)
            part->state = (enum host_state)host_next(part->state, HOST_EVENT_READY);
    }
    if (part->fetchout != NULL)
        more |= fetchout_work(part->fetchout);
    if (more)
        event_add(part->work, &now);
}

void part_work_soon(struct part *part)
{
    static const struct timeval now = {0, 0};

    event_add(part->work, &now);
}

struct part *part_create(struct hosting *hosting, const char *job, const struct id *home)
{
    struct part *part = mem_alloc(sizeof *part);

    part->hosting = hosting;
    strcpy(part->job, job);
    part->home = *home;
    part->work = event_new(hosting->daemon->base, -1, 0, do_work, part);
    HASH_ADD_STR(hosting->parts, job, part);
    mesh_hold(hosting->daemon->mesh, home);
    return part;
}

/* The links to the job's other hosts: watched while the job runs here. */
void part_hold_others(struct part *part, bool hold)
{
    struct mesh *mesh = part->hosting->daemon->mesh;

    for (size_t i = 0; part->spec != NULL && i < part->spec->n_hosts; i++) {
        const Wire__Peer *peer = part->spec->hosts[i]->peer;
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

void part_destroy(struct part *part)
{
    struct hosting *hosting = part->hosting;

    leases_end(hosting->daemon->leases, part->job);
    watches_end(hosting->daemon->watches, part->job, false);
    part_hold_others(part, false);
    mesh_release(hosting->daemon->mesh, &part->home);
    step_destroy(part->step);
    intake_destroy(part->intake);
    fetchout_destroy(part->fetchout);
    jobdirs_remove_take(hosting->jobdirs, part->dir);
    event_free(part->work);
    message_free(part->spec);
    HASH_DEL(hosting->parts, part);
    free(part->reason);
    free(part);
}

/* The part is over: everything of it goes, the home is told. */
static void part_gone(struct part *part)
{
    struct hosting *hosting = part->hosting;
    struct id home = part->home;
    char job[LEASE_JOB_MAX + 1];
    char *reason = part->reason;
    bool was_booked = part->state == HOST_LEASED;

    part->reason = NULL;
    strcpy(job, part->job);
    log_info("job part gone job=%s reason=\"%s\"", job, reason != NULL ? reason : "ended");
    part_destroy(part);
    if (!was_booked || reason != NULL)
        part_send_gone(hosting, &home, job, reason);
    free(reason);
}

void part_event(struct part *part, enum host_event event)
{
    int next = host_next(part->state, event);

    if (next < 0)
        return;
    if (next == HOST_GONE) {
        part_gone(part); /* state stays what it was: part_gone() looks at it */
        return;
    }
    part->state = (enum host_state)next;
    if (next == HOST_ENDING && part->step != NULL)
        step_end(part->step);
}

void part_end(struct part *part, const char *reason)
{
    if (part->reason == NULL && reason != NULL)
        part->reason = mem_string(reason);
    part_event(part, HOST_EVENT_END);
}

int part_make_dir(struct part *part, struct err *err)
{
    if (part->dir != NULL)
        return 0;
    char *dir = mem_format("%s/%s", part->hosting->jobs_dir, part->job);
    int made = file_mkdirs(dir, 0700, err);
    if (made < 0 &&
        errno == ENOENT) /* another private daemon ended, and removed the empty parent */
        made = file_mkdirs(dir, 0700, err);
    if (made < 0) {
        free(dir);
        return -1;
    }
    part->dir = dir;
    return 0;
}
