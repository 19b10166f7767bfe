/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_stats.h - what this process did, for MPI_T and for pml_p2prep_stats */
#ifndef PML_P2PREP_STATS_H
#define PML_P2PREP_STATS_H

#include <stdbool.h>
#include <stdint.h>

/* Registers the performance variables pml_p2prep_*. */
void p2prep_stats_register(void);
/* The sender of `rank` that served this process is dead; or all that it owed is here from another
 * one. */
void p2prep_stats_failover(int rank, bool is_over);
void p2prep_stats_dead(void);
/* The program has waited for a decision since then. */
int64_t p2prep_stats_clock_us(void);
void p2prep_stats_waited(int64_t since_us);
/* One line of everything, if pml_p2prep_stats asks for it. */
void p2prep_stats_say(void);
void p2prep_stats_close(void);

#endif
