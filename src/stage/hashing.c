/* SPDX-License-Identifier: BSD-3-Clause */
/* hashing.c - SHA-256 of an open file, in steps */
#include "config.h"
#include "stage/hashing.h"

#include "base/mem.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <unistd.h>

#define CHUNK (256u << 10)

struct hashing {
    int fd;
    const char *name; /* borrowed */
    EVP_MD_CTX *digest;
    uint64_t done;
    unsigned char chunk[CHUNK];
};

struct hashing *hashing_begin_take(int fd, const char *name, struct err *err)
{
    EVP_MD_CTX *digest = EVP_MD_CTX_new();

    if (digest == NULL || EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(digest);
        err_set(err, "SHA-256 is not available in this OpenSSL");
        return NULL;
    }
    struct hashing *hashing = mem_alloc(sizeof *hashing);
    hashing->fd = fd;
    hashing->name = name;
    hashing->digest = digest;
    return hashing;
}

int hashing_step(struct hashing *hashing, size_t budget, struct err *err)
{
    for (;;) {
        ssize_t got = pread(hashing->fd, hashing->chunk, CHUNK, (off_t)hashing->done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_sys(err, "cannot read %s", hashing->name);
        if (got == 0)
            return 0;
        if (EVP_DigestUpdate(hashing->digest, hashing->chunk, (size_t)got) != 1)
            return err_set(err, "SHA-256 of %s failed", hashing->name);
        hashing->done += (uint64_t)got;
        if ((size_t)got >= budget)
            return 1;
        budget -= (size_t)got;
    }
}

uint64_t hashing_done(const struct hashing *hashing)
{
    return hashing->done;
}

int hashing_result(struct hashing *hashing, uint8_t hash_out[HASHING_SIZE], struct err *err)
{
    unsigned length = 0;

    if (EVP_DigestFinal_ex(hashing->digest, hash_out, &length) != 1 || length != HASHING_SIZE)
        return err_set(err, "SHA-256 of %s failed", hashing->name);
    return 0;
}

void hashing_end(struct hashing *hashing)
{
    if (hashing == NULL)
        return;
    close(hashing->fd);
    EVP_MD_CTX_free(hashing->digest);
    free(hashing);
}
