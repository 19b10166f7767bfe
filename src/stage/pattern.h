/* SPDX-License-Identifier: BSD-3-Clause */
/* pattern.h - which results are wanted: the patterns of --fetch */
#ifndef P2PMPI_STAGE_PATTERN_H
#define P2PMPI_STAGE_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

/* Tries each pattern (fnmatch(3)) on the path, on each directory above the file and on the base
 * name: "*.ppm", "out/run-1", "out". A leading "." is only matched by one, as in a shell. */
bool pattern_matches(char *const *patterns, size_t count, const char *path);

#endif
