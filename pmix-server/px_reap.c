/* SPDX-License-Identifier: BSD-3-Clause */
/* px_reap.c - the end of processes */
#include "config.h"
#include "pmix-server/px_reap.h"

#include "base/clock.h"
#include "base/log.h"
#include "pmix-server/px_launch.h"
#include "pmix-server/px_step.h"
#include "pmix-server/px_upcall.h"

#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct event *child_event; /* signals have one place in a process */

static struct px_rank *rank_of_pid(struct px_step *step, pid_t pid)
{
    for (size_t i = 0; step != NULL && i < step->rank_count; i++)
        if (step->ranks[i].pid == pid)
            return &step->ranks[i];
    return NULL;
}

static void on_child(evutil_socket_t number, short what, void *arg)
{
    struct px_step *step = arg;
    siginfo_t info;
    int status;

    (void)number;
    (void)what;
    for (;;) {
        info.si_pid = 0;
        /* Looked at first: whoever exits after PMIx_Finalize has been counted as finalized by then.
         */
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
            return;
        px_upcall_drain();
        struct px_rank *rank = rank_of_pid(step, info.si_pid);
        if (rank != NULL) /* before its number is free for others */
            kill(-rank->pid, SIGKILL);
        if (waitpid(info.si_pid, &status, 0) == info.si_pid && rank != NULL)
            px_launch_rank_ended(step, rank, status);
    }
}

int px_reap_open(struct px_step *step)
{
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
        return -1;
    child_event = evsignal_new(step->base, SIGCHLD, on_child, step);
    if (child_event == NULL)
        return -1;
    return event_add(child_event, NULL);
}

void px_reap_close(void)
{
    if (child_event != NULL)
        event_free(child_event);
    child_event = NULL;
}

void px_reap_signal(struct px_step *step, int number)
{
    for (size_t i = 0; i < step->rank_count; i++)
        if (step->ranks[i].pid > 0)
            kill(-step->ranks[i].pid, number == SIGTSTP ? SIGSTOP : number);
}

struct process {
    pid_t pid, parent;
};

static bool read_parent(pid_t pid, pid_t *parent_out)
{
    char path[64], text[512];

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[size] = '\0';
    char *behind_name = strrchr(text, ')'); /* the name may hold anything */
    int parent;
    char state;
    if (behind_name == NULL || sscanf(behind_name + 1, " %c %d", &state, &parent) != 2)
        return false;
    *parent_out = parent;
    return true;
}

/* All processes there are. Returns their number; *list_out is the caller's to free. */
static size_t list_processes(struct process **list_out)
{
    size_t count = 0, room = 0;
    struct process *list = NULL;
    struct dirent *entry;

    DIR *dir = opendir("/proc");
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        struct process process = {.pid = (pid_t)atoi(entry->d_name)};

        if (process.pid <= 0 || !read_parent(process.pid, &process.parent))
            continue;
        if (count == room) {
            struct process *more = realloc(list, (room = 2 * room + 64) * sizeof *list);
            if (more == NULL)
                break;
            list = more;
        }
        list[count++] = process;
    }
    if (dir != NULL)
        closedir(dir);
    *list_out = list;
    return count;
}

static unsigned kill_below(const struct process *list, size_t count, pid_t parent,
                           struct px_step *step)
{
    unsigned killed = 0;

    for (size_t i = 0; i < count; i++) {
        if (list[i].parent != parent || list[i].pid == parent ||
            rank_of_pid(step, list[i].pid) != NULL)
            continue;
        killed += 1 + kill_below(list, count, list[i].pid, NULL);
        kill(list[i].pid, SIGKILL);
    }
    return killed;
}

void px_reap_strays(struct px_step *step)
{
    struct process *list;
    size_t count = list_processes(&list);
    unsigned killed = kill_below(list, count, getpid(), step);

    free(list);
    if (killed > 0)
        log_debug("strays killed count=%u", killed);
}

void px_reap_all(void)
{
    const struct timespec short_while = {.tv_nsec = 1000000};
    int64_t until = clock_now_ms() + 1000;

    for (;;) {
        pid_t pid;

        while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
            continue;
        if ((pid < 0 && errno == ECHILD) || clock_now_ms() > until)
            return;
        px_reap_strays(NULL);
        nanosleep(&short_while,
                  NULL); /* a killed process needs a moment; nothing tells of grandchildren */
    }
}
