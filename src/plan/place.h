/* SPDX-License-Identifier: BSD-3-Clause */
/* place.h - which process runs on which host: arithmetic only
 *
 * A job's processes are its ranks, or with replicas several for each rank, numbered as in
 * replica/world.h. Replicas of a rank never share a machine, whatever the strategy. */
#ifndef P2PMPI_PLAN_PLACE_H
#define P2PMPI_PLAN_PLACE_H

#include "base/err.h"
#include "wire/wire.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct place_host {
    uint32_t slots;         /* processes that may run there */
    const char *machine_id; /* borrowed; hosts with the same one die together. NULL: on its own */
    const char *site;       /* borrowed; likewise, where there is a choice. NULL: on its own */
    uint32_t cpu_level;     /* replicas of a rank go to one level, where there is a choice */
};

struct place_job {
    Wire__Strategy strategy;
    uint32_t ranks;
    const uint32_t *degrees; /* borrowed: replicas of each rank; NULL: one each */
};

bool place_has_replicas(const struct place_job *job);
/* How many processes the job has. */
uint32_t place_processes(const struct place_job *job);

/* Hosts stand in order of preference (nearest first). How many processes each would take, so that
 * all replicas find a machine of their own:
 *   spread:      one process on each host in turn, round after round
 *   concentrate: each host filled before the next
 * counts_out[count] is filled for too few slots, too. Returns how many processes found no place. */
uint32_t place_counts(const struct place_job *job, const struct place_host *hosts, size_t count,
                      uint32_t *counts_out);

/* Puts processes on hosts. Without replicas spread is rank 0 1 2 | 3 4 5 -> host 0 1 2 | 0 1 2,
 * concentrate rank 0 1 | 2 3 -> host 0 0 | 1 1. process_host_out[place_processes()] gets indices
 * into hosts. -1 with a sentence when there is no room; then nothing is written. */
int place_processes_on(const struct place_job *job, const struct place_host *hosts, size_t count,
                       uint32_t *process_host_out, struct err *err);

/* The largest number of replicas that so many ranks could have, each the same; 0: not even one. */
uint32_t place_largest(uint32_t ranks, const struct place_host *hosts, size_t count);

#endif
