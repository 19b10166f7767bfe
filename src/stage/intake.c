/* SPDX-License-Identifier: BSD-3-Clause */
/* intake.c - the host's part of staging one job: what is wanted, taking it in, the job's directory
 * laid out
 *
 * What the home says is checked as a stranger's word: paths stay below the job's directory, a piece
 * may not grow beyond what was announced, and files of this host are looked at only where every
 * user of it may read. */
#include "config.h"
#include "stage/intake.h"

#include "base/file.h"
#include "base/mem.h"
#include "stage/below.h"
#include "stage/elf.h"
#include "stage/hashing.h"
#include "stage/libpath.h"
#include "stage/needs.h"
#include "stage/staged.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>
#include <zstd.h>

#define WORK_BYTES (8u << 20) /* read or copied in one intake_work(): some milliseconds */
#define WORK_FILES 64
#define HOST_PATH  "/usr/local/bin:/usr/bin:/bin"

enum source {
    SOURCE_UNKNOWN, /* not looked at yet */
    SOURCE_NOTHING, /* a directory, or an empty file */
    SOURCE_HOST,    /* the loader finds the host's own */
    SOURCE_PLACE,   /* the same content at the same path here */
    SOURCE_STORE,   /* held in the store */
    SOURCE_WANTED,  /* must come */
};

struct item {
    const Wire__File *file; /* of the offer */
    enum source source;
    struct item *same; /* another one that wants the same content */
};

struct content {         /* that must come */
    const uint8_t *hash; /* of the first item */
    struct item *items;  /* by item.same */
    UT_hash_handle hh;
};

struct intake {
    struct store *store; /* borrowed */
    char *job, *dir;
    char *arch, *mpi, *glibc;
    struct intake_calls calls;
    enum intake_state state;

    Wire__StageOffer *offer;
    struct item *items;
    size_t count, next;      /* next: to be looked at, or laid out */
    struct content *wanted;  /* in the order of the offer */
    struct libpath *libpath; /* while looking */
    struct hashing *hashing; /* of the file at the origin's path here */

    struct store_writer *writer; /* of the content that is coming */
    struct content *writing;
    uint64_t received;
    uint8_t *piece;

    int work_fd, bin_fd, lib_fd;
    struct store_copy *copy;
    FILE *staged; /* list of what was laid out in work/, for fetchout */
    char *staged_text;
    size_t staged_size;

    char *program;
    bool has_libraries;
};

struct intake *intake_create(struct store *store, const char *job, const char *dir,
                             const Wire__HostInfo *host, const struct intake_calls *calls)
{
    struct intake *intake = mem_alloc(sizeof *intake);

    intake->store = store;
    intake->job = mem_string(job);
    intake->dir = mem_string(dir);
    intake->arch = mem_string(host->arch);
    intake->mpi = mem_string(host->mpi);
    intake->glibc = mem_string(host->glibc);
    intake->calls = *calls;
    intake->work_fd = intake->bin_fd = intake->lib_fd = -1;
    return intake;
}

