/* SPDX-License-Identifier: BSD-3-Clause */
/* px_abort.c - PMIx_Abort (MPI_Abort) of a rank
 *
 * Whom the rank names is not looked at: as under mpirun, MPI_Abort on any communicator ends the
 * job. */
#include "config.h"
#include "pmix-server/px_abort.h"

#include "base/mem.h"
#include "pmix-server/px_iof.h"
#include "pmix-server/px_route.h"
#include "pmix-server/px_step.h"
#include "pmix-server/px_upcall.h"

#include <stdlib.h>

struct abort_call {
    struct px_call call;
    uint32_t rank;
    int status;
    char *text;
    pmix_op_cbfunc_t done;
    void *done_arg;
};

static void abort_run(struct px_call *call, struct px_step *step)
{
    struct abort_call *abort_call = (struct abort_call *)call;
    struct px_rank *rank = px_rank_find(step, abort_call->rank);
    Wire__Step message = WIRE__STEP__INIT;
    Wire__Abort body = WIRE__ABORT__INIT;

    if (rank != NULL)
        rank->aborted = true;
    px_iof_drain(step);
    body.rank = abort_call->rank;
    body.status = abort_call->status;
    if (abort_call->text != NULL)
        body.text = abort_call->text;
    message.body_case = WIRE__STEP__BODY_ABORT;
    message.abort = &body;
    px_route_send(step, HOME_HOST, &message);
    if (abort_call->done != NULL)
        abort_call->done(PMIX_SUCCESS, abort_call->done_arg);
    free(abort_call->text);
    free(abort_call);
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
