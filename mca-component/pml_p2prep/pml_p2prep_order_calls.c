/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_order_calls.c - with replicas: tests, MPI_Waitany, MPI_Wtime and the like answer as
 * was decided
 *
 * The table of request functions is Open MPI's, for the program's calls and its own few. A request
 * that is NULL or inactive is so in all replicas; only what depends on the others is asked.
 * MPI_Wtime, MPI_Get_processor_name and MPI_Request_get_status are in no table: OPAL's patcher puts
 * ours at their entry points. */
#include "mca-component/pml_p2prep/pml_p2prep_order.h"

#include "mca-component/pml_p2prep/pml_p2prep_replica.h"

#include <ompi/request/grequest.h>

#include <dlfcn.h>
#include <time.h>
#include <unistd.h>

static ompi_request_fns_t original; /* Open MPI's table before ours */

static bool is_active(const ompi_request_t *request)
{
    return request->req_state != OMPI_REQUEST_INACTIVE;
}

static size_t count_active(size_t count, ompi_request_t **requests)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        n += is_active(requests[i]);
    return n;
}

/* The leader found it complete: so it is here, or will be. A send is copied. */
static void finish(ompi_request_t *request)
{
    mca_pml_base_request_t *base = (mca_pml_base_request_t *)request;
    if (!is_active(request))
        return;
    if (!REQUEST_COMPLETE(request) && request->req_type == OMPI_REQUEST_PML &&
        base->req_type == MCA_PML_REQUEST_SEND) {
        p2prep_lock();
        mca_pml_p2prep_send_request_t *send = (mca_pml_p2prep_send_request_t *)request;
        if (send->held)
            p2prep_replica_detach(send);
        p2prep_unlock();
    }
    ompi_request_wait_completion(request);
}

/* Takes the result of one that is complete. */
static int collect(ompi_request_t **request, ompi_status_public_t *status)
{
    int completed;
    return original.req_test(request, &completed, status);
}

/* ---------------------------------------------------------------- one, all */

static int test(ompi_request_t **request, int *completed, ompi_status_public_t *status)
{
    const void *value;
    size_t size;
    int rc;
    if (!is_active(*request))
        return original.req_test(request, completed, status);
    switch (p2prep_order_ask(P2PREP_ASK_TEST, &value, &size)) {
    case DECIDE_GIVEN:
        finish(*request);
        return original.req_test(request, completed, status);
    case DECIDE_FREE:
        rc = original.req_test(request, completed, status);
        if (*completed)
            p2prep_order_outcome(P2PREP_ASK_TEST, NULL, 0);
        else
            p2prep_order_no();
        return rc;
    default:
        *completed = false;
        return OMPI_SUCCESS;
    }
}

static int test_all(size_t count, ompi_request_t **requests, int *completed,
                    ompi_status_public_t *statuses)
{
    const void *value;
    size_t size;
    int rc;
    if (count_active(count, requests) == 0)
        return original.req_test_all(count, requests, completed, statuses);
    switch (p2prep_order_ask(P2PREP_ASK_TESTALL, &value, &size)) {
    case DECIDE_GIVEN:
        for (size_t i = 0; i < count; i++)
            finish(requests[i]);
        return original.req_test_all(count, requests, completed, statuses);
    case DECIDE_FREE:
        rc = original.req_test_all(count, requests, completed, statuses);
        if (*completed)
            p2prep_order_outcome(P2PREP_ASK_TESTALL, NULL, 0);
        else
            p2prep_order_no();
        return rc;
    default:
        *completed = false;
        return OMPI_SUCCESS;
    }
}

/* ---------------------------------------------------------------- any */

static int take_any(ompi_request_t **requests, size_t count, const void *value, size_t size,
                    int *index, ompi_status_public_t *status)
{
    int32_t told = -1;
    memcpy(&told, value, size < sizeof told ? size : sizeof told);
    if (told < 0 || (size_t)told >= count)
        return OMPI_ERROR;
    *index = told;
    finish(requests[told]);
    return collect(&requests[told], status);
}

