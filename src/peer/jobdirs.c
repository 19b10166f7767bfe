/* SPDX-License-Identifier: BSD-3-Clause */
/* jobdirs.c - directories of jobs that are over: removed, now or when dying ranks have let go of
 * them */
#include "config.h"
#include "peer/jobdirs.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "job/jobid.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

#define REMOVE_MS 5000
#define SWEEP_S   60

struct leftover {
    struct leftover *next;
    char *dir;
    int64_t until_ms;
};

struct jobdirs {
    struct leftover *list;
};

struct jobdirs *jobdirs_create(void)
{
    return mem_alloc(sizeof(struct jobdirs));
}

void jobdirs_destroy(struct jobdirs *jobdirs)
{
    if (jobdirs == NULL)
        return;
    jobdirs_tick(jobdirs, INT64_MAX);
    free(jobdirs);
}

bool jobdirs_is_empty(const struct jobdirs *jobdirs)
{
    return jobdirs->list == NULL;
}

/* Ranks that were just killed may still write: a directory that cannot be removed is tried again.
 */
void jobdirs_remove_take(struct jobdirs *jobdirs, char *dir)
{
    struct err err;

    if (dir == NULL || file_remove_tree(dir, &err) == 0) {
        free(dir);
        return;
    }
    struct leftover *leftover = mem_alloc(sizeof *leftover);
    leftover->dir = dir;
    leftover->until_ms = clock_now_ms() + REMOVE_MS;
    leftover->next = jobdirs->list;
    jobdirs->list = leftover;
}

void jobdirs_tick(struct jobdirs *jobdirs, int64_t now_ms)
{
    struct err err;

    for (struct leftover **at = &jobdirs->list; *at != NULL;) {
        struct leftover *leftover = *at;
        bool is_removed = file_remove_tree(leftover->dir, &err) == 0;
        if (!is_removed && now_ms < leftover->until_ms) {
            at = &leftover->next;
            continue;
        }
        if (!is_removed)
            log_warning("job directory left path=%s why=\"%s\"", leftover->dir, err.text);
        *at = leftover->next;
        free(leftover->dir);
        free(leftover);
    }
}

static bool is_abandoned(const char *path)
{
    struct stat status;
    char *pid_path = mem_format("%s/pid", path);
    char *text = file_read(pid_path, 64, NULL, NULL);
    pid_t pid = text != NULL ? (pid_t)atol(text) : 0;

    free(pid_path);
    free(text);
    if (pid > 1)
        return kill(pid, 0) < 0 && errno == ESRCH;
    return stat(path, &status) == 0 && clock_wall_s() - (int64_t)status.st_mtime > SWEEP_S;
}

/* What is left of private daemons that were killed: their stepd ended, and could not remove the
 * directory it ran in. A young one without a process may just be in the making. */
void jobdirs_sweep(const char *path)
{
    DIR *dir = opendir(path);

    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        char *one = mem_format("%s/%s", path, entry->d_name);
        if (jobid_is_valid(entry->d_name) && is_abandoned(one))
            file_remove_tree(one, NULL);
        free(one);
    }
    if (dir != NULL)
        closedir(dir);
}
