/* SPDX-License-Identifier: BSD-3-Clause */
/* fetchin.c - results, p2pmpirun's part: writes files of several hosts below one directory */
#include "config.h"
#include "stage/fetchin.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/rand.h"
#include "stage/below.h"
#include "stage/fetchout.h"
#include "stage/pattern.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>
#include <zstd.h>

#define HASH_SIZE 32

struct source { /* a host, and the file that it is sending */
    uint32_t host;
    char *host_name;
    uint64_t bytes; /* taken in all, as acknowledged */
    bool is_open;   /* a file has begun and not ended */
    uint32_t index;
    char *path; /* as announced */
    char temporary[32];
    int parent; /* its directory */
    int fd;     /* -1 while is_open: the rest is dropped */
    EVP_MD_CTX *digest;
    uint64_t size, offset;
    UT_hash_handle hh;
};

struct taken { /* a file that is whole: its path and whose it is */
    char *path;
    char *host_name;
    uint32_t host;
    uint8_t hash[HASH_SIZE];
    UT_hash_handle hh;
};

struct fetchin {
    int dir;
    char *const *patterns; /* borrowed */
    size_t pattern_count;
    struct fetchin_calls calls;
    struct source *sources;
    struct taken *taken;
    size_t count;
    uint8_t *piece;
};

struct fetchin *fetchin_create(const char *dir, char *const *patterns, size_t pattern_count,
                               const struct fetchin_calls *calls, struct err *err)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0) {
        err_sys(err, "cannot bring results to %s", dir);
        return NULL;
    }
    struct fetchin *fetchin = mem_alloc(sizeof *fetchin);
    fetchin->dir = fd;
    fetchin->patterns = patterns;
    fetchin->pattern_count = pattern_count;
    fetchin->calls = *calls;
    return fetchin;
}

/* Ends the file that is open: whole, it has its name already. */
static void drop_file(struct source *source)
{
    int saved = errno;

    if (source->fd >= 0)
        close(source->fd);
    if (source->temporary[0] != '\0')
        unlinkat(source->parent, source->temporary, 0);
    if (source->parent >= 0)
        close(source->parent);
    EVP_MD_CTX_free(source->digest);
    free(source->path);
    source->digest = NULL;
    source->fd = source->parent = -1;
    source->temporary[0] = '\0';
    source->path = NULL;
    errno = saved;
}

void fetchin_destroy(struct fetchin *fetchin)
{
    struct source *source, *next_source;
    struct taken *taken, *next;

    if (fetchin == NULL)
        return;
    HASH_ITER(hh, fetchin->sources, source, next_source)
    {
        drop_file(source);
        HASH_DEL(fetchin->sources, source);
        free(source->host_name);
        free(source);
    }
    HASH_ITER(hh, fetchin->taken, taken, next)
    {
        HASH_DEL(fetchin->taken, taken);
        free(taken->path);
        free(taken->host_name);
        free(taken);
    }
    free(fetchin->piece);
    close(fetchin->dir);
    free(fetchin);
}

size_t fetchin_count(const struct fetchin *fetchin)
{
    return fetchin->count;
}

static struct source *source_get(struct fetchin *fetchin, uint32_t host)
{
    struct source *source;

    HASH_FIND(hh, fetchin->sources, &host, sizeof host, source);
    if (source == NULL) {
        source = mem_alloc(sizeof *source);
        source->host = host;
        source->fd = source->parent = -1;
        HASH_ADD(hh, fetchin->sources, host, sizeof source->host, source);
    }
    return source;
}

static void ack(struct fetchin *fetchin, struct source *source, uint64_t bytes)
{
    source->bytes += bytes;
    fetchin->calls.ack(fetchin->calls.arg, source->host, source->bytes);
}

/* ---------------------------------------------------------------- names */

static struct taken *taken_find(const struct fetchin *fetchin, const char *path)
{
    struct taken *taken;

    HASH_FIND_STR(fetchin->taken, path, taken);
    return taken;
}

