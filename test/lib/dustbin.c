/* SPDX-License-Identifier: BSD-3-Clause */
/* dustbin.c - a test's directory that goes when the test is gone: who is there holds one end of a
 * pipe, whoever removes the directory reads the other until its end */
#include "config.h"

#include "test/lib/dustbin.h"

#include "base/file.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* In a session of its own, so that what ends the test's group leaves it; it holds nothing else, so
 * that nobody who waits for the end of the test's output waits for it. */
static void wait_and_remove(const char *path, int end)
{
    char byte;

    setsid();
    dup2(end, STDIN_FILENO);
    close_range(STDOUT_FILENO, ~0U, 0);
    while (read(STDIN_FILENO, &byte, 1) > 0 || errno == EINTR)
        errno = 0;
    _exit(file_remove_tree(path, NULL) == 0 ? 0 : 1);
}

int dustbin_open(char *path)
{
    int ends[2];
    pid_t pid;

    if (mkdtemp(path) == NULL)
        return -1;
    if (pipe(ends) != 0) {
        rmdir(path);
        return -1;
    }
    pid = fork();
    if (pid == 0)
        wait_and_remove(path, ends[0]);
    close(ends[0]);
    if (pid > 0)
        return ends[1];
    close(ends[1]);
    rmdir(path);
    return -1;
}
