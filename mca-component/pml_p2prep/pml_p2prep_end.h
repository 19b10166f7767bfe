/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_end.h - with replicas: MPI_Init and MPI_Finalize among the living */
#ifndef PML_P2PREP_END_H
#define PML_P2PREP_END_H

/* Before MPI_Init's fence: it will not wait for the dead. */
void p2prep_end_open(void);
void p2prep_end_register(void);
void p2prep_end_deregister(void);

#endif
