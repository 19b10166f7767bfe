/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_world.c - the world that a program with replicas sees: its logical ranks only
 *
 * Open MPI made MPI_COMM_WORLD of all processes; when it shows it to us, before anything is sent,
 * we put in its place the one of our set: for each logical rank the process that we talk to as
 * such. What depends on where processes run is taken away, for it would make sets differ: no two
 * share memory, and collectives are those whose pattern follows from ranks and sizes. */
#include "mca-component/pml_p2prep/pml_p2prep_world.h"

#include "mca-component/pml_p2prep/pml_p2prep_end.h"

#include <ompi/runtime/params.h>
#include <opal/util/bit_ops.h>
#include <opal/util/show_help.h>
#include <pmix.h>

#define HELP "help-mpi-pml-p2prep.txt"

void p2prep_world_prepare(void)
{
    setenv("OMPI_MCA_coll", "tuned,basic,libnbc,inter,self", 0);
    setenv("OMPI_MCA_topo", "basic", 0);
    setenv("OMPI_MCA_io", "ompio", 0);
    setenv("OMPI_MCA_sharedfp", "individual", 0); /* the others share files among sets */
}

static int world_make(void)
{
    mca_pml_p2prep_t *pml = &mca_pml_p2prep;
    struct err err = {{0}};
    int processes = (int)ompi_process_info.num_procs;
    if (pml->map && *pml->map)
        pml->world = world_create_map(processes, pml->map, &err);
    else
        pml->world = world_create(processes, pml->replicas, &err);
    if (pml->world)
        return OMPI_SUCCESS;
    if (OMPI_PROC_MY_NAME->vpid == 0)
        p2prep_say("wrong count", processes, pml->replicas, err.text);
    /* Everybody is refused: who leaves first has mpirun end the others, and the one that speaks is
     * among them. */
    (void)PMIx_Fence(NULL, 0, NULL, 0);
    return OMPI_ERR_SILENT;
}

/* The process that our set takes for rank: its own replica, or for ranks with fewer the first. */
static int process_for(const struct world *world, int rank, int set)
{
    int process = world_process(world, rank, set);
    return process >= 0 ? process : world_process(world, rank, 0);
}

static void group_shrink(ompi_group_t *group, const struct world *world, int set)
{
    int before = group->grp_proc_count;
    ompi_proc_t **mine = calloc((size_t)before, sizeof *mine);
    if (!mine)
        p2prep_no_memory((size_t)before * sizeof *mine);
    for (int rank = 0; rank < world->ranks; rank++) {
        opal_process_name_t name = {.jobid = OMPI_PROC_MY_NAME->jobid,
                                    .vpid = (opal_vpid_t)process_for(world, rank, set)};
        mine[rank] = (ompi_proc_t *)ompi_proc_for_name(name);
        OBJ_RETAIN(mine[rank]);
        p2prep_host_hide(mine[rank]);
    }
    for (int i = 0; i < before; i++) {
        if (!ompi_proc_is_sentinel(group->grp_proc_pointers[i]))
            OBJ_RELEASE(group->grp_proc_pointers[i]);
    }
    free(group->grp_proc_pointers);
    group->grp_proc_pointers = mine;
    group->grp_proc_count = world->ranks;
}

void p2prep_world_hide(void)
{
    ompi_group_t *group = ompi_mpi_comm_world.comm.c_local_group;
    for (int rank = 0; rank < group->grp_proc_count; rank++)
        if (group->grp_proc_pointers[rank] != ompi_proc_local())
            group->grp_proc_pointers[rank]->super.proc_flags = OPAL_PROC_NON_LOCAL;
}

/* Does a process run on this host? -1 does not. */
static bool is_local(int process)
{
    opal_process_name_t name = {.jobid = OMPI_PROC_MY_NAME->jobid, .vpid = (opal_vpid_t)process};
    ompi_proc_t *proc = process < 0 ? NULL : (ompi_proc_t *)ompi_proc_for_name(name);
    return proc && OPAL_PROC_ON_LOCAL_NODE(proc->super.proc_flags);
}

/* Does the first replica of a rank run on this host, and another of its replicas, too? */
static bool is_doubled(const struct world *world, int rank)
{
    for (int set = 1; set < world->replicas; set++)
        if (is_local(world_process(world, rank, 0)) && is_local(world_process(world, rank, set)))
            return true;
    return false;
}

/* One process of each host says so: the first replica of the lowest rank that is doubled there. */
static void host_warn(const struct world *world, uint32_t me)
{
    int rank = 0;
    while (rank < world->rank[me] && !is_doubled(world, rank))
        rank++;
    if (world->set[me] == 0 && rank == world->rank[me] && is_doubled(world, rank))
        p2prep_say("shared host", rank, ompi_process_info.nodename);
}

int p2prep_world_open(void)
{
    mca_pml_p2prep_t *pml = &mca_pml_p2prep;
    pml->n_processes = ompi_process_info.num_procs;
    if (pml->replicas <= 1 && !(pml->map && *pml->map))
        return OMPI_SUCCESS;
    p2prep_end_meet();
    int rc = world_make();
    if (rc == OMPI_SUCCESS && pml->warn_host)
        host_warn(pml->world, OMPI_PROC_MY_NAME->vpid);
    return rc;
}

void p2prep_world_enter(void)
{
    const struct world *world = mca_pml_p2prep.world;
    ompi_communicator_t *comm = &ompi_mpi_comm_world.comm;
    uint32_t me = OMPI_PROC_MY_NAME->vpid;
    group_shrink(comm->c_local_group, world, world->set[me]);
    p2prep_world_hide();
    comm->c_local_group->grp_my_rank = world->rank[me];
    comm->c_my_rank = world->rank[me];
    comm->c_cube_dim = opal_cube_dim(world->ranks);
    ompi_process_info.num_procs = (uint32_t)world->ranks;
}

/* Stands in Open MPI's table for an id that is not to be given again; whoever ends the library
 * releases it once. */
static ompi_communicator_t *id_holder(void)
{
    static ompi_communicator_t *holder; /* one for all ids; lives as long as the process */
    if (!holder && (holder = calloc(1, sizeof *holder))) {
        ((opal_object_t *)holder)->obj_class = OBJ_CLASS(ompi_communicator_t);
        ((opal_object_t *)holder)->obj_reference_count = INT32_MAX;
        holder->c_flags = OMPI_COMM_EXTRA_RETAIN | OMPI_COMM_ISFREED;
    }
    return holder;
}

void p2prep_world_keep_id(struct ompi_communicator_t *comm)
{
    ompi_communicator_t *holder = id_holder();
    if (p2prep_context(comm) < 3 || !holder)
        return;
    opal_pointer_array_set_item(&ompi_mpi_communicators, (int)p2prep_context(comm), holder);
    p2prep_context_forget(comm);
}