static int test_any(size_t count, ompi_request_t **requests, int *index, int *completed,
                    ompi_status_public_t *status)
{
    const void *value;
    size_t size;
    int rc;
    if (count_active(count, requests) == 0)
        return original.req_test_any(count, requests, index, completed, status);
    switch (p2prep_order_ask(P2PREP_ASK_TESTANY, &value, &size)) {
    case DECIDE_GIVEN:
        *completed = true;
        return take_any(requests, count, value, size, index, status);
    case DECIDE_FREE:
        rc = original.req_test_any(count, requests, index, completed, status);
        if (*completed)
            p2prep_order_outcome(P2PREP_ASK_TESTANY, &(int32_t){*index}, sizeof(int32_t));
        else
            p2prep_order_no();
        return rc;
    default:
        *index = MPI_UNDEFINED;
        *completed = false;
        return OMPI_SUCCESS;
    }
}

static int wait_any(size_t count, ompi_request_t **requests, int *index,
                    ompi_status_public_t *status)
{
    const void *value;
    size_t size;
    if (count_active(count, requests) < 2)
        return original.req_wait_any(count, requests, index, status);
    if (p2prep_order_ask(P2PREP_ASK_WAITANY, &value, &size) == DECIDE_GIVEN)
        return take_any(requests, count, value, size, index, status);
    int rc = original.req_wait_any(count, requests, index, status);
    p2prep_order_outcome(P2PREP_ASK_WAITANY, &(int32_t){*index}, sizeof(int32_t));
    return rc;
}

/* ---------------------------------------------------------------- some */

static int take_some(ompi_request_t **requests, size_t count, const void *value, size_t size,
                     int *outcount, int *indices, ompi_status_public_t *statuses)
{
    size_t n = size / sizeof *indices;
    int all = OMPI_SUCCESS;
    if (n > count)
        return OMPI_ERROR;
    memcpy(indices, value, n * sizeof *indices);
    *outcount = (int)n;
    for (size_t i = 0; i < n; i++) {
        ompi_status_public_t status = ompi_status_empty;
        if (indices[i] < 0 || (size_t)indices[i] >= count)
            return OMPI_ERROR;
        finish(requests[indices[i]]);
        int rc = collect(&requests[indices[i]], &status);
        status.MPI_ERROR = rc;
        if (statuses != MPI_STATUSES_IGNORE)
            statuses[i] = status;
        if (rc != OMPI_SUCCESS)
            all = MPI_ERR_IN_STATUS;
    }
    return all;
}

static void outcome_some(enum p2prep_question question, int n, const int *indices)
{
    p2prep_order_outcome(question, indices, (size_t)n * sizeof *indices);
}

static int test_some(size_t count, ompi_request_t **requests, int *outcount, int *indices,
                     ompi_status_public_t *statuses)
{
    const void *value;
    size_t size;
    int rc;
    if (count_active(count, requests) == 0)
        return original.req_test_some(count, requests, outcount, indices, statuses);
    switch (p2prep_order_ask(P2PREP_ASK_TESTSOME, &value, &size)) {
    case DECIDE_GIVEN:
        return take_some(requests, count, value, size, outcount, indices, statuses);
    case DECIDE_FREE:
        rc = original.req_test_some(count, requests, outcount, indices, statuses);
        if (*outcount > 0)
            outcome_some(P2PREP_ASK_TESTSOME, *outcount, indices);
        else
            p2prep_order_no();
        return rc;
    default:
        *outcount = 0;
        return OMPI_SUCCESS;
    }
}

static int wait_some(size_t count, ompi_request_t **requests, int *outcount, int *indices,
                     ompi_status_public_t *statuses)
{
    const void *value;
    size_t size;
    if (count_active(count, requests) < 2)
        return original.req_wait_some(count, requests, outcount, indices, statuses);
    if (p2prep_order_ask(P2PREP_ASK_WAITSOME, &value, &size) == DECIDE_GIVEN)
        return take_some(requests, count, value, size, outcount, indices, statuses);
    int rc = original.req_wait_some(count, requests, outcount, indices, statuses);
    outcome_some(P2PREP_ASK_WAITSOME, *outcount, indices);
    return rc;
}

