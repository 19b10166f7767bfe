/* SPDX-License-Identifier: BSD-3-Clause */
/* px_reap.h - the end of processes: ranks that exit, descendants that they leave behind
 *
 * The step is a subreaper: what a rank leaves behind becomes the step's own child, however it was
 * detached. */
#ifndef P2PMPI_PX_REAP_H
#define P2PMPI_PX_REAP_H

#include <stdbool.h>
#include <sys/types.h>

struct px_step;

/* Makes this process a subreaper and watches SIGCHLD. Returns 0, or -1 with errno. */
int px_reap_open(struct px_step *step);
void px_reap_close(void);

/* Sends a signal to all living ranks with their process groups; TSTP goes as STOP, as under mpirun.
 */
void px_reap_signal(struct px_step *step, int number);

/* Kills children of this process that are no ranks of step (NULL: that is all), with their
 * descendants. */
void px_reap_strays(struct px_step *step);

/* Kills all descendants of this process and collects them: returns when there are none, or after a
 * second. */
void px_reap_all(void);

#endif
