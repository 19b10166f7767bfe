/* SPDX-License-Identifier: BSD-3-Clause */
/* beatkey.c - a job's key: what its daemons' datagrams are sealed with */
#include "config.h"
#include "net/beatkey.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

static void tag_of(const struct beatkey *key, const uint8_t *bytes, uint8_t tag_out[BEAT_TAG])
{
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned size = sizeof hash;

    if (HMAC(EVP_sha256(), key->bytes, BEATKEY_SIZE, bytes, BEAT_TEXT, hash, &size) == NULL)
        abort(); /* out of memory */
    memcpy(tag_out, hash, BEAT_TAG);
}

void beatkey_seal(const struct beatkey *key, uint8_t bytes[BEAT_SIZE])
{
    tag_of(key, bytes, bytes + BEAT_TEXT);
}

bool beatkey_is_right(const struct beatkey *key, const uint8_t bytes[BEAT_SIZE])
{
    uint8_t tag[BEAT_TAG];

    tag_of(key, bytes, tag);
    return CRYPTO_memcmp(tag, bytes + BEAT_TEXT, BEAT_TAG) == 0;
}
