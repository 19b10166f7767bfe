/* SPDX-License-Identifier: BSD-3-Clause */
/* dirs.h - where P2P-MPI keeps its files (XDG Base Directory Specification 0.8)
 *
 * P2PMPI_DIR=/x in the environment puts all four below /x: two daemons of one owner on one machine, tests. */
#ifndef P2PMPI_BASE_DIRS_H
#define P2PMPI_BASE_DIRS_H

#include "base/err.h"

struct dirs {
    char *config; /* p2pmpid.conf, grid files */
    char *state;  /* key, certificate, peer cache, log */
    char *run;    /* p2pmpid.sock, jobs/ */
    char *cache;  /* staged content by hash */
};

/* Finds the four and makes them, mode 0700. Returns 0, or -1 with a sentence. dirs_clear() frees. */
int dirs_find(struct dirs *dirs_out, struct err *err);
/* Only run, the others NULL: enough to find a p2pmpid, or to run a job alone without a home. */
int dirs_find_run(struct dirs *dirs_out, struct err *err);
void dirs_clear(struct dirs *dirs);

#endif
