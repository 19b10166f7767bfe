/* SPDX-License-Identifier: BSD-3-Clause */
/* store_copy.c - a job's copy of an object, made in steps: blocks shared where the file system can,
 * verified when this process has not seen the object come in */
#include "config.h"
#include "stage/store.h"

#include "base/mem.h"
#include "stage/below.h"
#include "stage/store_inner.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_BUFFER (256u << 10)

struct store_copy {
    struct store *store;
    uint8_t hash[STORE_HASH];
    EVP_MD_CTX *digest; /* of an object not verified yet, else NULL */
    int in, out;
    int dirfd; /* borrowed */
    char *path;
    mode_t mode;
    uint64_t size, done;
    bool is_plain; /* copy_file_range() does not serve here */
    bool is_whole;
};

static int copy_open(struct store_copy *copy, const struct store *store,
                     const struct object *object)
{
    struct stat st;
    char *path = store_object_path(store, object->hash);

    copy->in = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    free(path);
    if (copy->in < 0 || fstat(copy->in, &st) < 0)
        return -1;
    if ((uint64_t)st.st_size != object->size) {
        errno = EIO;
        return -1;
    }
    if (!object->is_verified) {
        copy->digest = EVP_MD_CTX_new();
        if (copy->digest == NULL || EVP_DigestInit_ex(copy->digest, EVP_sha256(), NULL) != 1) {
            errno = ENOMEM;
            return -1;
        }
    }
    copy->out = below_create(copy->dirfd, copy->path, 0600);
    return copy->out < 0 ? -1 : 0;
}

struct store_copy *store_copy_begin(struct store *store, const uint8_t hash[STORE_HASH], int dirfd,
                                    const char *path, mode_t mode, struct err *err)
{
    struct object *object = store_object(store, hash);

    if (object == NULL) {
        errno = ENOENT;
        err_set(err, "%s is not in the store any more", path);
        return NULL;
    }
    struct store_copy *copy = mem_alloc(sizeof *copy);
    *copy = (struct store_copy){.store = store,
                                .in = -1,
                                .out = -1,
                                .dirfd = dirfd,
                                .path = mem_string(path),
                                .mode = mode,
                                .size = object->size,
                                .is_plain = !object->is_verified};
    memcpy(copy->hash, hash, STORE_HASH);
    if (copy_open(copy, store, object) < 0) {
        err_sys(err, "cannot put %s into the job's directory", path);
        store_copy_end(copy);
        return NULL;
    }
    if (copy->digest == NULL && ioctl(copy->out, FICLONE, copy->in) == 0)
        copy->done = copy->size;
    return copy;
}

static ssize_t copy_plain(struct store_copy *copy, size_t size)
{
    char *buffer = mem_alloc(COPY_BUFFER);

    ssize_t got =
        pread(copy->in, buffer, size < COPY_BUFFER ? size : COPY_BUFFER, (off_t)copy->done);
    if (got > 0 && below_write(copy->out, buffer, (size_t)got) < 0)
        got = -1;
    if (got > 0 && copy->digest != NULL)
        EVP_DigestUpdate(copy->digest, buffer, (size_t)got);
    free(buffer);
    return got;
}

static ssize_t copy_some(struct store_copy *copy, size_t size)
{
    off_t from = (off_t)copy->done;

    if (!copy->is_plain) {
        ssize_t done = copy_file_range(copy->in, &from, copy->out, NULL, size, 0);
        if (done > 0)
            return done;
        copy->is_plain =
            true; /* across file systems, old kernels; a real fault shows again below */
    }
    return copy_plain(copy, size);
}

static int verify_copy(struct store_copy *copy, struct err *err)
{
    uint8_t hash[STORE_HASH];
    unsigned length = 0;
    struct object *object = store_object(copy->store, copy->hash);

    if (copy->digest == NULL)
        return 0;
    if (EVP_DigestFinal_ex(copy->digest, hash, &length) == 1 &&
        memcmp(hash, copy->hash, STORE_HASH) == 0) {
        if (object != NULL)
            object->is_verified = true;
        return 0;
    }
    if (object != NULL)
        store_evict(copy->store, object);
    errno = EIO;
    return err_set(err, "%s was damaged in the store, which has thrown it away: run the job again",
                   copy->path);
}

int store_copy_step(struct store_copy *copy, size_t budget, struct err *err)
{
    while (copy->done < copy->size && budget > 0) {
        uint64_t left = copy->size - copy->done;
        ssize_t done = copy_some(copy, left < budget ? (size_t)left : budget);
        if (done < 0 && errno == EINTR)
            continue;
        if (done == 0)
            errno = EIO;
        if (done <= 0)
            return err_sys(err, "cannot write %s in the job's directory", copy->path);
        copy->done += (uint64_t)done;
        budget -= (size_t)done < budget ? (size_t)done : budget;
    }
    if (copy->done < copy->size)
        return 1;
    if (verify_copy(copy, err) < 0)
        return -1;
    if (fchmod(copy->out, copy->mode) < 0)
        return err_sys(err, "cannot set the mode of %s", copy->path);
    copy->is_whole = true;
    return 0;
}

static void remove_part(const struct store_copy *copy)
{
    const char *name;

    int parent = below_parent(copy->dirfd, copy->path, 0, &name);
    if (parent < 0)
        return;
    unlinkat(parent, name, 0);
    close(parent);
}

void store_copy_end(struct store_copy *copy)
{
    int saved = errno;

    if (copy == NULL)
        return;
    if (copy->out >= 0 && !copy->is_whole)
        remove_part(copy);
    EVP_MD_CTX_free(copy->digest);
    if (copy->in >= 0)
        close(copy->in);
    if (copy->out >= 0)
        close(copy->out);
    free(copy->path);
    free(copy);
    errno = saved;
}
