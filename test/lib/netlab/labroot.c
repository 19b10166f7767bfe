/* SPDX-License-Identifier: BSD-3-Clause */
/* labroot.c - what a host of the lab sees as its file system */
#include "config.h"
#include "labroot.h"

#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* bound and made read-only with all that is mounted below it */
static int bind_at(const char *source, const char *target, int writable, struct err *err)
{
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};

    if (mount(source, target, NULL, MS_BIND | MS_REC, NULL) < 0)
        return err_sys(err, "cannot bind %s to %s", source, target);
    if (!writable && mount_setattr(AT_FDCWD, target, AT_RECURSIVE, &attr, sizeof attr) < 0)
        return err_sys(err, "cannot make %s read-only", target);
    return 0;
}

/* What lies in over is seen before what lies in target, which is not changed; whiteouts in over
 * hide. */
static int lay_over(const char *over, const char *target)
{
    char *data = mem_format("lowerdir=%s:%s", over, target);
    int result = mount("overlay", target, "overlay", MS_RDONLY, data);

    free(data);
    return result;
}

static int make_dirs(struct err *err)
{
    static const struct {
        const char *path;
        mode_t mode;
    } dirs[] = {
        {"over", 0755},      {"over/etc", 0755}, {"usr", 0755},      {"etc", 0755},  {"opt", 0755},
        {"dev", 0755},       {"proc", 0755},     {"sys", 0755},      {"tmp", 01777}, {"run", 0755},
        {"run/lock", 01777}, {"var", 0755},      {"var/tmp", 01777}, {"root", 0700}, {"home", 0755},
        {"mnt", 0755},       {"srv", 0755},      {"var/log", 0755},
    };

    for (size_t i = 0; i < sizeof dirs / sizeof dirs[0]; i++)
        if (mkdir(dirs[i].path, dirs[i].mode) < 0 || chmod(dirs[i].path, dirs[i].mode) < 0)
            return err_sys(err, "cannot make %s of a host", dirs[i].path);
    return 0;
}

/* /bin, /lib, ...: links into /usr, or folders on a machine that was never merged */
static int copy_links(struct err *err)
{
    static const char *const names[] = {"bin", "sbin", "lib", "lib32", "lib64", "libx32"};
    char target[PATH_MAX];

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *path = mem_format("/%s", names[i]);
        ssize_t length = readlink(path, target, sizeof target - 1);
        int result = 0;

        if (length > 0) {
            target[length] = '\0';
            result = symlink(target, names[i]) < 0 ? err_sys(err, "cannot link %s", path) : 0;
        } else if (access(path, F_OK) == 0) {
            result = mkdir(names[i], 0755) < 0 ? err_sys(err, "cannot make %s", path)
                                               : bind_at(path, names[i], 0, err);
        }
        free(path);
        if (result < 0)
            return -1;
    }
    return 0;
}

