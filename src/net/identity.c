/* SPDX-License-Identifier: BSD-3-Clause */
/* identity.c - the Ed25519 key pair of this owner on this host; its hash is the peer's id */
#include "config.h"
#include "net/identity.h"

#include "base/mem.h"
#include "base/rand.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct identity {
    EVP_PKEY *key;
    struct id id;
};

int key_id(EVP_PKEY *key, struct id *id_out)
{
    unsigned char *der = NULL;

    int size = i2d_PUBKEY(key, &der);
    if (size <= 0)
        return -1;
    SHA256(der, (size_t)size, id_out->bytes);
    OPENSSL_free(der);
    return 0;
}

int key_raw(EVP_PKEY *key, unsigned char raw_out[KEY_RAW_SIZE])
{
    unsigned char raw[KEY_RAW_SIZE];
    size_t size = sizeof raw;

    if (EVP_PKEY_get_id(key) != EVP_PKEY_ED25519 ||
        EVP_PKEY_get_raw_public_key(key, raw, &size) != 1 || size != sizeof raw)
        return -1;
    memcpy(raw_out, raw, sizeof raw);
    return 0;
}

EVP_PKEY *key_make(void)
{
    return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
}

static int no_password(char *buffer, int size, int writing, void *arg)
{
    (void)buffer, (void)size, (void)writing, (void)arg;
    return -1; /* never ask on a terminal */
}

EVP_PKEY *key_load(const char *path, struct err *err)
{
    struct stat st;
    EVP_PKEY *key = NULL;

    FILE *file = fopen(path, "re");
    if (file == NULL || fstat(fileno(file), &st) < 0) {
        err_sys(err, "cannot read the key %s", path);
        goto done;
    }
    if ((st.st_mode & 077) != 0 || st.st_uid != geteuid()) {
        errno = EPERM;
        err_set(err, "the key %s is open to others: chmod 600 it if you trust it, else remove it",
                path);
        goto done;
    }
    key = PEM_read_PrivateKey(file, NULL, no_password, NULL);
    if (key == NULL || EVP_PKEY_get_id(key) != EVP_PKEY_ED25519) {
        EVP_PKEY_free(key);
        key = NULL;
        errno = EINVAL;
        err_set(err, "%s holds no Ed25519 private key in PEM form", path);
    }
done:
    if (file != NULL) {
        int saved = errno;
        fclose(file);
        errno = saved;
    }
    return key;
}

static int write_key(EVP_PKEY *key, const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    FILE *file = fdopen(fd, "w");
    if (file == NULL) {
        close(fd);
        return -1;
    }
    int ok = PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
    if (fflush(file) != 0 || fsync(fd) != 0)
        ok = 0;
    if (fclose(file) != 0)
        ok = 0;
    return ok == 1 ? 0 : -1;
}

int key_save(EVP_PKEY *key, const char *path, struct err *err)
{
    char suffix[9];

    /* Under another name first: a key that is half written must never be read. link() does not
     * replace. */
    rand_hex(suffix, 4);
    char *temporary = mem_format("%s.%s", path, suffix);
    int result = write_key(key, temporary);
    if (result == 0)
        result = link(temporary, path);
    if (result < 0)
        err_sys(err, "cannot write the key %s", path);
    int saved = errno;
    unlink(temporary);
    free(temporary);
    errno = saved;
    return result;
}

static EVP_PKEY *make_and_save(const char *path, struct err *err)
{
    EVP_PKEY *key = key_make();

    if (key == NULL) {
        err_set(err, "OpenSSL cannot make an Ed25519 key");
        return NULL;
    }
    if (key_save(key, path, err) == 0)
        return key;
    EVP_PKEY_free(key);
    return errno == EEXIST ? key_load(path, err) : NULL; /* another program was faster */
}

struct identity *identity_open(const char *path, struct err *err)
{
    EVP_PKEY *key = key_load(path, err);

    if (key == NULL && errno == ENOENT)
        key = make_and_save(path, err);
    if (key == NULL)
        return NULL;
    struct identity *identity = mem_alloc(sizeof *identity);
    identity->key = key;
    if (key_id(key, &identity->id) < 0) {
        err_set(err, "OpenSSL cannot encode the key in %s", path);
        identity_destroy(identity);
        return NULL;
    }
    return identity;
}

void identity_destroy(struct identity *identity)
{
    if (identity == NULL)
        return;
    EVP_PKEY_free(identity->key);
    free(identity);
}

const struct id *identity_id(const struct identity *identity)
{
    return &identity->id;
}

EVP_PKEY *identity_key(const struct identity *identity)
{
    return identity->key;
}
