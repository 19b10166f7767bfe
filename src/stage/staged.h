/* SPDX-License-Identifier: BSD-3-Clause */
/* staged.h - the list JOBDIR/staged: input files as they were before the ranks started
 *
 * A line per file: size, time of last change, inode, path below work/. A file is a result when it
 * is not in the list or looks different now. The list is a file, so that it outlives a restart of
 * p2pmpid. */
#ifndef P2PMPI_STAGE_STAGED_H
#define P2PMPI_STAGE_STAGED_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>

struct staged;

void staged_note(FILE *out, const char *path, const struct stat *st);
/* Reads the list; one that is absent or broken counts as empty: everything is a result then. */
struct staged *staged_read(const char *list);
bool staged_is_same(const struct staged *staged, const char *path, const struct stat *st);
void staged_destroy(struct staged *staged);

#endif
