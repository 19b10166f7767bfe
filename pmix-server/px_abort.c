/* SPDX-License-Identifier: BSD-3-Clause */
/* px_abort.c - PMIx_Abort (MPI_Abort) of a rank
 *
 * Whom the rank names is not looked at: as under mpirun, MPI_Abort on any communicator ends the
 * job.
 *
 * Open MPI 5.0 aborts with MPI_ERR_UNKNOWN when a connection to another rank closes. The cause is
 * that rank's end, or its host's: they get time to be heard of first, and name the job's end. */
#include "config.h"
#include "pmix-server/px_abort.h"

#include "base/mem.h"
#include "pmix-server/px_iof.h"
#include "pmix-server/px_route.h"
#include "pmix-server/px_step.h"
#include "pmix-server/px_upcall.h"

#include <event2/event.h>
#include <stdlib.h>

#define ABORT_UNKNOWN 14 /* MPI_ERR_UNKNOWN of Open MPI */
#define HOLD_MS       1000

struct abort_call {
    struct px_call call;
    struct px_step *step;
    struct abort_call *next; /* held */
    struct event *timer;
    uint32_t rank;
    int status;
    char *text;
    pmix_op_cbfunc_t done;
    void *done_arg;
};

static void abort_end(struct abort_call *abort_call)
{
    if (abort_call->done != NULL)
        abort_call->done(PMIX_SUCCESS, abort_call->done_arg);
    if (abort_call->timer != NULL)
        event_free(abort_call->timer);
    free(abort_call->text);
    free(abort_call);
}

static void abort_tell(struct abort_call *abort_call)
{
    Wire__Step message = WIRE__STEP__INIT;
    Wire__Abort body = WIRE__ABORT__INIT;

    px_iof_drain(abort_call->step);
    body.rank = abort_call->rank;
    body.status = abort_call->status;
    if (abort_call->text != NULL)
        body.text = abort_call->text;
    message.body_case = WIRE__STEP__BODY_ABORT;
    message.abort = &body;
    px_route_send(abort_call->step, HOME_HOST, &message);
    abort_end(abort_call);
}

static void on_held(evutil_socket_t fd, short what, void *arg)
{
    struct abort_call *abort_call = arg;
    struct abort_call **place = &abort_call->step->held_aborts;

    (void)fd;
    (void)what;
    while (*place != abort_call)
        place = &(*place)->next;
    *place = abort_call->next;
    abort_tell(abort_call);
}

static void abort_hold(struct abort_call *abort_call)
{
    const struct timeval wait = {HOLD_MS / 1000, HOLD_MS % 1000 * 1000};
    struct px_step *step = abort_call->step;

    abort_call->timer = evtimer_new(step->base, on_held, abort_call);
    event_add(abort_call->timer, &wait);
    abort_call->next = step->held_aborts;
    step->held_aborts = abort_call;
}

static void abort_run(struct px_call *call, struct px_step *step)
{
    struct abort_call *abort_call = (struct abort_call *)call;
    struct px_rank *rank = px_rank_find(step, abort_call->rank);

    if (rank != NULL)
        rank->aborted = true;
    abort_call->step = step;
    if (abort_call->status == ABORT_UNKNOWN && !step->is_ending)
        abort_hold(abort_call);
    else
        abort_tell(abort_call);
}

void px_abort_close(struct px_step *step)
{
    while (step->held_aborts != NULL) {
        struct abort_call *held = step->held_aborts;

        step->held_aborts = held->next;
        abort_end(held);
    }
}

pmix_status_t px_abort(const pmix_proc_t *proc, void *object, int status, const char text[],
                       pmix_proc_t procs[], size_t count, pmix_op_cbfunc_t done, void *done_arg)
{
    (void)object;
    (void)procs;
    (void)count;
    struct abort_call *call = mem_alloc(sizeof *call);

    call->call.run = abort_run;
    call->rank = proc->rank;
    call->status = status;
    call->text = mem_string(text);
    call->done = done;
    call->done_arg = done_arg;
    px_upcall_post(&call->call);
    return PMIX_SUCCESS;
}