static int mount_kernel(struct err *err)
{
    if (mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
        return err_sys(
            err, "cannot mount /proc for a host (is this a container that hides parts of /proc?)");
    if (mount("sysfs", "sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL) < 0 &&
        bind_at("/sys", "sys", 0, err) < 0)
        return -1;
    if (bind_at("/dev", "dev", 1, err) < 0)
        return -1;
    if (mount("tmpfs", "dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777") < 0)
        return err_sys(err, "cannot mount /dev/shm for a host");
    return 0;
}

static int bind_all(int host, const struct labroot_bind *binds, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        struct stat st;

        if (binds[i].host != 0 && binds[i].host != host)
            continue;
        if (stat(binds[i].source, &st) < 0)
            return err_sys(err, "cannot look at %s", binds[i].source);
        char *target = mem_format("./%s", binds[i].target);
        char *slash = strrchr(target, '/');
        int result;
        if (S_ISDIR(st.st_mode)) {
            result = file_mkdirs(target, 0755, err);
        } else {
            *slash = '\0';
            result = file_mkdirs(target, 0755, err);
            *slash = '/';
            int fd = open(target, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
            if (fd >= 0)
                close(fd);
        }
        if (result == 0)
            result = bind_at(binds[i].source, target, binds[i].writable, err);
        free(target);
        if (result < 0)
            return -1;
    }
    return 0;
}

static int put_text(const char *path, char *text, struct err *err)
{
    int result = file_write(path, text, strlen(text), 0644, err);

    free(text);
    return result;
}

static int write_names(int host, int hosts, const char *dir, struct err *err)
{
    char *table = mem_string("127.0.0.1 localhost\n::1 localhost\n");

    for (int i = 1; i <= hosts; i++) {
        char *longer = mem_format("%s10.77.0.%d h%d\nfd00::%x h%d\n", table, i, i, (unsigned)i, i);
        free(table);
        table = longer;
    }
    char *path = mem_format("%s/hosts", dir);
    int result = put_text(path, table, err);
    free(path);
    path = mem_format("%s/hostname", dir);
    if (result == 0)
        result = put_text(path, mem_format("h%d\n", host), err);
    free(path);
    path = mem_format("%s/machine-id", dir);
    if (result == 0)
        result = put_text(path, mem_format("%032x\n", 0x1ab00000 + host), err);
    free(path);
    return result;
}

/* The machine's /etc with names and machine-id of the host's own. Without an overlay file system
 * the files are bound over the machine's, which must be there then. */
static int mount_etc(int host, int hosts, struct err *err)
{
    static const char *const names[] = {"hosts", "hostname", "machine-id"};

    if (bind_at("/etc", "etc", 0, err) < 0 || write_names(host, hosts, "over/etc", err) < 0)
        return -1;
    if (lay_over("over/etc", "etc") == 0)
        return 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *own = mem_format("over/etc/%s", names[i]);
        char *path = mem_format("etc/%s", names[i]);
        int result = bind_at(own, path, 0, err);
        free(own);
        free(path);
        if (result < 0)
            return -1;
    }
    return 0;
}

int labroot_hide(char *const paths[], struct err *err)
{
    char over[] = "/run/hidden-XXXXXX";

    if (paths[0] == NULL || mkdtemp(over) == NULL || chmod(over, 0755) < 0)
        return err_sys(err, "cannot make a directory in /run");
    char *dir = mem_string(paths[0]);
    *strrchr(dir, '/') = '\0';
    for (size_t i = 0; paths[i] != NULL; i++) {
        const char *name = strrchr(paths[i], '/') + 1;
        if (strncmp(paths[i], dir, strlen(dir)) != 0 || name != paths[i] + strlen(dir) + 1 ||
            access(paths[i], F_OK) < 0) {
            free(dir);
            return err_set(err, "cannot hide %s: not there, or not in the folder of %s", paths[i],
                           paths[0]);
        }
        char *whiteout = mem_format("%s/%s", over, name);
        mknod(whiteout, S_IFCHR, 0);
        free(whiteout);
    }
    int result = lay_over(over, dir);
    if (result < 0)
        err_sys(err, "this kernel lays no overlay over %s", dir);
    free(dir);
    return result;
}

int labroot_enter(int host, int hosts, const char *mount_point, const struct labroot_bind *binds,
                  size_t count, struct err *err)
{
    umask(022);
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return err_sys(err, "cannot make mounts private");
    if (mount("tmpfs", mount_point, "tmpfs", 0, "mode=755") < 0 || chdir(mount_point) < 0)
        return err_sys(err, "cannot mount the root of a host");
    if (make_dirs(err) < 0)
        return -1;
    if (bind_at("/usr", "usr", 0, err) < 0 || mount_etc(host, hosts, err) < 0)
        return -1;
    if (access("/opt", F_OK) == 0 && bind_at("/opt", "opt", 0, err) < 0)
        return -1;
    if (copy_links(err) < 0 || mount_kernel(err) < 0)
        return -1;
    if (bind_all(host, binds, count, err) < 0)
        return -1;
    if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
        return err_sys(err, "cannot change to the root of a host");
    return 0;
}
