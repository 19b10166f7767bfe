/* SPDX-License-Identifier: BSD-3-Clause */
/* series.h - all fences of one set of processes: its hosts, who lives there, which fences are over
 *
 * Hosts that have ranks in the set are its positions, in order of host numbers (tree.h). */
#ifndef P2PMPI_COLL_SERIES_H
#define P2PMPI_COLL_SERIES_H

#include "coll/procset.h"
#include "coll/tree.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

#define SERIES_AHEAD 64 /* fences of one set under way: number n is refused until n - 64 is over   \
                         */

/* What is true of the whole job, whatever the set. */
struct series_job {
    const uint32_t *rank_host; /* borrowed */
    const bool *rank_gone;     /* borrowed */
    const bool *host_lost;     /* borrowed */
    size_t ranks, hosts;
    int self;
};

struct series {
    struct procset set;   /* key */
    size_t count;         /* positions */
    uint32_t *hosts;      /* their host numbers, rising */
    bool *lost;           /* theirs */
    uint32_t *living;     /* ranks of the set on each that are not gone */
    size_t me;            /* own position */
    uint32_t contributed; /* fences that this host has taken part in */
    uint32_t over_upto;   /* all fences up to this number are over; ... */
    uint64_t over_mask;   /* ... of the next 64, those whose bit is set */
    UT_hash_handle hh;
};

/* set becomes the series' own. NULL when self has no rank in it (set stays the caller's). */
struct series *series_create_take(struct procset *set, const struct series_job *job);
void series_destroy(struct series *series);

void series_rank_gone(struct series *series, uint32_t rank, uint32_t host);
/* True when the host was one of the set's. */
bool series_host_lost(struct series *series, uint32_t host);
/* Position of host, TREE_NONE if it has no rank in the set. */
size_t series_position(const struct series *series, uint32_t host);
struct tree series_tree(const struct series *series);
/* Will this position contribute? */
bool series_is_awaited(const struct series *series, size_t position);

bool series_is_over(const struct series *series, uint32_t number);
bool series_is_near(const struct series *series,
                    uint32_t number); /* 1 .. SERIES_AHEAD behind those over */
void series_set_over(struct series *series, uint32_t number); /* must be near */

#endif
