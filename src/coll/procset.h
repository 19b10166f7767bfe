/* SPDX-License-Identifier: BSD-3-Clause */
/* procset.h - the processes of a fence as a set: the same whatever order they were named in */
#ifndef P2PMPI_COLL_PROCSET_H
#define P2PMPI_COLL_PROCSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROCSET_WILDCARD 0xfffffffeu

/* Ranks in rising order, each once; or the wildcard alone, for all ranks of the job. */
struct procset {
    uint32_t *ranks; /* owned */
    size_t count;
};

/* Makes a set of count > 0 ranks below `limit` (or the wildcard). Returns -1 for any other rank, or
 * none. */
int procset_init(struct procset *set, const uint32_t *ranks, size_t count, uint32_t limit);
void procset_clear(struct procset *set);

bool procset_is_all(const struct procset *set);
bool procset_has(const struct procset *set, uint32_t rank);

#endif
