/* SPDX-License-Identifier: BSD-3-Clause */
/* authority.c - a grid's authority: the key that makes members, kept by its supernodes */
#include "config.h"
#include "net/authority.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "net/certificate.h"
#include "net/identity.h"

#include <errno.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AUTHORITY_YEARS 30

struct authority {
    EVP_PKEY *key;
    X509 *certificate;
    struct id id;
    char grid[GRID_NAME_MAX + 1];
};

static int save_certificate(X509 *certificate, const char *path, struct err *err)
{
    char *text;
    BIO *bio = BIO_new(BIO_s_mem());

    if (bio == NULL || PEM_write_bio_X509(bio, certificate) != 1) {
        BIO_free(bio);
        return err_set(err, "OpenSSL cannot write the certificate %s", path);
    }
    long size = BIO_get_mem_data(bio, &text);
    int result = file_write(path, text, (size_t)size, 0644, err);
    BIO_free(bio);
    return result;
}

static X509 *load_certificate(const char *path, struct err *err)
{
    size_t size;
    char *text = file_read(path, CHAIN_MAX, &size, err);

    if (text == NULL)
        return NULL;
    BIO *bio = BIO_new_mem_buf(text, (int)size);
    X509 *certificate = bio != NULL ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    free(text);
    if (certificate == NULL) {
        errno = EINVAL;
        err_set(err, "%s holds no certificate in PEM form", path);
    }
    return certificate;
}

struct authority *authority_create(const char *grid, const char *key_path,
                                   const char *certificate_path, struct err *err)
{
    char name[GRID_NAME_MAX + 32];
    int64_t now_s = clock_wall_s();

    if (grid_name_check(grid, err) < 0)
        return NULL;
    EVP_PKEY *key = key_make();
    X509 *certificate = NULL;
    if (key == NULL) {
        err_set(err, "OpenSSL cannot make an Ed25519 key");
        return NULL;
    }
    snprintf(name, sizeof name, "authority");
    certificate = certificate_make(key, name, grid, key, NULL, now_s - CLOCK_SKEW_S,
                                   now_s + AUTHORITY_YEARS * INT64_C(365) * 24 * 3600);
    int result = certificate != NULL ? 0 : err_set(err, "OpenSSL cannot make a certificate");
    if (result == 0)
        result = key_save(key, key_path, err);
    if (result == 0) {
        result = save_certificate(certificate, certificate_path, err);
        if (result < 0)
            unlink(key_path);
    }
    X509_free(certificate);
    EVP_PKEY_free(key);
    return result == 0 ? authority_open(key_path, certificate_path, err) : NULL;
}

static int take_grid_name(struct authority *authority)
{
    X509_NAME *name = X509_get_subject_name(authority->certificate);

    return X509_NAME_get_text_by_NID(name, NID_organizationName, authority->grid,
                                     sizeof authority->grid) > 0 &&
                   grid_name_check(authority->grid, NULL) == 0
               ? 0
               : -1;
}

struct authority *authority_open(const char *key_path, const char *certificate_path,
                                 struct err *err)
{
    struct authority *authority = mem_alloc(sizeof *authority);

    authority->key = key_load(key_path, err);
    if (authority->key == NULL)
        goto error;
    authority->certificate = load_certificate(certificate_path, err);
    if (authority->certificate == NULL)
        goto error;
    errno = EINVAL;
    if (X509_check_private_key(authority->certificate, authority->key) != 1) {
        err_set(err, "%s is not the certificate of the key %s", certificate_path, key_path);
        goto error;
    }
    if (key_id(authority->key, &authority->id) < 0 || take_grid_name(authority) < 0) {
        err_set(err, "%s is not the certificate of a grid's authority", certificate_path);
        goto error;
    }
    return authority;
error:
    authority_destroy(authority);
    return NULL;
}

void authority_destroy(struct authority *authority)
{
    int saved = errno;

    if (authority == NULL)
        return;
    EVP_PKEY_free(authority->key);
    X509_free(authority->certificate);
    free(authority);
    errno = saved;
}

const struct id *authority_id(const struct authority *authority)
{
    return &authority->id;
}

const char *authority_grid(const struct authority *authority)
{
    return authority->grid;
}

uint8_t *authority_issue(const struct authority *authority, EVP_PKEY *key, int64_t now_s,
                         int64_t valid_s, size_t *size_out, struct err *err)
{
    unsigned char raw[KEY_RAW_SIZE];
    char name[ID_TEXT_SIZE];
    uint8_t *bytes = NULL;
    struct id id;

    if (key_raw(key, raw) < 0 || key_id(key, &id) < 0) {
        err_set(err, "only Ed25519 keys become members");
        return NULL;
    }
    id_text(&id, name);
    X509 *leaf = certificate_make(key, name, authority->grid, authority->key,
                                  authority->certificate, now_s - CLOCK_SKEW_S, now_s + valid_s);
    if (leaf != NULL)
        bytes = chain_encode(leaf, authority->certificate, size_out);
    X509_free(leaf);
    if (bytes == NULL)
        err_set(err, "OpenSSL cannot make a certificate");
    return bytes;
}
