/* SPDX-License-Identifier: BSD-3-Clause */
/* id.h - who a peer is: the SHA-256 of its public key */
#ifndef P2PMPI_BASE_ID_H
#define P2PMPI_BASE_ID_H

#include <stdbool.h>
#include <stdint.h>

#define ID_SIZE 32
#define ID_TEXT_SIZE (2 * ID_SIZE + 1)
#define ID_SHORT_SIZE 9

struct id {
    uint8_t bytes[ID_SIZE];
};

bool id_equal(const struct id *a, const struct id *b);
bool id_is_zero(const struct id *id);
int id_compare(const struct id *a, const struct id *b); /* as memcmp */

/* 64 hex digits, or the first 8 for a log line. */
void id_text(const struct id *id, char out[ID_TEXT_SIZE]);
void id_short(const struct id *id, char out[ID_SHORT_SIZE]);
/* Reads 64 hex digits. Returns 0 or -1. */
int id_parse(const char *text, struct id *id_out);
/* Copies 32 bytes. Returns -1 when size is another. */
int id_from_bytes(const void *bytes, unsigned long size, struct id *id_out);

#endif
