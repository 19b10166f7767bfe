/* SPDX-License-Identifier: BSD-3-Clause */
/* jobdirs.h - directories of jobs that are over: removed, now or when dying ranks have let go of
 * them */
#ifndef P2PMPI_PEER_JOBDIRS_H
#define P2PMPI_PEER_JOBDIRS_H

#include <stdbool.h>
#include <stdint.h>

struct jobdirs; /* those that could not be removed yet */

struct jobdirs *jobdirs_create(void);
void jobdirs_destroy(struct jobdirs *jobdirs); /* tries once more */

/* Removes a directory with all it holds; takes its name, NULL is fine. */
void jobdirs_remove_take(struct jobdirs *jobdirs, char *dir);
void jobdirs_tick(struct jobdirs *jobdirs, int64_t now_ms);
bool jobdirs_is_empty(const struct jobdirs *jobdirs);

/* Removes what private daemons that were killed left below path. */
void jobdirs_sweep(const char *path);

#endif
