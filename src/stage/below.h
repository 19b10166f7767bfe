/* SPDX-License-Identifier: BSD-3-Clause */
/* below.h - opens and makes files below a directory, never through a symbolic link and never
 * outside */
#ifndef P2PMPI_STAGE_BELOW_H
#define P2PMPI_STAGE_BELOW_H

#include <sys/types.h>

/* Opens the directory that holds path (relative, file_is_below()); makes missing ones when mode is
 * not 0. *name_out points at the last part of path. Returns a descriptor or -1 with errno (ELOOP or
 * ENOTDIR: a link or a file is in the way). */
int below_parent(int dirfd, const char *path, mode_t mode, const char **name_out);

/* Opens path for reading, or makes it (O_EXCL, for writing) with mode. */
int below_open(int dirfd, const char *path);
int below_create(int dirfd, const char *path, mode_t mode);
/* mkdir -p. */
int below_mkdirs(int dirfd, const char *path, mode_t mode);

/* Writes all of it. 0, or -1 with errno. */
int below_write(int fd, const void *bytes, size_t size);

#endif
