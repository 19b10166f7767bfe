/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_end.c - with replicas: the end of MPI_Init, and MPI_Finalize among the living
 *
 * Who comes to MPI_Finalize has received all it wants, but others may still need what it keeps for
 * them. So it says goodbye and serves on until all living have said so. After that the launcher's
 * fence would tell nothing new, and in 4.1 it may never end when somebody died: it is left out, as
 * are those in MPI_Init. In their place is one of ours, which carries the cards.
 *
 * Threads that share a communicator send in an order that replicas do not share: MPI_Init_thread
 * grants FUNNELED at most, unless the user says that each thread has its own. Decisions have one
 * order for the whole process: with them it stays FUNNELED. */
#include "mca-component/pml_p2prep/pml_p2prep_end.h"

#include "mca-component/pml_p2prep/pml_p2prep_order.h"
#include "mca-component/pml_p2prep/pml_p2prep_replica.h"
#include "mca-component/pml_p2prep/pml_p2prep_watch.h"

#include <ompi/mca/hook/base/base.h>
#include <ompi/mca/hook/hook.h>
#include <ompi/runtime/mpiruntime.h>
#include <ompi/runtime/params.h>

#include <pmix.h>
#include <stdatomic.h>
#include <time.h>

enum { LOOK_US = 100 };

/* Open MPI's own: which fences it waits for. */
struct fences {
    bool no_modex, has_data, none_in_init, none_in_finalize;
};

static struct fences other = {.no_modex = true, .none_in_init = true, .none_in_finalize = true};
static bool is_ours;          /* other is Open MPI's, and what it has is ours */
static _Atomic bool has_come; /* all came to our fence */

static void fences_swap(void)
{
    struct fences had = {opal_pmix_base_async_modex, opal_pmix_collect_all_data,
                         ompi_async_mpi_init, ompi_async_mpi_finalize};
    opal_pmix_base_async_modex = other.no_modex;
    opal_pmix_collect_all_data = other.has_data;
    ompi_async_mpi_init = other.none_in_init;
    ompi_async_mpi_finalize = other.none_in_finalize;
    other = had;
    is_ours = !is_ours;
}

static void on_come(pmix_status_t status, void *arg)
{
    (void)status;
    (void)arg;
    has_come = true;
}

void p2prep_end_meet(void)
{
    const struct timespec pause = {.tv_nsec = LOOK_US * 1000};
    bool collects = true;
    pmix_info_t info;
    has_come = false;
    (void)PMIX_INFO_LOAD(&info, PMIX_COLLECT_DATA, &collects, PMIX_BOOL);
    pmix_status_t rc = PMIx_Fence_nb(NULL, 0, &info, 1, on_come, NULL);
    while (rc == PMIX_SUCCESS && !has_come && !p2prep_watch_knows_dead()) {
        opal_progress();
        (void)nanosleep(&pause, NULL);
    }
}

static void finalize_top(void)
{
    if (!mca_pml_p2prep.world || !mca_pml_p2prep.is_enabled)
        return;
    p2prep_order_end();
    p2prep_replica_posted_all();
    p2prep_lock();
    p2prep_watch_goodbye();
    p2prep_unlock();
    while (!p2prep_watch_is_alone())
        opal_progress();
    /* MPI_T_init_thread registers Open MPI's parameters once more, with their defaults. */
    ompi_async_mpi_finalize = true;
}

static void init_bottom(int argc, char **argv, int requested, int *provided)
{
    (void)argc;
    (void)argv;
    (void)requested;
    if (!mca_pml_p2prep.world || *provided <= MPI_THREAD_FUNNELED)
        return;
    if (mca_pml_p2prep.comm_per_thread && !p2prep_order_is_decided())
        return;
    if (mca_pml_p2prep.comm_per_thread && OMPI_PROC_MY_NAME->vpid == 0)
        p2prep_say("threads");
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
    if (!is_ours)
        fences_swap();
}

void p2prep_end_register(void)
{
    (void)ompi_hook_base_register_callbacks(&hook);
}

void p2prep_end_deregister(void)
{
    (void)ompi_hook_base_deregister_callbacks(&hook);
    if (is_ours)
        fences_swap();
}
