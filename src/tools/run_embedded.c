/* SPDX-License-Identifier: BSD-3-Clause */
/* run_embedded.c - a private p2pmpid for the time of one job, where none runs */
#include "config.h"
#include "tools/run_embedded.h"

#include "base/program.h"
#include "cli/cli_wait.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* The ranks inherit what we inherited, not how we treat signals. */
static void reset_signals(posix_spawnattr_t *how)
{
    sigset_t fresh, none;

    sigemptyset(&none);
    sigemptyset(&fresh);
    sigaddset(&fresh, SIGPIPE);
    sigaddset(&fresh, SIGTTIN);
    posix_spawnattr_setsigdefault(how, &fresh);
    posix_spawnattr_setsigmask(how, &none);
    posix_spawnattr_setpgroup(how, 0);
    posix_spawnattr_setflags(how, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
                                      POSIX_SPAWN_SETPGROUP);
}

int run_embedded_start(pid_t *child_out, struct err *err)
{
    char *const argv[] = {(char *)"p2pmpid", (char *)"--private", (char *)"--fd", (char *)"3",
                          NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    int pair[2];

    char *program = program_find("p2pmpid", err);
    if (program == NULL)
        return -1;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        free(program);
        return err_sys(err, "cannot make a socket");
    }
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, pair[1], 3);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    posix_spawnattr_init(&how);
    reset_signals(&how);
    int failed = posix_spawn(child_out, program, &files, &how, argv, environ);
    posix_spawnattr_destroy(&how);
    posix_spawn_file_actions_destroy(&files);
    close(pair[1]);
    if (failed != 0) {
        close(pair[0]);
        errno = failed;
        err_sys(err, "cannot start %s", program);
    }
    free(program);
    return failed != 0 ? -1 : pair[0];
}

int run_embedded_wait(pid_t child, int limit_ms, struct err *err)
{
    int late = wait_gone(child, limit_ms);

    if (late < 0)
        kill(child, SIGKILL); /* p2pmpi-stepd ends the ranks of a daemon that is gone */
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
    return late < 0 ? err_set(err, "the private p2pmpid (process %d) did not end and was killed",
                              (int)child)
                    : 0;
}