static void close_dir(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void release_all(struct intake *intake)
{
    for (size_t i = 0; i < intake->count; i++)
        if (intake->items[i].source == SOURCE_STORE) {
            store_release(intake->store, intake->items[i].file->hash.data);
            intake->items[i].source = SOURCE_UNKNOWN;
        }
}

/* Drops everything that a step of work holds: descriptors, writers, holds, buffers. */
static void drop_work(struct intake *intake)
{
    store_copy_end(intake->copy);
    store_abort(intake->writer);
    hashing_end(intake->hashing);
    libpath_destroy(intake->libpath);
    release_all(intake);
    if (intake->staged != NULL)
        fclose(intake->staged);
    free(intake->staged_text);
    free(intake->piece);
    close_dir(&intake->work_fd);
    close_dir(&intake->bin_fd);
    close_dir(&intake->lib_fd);
    intake->copy = NULL;
    intake->writer = NULL;
    intake->hashing = NULL;
    intake->libpath = NULL;
    intake->staged = NULL;
    intake->staged_text = NULL;
    intake->piece = NULL;
}

static void content_forget(struct intake *intake, struct content *content)
{
    HASH_DEL(intake->wanted, content);
    free(content);
}

static void reset(struct intake *intake)
{
    struct content *content, *next;

    drop_work(intake);
    HASH_ITER(hh, intake->wanted, content, next)
    content_forget(intake, content);
    message_free(intake->offer);
    free(intake->items);
    free(intake->program);
    intake->offer = NULL;
    intake->items = NULL;
    intake->program = NULL;
    intake->count = intake->next = 0;
    intake->received = 0;
    intake->has_libraries = false;
    intake->state = INTAKE_IDLE;
}

void intake_destroy(struct intake *intake)
{
    if (intake == NULL)
        return;
    reset(intake);
    free(intake->job);
    free(intake->dir);
    free(intake->arch);
    free(intake->mpi);
    free(intake->glibc);
    free(intake);
}

enum intake_state intake_state(const struct intake *intake)
{
    return intake->state;
}

const char *intake_program(const struct intake *intake)
{
    return intake->program;
}

bool intake_has_libraries(const struct intake *intake)
{
    return intake->has_libraries;
}

/* ---------------------------------------------------------------- messages to the home */

static void send_want(struct intake *intake, ProtobufCBinaryData *hashes, size_t count,
                      const char *refusal)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__StageWant want = WIRE__STAGE_WANT__INIT;

    frame.body_case = WIRE__FRAME__BODY_STAGE_WANT;
    frame.stage_want = &want;
    want.job = intake->job;
    want.hashes = hashes;
    want.n_hashes = count;
    if (refusal != NULL)
        want.refusal = (char *)refusal;
    intake->calls.send(intake->calls.arg, &frame);
}

static void send_ack(struct intake *intake, ProtobufCBinaryData hash, uint64_t offset,
                     const char *error)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__StageAck ack = WIRE__STAGE_ACK__INIT;

    frame.body_case = WIRE__FRAME__BODY_STAGE_ACK;
    frame.stage_ack = &ack;
    ack.job = intake->job;
    ack.hash = hash;
    ack.offset = offset;
    if (error != NULL)
        ack.error = (char *)error;
    intake->calls.send(intake->calls.arg, &frame);
}

static void send_ready(struct intake *intake, const char *error)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__StageReady ready = WIRE__STAGE_READY__INIT;

    frame.body_case = WIRE__FRAME__BODY_STAGE_READY;
    frame.stage_ready = &ready;
    ready.job = intake->job;
    if (error != NULL)
        ready.error = (char *)error;
    intake->calls.send(intake->calls.arg, &frame);
}

static void refuse(struct intake *intake, const struct err *err)
{
    drop_work(intake);
    intake->state = INTAKE_FAILED;
    send_want(intake, NULL, 0, err->text);
}

/* ---------------------------------------------------------------- the offer and its needs */

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

static int check_offer(const Wire__StageOffer *offer, struct err *err)
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

static int check_glibc(const struct intake *intake, const char *who, const char *version,
                       struct err *err)
{
    if (version[0] == '\0' ||
        (intake->glibc[0] != '\0' && elf_version_compare(version, intake->glibc) <= 0))
        return 0;
    if (intake->glibc[0] == '\0')
        return err_set(err, "%s needs GLIBC_%s, this host has no GNU C library", who, version);
    return err_set(err,
                   "%s needs GLIBC_%s, this host has %s: build it on a system as old as that, or "
                   "leave the host out",
                   who, version, intake->glibc);
}

static int check_needs(const struct intake *intake, const Wire__Needs *needs, struct err *err)
{
    if (needs == NULL)
        return 0;
    if (needs->arch[0] != '\0' && !runs_here(intake->arch, needs->arch))
        return err_set(err, "the program is for %s, this host is %s", needs->arch, intake->arch);
    if (check_glibc(intake, "the program", needs->glibc, err) < 0)
        return -1;
    if (needs->mpi[0] != '\0' && intake->mpi[0] == '\0')
        return err_set(err, "the program needs Open MPI %s, this host has none: install it",
                       needs->mpi);
    if (needs->mpi[0] != '\0' && !is_series(intake->mpi, needs->mpi))
        return err_set(err, "the program needs Open MPI %s, this host has %s", needs->mpi,
                       intake->mpi);
    for (size_t i = 0; i < needs->n_interpreters; i++)
        if (!has_program(needs->interpreters[i]))
            return err_set(err, "the program needs %s, which this host has not",
                           needs->interpreters[i]);
    return 0;
}

