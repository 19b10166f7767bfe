/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_end.h - with replicas: MPI_Init and MPI_Finalize among the living */
#ifndef PML_P2PREP_END_H
#define PML_P2PREP_END_H

/* Before Open MPI's fences: it will not wait in any. */
void p2prep_end_open(void);
/* The one fence of MPI_Init, after which the others' cards are here. PMIx servers wait in it for
 * those who died before: then nobody does, and each asks for the others' cards
 * (p2prep_watch_await()). */
void p2prep_end_meet(void);
void p2prep_end_register(void);
void p2prep_end_deregister(void);

#endif
