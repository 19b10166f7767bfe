/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_refuse.h - with replicas: what is not supported says so when it is called */
#ifndef PML_P2PREP_REFUSE_H
#define PML_P2PREP_REFUSE_H

#include <stddef.h>

/* Puts refusals in the place of MPI's functions; and warnings where replicas do not agree on
 * outcomes. */
void p2prep_refuse_open(void);
void p2prep_refuse_close(void);
/* The program, or with a tag of its own the library, received so many items or probed (SIZE_MAX)
 * from any source. */
void p2prep_refuse_wildcard(int tag, size_t count);
/* The program tested for something that depends on time. */
void p2prep_refuse_test(void);

#endif
