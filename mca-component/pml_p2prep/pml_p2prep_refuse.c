/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_refuse.c - with replicas: what is not supported says so when it is called
 *
 * Windows, dynamic processes and shared file pointers do not pass through a PML: OPAL's patcher
 * puts a refusal at their MPI_ entry points. Receives from any source and tests are carried out,
 * each replica for itself, and we warn once: where their outcomes differ the replicas part, and the
 * rolling hash ends the job. */
#include "mca-component/pml_p2prep/pml_p2prep_refuse.h"

#include "mca-component/pml_p2prep/pml_p2prep.h"
#include "mca-component/pml_p2prep/pml_p2prep_order.h"

#include <ompi/errhandler/errhandler.h>
#include <opal/util/show_help.h>

#define HELP "help-mpi-pml-p2prep.txt"

static int refuse(const char *name)
{
    p2prep_say("not supported", name, mca_pml_p2prep.replicas);
    return OMPI_ERRHANDLER_INVOKE(MPI_COMM_WORLD, MPI_ERR_UNSUPPORTED_OPERATION, name);
}

/* clang-format off */
#define REFUSED(X) \
    X(MPI_Win_create) X(MPI_Win_allocate) X(MPI_Win_allocate_shared) X(MPI_Win_create_dynamic) \
    X(MPI_Comm_spawn) X(MPI_Comm_spawn_multiple) X(MPI_Open_port) X(MPI_Publish_name) \
    X(MPI_Unpublish_name) X(MPI_Lookup_name) X(MPI_Comm_accept) X(MPI_Comm_connect) \
    X(MPI_Comm_join) X(MPI_Psend_init) X(MPI_Precv_init) X(MPI_Session_init) \
    X(MPI_File_read_shared) X(MPI_File_write_shared) X(MPI_File_iread_shared) \
    X(MPI_File_iwrite_shared) X(MPI_File_read_ordered) X(MPI_File_write_ordered) \
    X(MPI_File_read_ordered_begin) X(MPI_File_write_ordered_begin) X(MPI_File_seek_shared) \
    X(MPI_File_get_position_shared)
/* clang-format on */

/* Arguments are the caller's business in C's calling conventions: none is looked at. */
#define FUNCTION(name)                                                                             \
    static int refuse_##name(void)                                                                 \
    {                                                                                              \
        return refuse(#name);                                                                      \
    }
REFUSED(FUNCTION)

#define ENTRY(name) {#name, refuse_##name},
static const struct {
    const char *name;
    int (*refusal)(void);
} refusals[] = {REFUSED(ENTRY)};

static ompi_request_fns_t original; /* Open MPI's table before ours */

/* Negative tags are the library's own, but for MPI_ANY_TAG. What it receives without content only
 * says that somebody is there (5.0's MPI_Barrier): from whom does not matter. */
void p2prep_refuse_wildcard(int tag, size_t count)
{
    static bool is_said[2]; /* once per process */
    bool is_inside = tag < 0 && tag != MPI_ANY_TAG;
    if (p2prep_order_is_decided() || (is_inside && count == 0))
        return;
    if (!is_said[is_inside] && mca_pml_p2prep.world->set[OMPI_PROC_MY_NAME->vpid] == 0)
        opal_show_help(HELP, is_inside ? "wildcard inside" : "wildcard", true);
    is_said[is_inside] = true;
}

void p2prep_refuse_test(void)
{
    static bool is_said;
    if (!is_said && !p2prep_order_is_decided() &&
        mca_pml_p2prep.world->set[OMPI_PROC_MY_NAME->vpid] == 0)
        opal_show_help(HELP, "test", true);
    is_said = true;
}

/* Is any of them the program's own? The library's have negative tags. */
static void check(size_t count, ompi_request_t **requests)
{
    for (size_t i = 0; i < count; i++) {
        ompi_request_t *request = requests[i];
        if (!request || request == &ompi_request_null.request ||
            request->req_state != OMPI_REQUEST_ACTIVE)
            continue;
        if (request->req_type != OMPI_REQUEST_PML ||
            ((mca_pml_base_request_t *)request)->req_tag >= 0)
            p2prep_refuse_test();
        return;
    }
}

static int test(ompi_request_t **request, int *completed, ompi_status_public_t *status)
{
    check(1, request);
    return original.req_test(request, completed, status);
}

static int test_any(size_t count, ompi_request_t **requests, int *index, int *completed,
                    ompi_status_public_t *status)
{
    check(count, requests);
    return original.req_test_any(count, requests, index, completed, status);
}

static int test_all(size_t count, ompi_request_t **requests, int *completed,
                    ompi_status_public_t *statuses)
{
    check(count, requests);
    return original.req_test_all(count, requests, completed, statuses);
}

static int test_some(size_t count, ompi_request_t **requests, int *outcount, int *indices,
                     ompi_status_public_t *statuses)
{
    check(count, requests);
    return original.req_test_some(count, requests, outcount, indices, statuses);
}

static int wait_any(size_t count, ompi_request_t **requests, int *index,
                    ompi_status_public_t *status)
{
    check(count > 1 ? count : 0, requests);
    return original.req_wait_any(count, requests, index, status);
}

static int wait_some(size_t count, ompi_request_t **requests, int *outcount, int *indices,
                     ompi_status_public_t *statuses)
{
    check(count > 1 ? count : 0, requests);
    return original.req_wait_some(count, requests, outcount, indices, statuses);
}

static void warnings_open(void)
{
    original = ompi_request_functions;
    ompi_request_functions.req_test = test;
    ompi_request_functions.req_test_any = test_any;
    ompi_request_functions.req_test_all = test_all;
    ompi_request_functions.req_test_some = test_some;
    ompi_request_functions.req_wait_any = wait_any;
    ompi_request_functions.req_wait_some = wait_some;
}

void p2prep_refuse_open(void)
{
    if (!p2prep_order_is_decided())
        warnings_open();
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
        (void)p2prep_patch(refusals[i].name, (uintptr_t)refusals[i].refusal);
}

void p2prep_refuse_close(void)
{
    if (original.req_test)
        ompi_request_functions = original;
}
