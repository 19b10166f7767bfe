/* SPDX-License-Identifier: BSD-3-Clause */
/* px_child.h - one rank's process: fork, its place in the world, execve */
#ifndef P2PMPI_PX_CHILD_H
#define P2PMPI_PX_CHILD_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct child_plan {
    const char *program; /* of execve(), relative to wdir if not absolute */
    char **argv;         /* ended by NULL */
    char **env;          /* ended by NULL */
    const char *wdir;
    bool wants_input; /* else /dev/null */
    int report_fd;    /* where the child writes a struct child_failure; close-on-exec */
};

enum child_step { CHILD_CHDIR, CHILD_EXEC };

struct child_failure {
    int step;     /* enum child_step */
    int number;   /* errno */
    int is_there; /* the file itself exists */
};

struct child_pipes {
    int out, err; /* to read, non-blocking; the caller's to close */
    int in;       /* to write, non-blocking; -1 unless wanted */
};

/* Starts a process, leader of its own process group, that is killed when this thread ends. Its
 * standard output is a terminal in raw mode, as under mpirun (programs then write line by line),
 * else a pipe. Returns its number, or -1 with a sentence. */
pid_t child_start(const struct child_plan *plan, struct child_pipes *pipes_out, struct err *err);

/* An array ended by NULL of borrowed texts; the caller frees the array. */
char **child_argv(char *const *texts, size_t count);

#endif
