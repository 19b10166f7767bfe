/* SPDX-License-Identifier: BSD-3-Clause */
/* authority.h - a grid's authority: the key that makes members, kept by its supernodes */
#ifndef P2PMPI_NET_AUTHORITY_H
#define P2PMPI_NET_AUTHORITY_H

#include "base/err.h"
#include "base/id.h"

#include <openssl/types.h>
#include <stddef.h>
#include <stdint.h>

#define MEMBER_DAYS 7 /* a member's certificate; renewed at half of it */

struct authority;

/* Makes key (0600) and self-signed certificate, in the two files. Never replaces a key: errno
 * EEXIST. */
struct authority *authority_create(const char *grid, const char *key_path,
                                   const char *certificate_path, struct err *err);
/* Reads them. NULL with a sentence; errno ENOENT when there is none. */
struct authority *authority_open(const char *key_path, const char *certificate_path,
                                 struct err *err);
void authority_destroy(struct authority *authority);

const struct id *authority_id(const struct authority *authority); /* what members pin */
const char *authority_grid(const struct authority *authority);

/* A certificate for key, valid from now_s (a day of wrong clocks forgiven) for valid_s. Returns
 * malloc()ed bytes of the chain (certificate.h), or NULL with a sentence. */
uint8_t *authority_issue(const struct authority *authority, EVP_PKEY *key, int64_t now_s,
                         int64_t valid_s, size_t *size_out, struct err *err);

#endif
