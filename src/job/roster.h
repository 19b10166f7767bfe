/* SPDX-License-Identifier: BSD-3-Clause */
/* roster.h - a job's processes as replicas of its ranks: who runs, who ended well, who is dead
 *
 * A rank lives on as long as one of its replicas runs or has ended well. Without replicas each
 * process is a rank of its own. */
#ifndef P2PMPI_JOB_ROSTER_H
#define P2PMPI_JOB_ROSTER_H

#include "replica/world.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum roster_state { ROSTER_RUNS, ROSTER_ENDED_WELL, ROSTER_DEAD };

struct roster;

/* Do degrees[count] add up to so many processes, each 1 to WORLD_REPLICAS_MAX? They come from
 * others. count 0: one each. */
bool roster_is_sound(uint32_t processes, const uint32_t *degrees, size_t count);

/* A job of `processes` processes; degrees[ranks]: replicas of each rank, as JobSpec has them; count
 * 0: one each. NULL unless roster_is_sound(). */
struct roster *roster_create(uint32_t processes, const uint32_t *degrees, size_t count);
void roster_destroy(struct roster *roster);

const struct world *roster_world(const struct roster *roster); /* borrowed */
uint32_t roster_rank(const struct roster *roster, uint32_t process);
bool roster_has_replicas(const struct roster *roster);

/* The first word about a process counts; later ones change nothing: false. */
bool roster_ended_well(struct roster *roster, uint32_t process);
bool roster_died(struct roster *roster, uint32_t process);
/* Its host is lost: dead, and if it had ended well nobody can ask for what it made. */
bool roster_lost(struct roster *roster, uint32_t process);
enum roster_state roster_state_of(const struct roster *roster, uint32_t process);

/* Replicas of a rank that run or ended well: 0 is the end of the job. */
uint32_t roster_left(const struct roster *roster, uint32_t rank);
uint32_t roster_running(const struct roster *roster); /* processes */

#endif
