/* SPDX-License-Identifier: BSD-3-Clause */
/* place.h - which rank runs on which host: arithmetic only */
#ifndef P2PMPI_PLAN_PLACE_H
#define P2PMPI_PLAN_PLACE_H

#include "base/err.h"
#include "wire/wire.pb-c.h"

#include <stddef.h>
#include <stdint.h>

struct place_host {
    uint32_t slots;         /* ranks that may run there */
    const char *machine_id; /* borrowed; hosts with the same one die together. NULL: on its own */
};

/* Puts ranks on hosts, which stand in order of preference (nearest first).
 *   spread:      one rank on each host in turn, round after round: rank 0 1 2 | 3 4 5 -> host 0 1 2
 * | 0 1 2 concentrate: each host filled before the next: rank 0 1 | 2 3 -> host 0 0 | 1 1 replicas
 * is 1 today; with more, no two replicas of a rank will share a machine_id, and rank_host_out will
 * hold ranks * replicas numbers, replica after replica. rank_host_out[ranks] gets indices into
 * hosts. -1 with a sentence when the slots do not suffice; then nothing is written. */
int place_ranks(Wire__Strategy strategy, const struct place_host *hosts, size_t count,
                uint32_t ranks, uint32_t replicas, uint32_t *rank_host_out, struct err *err);

/* The same as numbers of ranks per host, and for fewer slots than ranks too: counts_out[count] gets
 * how many ranks each would take. Returns how many ranks found no place. */
uint32_t place_counts(Wire__Strategy strategy, const struct place_host *hosts, size_t count,
                      uint32_t ranks, uint32_t *counts_out);

#endif
