/* SPDX-License-Identifier: BSD-3-Clause */
/* shortage.h - why a job found no place, in a sentence that says what to do */
#ifndef P2PMPI_PLAN_SHORTAGE_H
#define P2PMPI_PLAN_SHORTAGE_H

#include "base/err.h"
#include "plan/demand.h"

/* "12 ranks wanted, the grid has 8 free slots on 4 hosts (16 in all): use -n 8, wait with -w, or
 * --oversubscribe; 5 hosts have no Open MPI 4.1". Few hosts, and those asked for by name, are named
 * with what each lacks. With replicas: why not, and the largest -r that fits. */
void shortage_tell(const struct candidates *list, const struct demand *demand,
                   const Wire__Needs *needs, struct err *err);

#endif
