/* SPDX-License-Identifier: BSD-3-Clause */
/* run_progress.h - one line on a terminal while a job is prepared; erased before anything else is
 * written */
#ifndef P2PMPI_TOOLS_RUN_PROGRESS_H
#define P2PMPI_TOOLS_RUN_PROGRESS_H

#include "wire/frame.h"

#include <stdbool.h>

struct event_base;
struct run_progress;

/* line: draw on standard error (a terminal). steps: tell each phase as a line of its own (-v). */
struct run_progress *run_progress_create(struct event_base *base, bool line, bool steps);
void run_progress_destroy(struct run_progress *progress);

void run_progress_set(struct run_progress *progress, Wire__Phase phase, uint64_t done,
                      uint64_t total, const char *text);
/* Takes the line away until the next run_progress_set(). */
void run_progress_erase(struct run_progress *progress);

/* "bringing files to the hosts: 1.5 MiB of 3.0 MiB (peer3)" */
void run_progress_sentence(Wire__Phase phase, uint64_t done, uint64_t total, const char *text,
                           char *out, size_t size);

#endif
