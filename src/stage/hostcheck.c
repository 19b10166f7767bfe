/* SPDX-License-Identifier: BSD-3-Clause */
/* hostcheck.c - may this offer be believed, and can its program run on this host? */
#include "config.h"
#include "stage/hostcheck.h"

#include "base/file.h"
#include "base/mem.h"
#include "stage/elf.h"
#include "stage/store.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HOST_PATH "/usr/local/bin:/usr/bin:/bin"

static bool has_separator(const char *name)
{
    return strchr(name, '/') != NULL;
}

static int check_file(const Wire__File *file, struct err *err)
{
    bool is_bare =
        file->kind == WIRE__FILE_KIND__FILE_PROGRAM || file->kind == WIRE__FILE_KIND__FILE_LIBRARY;
    bool has_content = is_bare || file->kind == WIRE__FILE_KIND__FILE_INPUT;

    if (!has_content && file->kind != WIRE__FILE_KIND__FILE_DIR)
        return err_set(
            err, "a file of an unknown kind was offered (is the other host's version newer?)");
    if (!file_is_below(file->path) || (is_bare && has_separator(file->path)) ||
        strchr(file->path, '\n') != NULL)
        return err_set(err, "a file was offered with a path that leads out of the job's directory");
    bool is_host_library = file->kind == WIRE__FILE_KIND__FILE_LIBRARY && file->hash.len == 0;
    if ((has_content && !is_host_library && file->hash.len != STORE_HASH) || file->size > INT64_MAX)
        return err_set(err, "%s was offered with a wrong hash or size", file->path);
    return 0;
}

int hostcheck_offer(const Wire__StageOffer *offer, struct err *err)
{
    size_t programs = 0;

    for (size_t i = 0; i < offer->n_files; i++) {
        if (check_file(offer->files[i], err) < 0)
            return -1;
        programs += offer->files[i]->kind == WIRE__FILE_KIND__FILE_PROGRAM;
    }
    return programs > 1 ? err_set(err, "more than one program was offered") : 0;
}

static bool runs_here(const char *host_arch, const char *arch)
{
    return strcmp(host_arch, arch) == 0 ||
           (strcmp(host_arch, "x86_64") == 0 && strcmp(arch, "i686") == 0);
}

static bool is_series(const char *version, const char *series)
{
    size_t length = strlen(series);

    return strncmp(version, series, length) == 0 &&
           (version[length] == '.' || version[length] == '\0');
}

static bool has_program(const char *name)
{
    if (name[0] == '/')
        return access(name, X_OK) == 0;
    for (const char *dir = HOST_PATH; *dir != '\0'; dir += strspn(dir, ":")) {
        size_t length = strcspn(dir, ":");
        char *path = mem_format("%.*s/%s", (int)length, dir, name);
        bool is_there = !has_separator(name) && access(path, X_OK) == 0;
        free(path);
        if (is_there)
            return true;
        dir += length;
    }
    return false;
}

int hostcheck_glibc(const struct hostcheck *host, const char *who, const char *version,
                    struct err *err)
{
    if (version[0] == '\0' ||
        (host->glibc[0] != '\0' && elf_version_compare(version, host->glibc) <= 0))
        return 0;
    if (host->glibc[0] == '\0')
        return err_set(err, "%s needs GLIBC_%s, this host has no GNU C library", who, version);
    return err_set(err,
                   "%s needs GLIBC_%s, this host has %s: build it on a system as old as that, or "
                   "leave the host out",
                   who, version, host->glibc);
}

int hostcheck_needs(const struct hostcheck *host, const Wire__Needs *needs, struct err *err)
{
    if (needs == NULL)
        return 0;
    if (needs->arch[0] != '\0' && !runs_here(host->arch, needs->arch))
        return err_set(err, "the program is for %s, this host is %s", needs->arch, host->arch);
    if (hostcheck_glibc(host, "the program", needs->glibc, err) < 0)
        return -1;
    if (needs->mpi[0] != '\0' && host->mpi[0] == '\0')
        return err_set(err, "the program needs Open MPI %s, this host has none: install it",
                       needs->mpi);
    if (needs->mpi[0] != '\0' && !is_series(host->mpi, needs->mpi))
        return err_set(err, "the program needs Open MPI %s, this host has %s", needs->mpi,
                       host->mpi);
    for (size_t i = 0; i < needs->n_interpreters; i++)
        if (!has_program(needs->interpreters[i]))
            return err_set(err, "the program needs %s, which this host has not",
                           needs->interpreters[i]);
    return 0;
}
