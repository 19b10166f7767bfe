/* SPDX-License-Identifier: BSD-3-Clause */
/* ompi.c - which Open MPI this machine has, found without running anything of it */
#include "config.h"
#include "plan/ompi.h"

#include <elf.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define OMPI_SONAME     "libmpi.so.40"
#define OMPI_CONF_DEPTH 4 /* "include" lines of ld.so.conf inside each other */

const char *ompi_series(const char *file_name)
{
    static const struct {
        unsigned age;
        const char *series;
    } known[] = {{10, "3.1"}, {20, "4.0"}, {30, "4.1"}, {40, "5.0"}};
    unsigned age, revision;
    char rest;

    if (sscanf(file_name, OMPI_SONAME ".%u.%u%c", &age, &revision, &rest) != 2)
        return NULL;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].age == age)
            return known[i].series;
    return NULL;
}

/* Finds before + series + ".N" and copies "SERIES.N". */
static bool ompi_text(const char *bytes, size_t size, const char *before, size_t before_size,
                      const char *series, char version_out[OMPI_VERSION_SIZE])
{
    char want[64];
    size_t series_size = strlen(series), want_size = before_size + series_size + 1;

    memcpy(want, before, before_size);
    memcpy(want + before_size, series, series_size);
    want[want_size - 1] = '.';
    for (const char *at = bytes;
         (at = memmem(at, size - (size_t)(at - bytes), want, want_size)) != NULL; at++) {
        const char *version = at + before_size, *end = bytes + size;
        size_t length = series_size + 1;
        while (version + length < end && version[length] >= '0' && version[length] <= '9')
            length++;
        if (length > series_size + 1 && length < OMPI_VERSION_SIZE) {
            memcpy(version_out, version, length);
            version_out[length] = '\0';
            return true;
        }
    }
    return false;
}

bool ompi_exact(const char *path, const char *series, char version_out[OMPI_VERSION_SIZE])
{
    struct stat st;
    bool found = false;

    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    if (strlen(series) < 16 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) {
        void *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (bytes != MAP_FAILED) {
            found = ompi_text(bytes, (size_t)st.st_size, "Open MPI v", 10, series, version_out) ||
                    ompi_text(bytes, (size_t)st.st_size, "\0v", 2, series, version_out);
            munmap(bytes, (size_t)st.st_size);
        }
    }
    close(fd);
    return found;
}

/* True for an ELF file that our own processes could load: a second architecture's libraries are
 * passed over. */
static bool is_ours(const char *path)
{
    ElfW(Ehdr) it, own;
    bool same = false;

    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && self >= 0 && read(fd, &it, sizeof it) == (ssize_t)sizeof it &&
        read(self, &own, sizeof own) == (ssize_t)sizeof own)
        same = memcmp(it.e_ident, ELFMAG, SELFMAG) == 0 &&
               it.e_ident[EI_CLASS] == own.e_ident[EI_CLASS] && it.e_machine == own.e_machine;
    if (fd >= 0)
        close(fd);
    if (self >= 0)
        close(self);
    return same;
}

static bool find_in(const char *dir, char *version_out)
{
    char path[PATH_MAX], real[PATH_MAX];

    if (dir[0] == '\0' ||
        (size_t)snprintf(path, sizeof path, "%s/" OMPI_SONAME, dir) >= sizeof path)
        return false;
    if (realpath(path, real) == NULL || !is_ours(real))
        return false;
    const char *series = ompi_series(strrchr(real, '/') + 1);
    if (series == NULL)
        return false;
    if (!ompi_exact(real, series, version_out))
        snprintf(version_out, OMPI_VERSION_SIZE, "%s", series);
    return true;
}

static bool find_in_list(const char *dirs, char *version_out)
{
    char dir[PATH_MAX];

    while (dirs != NULL && *dirs != '\0') {
        size_t length = strcspn(dirs, ":;");
        if (length > 0 && length < sizeof dir) {
            memcpy(dir, dirs, length);
            dir[length] = '\0';
            if (find_in(dir, version_out))
                return true;
        }
        dirs += length + (dirs[length] != '\0');
    }
    return false;
}

static bool find_in_conf(const char *pattern, int depth, char *version_out);

/* A line of ld.so.conf: a directory, or "include PATTERN". */
static bool find_in_line(char *line, int depth, char *version_out)
{
    line += strspn(line, " \t");
    line[strcspn(line, "#\n")] = '\0';
    for (size_t end = strlen(line); end > 0 && strchr(" \t", line[end - 1]) != NULL; end--)
        line[end - 1] = '\0';
    if (strncmp(line, "include", 7) == 0 && strchr(" \t", line[7]) != NULL && line[7] != '\0')
        return find_in_conf(line + 8 + strspn(line + 8, " \t"), depth + 1, version_out);
    return find_in(line, version_out);
}

static bool find_in_conf(const char *pattern, int depth, char *version_out)
{
    char line[PATH_MAX], below[PATH_MAX];
    glob_t files;
    bool found = false;

    if (depth > OMPI_CONF_DEPTH)
        return false;
    if (pattern[0] != '/') {
        snprintf(below, sizeof below, "/etc/%s", pattern);
        pattern = below;
    }
    if (glob(pattern, 0, NULL, &files) != 0)
        return false;
    for (size_t i = 0; i < files.gl_pathc && !found; i++) {
        FILE *file = fopen(files.gl_pathv[i], "re");
        if (file == NULL)
            continue;
        while (!found && fgets(line, sizeof line, file) != NULL)
            found = find_in_line(line, depth, version_out);
        fclose(file);
    }
    globfree(&files);
    return found;
}

/* PREFIX/lib of the first mpirun in PATH, for an Open MPI that ld.so does not know of. */
static bool find_by_mpirun(char *version_out)
{
    const char *dirs = getenv("PATH");
    char path[PATH_MAX], real[PATH_MAX];

    while (dirs != NULL && *dirs != '\0') {
        size_t length = strcspn(dirs, ":");
        snprintf(path, sizeof path, "%.*s/mpirun", (int)length, dirs);
        if (length > 0 && access(path, X_OK) == 0 && realpath(path, real) != NULL) {
            *strrchr(real, '/') = '\0';
            snprintf(path, sizeof path, "%s/../lib", real);
            if (find_in(path, version_out))
                return true;
            snprintf(path, sizeof path, "%s/../lib64", real);
            return find_in(path, version_out);
        }
        dirs += length + (dirs[length] != '\0');
    }
    return false;
}

int ompi_find(char version_out[OMPI_VERSION_SIZE])
{
    bool found = find_in_list(getenv("LD_LIBRARY_PATH"), version_out) ||
                 find_in_conf("/etc/ld.so.conf", 0, version_out) ||
                 find_in_list("/lib64:/usr/lib64:/lib:/usr/lib", version_out) ||
                 find_by_mpirun(version_out);

    return found ? 0 : -1;
}
