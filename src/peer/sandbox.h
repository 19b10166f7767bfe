/* SPDX-License-Identifier: BSD-3-Clause */
/* sandbox.h - what a job sees of a host that is not its owner's: bubblewrap's arguments
 *
 * Installed programs and libraries read-only, the job's own directory, an empty /tmp and /dev/shm;
 * no home, no other process, no capability. The network is shared: ranks talk over it. */
#ifndef P2PMPI_PEER_SANDBOX_H
#define P2PMPI_PEER_SANDBOX_H

#include "base/err.h"

#include <stddef.h>

#define SANDBOX_DIR      "/job" /* the job's directory in there */
#define SANDBOX_ARGS_MAX 96

/* mode: "auto", "bwrap" or "none" (p2pmpid.conf). Returns bubblewrap's path, malloc()ed, if one is
 * to be used and works here. NULL: none; then err says why, empty when none was wanted. */
char *sandbox_find(const char *mode, struct err *err);

/* Puts bubblewrap's command line in front of program, which runs in the sandbox as "/p2pmpi-stepd".
 * The component of Open MPI (NULL: none) is PROGRAM_COMPONENT. argv gets at most SANDBOX_ARGS_MAX
 * borrowed strings; returns how many. */
size_t sandbox_argv(const char *argv[], const char *bwrap, const char *program,
                    const char *component, const char *dir);

#endif
