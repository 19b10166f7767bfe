/* SPDX-License-Identifier: BSD-3-Clause */
/* store.c - staged content by its SHA-256, kept from job to job: DIR/objects/ab/abcdef...
 *
 * The index lives in memory, least recently used first; a file's modification time keeps that order
 * over a restart. Nothing is synced to the disk, so a power cut may damage an object: one that an
 * earlier process took in is verified when it is first copied. */
#include "config.h"
#include "stage/store.h"

#include "base/file.h"
#include "base/hex.h"
#include "base/mem.h"
#include "base/rand.h"
#include "stage/below.h"
#include "stage/store_inner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define HASH_TEXT (2 * STORE_HASH + 1)

struct store_writer {
    struct store *store;
    uint8_t hash[STORE_HASH];
    uint64_t size, done;
    char *path;
    int fd;
    EVP_MD_CTX *digest;
};

/* ---------------------------------------------------------------- the index */

char *store_object_path(const struct store *store, const uint8_t hash[STORE_HASH])
{
    char text[HASH_TEXT];

    hex_encode(hash, STORE_HASH, text);
    return mem_format("%s/objects/%.2s/%s", store->dir, text, text);
}

struct object *store_object(const struct store *store, const uint8_t hash[STORE_HASH])
{
    struct object *object;

    HASH_FIND(hh, store->objects, hash, STORE_HASH, object);
    return object;
}

static struct object *object_add(struct store *store, const uint8_t hash[STORE_HASH], uint64_t size)
{
    struct object *object = mem_alloc(sizeof *object);

    memcpy(object->hash, hash, STORE_HASH);
    object->size = size;
    HASH_ADD(hh, store->objects, hash, STORE_HASH, object);
    store->used += size;
    return object;
}

static void object_forget(struct store *store, struct object *object)
{
    store->used -= object->size;
    HASH_DEL(store->objects, object);
    free(object);
}

/* Puts it at the young end, also for the next process. */
static void object_touch(struct store *store, struct object *object)
{
    char *path = store_object_path(store, object->hash);

    utimensat(AT_FDCWD, path, NULL, 0);
    free(path);
    HASH_DEL(store->objects, object);
    HASH_ADD(hh, store->objects, hash, STORE_HASH, object);
}

static int by_age(const struct object *a, const struct object *b)
{
    return a->used_ns < b->used_ns ? -1 : a->used_ns > b->used_ns;
}

/* ---------------------------------------------------------------- open and close */

static void scan_folder(struct store *store, const char *folder)
{
    char *path = mem_format("%s/objects/%s", store->dir, folder);
    DIR *dir = opendir(path);

    free(path);
    if (dir == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        uint8_t hash[STORE_HASH];
        struct stat st;
        if (hex_decode(entry->d_name, hash, sizeof hash) < 0 ||
            strncmp(entry->d_name, folder, 2) != 0 ||
            fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
            !S_ISREG(st.st_mode) || store_object(store, hash) != NULL)
            continue;
        struct object *object = object_add(store, hash, (uint64_t)st.st_size);
        object->used_ns = st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec;
    }
    closedir(dir);
}

static void scan(struct store *store)
{
    for (unsigned i = 0; i < 256; i++) {
        uint8_t byte = (uint8_t)i;
        char folder[3];
        hex_encode(&byte, 1, folder);
        scan_folder(store, folder);
    }
    HASH_SORT(store->objects, by_age);
}

static int take_lock(struct store *store, struct err *err)
{
    char *path = mem_format("%s/lock", store->dir);

    store->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    int result = 0;
    if (store->lock < 0)
        result = err_sys(err, "cannot open %s", path);
    else if (flock(store->lock, LOCK_EX | LOCK_NB) < 0)
        result = err_set(err, "the store %s is in use by another p2pmpid", store->dir);
    free(path);
    return result;
}

static int make_dirs(const struct store *store, struct err *err)
{
    char *objects = mem_format("%s/objects", store->dir), *tmp = mem_format("%s/tmp", store->dir);
    int result = 0;

    if (file_mkdirs(objects, 0700, err) < 0 || file_remove_tree(tmp, err) < 0 ||
        file_mkdirs(tmp, 0700, err) < 0)
        result = -1;
    free(objects);
    free(tmp);
    return result;
}

struct store *store_open(const char *dir, uint64_t limit, struct err *err)
{
    struct store *store = mem_alloc(sizeof *store);

    store->dir = mem_string(dir);
    store->limit = limit;
    store->lock = -1;
    if (file_mkdirs(dir, 0700, err) < 0 || take_lock(store, err) < 0 || make_dirs(store, err) < 0) {
        store_close(store);
        return NULL;
    }
    scan(store);
    return store;
}

void store_close(struct store *store)
{
    struct object *object, *next;

    if (store == NULL)
        return;
    HASH_ITER(hh, store->objects, object, next)
    object_forget(store, object);
    if (store->lock >= 0)
        close(store->lock);
    free(store->dir);
    free(store);
}

/* ---------------------------------------------------------------- having and holding */

bool store_has(const struct store *store, const uint8_t hash[STORE_HASH])
{
    return store_object(store, hash) != NULL;
}

uint64_t store_used(const struct store *store)
{
    return store->used;
}

