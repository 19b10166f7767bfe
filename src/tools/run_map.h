/* SPDX-License-Identifier: BSD-3-Clause */
/* run_map.h - --display-map: which rank runs on which host */
#ifndef P2PMPI_TOOLS_RUN_MAP_H
#define P2PMPI_TOOLS_RUN_MAP_H

#include "wire/frame.h"

#include <stdio.h>

void run_map_print(const Wire__JobSpec *spec, FILE *out);

/* Ranks of one host in short: "0-3,8,10-11". The caller frees. */
char *run_map_ranks(const Wire__JobSpec *spec, uint32_t host);

#endif
