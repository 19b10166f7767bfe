/* SPDX-License-Identifier: BSD-3-Clause */
/* px_step.h - what p2pmpi-stepd knows: one job's part on one host; all of it belongs to the loop's
 * thread */
#ifndef P2PMPI_PX_STEP_H
#define P2PMPI_PX_STEP_H

#include "base/err.h"
#include "wire/frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct event_base;
struct px_daemon;
struct px_route;
struct px_fence;
struct px_modex;
struct px_iof;
struct px_launch;
struct px_query;
struct abort_call;
struct roster;

struct px_rank {
    uint32_t rank;
    uint32_t local; /* 0 .. rank_count - 1 */
    pid_t pid;      /* also its process group; 0: not started or ended and collected */
    bool was_init;  /* it has connected to the PMIx server */
    bool finalized; /* it has called PMIx_Finalize */
    bool aborted;   /* it has called PMIx_Abort */
    bool ended;
    Wire__RankExit *exit; /* owned; NULL until ended */
};

struct px_step {
    struct event_base *base;
    const char *job;          /* borrowed: command line */
    const char *dir;          /* borrowed: command line; absolute */
    const char *own_name;     /* borrowed: of this host, as gethostname() says */
    const char *shm_dir;      /* borrowed: memory segments of the ranks; empty when there is none */
    bool is_for_tools;        /* no ranks: PMIx tools of the owner connect */
    char *const *environment; /* borrowed: as it was when the step was started */

    Wire__StepStart *start; /* owned; NULL until p2pmpid has sent it */
    struct roster *roster;  /* owned; the same: which process is a replica of which rank */
    struct px_rank *ranks;  /* of this host, in order of rank */
    size_t rank_count;
    size_t rank_living;
    bool is_orphan; /* nobody will come to empty the directory: we do it */
    bool is_ending; /* StepEnd came or p2pmpid is lost: nothing more is told to anybody */

    struct px_daemon *daemon;
    struct px_route *route;
    struct px_fence *fence;
    struct px_modex *modex;
    struct px_iof *iof;
    struct px_launch *launch;
    struct px_query *query;
    struct abort_call *held_aborts;
};

/* The job's description, once it is there. */
static inline const Wire__JobSpec *px_spec(const struct px_step *step)
{
    return step->start->spec;
}

/* Our own host's name in the job. */
static inline const char *px_host_name(const struct px_step *step)
{
    return px_spec(step)->hosts[step->start->host]->peer->name;
}

/* The rank of this number, if it lives on this host, else NULL. */
struct px_rank *px_rank_find(struct px_step *step, uint32_t rank);

/* Ends the step: kills what is left, takes leave of PMIx, removes what was made, breaks the loop.
 */
void px_step_end(struct px_step *step);

#endif