void intake_offer(struct intake *intake, const Wire__StageOffer *offer)
{
    struct err err = {""};

    reset(intake);
    if (check_offer(offer, &err) < 0 || check_needs(intake, offer->needs, &err) < 0) {
        refuse(intake, &err);
        return;
    }
    intake->offer = message_copy(&offer->base);
    intake->count = intake->offer->n_files;
    intake->items = mem_array(intake->count, sizeof *intake->items);
    for (size_t i = 0; i < intake->count; i++)
        intake->items[i].file = intake->offer->files[i];
    intake->libpath = libpath_create("", NULL);
    intake->state = INTAKE_LOOKING;
}

/* ---------------------------------------------------------------- looking: what is here already */

/* Software that is installed for everybody; a home may not ask what else is on this host. */
static bool is_shared_place(const char *path)
{
    static const char *const places[] = {"/usr/",   "/opt/",   "/bin/",   "/sbin/", "/lib/",
                                         "/lib64/", "/lib32/", "/nix/",   "/gnu/",  "/snap/",
                                         "/sw/",    "/apps/",  "/cvmfs/", NULL};

    for (size_t i = 0; places[i] != NULL; i++)
        if (strncmp(path, places[i], strlen(places[i])) == 0)
            return file_is_below(path + 1);
    return false;
}

