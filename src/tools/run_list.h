/* SPDX-License-Identifier: BSD-3-Clause */
/* run_list.h - lists on a command line and in files: host names with slots, strings */
#ifndef P2PMPI_TOOLS_RUN_LIST_H
#define P2PMPI_TOOLS_RUN_LIST_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct run_strings {
    char **items; /* owned */
    size_t count;
};

struct run_host {
    char *name;
    uint32_t slots; /* 0 when not given */
    bool slots_given;
};
struct run_hosts {
    struct run_host *items;
    size_t count;
};

void run_strings_add(struct run_strings *list, const char *text);
void run_strings_clear(struct run_strings *list);

/* "a,b:2,c": a name that stands twice counts twice, as with mpirun. */
int run_hosts_add(struct run_hosts *list, const char *text, struct err *err);
/* Lines "name [slots=N] [max_slots=N]", '#' begins a comment. A sentence names file and line. */
int run_hosts_read(struct run_hosts *list, const char *path, struct err *err);
void run_hosts_clear(struct run_hosts *list);

/* A whole number from min to max and nothing else. Returns 0 or -1. */
int run_number(const char *text, uint32_t min, uint32_t max, uint32_t *number_out);

#endif
