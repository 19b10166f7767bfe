/* SPDX-License-Identifier: BSD-3-Clause */
/* file.h - files and directories: whole reads, atomic writes, trees made and removed */
#ifndef P2PMPI_BASE_FILE_H
#define P2PMPI_BASE_FILE_H

#include "base/err.h"

#include <stddef.h>
#include <sys/types.h>

/* Reads a whole file of at most max bytes; a NUL is put behind. The caller frees. NULL with a sentence. */
char *file_read(const char *path, size_t max, size_t *size_out, struct err *err);

/* Writes path by way of a temporary file beside it and rename(): others see the old content or the new. */
int file_write(const char *path, const void *bytes, size_t size, mode_t mode, struct err *err);

/* mkdir -p; directories made get mode. */
int file_mkdirs(const char *path, mode_t mode, struct err *err);

/* rm -r, never following links and never leaving the file system. A path that is not there is success. */
int file_remove_tree(const char *path, struct err *err);

/* True for a relative path that names something strictly below: no "..", no empty part, not absolute. */
int file_is_below(const char *path);

#endif
