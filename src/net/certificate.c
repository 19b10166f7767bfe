/* SPDX-License-Identifier: BSD-3-Clause */
/* certificate.c - membership in a grid as an X.509 certificate: made, checked
 *
 * Checked by hand, not by X509_verify_cert(): there is one pinned key and one step from it, no
 * roads between. */
#include "config.h"
#include "net/certificate.h"

#include "base/rand.h"
#include "net/identity.h"

#include <ctype.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CERTIFICATES_MAX = 4, SERIAL_BYTES = 16 };

int grid_name_check(const char *name, struct err *err)
{
    size_t length = strlen(name);

    if (length == 0 || length > GRID_NAME_MAX)
        return err_set(err, "a grid's name has 1 to %d characters", GRID_NAME_MAX);
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)name[i]) && (i == 0 || strchr("._-", name[i]) == NULL))
            return err_set(err, "a grid's name has letters, digits and . _ - only, not \"%s\"",
                           name);
    return 0;
}

static int set_serial(X509 *certificate)
{
    unsigned char bytes[SERIAL_BYTES];

    rand_bytes(bytes, sizeof bytes);
    bytes[0] &= 0x7f; /* positive */
    BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
    int ok =
        number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
    BN_free(number);
    return ok;
}

static int set_subject(X509 *certificate, const char *common_name, const char *grid)
{
    X509_NAME *name = X509_get_subject_name(certificate);

    return X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const unsigned char *)grid, -1, -1,
                                      0) == 1 &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name,
                                      -1, -1, 0) == 1;
}

static int set_times(X509 *certificate, int64_t from_s, int64_t until_s)
{
    return ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)from_s) != NULL &&
           ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)until_s) != NULL;
}

static int add_extension(X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

    if (extension == NULL)
        return 0;
    int ok = X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    return ok;
}

X509 *certificate_make(EVP_PKEY *key, const char *common_name, const char *grid, EVP_PKEY *signer,
                       X509 *issuer, int64_t from_s, int64_t until_s)
{
    X509 *certificate = X509_new();

    if (certificate == NULL || X509_set_version(certificate, X509_VERSION_3) != 1 ||
        !set_serial(certificate) || !set_subject(certificate, common_name, grid) ||
        !set_times(certificate, from_s, until_s) || X509_set_pubkey(certificate, key) != 1)
        goto error;
    if (X509_set_issuer_name(certificate,
                             X509_get_subject_name(issuer != NULL ? issuer : certificate)) != 1)
        goto error;
    if (!add_extension(certificate, NID_basic_constraints,
                       issuer != NULL ? "critical,CA:FALSE" : "critical,CA:TRUE"))
        goto error;
    if (X509_sign(certificate, signer, NULL) == 0) /* Ed25519 has its own digest */
        goto error;
    return certificate;
error:
    X509_free(certificate);
    return NULL;
}