/* ---------------------------------------------------------------- in no table */

static void status_of(ompi_request_t *request, ompi_status_public_t *status)
{
    if (request->req_type == OMPI_REQUEST_GEN)
        ompi_grequest_invoke_query(request, &request->req_status);
    if (status != MPI_STATUS_IGNORE)
        OMPI_COPY_STATUS(status, request->req_status, false);
}

static int request_get_status(MPI_Request request, int *flag, MPI_Status *status)
{
    const void *value;
    size_t size;
    *flag = true;
    if (!is_active(request)) {
        if (status != MPI_STATUS_IGNORE)
            OMPI_COPY_STATUS(status, ompi_status_empty, false);
        return MPI_SUCCESS;
    }
    enum decide_answer answer = p2prep_order_ask(P2PREP_ASK_STATUS, &value, &size);
    if (answer == DECIDE_GIVEN)
        finish(request);
    else if (answer == DECIDE_FREE && !REQUEST_COMPLETE(request))
        opal_progress();
    *flag = answer != DECIDE_NO && REQUEST_COMPLETE(request);
    if (answer == DECIDE_FREE && *flag)
        p2prep_order_outcome(P2PREP_ASK_STATUS, NULL, 0);
    else if (answer == DECIDE_FREE)
        p2prep_order_no();
    if (*flag)
        status_of(request, status);
    return MPI_SUCCESS;
}

/* Seconds since some moment before the first call, as Open MPI's own. */
static double seconds(void)
{
    static struct timespec origin;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (origin.tv_sec == 0)
        origin = now;
    return (double)(now.tv_sec - origin.tv_sec) + (double)(now.tv_nsec - origin.tv_nsec) * 1e-9;
}

static double wtime(void)
{
    const void *value;
    size_t size;
    double at = 0;
    if (!p2prep_order_is_decided())
        return seconds();
    if (p2prep_order_ask(P2PREP_ASK_CLOCK, &value, &size) == DECIDE_GIVEN) {
        memcpy(&at, value, size < sizeof at ? size : sizeof at);
        return at;
    }
    at = seconds();
    p2prep_order_outcome(P2PREP_ASK_CLOCK, &at, sizeof at);
    return at;
}

static int get_processor_name(char *name, int *length)
{
    const void *value;
    size_t size;
    if (p2prep_order_ask(P2PREP_ASK_NAME, &value, &size) == DECIDE_GIVEN) {
        if (size >= MPI_MAX_PROCESSOR_NAME)
            size = MPI_MAX_PROCESSOR_NAME - 1;
        memcpy(name, value, size);
        name[size] = '\0';
    } else {
        (void)gethostname(name, MPI_MAX_PROCESSOR_NAME);
        name[MPI_MAX_PROCESSOR_NAME - 1] = '\0';
        p2prep_order_outcome(P2PREP_ASK_NAME, name, strlen(name));
    }
    *length = (int)strlen(name);
    return MPI_SUCCESS;
}

/* Programs read the clock after MPI_Finalize, too: then Open MPI has let go of us. */
static void stay(void)
{
    Dl_info self;
    if (dladdr(&original, &self) && self.dli_fname)
        (void)dlopen(self.dli_fname, RTLD_NOW | RTLD_NODELETE);
}

void p2prep_order_calls_open(void)
{
    stay();
    original = ompi_request_functions;
    ompi_request_functions.req_test = test;
    ompi_request_functions.req_test_any = test_any;
    ompi_request_functions.req_test_all = test_all;
    ompi_request_functions.req_test_some = test_some;
    ompi_request_functions.req_wait_any = wait_any;
    ompi_request_functions.req_wait_some = wait_some;
    (void)p2prep_patch("MPI_Request_get_status", (uintptr_t)request_get_status);
    (void)p2prep_patch("MPI_Wtime", (uintptr_t)wtime);
    (void)p2prep_patch("MPI_Get_processor_name", (uintptr_t)get_processor_name);
}

void p2prep_order_calls_close(void)
{
    if (original.req_test)
        ompi_request_functions = original;
    original.req_test = NULL;
}
