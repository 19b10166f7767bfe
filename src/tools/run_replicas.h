/* SPDX-License-Identifier: BSD-3-Clause */
/* run_replicas.h - what was typed behind -r: how many replicas each rank has */
#ifndef P2PMPI_TOOLS_RUN_REPLICAS_H
#define P2PMPI_TOOLS_RUN_REPLICAS_H

#include "base/err.h"

#include <stdint.h>

/* "2": two of each rank; "0:3,*:2": three of rank 0, two of every other; "0-3:2": of four ranks;
 * ranks that nothing is said of have one, and the last word about a rank counts. degrees_out[ranks]
 * may be NULL: only looks whether text is well formed, for any number of ranks if ranks is 0.
 * Returns 0, or -1 with a sentence. */
int run_replicas_read(const char *text, uint32_t ranks, uint32_t *degrees_out, struct err *err);

#endif
