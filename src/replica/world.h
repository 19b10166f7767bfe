/* SPDX-License-Identifier: BSD-3-Clause */
/* world.h - who is which replica of which logical rank
 *
 * n logical ranks, up to r replicas of each; physical p is replica p / n of logical rank p % n,
 * unless a map says otherwise. Plain data, constant after creation. */
#ifndef P2PMPI_REPLICA_WORLD_H
#define P2PMPI_REPLICA_WORLD_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

#define WORLD_REPLICAS_MAX 16

struct world {
    int processes; /* physical ones */
    int ranks;     /* logical ones */
    int replicas;  /* the largest number of replicas of any rank */
    int *rank;     /* [processes] logical rank of a process */
    int *set;      /* [processes] its replica index */
    int *process;  /* [ranks * replicas] see world_process() */
};

/* `processes` processes, `replicas` of each rank. NULL with a sentence when that does not come out.
 */
struct world *world_create(int processes, int replicas, struct err *err);
/* Any degree per rank: map is "2,2,1,2" (replicas of rank 0, 1, ...); processes are dealt set by
 * set: first one of each rank, then a second one of each rank that has two, ... */
struct world *world_create_map(int processes, const char *map, struct err *err);
/* The same, degrees[ranks] being numbers already. */
struct world *world_create_degrees(const uint32_t *degrees, int ranks, struct err *err);
void world_destroy(struct world *world);

/* The process that is replica `set` of `rank`, or -1: there is none. */
int world_process(const struct world *world, int rank, int set);

/* For the warning about replicas that share a host: host[p] is any number naming p's host. Returns
 * a rank of which two replicas share one, with these two, or -1. */
int world_shared_host(const struct world *world, const int *host, int *first_out, int *second_out);

#endif
