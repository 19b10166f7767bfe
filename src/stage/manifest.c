/* SPDX-License-Identifier: BSD-3-Clause */
/* manifest.c - the list of files that a job may need on its hosts: program, libraries, inputs, with
 * hashes */
#include "config.h"
#include "stage/manifest.h"

#include "base/file.h"
#include "base/mem.h"
#include "stage/hashing.h"
#include "stage/manifest_inner.h"
#include "stage/needs.h"
#include "wire/limits.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HASH_STEP (8u << 20) /* bytes between two reports of progress */

struct manifest *manifest_create(const char *cwd)
{
    struct manifest *manifest = mem_alloc(sizeof *manifest);

    manifest->cwd = mem_string(cwd);
    manifest->real_cwd = realpath(cwd, NULL);
    if (manifest->real_cwd == NULL)
        manifest->real_cwd = mem_string(cwd);
    manifest->name = mem_string("");
    return manifest;
}

static void file_free(Wire__File *file)
{
    for (size_t i = 0; i < file->n_versions; i++)
        free(file->versions[i]);
    free(file->versions);
    free(file->path);
    free(file->origin);
    free(file->glibc);
    free(file->hash.data);
    free(file);
}

void manifest_destroy(struct manifest *manifest)
{
    struct destination *destination, *next;

    if (manifest == NULL)
        return;
    HASH_ITER(hh, manifest->destinations, destination, next)
    {
        HASH_DEL(manifest->destinations, destination);
        free(destination->key);
        free(destination);
    }
    for (size_t i = 0; i < manifest->count; i++)
        file_free(manifest->files[i]);
    free(manifest->files);
    message_free(manifest->needs);
    free(manifest->program);
    free(manifest->name);
    free(manifest->cwd);
    free(manifest->real_cwd);
    free(manifest);
}

/* ---------------------------------------------------------------- adding one */

static const char *folder_of(Wire__FileKind kind)
{
    return kind == WIRE__FILE_KIND__FILE_PROGRAM   ? "bin"
           : kind == WIRE__FILE_KIND__FILE_LIBRARY ? "lib"
                                                   : "work";
}

static bool has_control_characters(const char *text)
{
    for (; *text != '\0'; text++)
        if (iscntrl((unsigned char)*text))
            return true;
    return false;
}

static int check_path(const char *path, const char *origin, struct err *err)
{
    errno = EINVAL;
    if (has_control_characters(path))
        return err_set(err, "cannot send %s: its name holds control characters", origin);
    if (!file_is_below(path) || strlen(path) >= PATH_MAX / 2)
        return err_set(err, "cannot send %s: its name is no path below the job's directory",
                       origin);
    return 0;
}

int manifest_add_file(struct manifest *manifest, Wire__FileKind kind, const char *path,
                      const char *origin, const struct stat *st, Wire__File **file_out,
                      struct err *err)
{
    struct destination *found;

    *file_out = NULL;
    if (check_path(path, origin, err) < 0)
        return -1;
    char *key = mem_format("%s/%s", folder_of(kind), path);
    HASH_FIND_STR(manifest->destinations, key, found);
    if (found != NULL) {
        bool is_same = found->file->kind == kind && (kind == WIRE__FILE_KIND__FILE_DIR ||
                                                     strcmp(found->file->origin, origin) == 0);
        free(key);
        errno = EEXIST;
        return is_same
                   ? 0
                   : err_set(err, "%s and %s would have the same name %s in the job's directory",
                             found->file->origin, origin, path);
    }
    if (manifest->count >= LIST_MAX - 1) {
        free(key);
        errno = E2BIG;
        return err_set(err, "more than %d files to send: pack them into an archive", LIST_MAX - 1);
    }
    Wire__File *file = mem_alloc(sizeof *file);
    wire__file__init(file);
    file->kind = kind;
    file->path = mem_string(path);
    file->origin = mem_string(origin);
    file->glibc = mem_string("");
    file->mode = st->st_mode & 0777;
    file->size = S_ISREG(st->st_mode) ? (uint64_t)st->st_size : 0;
    manifest->files = mem_grow(manifest->files, manifest->count + 1, sizeof(Wire__File *));
    manifest->files[manifest->count++] = file;
    found = mem_alloc(sizeof *found);
    found->key = key;
    found->file = file;
    HASH_ADD_KEYPTR(hh, manifest->destinations, key, strlen(key), found);
    *file_out = file;
    return 0;
}

/* ---------------------------------------------------------------- program and libraries */

static int add_library(struct manifest *manifest, const struct needs_library *library,
                       struct err *err)
{
    struct stat st = {0};
    Wire__File *file;

    if (!library->is_host && stat(library->path, &st) < 0)
        return err_sys(err, "cannot read the library %s", library->path);
    if (manifest_add_file(manifest, WIRE__FILE_KIND__FILE_LIBRARY, library->name, library->path,
                          &st, &file, err) < 0)
        return -1;
    if (file == NULL)
        return 0;
    file->versions = mem_array(library->version_count, sizeof(char *));
    file->n_versions = library->version_count;
    for (size_t i = 0; i < library->version_count; i++)
        file->versions[i] = mem_string(library->versions[i]);
    free(file->glibc);
    file->glibc = mem_string(library->glibc);
    file->mpi = library->has_mpi;
    if (library->is_host)
        file->size = 0; /* and no hash: only its name matters */
    return 0;
}

