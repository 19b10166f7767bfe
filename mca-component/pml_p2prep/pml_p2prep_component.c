/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_component.c - how Open MPI finds, asks and chooses the PML p2prep */
#include "mca-component/pml_p2prep/pml_p2prep.h"
#include "mca-component/pml_p2prep/pml_p2prep_refuse.h"
#include "mca-component/pml_p2prep/pml_p2prep_replica.h"
#include "mca-component/pml_p2prep/pml_p2prep_wire.h"
#include "mca-component/pml_p2prep/pml_p2prep_alike.h"
#include "mca-component/pml_p2prep/pml_p2prep_end.h"
#include "mca-component/pml_p2prep/pml_p2prep_stats.h"
#include "mca-component/pml_p2prep/pml_p2prep_watch.h"
#include "mca-component/pml_p2prep/pml_p2prep_world.h"

#include <ompi/mca/pml/base/base.h>
#include <opal/mca/base/mca_base_var.h>
#include <opal/util/show_help.h>

#include <dlfcn.h>

static int component_register(void);
static int component_open(void);
static mca_pml_base_module_t *component_init(int *priority, bool progress_threads,
                                             bool mpi_threads);
static int component_finalize(void);

mca_pml_base_component_t mca_pml_p2prep_component = {
    .pmlm_version =
        {
            P2PREP_PML_VERSION,
            .mca_component_name = "p2prep",
            MCA_BASE_MAKE_VERSION(component, OMPI_MAJOR_VERSION, OMPI_MINOR_VERSION,
                                  OMPI_RELEASE_VERSION),
            .mca_open_component = component_open,
            .mca_register_component_params = component_register,
        },
    .pmlm_data = {MCA_BASE_METADATA_PARAM_NONE},
    .pmlm_init = component_init,
    .pmlm_finalize = component_finalize,
};

static void register_var(const char *name, const char *help, mca_base_var_type_t type,
                         mca_base_var_info_lvl_t level, void *storage)
{
    (void)mca_base_component_var_register(&mca_pml_p2prep_component.pmlm_version, name, help, type,
                                          NULL, 0, 0, level, MCA_BASE_VAR_SCOPE_READONLY, storage);
}

/* Our sentences lie where they were installed, or beside the component. */
static void help_find(void)
{
    Dl_info self;
    (void)opal_show_help_add_dir(PKGDATADIR);
    if (!dladdr(&mca_pml_p2prep_component, &self) || !self.dli_fname)
        return;
    char *dir = strdup(self.dli_fname), *slash = dir ? strrchr(dir, '/') : NULL;
    if (slash) {
        *slash = '\0';
        (void)opal_show_help_add_dir(dir);
    }
    free(dir);
}

