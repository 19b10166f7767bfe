/* SPDX-License-Identifier: BSD-3-Clause */
/* identity.h - the Ed25519 key pair of this owner on this host; its hash is the peer's id */
#ifndef P2PMPI_NET_IDENTITY_H
#define P2PMPI_NET_IDENTITY_H

#include "base/err.h"
#include "base/id.h"

#include <openssl/types.h>

#define KEY_RAW_SIZE 32 /* an Ed25519 public key */

struct identity;

/* Reads the private key in path (PEM), or makes one there (mode 0600) when the file does not exist.
 * A key that others could read is refused. NULL with a sentence. */
struct identity *identity_open(const char *path, struct err *err);
void identity_destroy(struct identity *identity);

const struct id *identity_id(const struct identity *identity);
EVP_PKEY *identity_key(const struct identity *identity); /* borrowed */

/* SHA-256 of the key's SubjectPublicKeyInfo (DER). Returns 0 or -1. */
int key_id(EVP_PKEY *key, struct id *id_out);
/* The 32 bytes of an Ed25519 public key. -1 when it is a key of another kind. */
int key_raw(EVP_PKEY *key, unsigned char raw_out[KEY_RAW_SIZE]);

/* For authority.h: the same file format. key_save never replaces a file (errno EEXIST). */
EVP_PKEY *key_make(void);
EVP_PKEY *key_load(const char *path, struct err *err);
int key_save(EVP_PKEY *key, const char *path, struct err *err);

#endif
