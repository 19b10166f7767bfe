/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_request.c - completing requests
 *
 * A callback of a completed request (libnbc's, osc's) may send, receive and wait. While the
 * transports' progress is on the stack it may not: such requests wait until it has returned. */
#include "mca-component/pml_p2prep/pml_p2prep.h"

void p2prep_no_memory(size_t size)
{
    p2prep_say("no memory", OMPI_PROC_MY_NAME->vpid, ompi_process_info.nodename, size);
    ompi_rte_abort(1, NULL);
    abort();
}

static int done_push(ompi_request_t *request)
{
    mca_pml_p2prep_t *pml = &mca_pml_p2prep;
    if (pml->n_done == pml->done_room) {
        size_t room = pml->done_room ? 2 * pml->done_room : 64;
        ompi_request_t **grown = realloc(pml->done, room * sizeof *grown);
        if (!grown)
            return -1;
        pml->done = grown;
        pml->done_room = room;
    }
    pml->done[pml->n_done++] = request;
    return 0;
}

void p2prep_request_done(ompi_request_t *request)
{
    if (request->req_complete_cb && mca_pml_p2prep.in_progress && done_push(request) == 0)
        return;
    ompi_request_complete(request, true);
}

void p2prep_request_callbacks(void)
{
    mca_pml_p2prep_t *pml = &mca_pml_p2prep;
    while (pml->n_done > 0) {
        ompi_request_t *request = pml->done[0];
        memmove(pml->done, pml->done + 1, --pml->n_done * sizeof *pml->done);
        ompi_request_complete(request, true);
    }
}
