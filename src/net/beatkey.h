/* SPDX-License-Identifier: BSD-3-Clause */
/* beatkey.h - a job's key: what its daemons' datagrams are sealed with (HMAC-SHA256, 16 bytes of
 * it) */
#ifndef P2PMPI_NET_BEATKEY_H
#define P2PMPI_NET_BEATKEY_H

#include "wire/beat.h"

#include <stdbool.h>
#include <stdint.h>

#define BEATKEY_SIZE 32

struct beatkey {
    uint8_t bytes[BEATKEY_SIZE];
};

/* Writes the tag behind what beat_encode() has written. */
void beatkey_seal(const struct beatkey *key, uint8_t bytes[BEAT_SIZE]);
/* Is the tag of this datagram right? Takes as long whatever it is. */
bool beatkey_is_right(const struct beatkey *key, const uint8_t bytes[BEAT_SIZE]);

#endif
