/* SPDX-License-Identifier: BSD-3-Clause */
/* below.c - opens and makes files below a directory, never through a symbolic link and never
 * outside
 *
 * Part by part with O_NOFOLLOW, since openat2(RESOLVE_BENEATH) is refused inside some containers.
 */
#include "config.h"
#include "stage/below.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_dir(int dirfd, const char *name, mode_t mode)
{
    if (mode != 0 && mkdirat(dirfd, name, mode) < 0 && errno != EEXIST)
        return -1;
    return openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static void close_keeping_errno(int fd)
{
    int saved = errno;

    close(fd);
    errno = saved;
}

int below_parent(int dirfd, const char *path, mode_t mode, const char **name_out)
{
    char part[NAME_MAX + 1];

    if (!file_is_below(path)) {
        errno = EINVAL;
        return -1;
    }
    int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (const char *slash; fd >= 0 && (slash = strchr(path, '/')) != NULL; path = slash + 1) {
        size_t length = (size_t)(slash - path);
        if (length > NAME_MAX) {
            close(fd);
            errno = ENAMETOOLONG;
            return -1;
        }
        memcpy(part, path, length);
        part[length] = '\0';
        int next = open_dir(fd, part, mode);
        close_keeping_errno(fd);
        fd = next;
    }
    if (fd >= 0)
        *name_out = path;
    return fd;
}

static int open_below(int dirfd, const char *path, mode_t dir_mode, int flags, mode_t mode)
{
    const char *name;

    int parent = below_parent(dirfd, path, dir_mode, &name);
    if (parent < 0)
        return -1;
    int fd = openat(parent, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, mode);
    close_keeping_errno(parent);
    return fd;
}

int below_open(int dirfd, const char *path)
{
    return open_below(dirfd, path, 0, O_RDONLY | O_NONBLOCK, 0);
}

int below_create(int dirfd, const char *path, mode_t mode)
{
    return open_below(dirfd, path, 0777, O_WRONLY | O_CREAT | O_EXCL, mode);
}

int below_mkdirs(int dirfd, const char *path, mode_t mode)
{
    const char *name;

    int parent = below_parent(dirfd, path, mode, &name);
    if (parent < 0)
        return -1;
    int fd = open_dir(parent, name, mode);
    close_keeping_errno(parent);
    if (fd < 0)
        return -1;
    close(fd);
    return 0;
}

int below_write(int fd, const void *bytes, size_t size)
{
    const char *next = bytes;

    while (size > 0) {
        ssize_t done = write(fd, next, size);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return -1;
        next += done;
        size -= (size_t)done;
    }
    return 0;
}
