/* SPDX-License-Identifier: BSD-3-Clause */
/* demand.h - what a booking wants of which candidate, and what it has: arithmetic over the list of
 * candidates */
#ifndef P2PMPI_PLAN_DEMAND_H
#define P2PMPI_PLAN_DEMAND_H

#include "plan/candidate.h"
#include "plan/place.h"

struct demand {
    struct place_job job; /* ranks 0: all that there is */
    bool oversubscribe;
};

struct plan {
    struct place_host *hosts; /* as list->order; slots 0 for those that are not used */
    uint32_t *counts;         /* processes, or slots to ask for */
    uint32_t missing;         /* processes without a place */
    uint32_t wanted;          /* processes */
};

/* What to ask of whom (counts), as far as is known: where the processes would go, and 3
 * ceil(log2(n + 1)) hosts more. Changes what is believed of hosts that seemed full, when slots are
 * missing otherwise. */
struct plan plan_wanted(struct candidates *list, const struct demand *demand);
/* Where the processes go with what is granted; with_asked: and with what is on its way. */
struct plan plan_granted(const struct candidates *list, const struct demand *demand,
                         bool with_asked);
void plan_clear(struct plan *plan);

/* What place.h looks at, with no slots. Borrowed from the candidate. */
struct place_host demand_host(const struct candidate *candidate);

#endif