static int64_t time_of(const ASN1_TIME *time)
{
    struct tm tm;

    return ASN1_TIME_to_tm(time, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

int64_t certificate_from_s(const X509 *certificate)
{
    return time_of(X509_get0_notBefore(certificate));
}

int64_t certificate_until_s(const X509 *certificate)
{
    return time_of(X509_get0_notAfter(certificate));
}

/* Text of a subject's field; empty when it is missing, given twice or no plain ASCII. */
static void subject_text(X509 *certificate, int nid, char *out, size_t size)
{
    X509_NAME *name = X509_get_subject_name(certificate);
    int at = X509_NAME_get_index_by_NID(name, nid, -1);

    out[0] = '\0';
    if (at < 0 || X509_NAME_get_index_by_NID(name, nid, at) >= 0)
        return;
    const ASN1_STRING *data = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
    int length = ASN1_STRING_length(data);
    const unsigned char *text = ASN1_STRING_get0_data(data);
    if (length <= 0 || (size_t)length >= size)
        return;
    for (int i = 0; i < length; i++)
        if (text[i] <= ' ' || text[i] > '~')
            return;
    memcpy(out, text, (size_t)length);
    out[length] = '\0';
}

/* The authority's certificate among those sent along, known by the hash of its key. */
static X509 *find_authority(STACK_OF(X509) * others, const struct id *authority)
{
    for (int i = 0; i < sk_X509_num(others) && i < CERTIFICATES_MAX; i++) {
        X509 *other = sk_X509_value(others, i);
        struct id id;
        EVP_PKEY *key = X509_get0_pubkey(other);
        if (key != NULL && key_id(key, &id) == 0 && id_equal(&id, authority))
            return other;
    }
    return NULL;
}

int certificate_check(X509 *leaf, STACK_OF(X509) * others, const struct membership *membership,
                      int64_t now_s, struct id *id_out, struct err *err)
{
    char grid[GRID_NAME_MAX + 1], common_name[ID_TEXT_SIZE], text[ID_TEXT_SIZE];
    unsigned char raw[KEY_RAW_SIZE];
    struct id id;
    EVP_PKEY *key = X509_get0_pubkey(leaf);
    X509 *authority = find_authority(others, &membership->authority);

    subject_text(leaf, NID_organizationName, grid, sizeof grid);
    subject_text(leaf, NID_commonName, common_name, sizeof common_name);
    if (authority == NULL) {
        if (grid[0] != '\0' && strcmp(grid, membership->grid) != 0)
            err_set(err, "belongs to the grid \"%s\", not to \"%s\"", grid, membership->grid);
        else
            err_set(err,
                    "belongs to another grid, or to none: its certificate is not from the "
                    "authority of \"%s\"",
                    membership->grid);
        return X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN;
    }
    if (X509_verify(leaf, X509_get0_pubkey(authority)) != 1) {
        err_set(err, "shows a certificate that the authority of \"%s\" has not signed",
                membership->grid);
        return X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN;
    }
    if (strcmp(grid, membership->grid) != 0) {
        err_set(err, "belongs to the grid \"%s\", not to \"%s\"", grid, membership->grid);
        return X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN;
    }
    if (key == NULL || key_raw(key, raw) < 0 || key_id(key, &id) < 0) {
        err_set(err, "shows a certificate with a key of an unknown kind");
        return X509_V_ERR_CERT_REJECTED;
    }
    id_text(&id, text);
    if (strcmp(text, common_name) != 0) {
        err_set(err, "shows a certificate whose name is not that of its key");
        return X509_V_ERR_CERT_REJECTED;
    }
    if (now_s > certificate_until_s(leaf)) {
        err_set(err, "shows a certificate that has expired (or the clock here is wrong)");
        return X509_V_ERR_CERT_HAS_EXPIRED;
    }
    if (now_s < certificate_from_s(leaf)) {
        err_set(err, "shows a certificate that is not valid yet (is the clock here wrong?)");
        return X509_V_ERR_CERT_NOT_YET_VALID;
    }
    *id_out = id;
    return X509_V_OK;
}

STACK_OF(X509) * chain_decode(const uint8_t *bytes, size_t size, struct err *err)
{
    const unsigned char *next = bytes, *end = bytes + size;
    STACK_OF(X509) *chain = sk_X509_new_null();

    if (chain == NULL || size > CHAIN_MAX)
        goto error;
    while (next < end) {
        X509 *certificate = d2i_X509(NULL, &next, end - next);
        if (certificate == NULL)
            goto error;
        if (sk_X509_num(chain) >= CERTIFICATES_MAX || sk_X509_push(chain, certificate) == 0) {
            X509_free(certificate);
            goto error;
        }
    }
    if (sk_X509_num(chain) > 0)
        return chain;
error:
    sk_X509_pop_free(chain, X509_free);
    err_set(err, "a certificate that cannot be read");
    return NULL;
}

uint8_t *chain_encode(X509 *leaf, X509 *authority, size_t *size_out)
{
    int leaf_size = i2d_X509(leaf, NULL), authority_size = i2d_X509(authority, NULL);

    if (leaf_size <= 0 || authority_size <= 0)
        return NULL;
    uint8_t *bytes = malloc((size_t)leaf_size + (size_t)authority_size), *next = bytes;
    if (bytes == NULL)
        return NULL;
    i2d_X509(leaf, &next);
    i2d_X509(authority, &next);
    *size_out = (size_t)(next - bytes);
    return bytes;
}
