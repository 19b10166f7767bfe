/* SPDX-License-Identifier: BSD-3-Clause */
/* grid_verbs.h - the commands of p2pmpi-grid; each takes main's words and returns the exit code */
#ifndef P2PMPI_TOOLS_GRID_VERBS_H
#define P2PMPI_TOOLS_GRID_VERBS_H

int grid_create(int argc, char **argv, const char *usage);
int grid_join(int argc, char **argv, const char *usage);
int grid_show(int argc, char **argv, const char *usage);

#endif
