/* SPDX-License-Identifier: BSD-3-Clause */
/* px_launch.h - the ranks of this host: started, and how they ended */
#ifndef P2PMPI_PX_LAUNCH_H
#define P2PMPI_PX_LAUNCH_H

#include "base/err.h"
#include "wire/frame.h"

#include <stdbool.h>

struct px_step;
struct px_rank;

/* Starts all ranks of this host. p2pmpid hears StepStarted when every one of them runs its program,
 * or why one does not. Returns 0, or -1 with a sentence when nothing was started. */
int px_launch(struct px_step *step, struct err *err);
void px_launch_close(struct px_step *step);

/* A rank's process has ended with this status of waitpid(): told to the home and the whole job. */
void px_launch_rank_ended(struct px_step *step, struct px_rank *rank, int status);

/* The end of any rank of the job, told by its host or this one: fences and waiting ranks learn of
 * it. */
void px_launch_exit_heard(struct px_step *step, const Wire__RankExit *exit);

/* Tells the home once when all ranks have ended and their output is out. */
void px_launch_check_done(struct px_step *step);

/* Tells a home that started anew what it missed. */
void px_launch_tell_state(struct px_step *step);

/* More ranks here than processors: they must yield while they wait. */
bool px_launch_is_crowded(const struct px_step *step);

#endif
