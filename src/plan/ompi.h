/* SPDX-License-Identifier: BSD-3-Clause */
/* ompi.h - which Open MPI this machine has, found without running anything of it
 *
 * libmpi.so.40 is searched as ld.so would (LD_LIBRARY_PATH, the directories of /etc/ld.so.conf, the
 * usual ones) and beside mpirun. Its real name is libmpi.so.40.AGE.REVISION, where libtool's AGE
 * tells the series: 30 is 4.1, 40 is 5.0 (and 20 is 4.0, 10 is 3.1). The exact version stands
 * inside it as text. */
#ifndef P2PMPI_PLAN_OMPI_H
#define P2PMPI_PLAN_OMPI_H

#include <stdbool.h>
#include <stddef.h>

#define OMPI_VERSION_SIZE 16

/* Writes "4.1.4", or the series "4.1" when the exact version is not found. Returns 0, or -1: none
 * here. */
int ompi_find(char version_out[OMPI_VERSION_SIZE]);

/* The parts of it, for tests. "libmpi.so.40.30.4" -> "4.1"; NULL for a name of another kind. */
const char *ompi_series(const char *file_name);
/* Looks for the text "v4.1.4", a string of its own, in the file's bytes, series being "4.1". True
 * when found. */
bool ompi_exact(const char *path, const char *series, char version_out[OMPI_VERSION_SIZE]);

#endif