static void take_name(struct fetchin *fetchin, const char *path, const struct source *source,
                      const uint8_t hash[HASH_SIZE])
{
    struct taken *taken = mem_alloc(sizeof *taken);

    taken->path = mem_string(path);
    taken->host_name = mem_string(source->host_name);
    taken->host = source->host;
    memcpy(taken->hash, hash, HASH_SIZE);
    HASH_ADD_KEYPTR(hh, fetchin->taken, taken->path, strlen(taken->path), taken);
}

static void warn(const struct fetchin *fetchin, char *text)
{
    fetchin->calls.warn(fetchin->calls.arg, text);
    free(text);
}

/* The path with the host's name behind, or with its number when two hosts have one name. */
static char *second_name(const struct fetchin *fetchin, const struct source *source)
{
    char *name = mem_format("%s.%s", source->path, source->host_name);

    for (char *c = name + strlen(source->path); *c != '\0'; c++)
        if (*c == '/' || iscntrl((unsigned char)*c))
            *c = '_';
    if (taken_find(fetchin, name) == NULL)
        return name;
    free(name);
    return mem_format("%s.%u", source->path, source->host);
}

static bool has_control_characters(const char *text)
{
    for (; *text != '\0'; text++)
        if (iscntrl((unsigned char)*text))
            return true;
    return false;
}

static int check_file(const struct fetchin *fetchin, const Wire__FetchFile *file,
                      const char *host_name, struct err *err)
{
    if (!file_is_below(file->path) || has_control_characters(file->path) || file->size > INT64_MAX)
        return err_set(
            err, "%s sent a file whose name leads out of the directory, or is none: not taken",
            host_name);
    if (!pattern_matches(fetchin->patterns, fetchin->pattern_count, file->path))
        return err_set(err, "%s sent %s, which was not asked for: not taken", host_name,
                       file->path);
    return 0;
}

/* ---------------------------------------------------------------- files */

static int open_temporary(const struct fetchin *fetchin, struct source *source, mode_t mode)
{
    const char *name;
    char random[17];

    source->parent = below_parent(fetchin->dir, source->path, 0777, &name);
    if (source->parent < 0)
        return -1;
    rand_hex(random, 8);
    snprintf(source->temporary, sizeof source->temporary, ".p2pmpi-%s", random);
    source->fd = openat(source->parent, source->temporary,
                        O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, (mode & 0777) | 0600);
    if (source->fd < 0)
        source->temporary[0] = '\0';
    return source->fd < 0 ? -1 : 0;
}

static int open_file(const struct fetchin *fetchin, struct source *source,
                     const Wire__FetchFile *file, struct err *err)
{
    source->path = mem_string(file->path);
    if (open_temporary(fetchin, source, (mode_t)file->mode) < 0) {
        if (errno == ELOOP || errno == ENOTDIR)
            return err_set(err,
                           "cannot write %s: a link or a file is in the place of its directory",
                           source->path);
        return err_sys(err, "cannot write %s", source->path);
    }
    source->digest = EVP_MD_CTX_new();
    if (source->digest == NULL || EVP_DigestInit_ex(source->digest, EVP_sha256(), NULL) != 1)
        return err_set(err, "SHA-256 is not available in this OpenSSL");
    return 0;
}

int fetchin_file(struct fetchin *fetchin, uint32_t host, const char *host_name,
                 const Wire__FetchFile *file, struct err *err)
{
    struct source *source = source_get(fetchin, host);

    drop_file(source); /* a file that was cut off */
    free(source->host_name);
    source->host_name = mem_string(host_name);
    source->is_open = true;
    source->index = file->index;
    source->size = file->size;
    source->offset = 0;
    int result = check_file(fetchin, file, host_name, err);
    if (result == 0)
        result = open_file(fetchin, source, file, err);
    if (result < 0)
        drop_file(source);
    ack(fetchin, source, FETCH_FILE_BYTES);
    return result;
}

