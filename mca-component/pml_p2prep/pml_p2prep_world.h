/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_world.h - the world that a program with replicas sees: its logical ranks only */
#ifndef PML_P2PREP_WORLD_H
#define PML_P2PREP_WORLD_H

#include "mca-component/pml_p2prep/pml_p2prep.h"

/* Before the frameworks above us open: what all sets must do alike. */
void p2prep_world_prepare(void);
/* Finds out who is who among the processes that the launcher started. An OMPI error code; shows
 * why. */
int p2prep_world_open(void);
/* Makes MPI_COMM_WORLD that of the logical ranks; before anything knows its size. */
void p2prep_world_enter(void);
/* Nobody of it shares a host with us. Open MPI finds out once more, for each intercommunicator. */
void p2prep_world_hide(void);
/* Context ids are not used twice: keeps the one of a communicator that goes. */
void p2prep_world_keep_id(struct ompi_communicator_t *comm);

#endif
