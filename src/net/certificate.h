/* SPDX-License-Identifier: BSD-3-Clause */
/* certificate.h - membership in a grid as an X.509 certificate: made, checked
 *
 * A member's certificate: subject CN = its id in hex, O = the grid's name; signed by the
 * authority's key; valid for days. The authority's own certificate is self-signed. A chain is both
 * in DER, one behind the other. */
#ifndef P2PMPI_NET_CERTIFICATE_H
#define P2PMPI_NET_CERTIFICATE_H

#include "base/err.h"
#include "base/id.h"

#include <openssl/types.h>
#include <openssl/x509.h>
#include <stddef.h>
#include <stdint.h>

#define CHAIN_MAX     8192        /* bytes of a chain */
#define GRID_NAME_MAX 64          /* X.520's bound on an organization's name */
#define CLOCK_SKEW_S  (24 * 3600) /* certificates begin so long before they are made */

/* Signs key's certificate with signer (the authority's key); issuer == NULL: self-signed. The
 * caller frees. NULL when OpenSSL fails. */
X509 *certificate_make(EVP_PKEY *key, const char *common_name, const char *grid, EVP_PKEY *signer,
                       X509 *issuer, int64_t from_s, int64_t until_s);

/* What a grid expects of its members. */
struct membership {
    const char *grid;    /* name */
    struct id authority; /* SHA-256 of the authority's public key */
};

/* Is leaf a member of the grid at now_s? others: certificates sent along, among them the
 * authority's. Returns X509_V_OK with the member's id, else the X.509 error that makes TLS send a
 * fitting alert, with a sentence without subject: "belongs to another grid ...". */
int certificate_check(X509 *leaf, STACK_OF(X509) * others, const struct membership *membership,
                      int64_t now_s, struct id *id_out, struct err *err);

/* A chain's certificates, the member's first; freed with sk_X509_pop_free(). NULL with a sentence.
 */
STACK_OF(X509) * chain_decode(const uint8_t *bytes, size_t size, struct err *err);
/* malloc()ed bytes; NULL when OpenSSL fails. */
uint8_t *chain_encode(X509 *leaf, X509 *authority, size_t *size_out);

/* Seconds since 1970. */
int64_t certificate_from_s(const X509 *certificate);
int64_t certificate_until_s(const X509 *certificate);

/* Letters, digits, "." "_" "-", at most GRID_NAME_MAX, beginning with a letter or digit. */
int grid_name_check(const char *name, struct err *err);

#endif
