/* SPDX-License-Identifier: BSD-3-Clause */
/* run_options.h - what was typed behind p2pmpirun: mpirun's option names, read into one struct */
#ifndef P2PMPI_TOOLS_RUN_OPTIONS_H
#define P2PMPI_TOOLS_RUN_OPTIONS_H

#include "base/err.h"
#include "tools/run_list.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum run_strategy { RUN_SPREAD, RUN_CONCENTRATE };

struct run_options {
    uint32_t ranks; /* 0: not given */
    struct run_hosts hosts;
    struct run_strings exports; /* -x, as typed */
    struct run_strings mca;     /* pairs: the full variable name, then the value */
    struct run_strings preload; /* --preload-files, as typed */
    struct run_strings lists;   /* -l, as typed */
    struct run_strings fetch;   /* patterns */
    const char *replicas;       /* -r, as typed; NULL: not given */
    const char *wdir;           /* borrowed from argv; NULL: the current directory */
    enum run_strategy strategy;
    uint32_t wait_ms;    /* -w; 0: the daemon's own limit */
    uint32_t timeout_ms; /* 0: none */
    bool tag_output, merge_stderr, no_stdin, display_map, oversubscribe, local, quiet, verbose;
    bool help, version; /* asked for: nothing else counts */
    char **argv;        /* program and its arguments, borrowed, NULL-ended */
    int argc;
};

/* Reads a command line; host files named in it are read too. The environment's MPIEXEC_TIMEOUT
 * counts where --timeout is not given. Returns 0, or -1 with a sentence. run_options_clear() frees
 * what it filled, in both cases. */
int run_options_read(struct run_options *options, int argc, char **argv, struct err *err);
void run_options_clear(struct run_options *options);

void run_options_help(FILE *out);

#endif
