/* SPDX-License-Identifier: BSD-3-Clause */
/* sn_daemon.c - into the background, and how many links this process may have */
#include "config.h"
#include "supernode/sn_daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FILES_RESERVED = 256 }; /* strangers, sockets, log, ... */

static void await_child(int told)
{
    uint16_t port = 0;
    ssize_t got;

    do
        got = read(told, &port, sizeof port);
    while (got < 0 && errno == EINTR);
    if (got == (ssize_t)sizeof port)
        printf("p2pmpi-supernode serves on port %u\n", port);
    fflush(stdout);
    _exit(got == (ssize_t)sizeof port ? 0 : 1);
}

int sn_daemon_start(int *told_out, struct err *err)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC) < 0)
        return err_sys(err, "cannot make a pipe");
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) {
        err_sys(err, "cannot go into the background");
        close(fds[0]);
        close(fds[1]);
        return -1;
    }
    if (pid > 0) {
        close(fds[1]);
        await_child(fds[0]);
    }
    close(fds[0]);
    setsid();
    *told_out = fds[1];
    return 0;
}

void sn_daemon_ready(int told, uint16_t port)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    for (int fd = 0; null >= 0 && fd <= STDERR_FILENO; fd++)
        dup2(null, fd);
    if (null > STDERR_FILENO)
        close(null);
    if (chdir("/") < 0 || write(told, &port, sizeof port) < 0)
        (void)errno; /* the parent is gone: nobody to tell */
    close(told);
}

size_t sn_links_max(size_t wanted)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return wanted;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur <= 2 * FILES_RESERVED)
        return limit.rlim_cur / 2;
    return limit.rlim_cur - FILES_RESERVED < wanted ? limit.rlim_cur - FILES_RESERVED : wanted;
}
