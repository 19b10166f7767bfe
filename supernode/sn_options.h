/* SPDX-License-Identifier: BSD-3-Clause */
/* sn_options.h - what the owner wants: command line, then configuration file, then defaults */
#ifndef P2PMPI_SN_OPTIONS_H
#define P2PMPI_SN_OPTIONS_H

#include "base/dirs.h"
#include "base/err.h"
#include "base/log.h"

#include <stdbool.h>
#include <stdint.h>

struct sn_options {
    struct dirs dirs;
    char *listen; /* NULL: all addresses */
    uint32_t port, expiry_s, peers_max;
    char *grid_path, *socket_path, *log_path;
    enum log_level log_level;
    bool daemon, stop, list, json;
};

/* --help, --version and unknown options end the program. Returns 0, or -1 with a sentence. */
int sn_options_read(int argc, char **argv, struct sn_options *options_out, struct err *err);
void sn_options_clear(struct sn_options *options);

#endif