static int component_register(void)
{
    mca_pml_p2prep_t *pml = &mca_pml_p2prep;
    help_find();
    pml->priority = 5;
    register_var("priority", "How much p2prep wants to be chosen where --mca pml names several",
                 MCA_BASE_VAR_TYPE_INT, OPAL_INFO_LVL_9, &pml->priority);
    pml->replicas = 1;
    register_var("replicas",
                 "Replicas of each rank: of the N processes of the job, N / replicas ranks are "
                 "made. N must be a "
                 "multiple of it",
                 MCA_BASE_VAR_TYPE_INT, OPAL_INFO_LVL_1, &pml->replicas);
    pml->map = NULL;
    register_var("map",
                 "Replicas of rank 0, 1, ... with commas between (2,1,2), in place of "
                 "pml_p2prep_replicas; processes are "
                 "dealt set by set",
                 MCA_BASE_VAR_TYPE_STRING, OPAL_INFO_LVL_3, &pml->map);
    pml->order = (char *)"decisions";
    register_var(
        "order",
        "With replicas: decisions (receives from any source, tests, probes, cancels and clocks "
        "answer the same on all replicas of a rank), or send-deterministic (for programs whose "
        "messages do not depend on these: nothing is decided)",
        MCA_BASE_VAR_TYPE_STRING, OPAL_INFO_LVL_3, &pml->order);
    pml->retain_max = 64 << 20;
    register_var("retain_max",
                 "Bytes that a process keeps at most of messages that other replicas of their "
                 "receivers do not have yet",
                 MCA_BASE_VAR_TYPE_SIZE_T, OPAL_INFO_LVL_4, &pml->retain_max);
    pml->lag_max = 30;
    register_var(
        "lag_max",
        "Seconds after which a replica that keeps others waiting at retain_max is reported",
        MCA_BASE_VAR_TYPE_UNSIGNED_INT, OPAL_INFO_LVL_4, &pml->lag_max);
    pml->lag_evict = false;
    register_var(
        "lag_evict",
        "Such a replica is taken for dead, as long as another one of its rank lives, and "
        "leaves when it goes on (a launcher may set this; stock mpirun waits for it all the same)",
        MCA_BASE_VAR_TYPE_BOOL, OPAL_INFO_LVL_4, &pml->lag_evict);
    pml->transports = (char *)"shm,tcp";
    register_var("transports",
                 "Transports to use, of shm (shared memory, within a host) and tcp; the first that "
                 "reaches a process is "
                 "used for it",
                 MCA_BASE_VAR_TYPE_STRING, OPAL_INFO_LVL_2, &pml->transports);
    pml->eager = 0;
    register_var("eager",
                 "Messages up to this many bytes are sent at once, longer ones when they are "
                 "matched; 0: what suits the transport (shm 8192, tcp 65536), with replicas 32768",
                 MCA_BASE_VAR_TYPE_UNSIGNED_INT, OPAL_INFO_LVL_4, &pml->eager);
    pml->interfaces = NULL;
    register_var(
        "if_include",
        "Network interfaces for tcp, by name or as address/bits, with commas; empty: those of "
        "btl_tcp_if_include, else any that is up",
        MCA_BASE_VAR_TYPE_STRING, OPAL_INFO_LVL_3, &pml->interfaces);
    pml->stats = false;
    register_var(
        "stats",
        "Each process says at the end what it sent and received, and with replicas what it "
        "kept, sent again and took over, and how long that took (microseconds): the values "
        "of MPI_T's performance variables pml_p2prep_*",
        MCA_BASE_VAR_TYPE_BOOL, OPAL_INFO_LVL_3, &pml->stats);
    pml->verify = false;
    register_var("verify",
                 "With replicas: those of a rank compare what each message contains; the first on "
                 "which they differ ends the job and is named",
                 MCA_BASE_VAR_TYPE_BOOL, OPAL_INFO_LVL_3, &pml->verify);
    pml->comm_per_thread = false;
    register_var("comm_per_thread",
                 "With replicas and pml_p2prep_order send-deterministic: the program uses each "
                 "communicator in one thread only, and the main thread makes them, so that it may "
                 "have MPI_THREAD_MULTIPLE; else it gets MPI_THREAD_FUNNELED",
                 MCA_BASE_VAR_TYPE_BOOL, OPAL_INFO_LVL_4, &pml->comm_per_thread);
    pml->warn_host = true;
    register_var("warn_host", "Say so when two replicas of one rank run on one host",
                 MCA_BASE_VAR_TYPE_BOOL, OPAL_INFO_LVL_3, &pml->warn_host);
    pml->no_cma = false;
    register_var("no_cma",
                 "Never read large messages from the other process's memory (process_vm_readv)",
                 MCA_BASE_VAR_TYPE_BOOL, OPAL_INFO_LVL_5, &pml->no_cma);
    p2prep_stats_register();
    return OMPI_SUCCESS;
}

/* Nobody gets us who did not ask for us by name. Open MPI makes its own list of who was asked for
 * only after our component_open(). */
static bool is_asked_for(void)
{
    const char **names = NULL;
    int var = mca_base_var_find("ompi", "pml", NULL, NULL);
    return var >= 0 && mca_base_var_get_value(var, &names, NULL, NULL) == OPAL_SUCCESS && names &&
           names[0] && strcmp(names[0], "p2prep") == 0;
}

static bool has_replicas(void)
{
    return mca_pml_p2prep.replicas > 1 || (mca_pml_p2prep.map && *mca_pml_p2prep.map);
}

/* Under another Open MPI than the one of our headers we would write into wrong places. */
static bool is_built_for_this(void)
{
    return OBJ_CLASS(opal_mutex_t)->cls_sizeof == sizeof(opal_mutex_t) &&
           OBJ_CLASS(ompi_communicator_t)->cls_sizeof == sizeof(ompi_communicator_t) &&
           OBJ_CLASS(ompi_request_t)->cls_sizeof == sizeof(ompi_request_t);
}

static int component_open(void)
{
    if (!is_built_for_this()) {
        opal_output(0, "p2prep was built for another Open MPI than this one: build it again");
        return OMPI_ERR_NOT_AVAILABLE;
    }
    if (is_asked_for() && has_replicas())
        p2prep_world_prepare();
    return OMPI_SUCCESS;
}

static mca_pml_base_module_t *component_init(int *priority, bool progress_threads, bool mpi_threads)
{
    (void)progress_threads;
    (void)mpi_threads;
    if (!is_asked_for())
        return NULL;
    if (p2prep_wire_open() != OMPI_SUCCESS ||
        (has_replicas() &&
         (p2prep_watch_open() != OMPI_SUCCESS || p2prep_alike_publish() != OMPI_SUCCESS))) {
        p2prep_watch_close();
        p2prep_wire_close();
        return NULL;
    }
    if (has_replicas())
        p2prep_end_open();
    *priority = mca_pml_p2prep.priority;
    return &mca_pml_p2prep.super;
}

static int component_finalize(void)
{
    mca_pml_p2prep.is_enabled = false;
    p2prep_stats_say();
    p2prep_refuse_close();
    p2prep_end_deregister();
    p2prep_watch_close();
    p2prep_wire_close();
    p2prep_replica_close();
    p2prep_peers_close();
    world_destroy(mca_pml_p2prep.world);
    mca_pml_p2prep.world = NULL;
    p2prep_id_close();
    p2prep_comms_close();
    p2prep_stats_close();
    return OMPI_SUCCESS;
}
