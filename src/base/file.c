/* SPDX-License-Identifier: BSD-3-Clause */
/* file.c - files and directories: whole reads, atomic writes, trees made and removed */
#include "config.h"
#include "base/file.h"

#include "base/mem.h"
#include "base/rand.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *file_read(const char *path, size_t max, size_t *size_out, struct err *err)
{
    char *bytes = NULL;
    size_t used = 0;
    struct stat st;

    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0) {
        err_sys(err, "cannot read %s", path);
        goto error;
    }
    if (!S_ISREG(st.st_mode) || (size_t)st.st_size > max) {
        errno = EFBIG;
        err_set(err, "cannot read %s: not a regular file of at most %zu bytes", path, max);
        goto error;
    }
    bytes = mem_alloc((size_t)st.st_size + 1);
    while (used < (size_t)st.st_size) {
        ssize_t got = read(fd, bytes + used, (size_t)st.st_size - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            err_sys(err, "cannot read %s", path);
            goto error;
        }
        if (got == 0)
            break;
        used += (size_t)got;
    }
    close(fd);
    bytes[used] = '\0';
    if (size_out != NULL)
        *size_out = used;
    return bytes;
error:
    free(bytes);
    if (fd >= 0)
        close(fd);
    return NULL;
}

static int write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t done = write(fd, bytes, size);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return -1;
        bytes += done;
        size -= (size_t)done;
    }
    return 0;
}

int file_write(const char *path, const void *bytes, size_t size, mode_t mode, struct err *err)
{
    char suffix[9];
    rand_hex(suffix, 4);
    char *temporary = mem_format("%s.%s", path, suffix);

    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0) {
        err_sys(err, "cannot write %s", temporary);
        free(temporary);
        return -1;
    }
    int failed = write_all(fd, bytes, size);
    failed |= fsync(fd);
    failed |= close(fd);
    if (failed == 0)
        failed = rename(temporary, path);
    if (failed != 0) {
        err_sys(err, "cannot write %s", path);
        unlink(temporary);
    }
    free(temporary);
    return failed != 0 ? -1 : 0;
}

int file_mkdirs(const char *path, mode_t mode, struct err *err)
{
    char *copy = mem_string(path);
    int result = 0;

    for (char *slash = copy + 1; result == 0; slash++) {
        if (*slash != '/' && *slash != '\0')
            continue;
        char kept = *slash;
        *slash = '\0';
        if (mkdir(copy, mode) < 0 && errno != EEXIST)
            result = err_sys(err, "cannot make the directory %s", copy);
        *slash = kept;
        if (kept == '\0')
            break;
    }
    free(copy);
    return result;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st;
    (void)where;
    if (type == FTW_DNR) /* unreadable: its owner may still open it */
        chmod(path, 0700);
    return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

int file_remove_tree(const char *path, struct err *err)
{
    struct stat st;

    if (lstat(path, &st) < 0)
        return errno == ENOENT ? 0 : err_sys(err, "cannot remove %s", path);
    if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) < 0)
        return err_sys(err, "cannot remove %s", path);
    return 0;
}

int file_is_below(const char *path)
{
    if (path[0] == '\0' || path[0] == '/')
        return 0;
    for (const char *part = path; part != NULL;) {
        const char *slash = strchr(part, '/');
        size_t length = slash != NULL ? (size_t)(slash - part) : strlen(part);
        if (length == 0 || (length == 1 && part[0] == '.') || (length == 2 && memcmp(part, "..", 2) == 0))
            return 0;
        part = slash != NULL ? slash + 1 : NULL;
    }
    return 1;
}
