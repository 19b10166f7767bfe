/* SPDX-License-Identifier: BSD-3-Clause */
/* px_keeper.h - the small process above the step: it cleans up when the step is killed
 *
 * Ranks die with the step (PDEATHSIG); what they started does not. The keeper is a subreaper: all
 * of that becomes its child when the step dies, and is killed. The step in turn dies with the
 * keeper. */
#ifndef P2PMPI_PX_KEEPER_H
#define P2PMPI_PX_KEEPER_H

/* Forks: the child returns and is the step; the parent stays, never returns and exits as the child
 * did. shm_dir: removed with its content when the child has ended; may be empty. inherited: a
 * descriptor that only the child keeps. Returns 0, or -1 with errno. */
int px_keeper_start(const char *shm_dir, int inherited);

#endif
