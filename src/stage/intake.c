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
#include "base/installed.h"
#include "base/mem.h"
#include "stage/elf.h"
#include "stage/hashing.h"
#include "stage/hostcheck.h"
#include "stage/layout.h"
#include "stage/libpath.h"
#include "stage/needs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>
#include <zstd.h>

#define WORK_BYTES (8u << 20) /* read or copied in one intake_work(): some milliseconds */
#define WORK_FILES 64

enum source {
    SOURCE_UNKNOWN = 0, /* not looked at yet */
    SOURCE_NOTHING = LAYOUT_NOTHING,
    SOURCE_HOST = LAYOUT_HOST,
    SOURCE_PLACE = LAYOUT_PLACE,
    SOURCE_STORE = LAYOUT_STORE,
    SOURCE_WANTED, /* must come */
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
    struct hostcheck host;
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

    struct layout *layout; /* once all is here; kept: it knows the program */
};

struct intake *intake_create(struct store *store, const char *job, const char *dir,
                             const Wire__HostInfo *host, const struct intake_calls *calls)
{
    struct intake *intake = mem_alloc(sizeof *intake);

    intake->store = store;
    intake->job = mem_string(job);
    intake->dir = mem_string(dir);
    intake->host.arch = mem_string(host->arch);
    intake->host.mpi = mem_string(host->mpi);
    intake->host.glibc = mem_string(host->glibc);
    intake->calls = *calls;
    return intake;
}

static void release_all(struct intake *intake)
{
    for (size_t i = 0; i < intake->count && intake->items != NULL; i++)
        if (intake->items[i].source == SOURCE_STORE) {
            store_release(intake->store, intake->items[i].file->hash.data);
            intake->items[i].source = SOURCE_UNKNOWN;
        }
}

/* Drops everything that a step of work holds: writers, holds, buffers. */
static void drop_work(struct intake *intake)
{
    store_abort(intake->writer);
    hashing_end(intake->hashing);
    libpath_destroy(intake->libpath);
    release_all(intake);
    free(intake->piece);
    intake->writer = NULL;
    intake->hashing = NULL;
    intake->libpath = NULL;
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
    layout_destroy(intake->layout);
    intake->layout = NULL;
    HASH_ITER(hh, intake->wanted, content, next)
    content_forget(intake, content);
    message_free(intake->offer);
    free(intake->items);
    intake->offer = NULL;
    intake->items = NULL;
    intake->count = intake->next = 0;
    intake->received = 0;
    intake->state = INTAKE_IDLE;
}

void intake_destroy(struct intake *intake)
{
    if (intake == NULL)
        return;
    reset(intake);
    free(intake->job);
    free(intake->dir);
    free(intake->host.arch);
    free(intake->host.mpi);
    free(intake->host.glibc);
    free(intake);
}

enum intake_state intake_state(const struct intake *intake)
{
    return intake->state;
}

const char *intake_program(const struct intake *intake)
{
    return intake->layout != NULL ? layout_program(intake->layout) : NULL;
}

bool intake_has_libraries(const struct intake *intake)
{
    return intake->layout != NULL && layout_has_libraries(intake->layout);
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

void intake_offer(struct intake *intake, const Wire__StageOffer *offer)
{
    struct err err = {""};

    reset(intake);
    if (hostcheck_offer(offer, &err) < 0 ||
        hostcheck_needs(&intake->host, offer->needs, &err) < 0) {
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

/* Starts to hash the file at the origin's path if it could be the same. */
static bool begin_hashing(struct intake *intake, const Wire__File *file)
{
    struct stat st;
    mode_t wanted = S_IROTH | (file->kind == WIRE__FILE_KIND__FILE_PROGRAM ? S_IXOTH : 0);

    if (!installed_has(file->origin) || stat(file->origin, &st) < 0 || !S_ISREG(st.st_mode) ||
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
                           : intake->host.arch;

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
        int result = hostcheck_glibc(&intake->host, who, file->glibc, err);
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

/* Some files, or a part of a big one. 1: more to do, 0: all are laid out, -1 with a sentence. */
static int lay_some(struct intake *intake, struct err *err)
{
    uint64_t bytes = 0;

    for (unsigned i = 0; i < WORK_FILES && bytes < WORK_BYTES; i++) {
        if (intake->next == intake->count)
            return layout_end(intake->layout, err);
        const struct item *item = &intake->items[intake->next];
        int more = layout_file(intake->layout, item->file, (enum layout_source)item->source,
                               WORK_BYTES, err);
        if (more != 0)
            return more;
        bytes += item->file->size;
        intake->next++;
    }
    return 1;
}

static void work_laying(struct intake *intake)
{
    struct err err = {""};

    if (intake->layout == NULL)
        intake->layout = layout_begin(intake->store, intake->dir, &err);
    int more = intake->layout != NULL ? lay_some(intake, &err) : -1;
    if (more > 0)
        return;
    drop_work(intake);
    if (more < 0) {
        layout_destroy(intake->layout);
        intake->layout = NULL;
    }
    intake->state = more == 0 ? INTAKE_READY : INTAKE_FAILED;
    send_ready(intake, more == 0 ? NULL : err.text);
}

bool intake_work(struct intake *intake)
{
    if (intake->state == INTAKE_LOOKING)
        work_looking(intake);
    else if (intake->state == INTAKE_LAYING)
        work_laying(intake);
    return intake->state == INTAKE_LOOKING || intake->state == INTAKE_LAYING;
}
