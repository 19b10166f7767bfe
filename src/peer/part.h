/* SPDX-License-Identifier: BSD-3-Clause */
/* part.h - one job's part on this host: shared by hosting.c and part*.c, private to them
 *
 * part.c its life; part_lease.c slots; part_files.c staging and results; part_start.c p2pmpi-stepd
 * started; part_step.c what that one says; hosting.c the collection and the frames' way in. */
#ifndef P2PMPI_PEER_PART_H
#define P2PMPI_PEER_PART_H

#include "job/life.h"
#include "peer/daemon.h"
#include "peer/jobdirs.h"
#include "peer/step.h"
#include "stage/fetchout.h"
#include "stage/intake.h"

#include <uthash.h>

struct part { /* this host's part of one job */
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

struct hosting {
    struct daemon *daemon;
    struct part *parts;
    struct jobdirs *jobdirs;
    char *jobs_dir;
    bool stopping;
};

/* hosting.c */
struct part *part_find(struct hosting *hosting, const char *job);
/* The part, if it exists and belongs to this home. */
struct part *part_of(struct hosting *hosting, const char *job, const struct id *from);
/* A part found after a restart has not told yet whose it is. */
bool part_is_unknown(struct hosting *hosting, const char *job);

/* part.c */
struct part *part_create(struct hosting *hosting, const char *job, const struct id *home);
void part_destroy(struct part *part);
/* The state table at work: the part may be gone afterwards. */
void part_event(struct part *part, enum host_event event);
/* Ends it, reason NULL: as its home wished. The part may be gone afterwards. */
void part_end(struct part *part, const char *reason);
int part_make_dir(struct part *part, struct err *err);
void part_work_soon(struct part *part);
/* The links to the job's other hosts: watched while the job runs here. */
void part_hold_others(struct part *part, bool hold);
void part_send(struct part *part, const Wire__Frame *frame);
void part_send_gone(struct hosting *hosting, const struct id *to, char *job, const char *reason);

/* part_lease.c */
void part_lease_request(struct hosting *hosting, const struct id *from, const Wire__Frame *frame);
void part_lease_renew(struct hosting *hosting, const struct id *from, Wire__LeaseRenew *renew);
void part_lease_release(struct hosting *hosting, const struct id *from,
                        Wire__LeaseRelease *release);

/* part_files.c */
void part_stage_offer(struct part *part, const Wire__StageOffer *offer);
void part_stage_data(struct part *part, const Wire__StageData *data);
void part_fetch(struct part *part, const Wire__FetchRequest *request);
void part_fetch_ack(struct part *part, const Wire__FetchAck *ack);

/* part_start.c */
/* Are the lists of what another host, or a tool, says a job is complete and of one length? */
bool part_is_spec_sound(const struct daemon *daemon, const Wire__JobSpec *spec);
void part_start(struct part *part, const Wire__JobStart *start);

/* part_step.c */
extern const struct step_ops part_step_ops;

#endif
