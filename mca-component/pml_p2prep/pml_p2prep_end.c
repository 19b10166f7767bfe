/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_end.c - with replicas: the end of MPI_Init, and MPI_Finalize among the living
 *
 * Who comes to MPI_Finalize has received all it wants, but others may still need what it keeps for
 * them. So it says goodbye and serves on until all living have said so. After that the launcher's
 * fence would tell nothing new, and in 4.1 it may never end when somebody died: it is answered at
 * once, as are all but the first.
 *
 * Threads that share a communicator send in an order that replicas do not share: MPI_Init_thread
 * grants FUNNELED at most, unless the user says that each thread has its own. */
#include "mca-component/pml_p2prep/pml_p2prep_end.h"

#include "mca-component/pml_p2prep/pml_p2prep_watch.h"

#include <ompi/mca/hook/base/base.h>
#include <ompi/mca/hook/hook.h>
#include <ompi/runtime/mpiruntime.h>
#include <opal/mca/pmix/pmix.h>

#include <stdatomic.h>
#include <time.h>

enum { LOOK_US = 100 };

static opal_pmix_base_module_fence_nb_fn_t launcher_fence;
static bool is_met;           /* MPI_Init's fence is behind us */
static _Atomic bool has_come; /* all came to it */

static void on_come(int status, void *arg)
{
    (void)status;
    (void)arg;
    has_come = true;
}

/* MPI_Init's fence, which carries the cards. PMIx servers wait in it for those who died before:
 * then nobody does, and each asks for the others' cards (p2prep_watch_await()). */
static int meet(opal_list_t *procs, int collect_data)
{
    const struct timespec pause = {.tv_nsec = LOOK_US * 1000};
    int rc = launcher_fence(procs, collect_data, on_come, NULL);
    while (rc == OPAL_SUCCESS && !has_come && !p2prep_watch_knows_dead()) {
        opal_progress();
        (void)nanosleep(&pause, NULL);
    }
    return rc;
}

static int fence(opal_list_t *procs, int collect_data, opal_pmix_op_cbfunc_t cbfunc, void *cbdata)
{
    int rc = is_met ? OPAL_SUCCESS : meet(procs, collect_data);
    is_met = true;
    if (rc == OPAL_SUCCESS && cbfunc)
        cbfunc(rc, cbdata);
    return rc;
}

static void finalize_top(void)
{
    if (!mca_pml_p2prep.world || !mca_pml_p2prep.is_enabled)
        return;
    p2prep_lock();
    p2prep_watch_goodbye();
    p2prep_unlock();
    while (!p2prep_watch_is_alone())
        opal_progress();
}

static void init_bottom(int argc, char **argv, int requested, int *provided)
{
    (void)argc;
    (void)argv;
    (void)requested;
    if (!mca_pml_p2prep.world || mca_pml_p2prep.comm_per_thread || *provided <= MPI_THREAD_FUNNELED)
        return;
    *provided = MPI_THREAD_FUNNELED;
    ompi_mpi_thread_provided = MPI_THREAD_FUNNELED;
    ompi_mpi_thread_multiple = false;
}

static ompi_hook_base_component_t hook = {
    .hookm_version = {OMPI_HOOK_BASE_VERSION_1_0_0, .mca_component_name = "p2prep"},
    .hookm_mpi_init_bottom = init_bottom,
    .hookm_mpi_finalize_top = finalize_top,
};

void p2prep_end_open(void)
{
    launcher_fence = opal_pmix.fence_nb;
    opal_pmix.fence_nb = fence;
}

void p2prep_end_register(void)
{
    (void)ompi_hook_base_register_callbacks(&hook);
}

void p2prep_end_deregister(void)
{
    (void)ompi_hook_base_deregister_callbacks(&hook);
    if (launcher_fence)
        opal_pmix.fence_nb = launcher_fence;
}