bool store_hold(struct store *store, const uint8_t hash[STORE_HASH])
{
    struct object *object = store_object(store, hash);
    struct stat st;

    if (object == NULL)
        return false;
    if (object->holds == 0) { /* somebody may have emptied the cache by hand */
        char *path = store_object_path(store, hash);
        bool is_whole =
            lstat(path, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == object->size;
        free(path);
        if (!is_whole) {
            object_forget(store, object);
            return false;
        }
    }
    object->holds++;
    object_touch(store, object);
    return true;
}

void store_release(struct store *store, const uint8_t hash[STORE_HASH])
{
    struct object *object = store_object(store, hash);

    if (object != NULL && object->holds > 0)
        object->holds--;
}

/* ---------------------------------------------------------------- taking in */

static bool has_room(const struct store *store, uint64_t size)
{
    return store->limit == 0 || (size <= store->limit && store->used <= store->limit - size &&
                                 store->reserved <= store->limit - size - store->used);
}

void store_evict(struct store *store, struct object *object)
{
    char *path = store_object_path(store, object->hash);

    unlink(path);
    free(path);
    object_forget(store, object);
}

/* Nothing is thrown away for a file that would not fit even then. */
static bool could_have_room(const struct store *store, uint64_t size)
{
    uint64_t kept = store->reserved;

    for (const struct object *object = store->objects; object != NULL; object = object->hh.next)
        if (object->holds > 0)
            kept += object->size;
    return store->limit == 0 || (size <= store->limit && kept <= store->limit - size);
}

static int make_room(struct store *store, uint64_t size, struct err *err)
{
    struct object *object, *next;

    if (has_room(store, size))
        return 0;
    if (could_have_room(store, size)) {
        HASH_ITER(hh, store->objects, object, next)
        if (object->holds == 0 && !has_room(store, size))
            store_evict(store, object);
        return 0;
    }
    errno = ENOSPC;
    return err_set(err,
                   "no room for %llu bytes in the store of %llu MiB (cache_mb in p2pmpid.conf)",
                   (unsigned long long)size, (unsigned long long)(store->limit >> 20));
}

static void writer_free(struct store_writer *writer)
{
    int saved = errno;

    writer->store->reserved -= writer->size;
    if (writer->fd >= 0)
        close(writer->fd);
    EVP_MD_CTX_free(writer->digest);
    free(writer->path);
    free(writer);
    errno = saved;
}

struct store_writer *store_begin(struct store *store, const uint8_t hash[STORE_HASH], uint64_t size,
                                 struct err *err)
{
    char name[17];

    if (size > INT64_MAX) {
        errno = EFBIG;
        err_set(err, "a file of %llu bytes is too big", (unsigned long long)size);
        return NULL;
    }
    if (make_room(store, size, err) < 0)
        return NULL;
    struct store_writer *writer = mem_alloc(sizeof *writer);
    rand_hex(name, 8);
    writer->store = store;
    memcpy(writer->hash, hash, STORE_HASH);
    writer->size = size;
    store->reserved += size;
    writer->path = mem_format("%s/tmp/%s", store->dir, name);
    writer->digest = EVP_MD_CTX_new();
    writer->fd = open(writer->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool is_ready = writer->fd >= 0 && writer->digest != NULL &&
                    EVP_DigestInit_ex(writer->digest, EVP_sha256(), NULL) == 1;
    /* A full disk shows here, not after gigabytes; file systems that cannot say so are asked later.
     */
    if (is_ready && size > 0 && fallocate(writer->fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)size) < 0 &&
        errno != EOPNOTSUPP && errno != ENOSYS)
        is_ready = false;
    if (is_ready)
        return writer;
    err_sys(err, "cannot store %llu bytes below %s", (unsigned long long)size, store->dir);
    store_abort(writer);
    return NULL;
}

int store_write(struct store_writer *writer, const void *bytes, size_t size, struct err *err)
{
    errno = EBADMSG;
    if (size > writer->size - writer->done)
        return err_set(err, "more bytes came than were announced");
    if (below_write(writer->fd, bytes, size) < 0)
        return err_sys(err, "cannot write below %s", writer->store->dir);
    if (EVP_DigestUpdate(writer->digest, bytes, size) != 1)
        return err_set(err, "SHA-256 failed");
    writer->done += size;
    return 0;
}

static int verify(struct store_writer *writer, struct err *err)
{
    uint8_t hash[STORE_HASH];
    unsigned length = 0;

    errno = EBADMSG;
    if (writer->done != writer->size)
        return err_set(err, "%llu bytes came instead of %llu", (unsigned long long)writer->done,
                       (unsigned long long)writer->size);
    if (EVP_DigestFinal_ex(writer->digest, hash, &length) != 1 || length != STORE_HASH ||
        memcmp(hash, writer->hash, STORE_HASH) != 0)
        return err_set(err, "the content does not have the announced hash");
    return 0;
}

/* The temporary file gets its name. */
static int publish(const struct store_writer *writer, struct err *err)
{
    char *path = store_object_path(writer->store, writer->hash);
    char *slash = strrchr(path, '/');

    *slash = '\0';
    int result = mkdir(path, 0700) < 0 && errno != EEXIST ? -1 : 0;
    *slash = '/';
    if (result == 0 && (fchmod(writer->fd, 0400) < 0 || rename(writer->path, path) < 0))
        result = -1;
    if (result < 0)
        err_sys(err, "cannot store %s", path);
    free(path);
    return result;
}

int store_commit(struct store_writer *writer, struct err *err)
{
    if (verify(writer, err) < 0 || publish(writer, err) < 0) {
        store_abort(writer);
        return -1;
    }
    struct object *object =
        store_object(writer->store, writer->hash); /* another job's writer may have been faster */
    if (object == NULL)
        object = object_add(writer->store, writer->hash, writer->size);
    object->is_verified = true;
    object->holds++;
    writer_free(writer);
    return 0;
}

void store_abort(struct store_writer *writer)
{
    int saved = errno;

    if (writer == NULL)
        return;
    unlink(writer->path);
    errno = saved;
    writer_free(writer);
}
