/* SPDX-License-Identifier: BSD-3-Clause */
/* installed.h - the directories of programs that a machine's administrator installed
 *
 * A job may use what is there in place, and its sandbox shows them, read-only; everything else is
 * somebody's own. */
#ifndef P2PMPI_BASE_INSTALLED_H
#define P2PMPI_BASE_INSTALLED_H

#include <stdbool.h>

/* Ended by NULL. /bin, /sbin and /lib* are not among them: they are links into /usr. */
extern const char *const installed_dirs[];

/* True for an absolute path below one of them, or below /bin, /sbin, /lib*, without ".." in it. */
bool installed_has(const char *path);

#endif
