/* SPDX-License-Identifier: BSD-3-Clause */
/* cli_wait.c - waiting for a process, with a limit */
#include "config.h"
#include "cli/cli_wait.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

int wait_gone(pid_t pid, int limit_ms)
{
    int64_t until = clock_now_ms() + limit_ms;
    int handle = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd ended = {.fd = handle, .events = POLLIN};
    int ready;

    if (handle < 0)
        return errno == ESRCH ? 0 : -1;
    do {
        int64_t left = until - clock_now_ms();
        ready = poll(&ended, 1, left > 0 ? (int)left : 0);
    } while (ready < 0 && errno == EINTR);
    close(handle);
    return ready > 0 ? 0 : -1;
}