static int add_needs(struct manifest *manifest, const struct needs *needs, struct err *err)
{
    struct stat st;
    Wire__File *file;
    const char *name = strrchr(needs->path, '/') + 1;

    manifest->needs = needs_wire(needs);
    if (needs->is_in_place)
        return 0;
    if (stat(needs->path, &st) < 0)
        return err_sys(err, "cannot read %s", needs->path);
    if (manifest_add_file(manifest, WIRE__FILE_KIND__FILE_PROGRAM, name, needs->path, &st, &file,
                          err) < 0)
        return -1;
    free(manifest->name);
    manifest->name = mem_string(name);
    for (size_t i = 0; i < needs->library_count; i++) {
        if (strchr(needs->libraries[i].name, '/') != NULL)
            continue; /* asked for by path: a host has it there, or the loader says so */
        if (add_library(manifest, &needs->libraries[i], err) < 0)
            return -1;
    }
    return 0;
}

/* "python3" is what each host's PATH says, wherever this one's is. */
static void let_hosts_find(struct manifest *manifest, struct needs *needs, const char *name)
{
    free(manifest->program);
    manifest->program = mem_string(name);
    free(needs->interpreters[0]);
    needs->interpreters[0] = mem_string(name);
}

int manifest_add_program(struct manifest *manifest, const char *name, struct err *err)
{
    manifest->program = needs_program(name, manifest->cwd, NULL, err);
    if (manifest->program == NULL)
        return -1;
    struct needs *needs = needs_find(manifest->program, getenv("LD_LIBRARY_PATH"), err);
    if (needs == NULL)
        return -1;
    if (needs->is_in_place && strchr(name, '/') == NULL)
        let_hosts_find(manifest, needs, name);
    int result = add_needs(manifest, needs, err);
    needs_destroy(needs);
    return result;
}

/* ---------------------------------------------------------------- hashes */

uint64_t manifest_bytes(const struct manifest *manifest)
{
    uint64_t total = 0;

    for (size_t i = 0; i < manifest->count; i++)
        total += manifest->files[i]->size;
    return total;
}

static int run_hashing(struct hashing *hashing, Wire__File *file, manifest_progress_fn *progress,
                       void *arg, uint64_t before, uint64_t total, struct err *err)
{
    int more;

    while ((more = hashing_step(hashing, HASH_STEP, err)) > 0) {
        if (progress != NULL && !progress(arg, before + hashing_done(hashing), total)) {
            errno = ECANCELED;
            return err_set(err, "interrupted");
        }
    }
    if (more < 0)
        return -1;
    file->hash.data = mem_alloc(HASHING_SIZE);
    file->hash.len = HASHING_SIZE;
    file->size = hashing_done(hashing);
    return hashing_result(hashing, file->hash.data, err);
}

static int hash_file(Wire__File *file, manifest_progress_fn *progress, void *arg, uint64_t before,
                     uint64_t total, struct err *err)
{
    int fd = open(file->origin, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return err_sys(err, "cannot read %s", file->origin);
    struct hashing *hashing = hashing_begin_take(fd, file->origin, err);
    if (hashing == NULL) {
        close(fd);
        return -1;
    }
    int result = run_hashing(hashing, file, progress, arg, before, total, err);
    hashing_end(hashing);
    return result;
}

/* Everything about the files goes to a host in one frame. */
static int check_offer(const struct manifest *manifest, struct err *err)
{
    Wire__StageOffer offer = WIRE__STAGE_OFFER__INIT;

    offer.n_files = manifest->count;
    offer.files = manifest->files;
    offer.needs = manifest->needs;
    if (wire__stage_offer__get_packed_size(&offer) <= FRAME_MAX / 2)
        return 0;
    errno = E2BIG;
    return err_set(err, "too many files to send (%zu): pack them into an archive", manifest->count);
}

int manifest_hash(struct manifest *manifest, manifest_progress_fn *progress, void *arg,
                  struct err *err)
{
    uint64_t total = manifest_bytes(manifest), before = 0;

    for (size_t i = 0; i < manifest->count; i++) {
        Wire__File *file = manifest->files[i];
        bool is_host_library = file->kind == WIRE__FILE_KIND__FILE_LIBRARY && file->size == 0;
        if (file->kind == WIRE__FILE_KIND__FILE_DIR || is_host_library || file->hash.data != NULL)
            continue;
        if (hash_file(file, progress, arg, before, total, err) < 0)
            return -1;
        before += file->size;
    }
    return check_offer(manifest, err);
}

void manifest_fill(struct manifest *manifest, Wire__JobSubmit *submit)
{
    submit->n_files = manifest->count;
    submit->files = manifest->files;
    submit->needs = manifest->needs;
    submit->program = manifest->name;
}

const char *manifest_program(const struct manifest *manifest)
{
    return manifest->program;
}
