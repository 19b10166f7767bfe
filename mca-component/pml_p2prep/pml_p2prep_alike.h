/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_alike.h - with replicas: do those of a rank run in the same surroundings? */
#ifndef PML_P2PREP_ALIKE_H
#define PML_P2PREP_ALIKE_H

/* Before the modex: publishes what this process's results may depend on. */
int p2prep_alike_publish(void);
/* After it: says, once for each host, in what the next replica's surroundings differ. */
void p2prep_alike_compare(void);

#endif
