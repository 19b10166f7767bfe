/* SPDX-License-Identifier: BSD-3-Clause */
/* spread.h - replicas of a rank on different machines: which counts allow it, and who goes where
 *
 * A job on m machines with c_1, ..., c_m processes can be dealt so that no machine has a rank twice
 * if and only if, for every k, the machines together hold min(c_i, k) processes at least as often
 * as the k ranks with most replicas want (Gale 1957, Ryser 1957). With r replicas of each of n
 * ranks that is: no machine holds more than n. Dealing rank by rank, most replicas first, to the
 * machines with most processes left finds a way whenever there is one. */
#ifndef P2PMPI_PLAN_SPREAD_H
#define P2PMPI_PLAN_SPREAD_H

#include "plan/place.h"

/* As place_counts(); counts are 0. */
uint32_t spread_counts(const struct place_job *job, const struct place_host *hosts, size_t count,
                       uint32_t *counts);

/* Deals the processes of a job for which spread_counts() found room: counts as it left them. Of
 * machines with equally many left, one at another site is taken, then one with the processor level
 * of the rank's first replica, then the first. */
void spread_deal(const struct place_job *job, const struct place_host *hosts,
                 const uint32_t *counts, size_t count, uint32_t *process_host_out);

#endif
