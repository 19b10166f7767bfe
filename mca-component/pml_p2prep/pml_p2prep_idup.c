/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_idup.c - with replicas: MPI_Comm_idup without asking anybody
 *
 * Open MPI's own agrees on a context id while the program goes on: which one that is depends on
 * what else is under way, and replicas would get different ones. Ours needs no agreement. All
 * processes of a communicator duplicate it in the same order, so parent and number name the
 * duplicate; messages carry that name in place of a context id. What comes for a name that is not
 * here yet waits. So the duplicate is there, and its request complete, when the call returns. Its
 * context id, which nobody else needs, is the lowest that is free: also the same in all replicas,
 * for it is taken in the order of the program's calls. */
#include "mca-component/pml_p2prep/pml_p2prep_idup.h"

#include "mca-component/pml_p2prep/pml_p2prep.h"

#include <ompi/errhandler/errhandler.h>
#include <ompi/mca/coll/base/base.h>
#include <opal/util/info_subscriber.h>

enum {
    EXACT_BITS = 14, /* of the number, beside 16 of the parent's */
    HASH_BIT = 30,
};

uint32_t p2prep_idup_name(uint32_t parent, uint32_t number)
{
    if (parent <= UINT16_MAX && number < 1u << EXACT_BITS)
        return P2PREP_NAMED | number << 16 | parent;
    uint64_t hash = ((uint64_t)parent << 32 | number) * UINT64_C(0x9e3779b97f4a7c15);
    hash = (hash ^ hash >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
    return P2PREP_NAMED | 1u << HASH_BIT | (uint32_t)(hash >> (64 - HASH_BIT));
}

static int context_take(ompi_communicator_t *comm)
{
    int id = opal_pointer_array_add(&ompi_mpi_communicators, comm);
    if (id < 0)
        return OMPI_ERR_OUT_OF_RESOURCE;
    if (id >= (int)mca_pml_p2prep.super.pml_max_contextid) {
        opal_pointer_array_set_item(&ompi_mpi_communicators, id, NULL);
        return OMPI_ERR_OUT_OF_RESOURCE;
    }
    p2prep_context_set(comm, (uint32_t)id);
    return OMPI_SUCCESS;
}

static int duplicate(ompi_communicator_t *comm, opal_info_t *info, ompi_communicator_t **new_out);

/* What has been made of the local side becomes an intercommunicator. */
static int remote_add(ompi_communicator_t *comm, ompi_communicator_t *new)
{
    OBJ_RELEASE(new->c_remote_group);
    new->c_remote_group = comm->c_remote_group;
    OBJ_RETAIN(new->c_remote_group);
    new->c_flags |= OMPI_COMM_INTER;
    return duplicate(comm->c_local_comm, NULL, &new->c_local_comm);
}

static int duplicate(ompi_communicator_t *comm, opal_info_t *info, ompi_communicator_t **new_out)
{
    struct p2prep_comm *parent = (struct p2prep_comm *)comm->c_pml_comm;
    ompi_communicator_t *new = NULL;
    int rc = p2prep_comm_copy(comm, &new);
    if (rc != OMPI_SUCCESS)
        return rc;
    rc = context_take(new);
    if (rc == OMPI_SUCCESS && OMPI_COMM_IS_INTER(comm))
        rc = remote_add(comm, new);
    if (rc == OMPI_SUCCESS)
        rc = p2prep_comm_add(new, p2prep_idup_name(parent->name, parent->idups++));
    if (rc != OMPI_SUCCESS) {
        OBJ_RELEASE(new);
        return rc;
    }
    OMPI_COMM_SET_PML_ADDED(new);
    if (info)
        opal_infosubscribe_change_info(&new->super, info);
    snprintf(new->c_name, MPI_MAX_OBJECT_NAME, "MPI COMMUNICATOR %u DUP FROM %u",
             p2prep_context(new), p2prep_context(comm));
    rc = mca_coll_base_comm_select(new);
    if (rc != OMPI_SUCCESS) {
        OBJ_RELEASE(new);
        return rc;
    }
    *new_out = new;
    return OMPI_SUCCESS;
}

static int idup_with_info(MPI_Comm comm, MPI_Info info, MPI_Comm *new, MPI_Request *request)
{
    static const char name[] = "MPI_Comm_idup";
    if (ompi_comm_invalid(comm))
        return OMPI_ERRHANDLER_INVOKE(MPI_COMM_WORLD, MPI_ERR_COMM, name);
    if (!new || !request)
        return OMPI_ERRHANDLER_INVOKE(comm, MPI_ERR_ARG, name);
    *new = MPI_COMM_NULL;
    int rc = duplicate(comm, info == MPI_INFO_NULL ? NULL : &info->super, new);
    *request = &ompi_request_empty;
    OMPI_ERRHANDLER_RETURN(rc, comm, rc, name);
}

static int idup(MPI_Comm comm, MPI_Comm *new, MPI_Request *request)
{
    return idup_with_info(comm, MPI_INFO_NULL, new, request);
}

void p2prep_idup_open(void)
{
    (void)p2prep_patch("MPI_Comm_idup", (uintptr_t)idup);
    (void)p2prep_patch("MPI_Comm_idup_with_info", (uintptr_t)idup_with_info);
}
