/* SPDX-License-Identifier: BSD-3-Clause */
/* dustbin.c - test/lib/dustbin.h: the directory stays while anybody is there, then goes */
#include "config.h"
#include "test/lib/dustbin.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "test/lib/prelude.h"

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 60000

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

static void until_gone(const char *path)
{
    int64_t end_ms = clock_now_ms() + PATIENCE_MS;

    while (is_there(path)) {
        assert_true(clock_now_ms() < end_ms);
        poll(NULL, 0, 1);
    }
}

/* A process that opens one, tells its path and waits to be killed; the pipe's end counts, too, so
 * that it is the first to be closed. */
static pid_t start(char *path, size_t size)
{
    char mine[] = "/tmp/p2pmpi-dustbin-XXXXXX";
    int ends[2];
    pid_t pid;

    assert_int_equal(pipe(ends), 0);
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int end = dustbin_open(mine);
        char *file = mem_format("%s/one", mine), *folder = mem_format("%s/two/three", mine);
        bool is_good = end >= 0 && file_write(file, "1", 1, 0600, NULL) == 0 &&
                       file_mkdirs(folder, 0700, NULL) == 0;

        if (!is_good || write(ends[1], mine, sizeof mine) != sizeof mine)
            _exit(1);
        pause();
    }
    assert_int_equal(read(ends[0], path, size), sizeof mine);
    close(ends[0]);
    close(ends[1]);
    return pid;
}

static void a_killed_test_leaves_no_directory(void **state)
{
    char path[64];
    pid_t pid = start(path, sizeof path);

    (void)state;
    assert_true(is_there(path));
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    until_gone(path);
}

static void it_stays_while_a_child_is_there(void **state)
{
    char path[] = "/tmp/p2pmpi-dustbin-XXXXXX";
    int end = dustbin_open(path);
    pid_t pid;

    (void)state;
    assert_true(end >= 0);
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pause();
    }
    close(end);
    poll(NULL, 0, 20); /* too short a time proves too little, not the wrong thing */
    assert_true(is_there(path));
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    until_gone(path);
}

UNIT_MAIN(cmocka_unit_test(a_killed_test_leaves_no_directory),
          cmocka_unit_test(it_stays_while_a_child_is_there))