static bool is_zero(const uint8_t *bytes, size_t size)
{
    return size > 0 && bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

/* Holes stay holes. */
static int write_piece(const struct source *source, const uint8_t *bytes, size_t size)
{
    if (is_zero(bytes, size))
        return lseek(source->fd, (off_t)size, SEEK_CUR) < 0 ? -1 : 0;
    return below_write(source->fd, bytes, size);
}

/* The whole file gets this name, in its directory. */
static int name_file(struct fetchin *fetchin, struct source *source, const char *path,
                     const uint8_t hash[HASH_SIZE], struct err *err)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;

    if (renameat(source->parent, source->temporary, source->parent, name) < 0)
        return err_sys(err, "cannot write %s", path);
    source->temporary[0] = '\0';
    take_name(fetchin, path, source, hash);
    fetchin->count++;
    return 0;
}

/* The first host whose file is whole keeps the name; the same content from another host is the same
 * file. */
static int keep_file(struct fetchin *fetchin, struct source *source, const uint8_t hash[HASH_SIZE],
                     struct err *err)
{
    const struct taken *first = taken_find(fetchin, source->path);

    if (first == NULL)
        return name_file(fetchin, source, source->path, hash, err);
    if (memcmp(first->hash, hash, HASH_SIZE) == 0)
        return 0;
    char *name = second_name(fetchin, source);
    int result;
    if (first->host == source->host || taken_find(fetchin, name) != NULL)
        result = err_set(err, "%s sent %s twice", source->host_name, source->path);
    else
        result = name_file(fetchin, source, name, hash, err);
    if (result == 0)
        warn(fetchin, mem_format("%s and %s made different files %s: that of %s is kept as %s",
                                 first->host_name, source->host_name, source->path,
                                 source->host_name, name));
    free(name);
    return result;
}

static int finish_file(struct fetchin *fetchin, struct source *source, struct err *err)
{
    uint8_t hash[HASH_SIZE];
    unsigned length = 0;

    if (source->offset != source->size)
        return err_set(err, "%s could not be read to its end on its host", source->path);
    if (ftruncate(source->fd, (off_t)source->size) < 0)
        return err_sys(err, "cannot write %s", source->path);
    if (EVP_DigestFinal_ex(source->digest, hash, &length) != 1 || length != HASH_SIZE)
        return err_set(err, "SHA-256 of %s failed", source->path);
    return keep_file(fetchin, source, hash, err);
}

static int take_piece(struct fetchin *fetchin, struct source *source, const Wire__FetchData *data,
                      size_t length, struct err *err)
{
    if (fetchin->piece == NULL)
        fetchin->piece = mem_alloc(PIECE_MAX);
    if (data->data.len > 0) {
        size_t got = ZSTD_decompress(fetchin->piece, length, data->data.data, data->data.len);
        if (ZSTD_isError(got) || got != length)
            return err_set(err, "a piece of %s came that cannot be unpacked", source->path);
        if (write_piece(source, fetchin->piece, length) < 0)
            return err_sys(err, "cannot write %s", source->path);
        if (EVP_DigestUpdate(source->digest, fetchin->piece, length) != 1)
            return err_set(err, "SHA-256 of %s failed", source->path);
        source->offset += length;
    } else if (length > 0 && !data->last) {
        return err_set(err, "an empty piece of %s came", source->path);
    }
    return data->last ? finish_file(fetchin, source, err) : 0;
}

int fetchin_data(struct fetchin *fetchin, uint32_t host, const Wire__FetchData *data,
                 struct err *err)
{
    struct source *source = source_get(fetchin, host);
    int result = 0;

    if (!source->is_open || data->index != source->index || data->offset > source->size)
        return err_set(err, "a piece came of a file that was not announced");
    uint64_t left = source->size - data->offset;
    size_t length = left < PIECE_MAX ? (size_t)left : PIECE_MAX;
    if (source->fd >= 0) {
        if (data->offset == source->offset)
            result = take_piece(fetchin, source, data, length, err);
        else
            result = err_set(err, "pieces of %s came in the wrong order", source->path);
    }
    if (result < 0 || data->last)
        drop_file(source);
    if (data->last)
        source->is_open = false;
    ack(fetchin, source, data->data.len > 0 ? length : 0);
    return result;
}
