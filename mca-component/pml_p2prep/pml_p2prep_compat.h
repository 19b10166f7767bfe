/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_compat.h - Open MPI 4.1 and 5.0: all in which they differ for p2prep
 *
 * Comes before any other header of Open MPI. 5.0 has no layer of its own over PMIx any more, gives
 * communicators an extended id beside the index that stands on our wire, and knows a newer PML. */
#ifndef PML_P2PREP_COMPAT_H
#define PML_P2PREP_COMPAT_H

#include <ompi_config.h>

#include <stdbool.h>
#include <stdint.h>

/* Packages leave peruse.h out, which Open MPI's own headers include; nothing of PERUSE is used
 * here. */
#define _PERUSE_INTERNAL_H_ 1

#if OMPI_MAJOR_VERSION >= 5
#if !__has_include(MCA_threads_mutex_base_include_HEADER)
#include "mca-component/pml_p2prep/pml_p2prep_threads.h"
#endif
#include <opal/mca/pmix/pmix-internal.h>
#define P2PREP_PML_VERSION  MCA_PML_BASE_VERSION_2_1_0
#define P2PREP_MODEX_GLOBAL PMIX_GLOBAL
#define P2PREP_MODEX_STRING PMIX_STRING
#define P2PREP_LOCAL_PEERS  PMIX_LOCAL_PEERS
#define P2PREP_CONTEXT      c_index
#else
#include <opal/mca/pmix/pmix.h>
#define P2PREP_PML_VERSION  MCA_PML_BASE_VERSION_2_0_0
#define P2PREP_MODEX_GLOBAL OPAL_PMIX_GLOBAL
#define P2PREP_MODEX_STRING OPAL_STRING
#define P2PREP_LOCAL_PEERS  OPAL_PMIX_LOCAL_PEERS
#define P2PREP_CONTEXT      c_contextid
#endif

#include <ompi/communicator/communicator.h>
#include <ompi/proc/proc.h>

#include <stdlib.h>
#include <string.h>

/* The number by which all processes of a communicator know it. */
static inline uint32_t p2prep_context(const struct ompi_communicator_t *comm)
{
    return comm->P2PREP_CONTEXT;
}

/* Gives a new communicator its number. */
static inline void p2prep_context_set(struct ompi_communicator_t *comm, uint32_t context)
{
    comm->P2PREP_CONTEXT = context;
#if OMPI_MAJOR_VERSION >= 5
    comm->c_flags |= OMPI_COMM_GLOBAL_INDEX;
#endif
}

/* Its local side with attributes and topology, without a number; sends nothing. */
static inline int p2prep_comm_copy(struct ompi_communicator_t *comm,
                                   struct ompi_communicator_t **copy_out)
{
#if OMPI_MAJOR_VERSION >= 5
    return ompi_comm_set(copy_out, comm, 0, NULL, 0, NULL, comm->c_keyhash, comm->error_handler,
                         comm->c_local_group, NULL, OMPI_COMM_SET_FLAG_COPY_TOPOLOGY);
#else
    return ompi_comm_set(copy_out, comm, 0, NULL, 0, NULL, comm->c_keyhash, comm->error_handler,
                         true, comm->c_local_group, NULL);
#endif
}

/* Its number stays taken when the communicator is gone. */
static inline void p2prep_context_forget(struct ompi_communicator_t *comm)
{
    comm->P2PREP_CONTEXT = (uint32_t)MPI_UNDEFINED;
}

/* 4.1 sends the names of hosts along with those of processes (MPI_Intercomm_create): sets of
 * replicas, on hosts of their own, must not send others. */
static inline void p2prep_host_hide(struct ompi_proc_t *proc)
{
#if OMPI_MAJOR_VERSION < 5
    char *host = strdup("host");
    if (!host)
        return;
    free(proc->super.proc_hostname);
    proc->super.proc_hostname = host;
#else
    (void)proc;
#endif
}

#endif
