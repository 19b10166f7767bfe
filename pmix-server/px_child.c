/* SPDX-License-Identifier: BSD-3-Clause */
/* px_child.c - one rank's process
 *
 * Between fork() and execve() only what is allowed after fork() in a program with threads: PMIx has
 * some. */
#include "config.h"
#include "pmix-server/px_child.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <termios.h>
#include <unistd.h>

struct ends {
    int in[2], out[2], err[2]; /* [0] reads, [1] writes */
};

static void close_ends(struct ends *ends)
{
    const int all[] = {ends->in[0],  ends->in[1],  ends->out[0],
                       ends->out[1], ends->err[0], ends->err[1]};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i] >= 0)
            close(all[i]);
}

static int open_terminal(int ends[2])
{
    struct termios raw;

    if (openpty(&ends[0], &ends[1], NULL, NULL, NULL) != 0)
        return -1;
    if (tcgetattr(ends[1], &raw) == 0) {
        cfmakeraw(&raw);
        tcsetattr(ends[1], TCSANOW, &raw);
    }
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    return 0;
}

static int open_ends(const struct child_plan *plan, struct ends *ends)
{
    *ends = (struct ends){{-1, -1}, {-1, -1}, {-1, -1}};
    if (open_terminal(ends->out) != 0 && pipe2(ends->out, O_CLOEXEC) != 0)
        return -1;
    if (pipe2(ends->err, O_CLOEXEC) != 0)
        return -1;
    if (plan->wants_input)
        return pipe2(ends->in, O_CLOEXEC);
    ends->in[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return ends->in[0] < 0 ? -1 : 0;
}

static void fail(const struct child_plan *plan, enum child_step step)
{
    struct child_failure failure = {.step = step, .number = errno};

    failure.is_there = step == CHILD_EXEC && access(plan->program, F_OK) == 0;
    ssize_t written = write(plan->report_fd, &failure, sizeof failure);
    (void)written;
    _exit(127);
}

static void reset_signals(void)
{
    sigset_t none;

    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static void run_child(const struct child_plan *plan, const struct ends *ends, pid_t parent)
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) /* it died before the line above */
        _exit(127);
    reset_signals();
    dup2(ends->in[0], STDIN_FILENO);
    dup2(ends->out[1], STDOUT_FILENO);
    dup2(ends->err[1], STDERR_FILENO);
    close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    if (chdir(plan->wdir) != 0)
        fail(plan, CHILD_CHDIR);
    execve(plan->program, plan->argv, plan->env);
    fail(plan, CHILD_EXEC);
}

static int take(int *end)
{
    int fd = *end;

    *end = -1;
    if (fd >= 0)
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    return fd;
}

pid_t child_start(const struct child_plan *plan, struct child_pipes *pipes_out, struct err *err)
{
    struct ends ends;
    pid_t parent = getpid();

    if (open_ends(plan, &ends) != 0) {
        close_ends(&ends);
        return err_sys(err, "no pipes for a rank");
    }
    pid_t pid = fork();
    if (pid == 0)
        run_child(plan, &ends, parent);
    if (pid < 0) {
        close_ends(&ends);
        return err_sys(err, "a rank cannot be started");
    }
    setpgid(pid, pid); /* both do it: whoever is first */
    pipes_out->out = take(&ends.out[0]);
    pipes_out->err = take(&ends.err[0]);
    pipes_out->in = take(&ends.in[1]);
    close_ends(&ends);
    return pid;
}

char **child_argv(char *const *texts, size_t count)
{
    char **argv = mem_array(count + 1, sizeof *argv);

    for (size_t i = 0; i < count; i++)
        argv[i] = texts[i];
    return argv;
}
