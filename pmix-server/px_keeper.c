/* SPDX-License-Identifier: BSD-3-Clause */
/* px_keeper.c - the small process above the step */
#include "config.h"
#include "pmix-server/px_keeper.h"

#include "base/file.h"
#include "pmix-server/px_reap.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t step_pid; /* a signal handler has no other way to know */

static void pass_on(int number)
{
    if (step_pid > 0)
        kill((pid_t)step_pid, number);
}

/* SIGTERM ends the step. What a terminal sends is for p2pmpirun to answer. */
static void watch_signals(void)
{
    struct sigaction action = {.sa_handler = pass_on};

    sigaction(SIGTERM, &action, NULL);
}

static void keep(pid_t step, const char *shm_dir)
{
    int status = 0;

    step_pid = step;
    watch_signals();
    for (;;) {
        pid_t pid = waitpid(-1, &status, 0);

        if (pid == step || (pid < 0 && errno != EINTR))
            break;
    }
    px_reap_all();
    if (*shm_dir != '\0')
        file_remove_tree(shm_dir, NULL);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

int px_keeper_start(const char *shm_dir, int inherited)
{
    pid_t keeper = getpid();

    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
        return -1;
    pid_t step = fork();
    if (step < 0)
        return -1;
    if (step > 0) {
        close(inherited); /* else connections would wait at a socket that nobody serves */
        keep(step, shm_dir);
    }
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* ended in order, it takes all descendants with it */
    if (getppid() != keeper)
        _exit(1);
    return 0;
}
