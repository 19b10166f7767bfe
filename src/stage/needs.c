/* SPDX-License-Identifier: BSD-3-Clause */
/* needs.c - what a program asks of a host that is to run it, and which libraries travel with it */
#include "config.h"
#include "stage/needs.h"

#include "base/mem.h"
#include "stage/libpath.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#define LIBRARIES_MAX 2048
#define SCRIPT_LINE   512

struct object { /* the program or a library whose own libraries are looked for */
    struct libpath_object at;
    struct elf *elf;
    char *path, *dir;
};

struct walk {
    struct libpath *libpath;
    struct needs *needs;
    struct object **objects; /* [0] is the program; grows while it is walked */
    size_t object_count;
    struct err *err;
};

/* ---------------------------------------------------------------- names */

static bool has_prefix(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Names without ".so..."; a "*" at the end stands for anything. */
static bool is_named(const char *soname, const char *const *names)
{
    const char *dot = strstr(soname, ".so");
    size_t length = dot != NULL ? (size_t)(dot - soname) : strlen(soname);

    for (; *names != NULL; names++) {
        size_t name_length = strlen(*names);
        bool is_open = (*names)[name_length - 1] == '*';
        if (is_open ? has_prefix(soname, "lib") && strncmp(soname, *names, name_length - 1) == 0
                    : length == name_length && memcmp(soname, *names, length) == 0)
            return true;
    }
    return false;
}

enum needs_kind needs_kind(const char *soname)
{
    static const char *const libc[] = {
        "libc",         "libm",      "libmvec",    "libpthread", "librt",
        "libdl",        "libresolv", "libutil",    "libanl",     "libBrokenLocale",
        "libthread_db", "libnss_*",  "libc.musl*", NULL};
    static const char *const mpi[] = {"libmpi",      "libmpi_*",  "libompi*", "libopen-rte",
                                      "libopen-pal", "liboshmem", "libmca_*", "libpmix",
                                      "libpmi",      "libpmi2",   "libprrte", NULL};
    static const char *const host[] = {
        "libucp",    "libucs",   "libuct",  "libucm",  "libucc*",     "libfabric", "libibverbs",
        "librdmacm", "libpsm_*", "libpsm2", "libcuda", "libnvidia-*", NULL};

    if (has_prefix(soname, "ld-") || has_prefix(soname, "ld64") || has_prefix(soname, "ld.so") ||
        is_named(soname, libc))
        return NEEDS_LIBC;
    if (is_named(soname, mpi))
        return NEEDS_MPI;
    return is_named(soname, host) ? NEEDS_HOST : NEEDS_SENT;
}

bool needs_has_mpi(const struct elf *elf)
{
    for (size_t i = 0; i < elf->needed.count; i++)
        if (needs_kind(elf->needed.items[i]) == NEEDS_MPI)
            return true;
    return false;
}

const char *needs_mpi_series(const char *resolved_path)
{
    static const struct {
        const char *revision, *series;
    } table[] = {{"40.10.", "3.1"}, {"40.20.", "4.0"}, {"40.30.", "4.1"}, {"40.40.", "5.0"}};
    const char *name = strrchr(resolved_path, '/');

    name = name != NULL ? name + 1 : resolved_path;
    if (!has_prefix(name, "libmpi.so."))
        return "";
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (has_prefix(name + strlen("libmpi.so."), table[i].revision))
            return table[i].series;
    return "";
}

/* Programs that only run others or scripts: they belong to a host, with their modules and settings.
 */
static bool is_interpreter(const char *path)
{
    static const char *const names[] = {
        "sh",       "bash",    "dash",   "zsh",     "ksh",    "csh",        "tcsh",
        "fish",     "busybox", "env",    "python",  "pypy",   "perl",       "ruby",
        "java",     "julia",   "R",      "Rscript", "octave", "octave-cli", "lua",
        "luajit",   "node",    "tclsh",  "php",     "guile",  "awk",        "gawk",
        "mawk",     "nice",    "time",   "timeout", "stdbuf", "taskset",    "numactl",
        "valgrind", "gdb",     "strace", "ltrace",  "perf",   NULL};
    const char *name = strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path;

    for (size_t i = 0; names[i] != NULL; i++) {
        const char *rest = name + strlen(names[i]);
        if (has_prefix(name, names[i]) && rest[strspn(rest, "0123456789.-")] == '\0')
            return true;
    }
    return false;
}

/* ---------------------------------------------------------------- finding the program */

static char *joined(const char *dir, size_t length, const char *cwd, const char *name)
{
    if (length > 0 && dir[0] == '/')
        return mem_format("%.*s/%s", (int)length, dir, name);
    if (length == 0 || (length == 1 && dir[0] == '.'))
        return mem_format("%s/%s", cwd, name);
    return mem_format("%s/%.*s/%s", cwd, (int)length, dir, name);
}

static bool is_file(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static char *search_path(const char *name, const char *cwd, const char *path, struct err *err)
{
    char *not_executable = NULL;

    for (const char *dir = path; dir != NULL;) {
        size_t length = strcspn(dir, ":");
        char *candidate = joined(dir, length, cwd, name);
        if (is_file(candidate) && access(candidate, X_OK) == 0) {
            free(not_executable);
            return candidate;
        }
        if (not_executable == NULL && is_file(candidate))
            not_executable = candidate;
        else
            free(candidate);
        dir = dir[length] == ':' ? dir + length + 1 : NULL;
    }
    errno = not_executable != NULL ? EACCES : ENOENT;
    if (not_executable != NULL)
        err_set(err, "%s is not executable (chmod +x makes it so)", not_executable);
    else
        err_set(err, "there is no program %s in PATH; for one in the current directory write ./%s",
                name, name);
    free(not_executable);
    return NULL;
}

char *needs_program(const char *name, const char *cwd, const char *path, struct err *err)
{
    struct stat st;

    if (name[0] == '\0') {
        errno = ENOENT;
        err_set(err, "the name of the program is empty");
        return NULL;
    }
    if (strchr(name, '/') == NULL) {
        path = path != NULL ? path : getenv("PATH");
        return search_path(name, cwd, path != NULL ? path : "/usr/local/bin:/usr/bin:/bin", err);
    }
    while (has_prefix(name, "./") && name[2] != '\0')
        name += 2;
    char *full = name[0] == '/' ? mem_string(name) : mem_format("%s/%s", cwd, name);
    if (stat(full, &st) < 0) {
        int saved = errno;
        if (saved == ENOENT || saved == ENOTDIR)
            err_set(err, "there is no program %s", full);
        else
            err_sys(err, "cannot run %s", full);
        errno = saved == EACCES ? EACCES : ENOENT;
    } else if (!S_ISREG(st.st_mode)) {
        err_set(err, "%s is %s, not a program", full,
                S_ISDIR(st.st_mode) ? "a directory" : "something else");
        errno = EACCES;
    } else if (access(full, X_OK) < 0) {
        err_set(err, "%s is not executable (chmod +x makes it so)", full);
        errno = EACCES;
    } else {
        return full;
    }
    int saved = errno;
    free(full);
    errno = saved;
    return NULL;
}

/* ---------------------------------------------------------------- scripts */

static void add_interpreter(struct needs *needs, const char *name)
{
    for (size_t i = 0; i < needs->interpreter_count; i++)
        if (strcmp(needs->interpreters[i], name) == 0)
            return;
    needs->interpreters =
        mem_grow(needs->interpreters, needs->interpreter_count + 1, sizeof *needs->interpreters);
    needs->interpreters[needs->interpreter_count++] = mem_string(name);
}

/* "#!/usr/bin/env python3" asks for python3 by PATH; "-S", options and VAR=x stand before it. */
static void add_env_argument(struct needs *needs, char *rest)
{
    for (char *save = NULL, *word = strtok_r(rest, " \t", &save); word != NULL;
         word = strtok_r(NULL, " \t", &save)) {
        if (word[0] == '-' || strchr(word, '=') != NULL)
            continue;
        add_interpreter(needs, word);
        return;
    }
}

static int read_script(struct needs *needs, char *line, struct err *err)
{
    line[strcspn(line, "\r\n")] = '\0';
    char *name = line + 2 + strspn(line + 2, " \t");
    char *rest = name + strcspn(name, " \t");
    if (*rest != '\0')
        *rest++ = '\0';
    errno = ENOEXEC;
    if (name[0] != '/')
        return err_set(err, "%s names no absolute path behind the #! of its first line",
                       needs->path);
    if (access(name, X_OK) < 0)
        return err_set(err, "%s wants to be run by %s, which is not on this host", needs->path,
                       name);
    add_interpreter(needs, name);
    if (strcmp(strrchr(name, '/'), "/env") == 0)
        add_env_argument(needs, rest);
    return 0;
}

/* ---------------------------------------------------------------- ELF programs */

static void raise_glibc(char **glibc, const struct elf *elf)
{
    for (size_t i = 0; i < elf->want_count; i++) {
        const char *version = elf->wants[i].version;
        if (strcmp(version, "GLIBC_ABI_DT_RELR") == 0)
            version = "GLIBC_2.36"; /* the first that understands such relocations */
        if (!has_prefix(version, "GLIBC_") || !isdigit((unsigned char)version[6]))
            continue;
        if ((*glibc)[0] == '\0' || elf_version_compare(version + 6, *glibc) > 0) {
            free(*glibc);
            *glibc = mem_string(version + 6);
        }
    }
}

static void add_object(struct walk *walk, struct elf *elf, const char *path,
                       const struct object *loader)
{
    struct object *object = mem_alloc(sizeof *object);
    char *real = loader == NULL ? realpath(path, NULL)
                                : NULL; /* the loader resolves links for the program alone */

    object->elf = elf;
    object->path = mem_string(path);
    object->dir = mem_string(real != NULL ? real : path);
    char *slash = strrchr(object->dir, '/');
    slash[slash == object->dir] = '\0';
    free(real);
    object->at = (struct libpath_object){elf, object->dir, loader != NULL ? &loader->at : NULL};
    walk->objects = mem_grow(walk->objects, walk->object_count + 1, sizeof *walk->objects);
    walk->objects[walk->object_count++] = object;
}

static struct needs_library *library_named(struct needs *needs, const char *name)
{
    for (size_t i = 0; i < needs->library_count; i++)
        if (strcmp(needs->libraries[i].name, name) == 0)
            return &needs->libraries[i];
    return NULL;
}

static int note_mpi(struct walk *walk, const struct object *object)
{
    struct needs *needs = walk->needs;

    if (needs->mpi[0] != '\0')
        return 0;
    char *path = libpath_find(walk->libpath, "libmpi.so.40", &object->at, NULL, 0, NULL);
    char *real = path != NULL ? realpath(path, NULL) : NULL;
    if (real != NULL) {
        free(needs->mpi);
        needs->mpi = mem_string(needs_mpi_series(real));
    }
    free(real);
    free(path);
    return 0;
}

/* MPICH and its relatives have libmpi.so.12; ours would never hear of their ranks. */
static int check_foreign_mpi(const struct walk *walk, const char *name)
{
    if (strcmp(name, "libmpi.so.12") != 0 && !has_prefix(name, "libmpich"))
        return 0;
    errno = ENOEXEC;
    return err_set(
        walk->err,
        "%s is linked with another MPI (%s), not with Open MPI: compile it with Open MPI's mpicc",
        walk->needs->path, name);
}

static bool is_foreign_arch(const struct needs *needs)
{
    struct utsname here;

    return uname(&here) == 0 && strcmp(here.machine, needs->arch) != 0;
}

static int add_library(struct walk *walk, const struct object *object, const char *name)
{
    enum needs_kind kind = needs_kind(name);
    struct elf *elf = NULL;

    if (kind == NEEDS_LIBC || library_named(walk->needs, name) != NULL)
        return 0;
    if (check_foreign_mpi(walk, name) < 0)
        return -1;
    if (walk->needs->library_count >= LIBRARIES_MAX)
        return err_set(walk->err, "%s needs more than %d libraries", walk->needs->path,
                       LIBRARIES_MAX);
    char *path = libpath_find(walk->libpath, name, &object->at, NULL, 0, &elf);
    bool is_foreign = path == NULL && is_foreign_arch(walk->needs);
    if (is_foreign) {
        path =
            mem_string(""); /* nothing here could be it: hosts of that kind must have their own */
    } else if (path == NULL) {
        errno = ENOEXEC;
        return err_set(walk->err,
                       "%s needs the library %s, which is not on this host (LD_LIBRARY_PATH may "
                       "name its directory)",
                       object->path, name);
    }
    struct needs *needs = walk->needs;
    needs->libraries =
        mem_grow(needs->libraries, needs->library_count + 1, sizeof *needs->libraries);
    struct needs_library *library = &needs->libraries[needs->library_count++];
    *library = (struct needs_library){.name = mem_string(name),
                                      .path = path,
                                      .is_host = kind != NEEDS_SENT || is_foreign,
                                      .glibc = mem_string("")};
    if (kind == NEEDS_MPI)
        note_mpi(walk, object);
    if (library->is_host) {
        elf_destroy(elf); /* what it needs, the host's own brings */
        return 0;
    }
    library->has_mpi = needs_has_mpi(elf);
    raise_glibc(&library->glibc, elf);
    add_object(walk, elf, path, object);
    return 0;
}

static void add_versions(struct walk *walk)
{
    for (size_t i = 0; i < walk->object_count; i++) {
        const struct elf *elf = walk->objects[i]->elf;
        for (size_t k = 0; k < elf->want_count; k++) {
            struct needs_library *library = library_named(walk->needs, elf->wants[k].file);
            bool is_known = library == NULL;
            for (size_t v = 0; !is_known && v < library->version_count; v++)
                is_known = strcmp(library->versions[v], elf->wants[k].version) == 0;
            if (is_known)
                continue;
            library->versions =
                mem_grow(library->versions, library->version_count + 1, sizeof *library->versions);
            library->versions[library->version_count++] = mem_string(elf->wants[k].version);
        }
    }
}

/* Breadth first, as the loader: the list of objects grows while it is walked. */
static int walk_libraries(struct walk *walk)
{
    for (size_t i = 0; i < walk->object_count; i++) {
        const struct object *object = walk->objects[i];
        for (size_t k = 0; k < object->elf->needed.count; k++)
            if (add_library(walk, object, object->elf->needed.items[k]) < 0)
                return -1;
    }
    add_versions(walk);
    return 0;
}

static int read_elf(struct needs *needs, int fd, const char *library_path, struct err *err)
{
    struct elf *elf = elf_read_fd(fd, needs->path, err);

    if (elf == NULL)
        return -1;
    if (!elf->is_program) {
        elf_destroy(elf);
        errno = ENOEXEC;
        return err_set(err, "%s is a shared library, not a program", needs->path);
    }
    free(needs->arch);
    needs->arch = mem_string(elf->machine);
    if (elf->interpreter != NULL)
        add_interpreter(needs, elf->interpreter);
    raise_glibc(&needs->glibc, elf);
    struct walk walk = {libpath_create("", library_path), needs, NULL, 0, err};
    add_object(&walk, elf, needs->path, NULL);
    int result = walk_libraries(&walk);
    int saved = errno;
    for (size_t i = 0; i < walk.object_count; i++) {
        elf_destroy(walk.objects[i]->elf);
        free(walk.objects[i]->path);
        free(walk.objects[i]->dir);
        free(walk.objects[i]);
    }
    free(walk.objects);
    libpath_destroy(walk.libpath);
    errno = saved;
    return result;
}

/* ---------------------------------------------------------------- both */

static int read_program(struct needs *needs, const char *library_path, struct err *err)
{
    char line[SCRIPT_LINE] = "";

    int fd = open(needs->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return err_sys(err, "cannot read %s, which has to be sent to other hosts", needs->path);
    ssize_t got = pread(fd, line, sizeof line - 1, 0);
    int result;
    if (got > 2 && line[0] == '#' && line[1] == '!') {
        result = read_script(needs, line, err);
    } else if (got > 0 && elf_is_magic(line, (size_t)got)) {
        result = read_elf(needs, fd, library_path, err);
    } else {
        errno = ENOEXEC;
        result = err_set(err, "%s is neither an ELF program nor a script that begins with #!",
                         needs->path);
    }
    int saved = errno;
    close(fd);
    errno = saved;
    return result;
}

struct needs *needs_find(const char *program, const char *library_path, struct err *err)
{
    struct needs *needs = mem_alloc(sizeof *needs);

    needs->path = mem_string(program);
    needs->arch = mem_string("");
    needs->glibc = mem_string("");
    needs->mpi = mem_string("");
    if (is_interpreter(program)) {
        needs->is_in_place = true;
        add_interpreter(needs, program);
        return needs;
    }
    if (read_program(needs, library_path, err) == 0)
        return needs;
    int saved = errno;
    needs_destroy(needs);
    errno = saved;
    return NULL;
}

static void texts_free(char **texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(texts[i]);
    free(texts);
}

void needs_destroy(struct needs *needs)
{
    if (needs == NULL)
        return;
    for (size_t i = 0; i < needs->library_count; i++) {
        free(needs->libraries[i].name);
        free(needs->libraries[i].path);
        free(needs->libraries[i].glibc);
        texts_free(needs->libraries[i].versions, needs->libraries[i].version_count);
    }
    free(needs->libraries);
    texts_free(needs->interpreters, needs->interpreter_count);
    free(needs->path);
    free(needs->arch);
    free(needs->glibc);
    free(needs->mpi);
    free(needs);
}

Wire__Needs *needs_wire(const struct needs *needs)
{
    Wire__Needs wire = WIRE__NEEDS__INIT;

    wire.arch = needs->arch;
    wire.glibc = needs->glibc;
    wire.mpi = needs->mpi;
    wire.n_interpreters = needs->interpreter_count;
    wire.interpreters = needs->interpreters;
    return message_copy(&wire.base);
}
