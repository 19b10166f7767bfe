/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_idup.h - with replicas: MPI_Comm_idup without asking anybody */
#ifndef PML_P2PREP_IDUP_H
#define PML_P2PREP_IDUP_H

#include <stdint.h>

/* Puts ours in the place of MPI_Comm_idup and MPI_Comm_idup_with_info. */
void p2prep_idup_open(void);

/* The name of the number-th duplicate of the communicator `parent`: the same in all processes, at
 * least P2PREP_NAMED. Duplicates of what has a context id all have different names; of duplicates,
 * or from the 16384th on, only most probably. */
uint32_t p2prep_idup_name(uint32_t parent, uint32_t number);

#endif
