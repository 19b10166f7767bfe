/* SPDX-License-Identifier: BSD-3-Clause */
/* program.h - where the other programs of P2P-MPI are */
#ifndef P2PMPI_BASE_PROGRAM_H
#define P2PMPI_BASE_PROGRAM_H

#include "base/err.h"

/* Path of a program of ours: beside the running one, in the build tree, below the same prefix, or
 * where `make install` would put it. The caller frees. NULL with a sentence that tells where it was
 * looked for. */
char *program_find(const char *name, struct err *err);

/* Directory of our component of Open MPI, found likewise, or in ~/.openmpi/components, or where a
 * sandbox has it (PROGRAM_COMPONENT). The caller frees. NULL: it is not installed. */
char *program_component(void);
#define PROGRAM_COMPONENT "/p2pmpi-component"

#endif