/* Starts to hash the file at the origin's path if it could be the same. */
static bool begin_hashing(struct intake *intake, const Wire__File *file)
{
    struct stat st;
    mode_t wanted = S_IROTH | (file->kind == WIRE__FILE_KIND__FILE_PROGRAM ? S_IXOTH : 0);

    if (!is_shared_place(file->origin) || stat(file->origin, &st) < 0 || !S_ISREG(st.st_mode) ||
        (uint64_t)st.st_size != file->size || (st.st_mode & wanted) != wanted)
        return false;
    int fd = open(file->origin, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return false;
    intake->hashing = hashing_begin_take(fd, file->origin, NULL);
    if (intake->hashing == NULL)
        close(fd);
    return intake->hashing != NULL;
}

/* 1: more to read, 0: another content, 2: the same. */
static int go_on_hashing(struct intake *intake, const Wire__File *file)
{
    uint8_t hash[HASHING_SIZE];

    int more = hashing_step(intake->hashing, WORK_BYTES, NULL);
    if (more > 0)
        return 1;
    bool is_same = more == 0 && hashing_result(intake->hashing, hash, NULL) == 0 &&
                   memcmp(hash, file->hash.data, sizeof hash) == 0;
    hashing_end(intake->hashing);
    intake->hashing = NULL;
    return is_same ? 2 : 0;
}

static unsigned arch_bits(const char *arch)
{
    static const char *const narrow[] = {"i686", "armv7l", "x32", "riscv32", "mips", NULL};

    for (size_t i = 0; narrow[i] != NULL; i++)
        if (strcmp(arch, narrow[i]) == 0)
            return 32;
    return 64;
}

static bool defines_all(const struct elf *elf, const Wire__File *file)
{
    for (size_t i = 0; i < file->n_versions; i++) {
        bool is_defined = false;
        for (size_t k = 0; k < elf->provides.count && !is_defined; k++)
            is_defined = strcmp(elf->provides.items[k], file->versions[i]) == 0;
        if (!is_defined)
            return false;
    }
    return true;
}

/* Fits the machine, defines the versions asked for, and is of the same kind: a library may be
 * packaged with and without MPI under one name (libtachyon). */
static bool host_has_library(struct intake *intake, const Wire__File *file)
{
    struct elf *elf = NULL;
    const char *arch = intake->offer->needs != NULL && intake->offer->needs->arch[0] != '\0'
                           ? intake->offer->needs->arch
                           : intake->arch;

    char *path = libpath_find(intake->libpath, file->path, NULL, arch, arch_bits(arch), &elf);
    bool serves = path != NULL && defines_all(elf, file) &&
                  (file->hash.len == 0 || needs_has_mpi(elf) == file->mpi);
    elf_destroy(elf);
    free(path);
    return serves;
}

/* A library of the system at home may be the system's here; one of the user's own must be the same.
 */
static bool is_system_library(const Wire__File *file)
{
    return strncmp(file->origin, "/lib", 4) == 0 || strncmp(file->origin, "/usr/lib", 8) == 0;
}

static int look_at_library(struct intake *intake, struct item *item, struct err *err)
{
    const Wire__File *file = item->file;

    if (file->hash.len == 0) {
        item->source = SOURCE_HOST;
        return host_has_library(intake, file)
                   ? 0
                   : err_set(err,
                             "the program needs the library %s, which this host has not and which "
                             "cannot be sent",
                             file->path);
    }
    if (is_system_library(file) && host_has_library(intake, file))
        item->source = SOURCE_HOST;
    return 0;
}

static struct content *content_find(const struct intake *intake, const uint8_t *hash)
{
    struct content *content;

    HASH_FIND(hh, intake->wanted, hash, STORE_HASH, content);
    return content;
}

static void want(struct intake *intake, struct item *item)
{
    struct content *content = content_find(intake, item->file->hash.data);

    if (content == NULL) {
        content = mem_alloc(sizeof *content);
        content->hash = item->file->hash.data;
        HASH_ADD_KEYPTR(hh, intake->wanted, content->hash, STORE_HASH, content);
    }
    item->source = SOURCE_WANTED;
    item->same = content->items;
    content->items = item;
}

/* The content is not on this host outside of the store. */
static int look_in_store(struct intake *intake, struct item *item, struct err *err)
{
    const Wire__File *file = item->file;

    if (file->kind == WIRE__FILE_KIND__FILE_LIBRARY) {
        char *who = mem_format("the library %s, which this host has not and which would be sent,",
                               file->path);
        int result = check_glibc(intake, who, file->glibc, err);
        free(who);
        if (result < 0)
            return -1;
    }
    if (store_hold(intake->store, file->hash.data))
        item->source = SOURCE_STORE;
    else
        want(intake, item);
    return 0;
}

/* One step on the item. Its source stays unknown while there is more to do. */
static int look(struct intake *intake, struct item *item, struct err *err)
{
    const Wire__File *file = item->file;

    if (intake->hashing != NULL) {
        int same = go_on_hashing(intake, file);
        if (same == 1)
            return 0;
        if (same == 2) {
            item->source = SOURCE_PLACE;
            return 0;
        }
        return look_in_store(intake, item, err);
    }
    if (file->kind == WIRE__FILE_KIND__FILE_LIBRARY && look_at_library(intake, item, err) < 0)
        return -1;
    if (file->kind == WIRE__FILE_KIND__FILE_DIR ||
        (item->source == SOURCE_UNKNOWN && file->size == 0))
        item->source = SOURCE_NOTHING;
    if (item->source != SOURCE_UNKNOWN)
        return 0;
    if (file->kind != WIRE__FILE_KIND__FILE_INPUT && begin_hashing(intake, file))
        return 0;
    return look_in_store(intake, item, err);
}

static void begin_laying(struct intake *intake)
{
    intake->next = 0;
    intake->state = INTAKE_LAYING;
}

/* Each content once, in the order of the offer. */
static void ask(struct intake *intake)
{
    ProtobufCBinaryData *hashes = mem_array(HASH_COUNT(intake->wanted), sizeof *hashes);
    size_t count = 0;

    for (struct content *content = intake->wanted; content != NULL; content = content->hh.next)
        hashes[count++] = content->items->file->hash;
    libpath_destroy(intake->libpath);
    intake->libpath = NULL;
    intake->state = INTAKE_TAKING;
    if (count == 0)
        begin_laying(intake);
    send_want(intake, hashes, count, NULL);
    free(hashes);
}

static void work_looking(struct intake *intake)
{
    struct err err = {""};

    for (unsigned i = 0; i < WORK_FILES && intake->next < intake->count; i++) {
        struct item *item = &intake->items[intake->next];
        if (look(intake, item, &err) < 0) {
            refuse(intake, &err);
            return;
        }
        if (item->source == SOURCE_UNKNOWN)
            return; /* a file is being hashed */
        intake->next++;
    }
    if (intake->next == intake->count)
        ask(intake);
}

/* ---------------------------------------------------------------- taking */

/* The piece must unpack to exactly what the size leaves, at most PIECE_MAX: no room for a bomb. */
static int unpack(struct intake *intake, const Wire__StageData *data, uint64_t size,
                  size_t *length_out, struct err *err)
{
    uint64_t left = size - data->offset;
    size_t length = left < PIECE_MAX ? (size_t)left : PIECE_MAX;

    if (intake->piece == NULL)
        intake->piece = mem_alloc(PIECE_MAX);
    size_t got = ZSTD_decompress(intake->piece, length, data->data.data, data->data.len);
    errno = EBADMSG;
    if (ZSTD_isError(got) || got != length || data->last != (left == length))
        return err_set(err, "a piece came that cannot be unpacked or has a wrong length");
    *length_out = length;
    return 0;
}

/* For all items with this content: the writer's hold is the first one's. */
static void content_is_here(struct intake *intake, struct content *content)
{
    for (struct item *item = content->items; item != NULL; item = item->same)
        if (item == content->items || store_hold(intake->store, content->hash))
            item->source = SOURCE_STORE;
    content_forget(intake, content);
}

static int commit(struct intake *intake, struct err *err)
{
    struct store_writer *writer = intake->writer;

    intake->writer = NULL;
    if (store_commit(writer, err) < 0) {
        if (errno == EBADMSG)
            err_set(
                err,
                "its content is not what was announced; it changed meanwhile: run the job again");
        return -1;
    }
    content_is_here(intake, intake->writing);
    intake->writing = NULL;
    return 0;
}

static int take(struct intake *intake, const Wire__StageData *data, struct err *err)
{
    struct content *content =
        data->hash.len == STORE_HASH ? content_find(intake, data->hash.data) : NULL;
    size_t length = 0;

    if (content == NULL)
        return err_set(err, "content came that was not asked for");
    uint64_t size = content->items->file->size;
    if (intake->writer == NULL) {
        intake->writer = store_begin(intake->store, content->hash, size, err);
        if (intake->writer == NULL)
            return -1;
        intake->writing = content;
        intake->received = 0;
    }
    if (intake->writing != content || data->offset != intake->received)
        return err_set(err, "pieces came in the wrong order");
    if (unpack(intake, data, size, &length, err) < 0 ||
        store_write(intake->writer, intake->piece, length, err) < 0)
        return -1;
    intake->received += length;
    return intake->received == size ? commit(intake, err) : 0;
}

void intake_data(struct intake *intake, const Wire__StageData *data)
{
    struct err err = {""};

    if (intake->state != INTAKE_TAKING)
        return; /* on its way when the intake failed */
    if (take(intake, data, &err) < 0) {
        drop_work(intake);
        intake->state = INTAKE_FAILED;
        send_ack(intake, data->hash, data->offset, err.text);
        return;
    }
    if (intake->wanted == NULL)
        begin_laying(intake);
    send_ack(intake, data->hash, intake->received, NULL);
}

/* ---------------------------------------------------------------- laying out */

static int open_folder(const struct intake *intake, const char *name, int *fd_out, struct err *err)
{
    char *path = mem_format("%s/%s", intake->dir, name);
    int result = 0;

    if (file_remove_tree(path, err) < 0)
        result = -1;
    else if (mkdir(path, 0700) < 0 ||
             (*fd_out = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0)
        result = err_sys(err, "cannot make the directory %s", path);
    free(path);
    return result;
}

static int open_folders(struct intake *intake, struct err *err)
{
    if (open_folder(intake, "work", &intake->work_fd, err) < 0 ||
        open_folder(intake, "bin", &intake->bin_fd, err) < 0 ||
        open_folder(intake, "lib", &intake->lib_fd, err) < 0)
        return -1;
    intake->staged = open_memstream(&intake->staged_text, &intake->staged_size);
    return intake->staged != NULL ? 0 : err_set(err, "out of memory");
}

static int folder_fd(const struct intake *intake, const Wire__File *file)
{
    return file->kind == WIRE__FILE_KIND__FILE_PROGRAM   ? intake->bin_fd
           : file->kind == WIRE__FILE_KIND__FILE_LIBRARY ? intake->lib_fd
                                                         : intake->work_fd;
}

/* Inputs may be changed by ranks, which get copies; programs and libraries are only read. */
static mode_t laid_mode(const Wire__File *file)
{
    return file->kind == WIRE__FILE_KIND__FILE_INPUT ? (file->mode & 0777) | 0600 : 0500;
}

static void note_staged(struct intake *intake, const Wire__File *file)
{
    struct stat st;

    if (file->kind != WIRE__FILE_KIND__FILE_INPUT ||
        fstatat(intake->work_fd, file->path, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return;
    staged_note(intake->staged, file->path, &st);
}

static void note_done(struct intake *intake, const struct item *item)
{
    const Wire__File *file = item->file;

    note_staged(intake, file);
    if (file->kind == WIRE__FILE_KIND__FILE_LIBRARY && item->source != SOURCE_HOST)
        intake->has_libraries = true;
    if (file->kind == WIRE__FILE_KIND__FILE_PROGRAM)
        intake->program = item->source == SOURCE_PLACE
                              ? mem_string(file->origin)
                              : mem_format("%s/bin/%s", intake->dir, file->path);
}

static int lay_empty(const struct intake *intake, const Wire__File *file, struct err *err)
{
    if (file->kind == WIRE__FILE_KIND__FILE_DIR) {
        if (below_mkdirs(intake->work_fd, file->path, 0755) < 0)
            return err_sys(err, "cannot make the directory %s in the job's directory", file->path);
        return 0;
    }
    int fd = below_create(folder_fd(intake, file), file->path, laid_mode(file));
    if (fd < 0)
        return err_sys(err, "cannot make %s in the job's directory", file->path);
    close(fd);
    return 0;
}

/* Starts an item: 0: it is done, 1: a copy is at work, -1 with a sentence. */
static int lay(struct intake *intake, const struct item *item, struct err *err)
{
    const Wire__File *file = item->file;

    switch (item->source) {
    case SOURCE_HOST:
        return 0;
    case SOURCE_NOTHING:
        return lay_empty(intake, file, err);
    case SOURCE_PLACE: /* a library need not lie where the loader looks */
        if (file->kind == WIRE__FILE_KIND__FILE_LIBRARY &&
            symlinkat(file->origin, intake->lib_fd, file->path) < 0)
            return err_sys(err, "cannot make %s in the job's directory", file->path);
        return 0;
    default:
        intake->copy = store_copy_begin(intake->store, file->hash.data, folder_fd(intake, file),
                                        file->path, laid_mode(file), err);
        return intake->copy != NULL ? 1 : -1;
    }
}

static int lay_step(struct intake *intake, struct err *err)
{
    const struct item *item = &intake->items[intake->next];
    int more = intake->copy == NULL ? lay(intake, item, err) : 1;

    if (more > 0) {
        more = store_copy_step(intake->copy, WORK_BYTES, err);
        if (more <= 0) {
            store_copy_end(intake->copy);
            intake->copy = NULL;
        }
    }
    if (more == 0) {
        note_done(intake, item);
        intake->next++;
    }
    return more;
}

static int write_staged(struct intake *intake, struct err *err)
{
    char *path = mem_format("%s/staged", intake->dir);
    int failed = fflush(intake->staged);

    int result = failed != 0
                     ? err_set(err, "out of memory")
                     : file_write(path, intake->staged_text, intake->staged_size, 0600, err);
    free(path);
    return result;
}

static void work_laying(struct intake *intake)
{
    struct err err = {""};
    int result = intake->work_fd < 0 ? open_folders(intake, &err) : 0;

    uint64_t bytes = 0;
    for (unsigned i = 0;
         result == 0 && i < WORK_FILES && bytes < WORK_BYTES && intake->next < intake->count; i++) {
        bytes += intake->items[intake->next].file->size;
        result = lay_step(intake, &err);
    }
    if (result > 0 || (result == 0 && intake->next < intake->count))
        return;
    if (result == 0)
        result = write_staged(intake, &err);
    drop_work(intake);
    intake->state = result == 0 ? INTAKE_READY : INTAKE_FAILED;
    send_ready(intake, result == 0 ? NULL : err.text);
}

bool intake_work(struct intake *intake)
{
    if (intake->state == INTAKE_LOOKING)
        work_looking(intake);
    else if (intake->state == INTAKE_LAYING)
        work_laying(intake);
    return intake->state == INTAKE_LOOKING || intake->state == INTAKE_LAYING;
}
