/* SPDX-License-Identifier: BSD-3-Clause */
/* hashing.h - SHA-256 of an open file, in steps */
#ifndef P2PMPI_STAGE_HASHING_H
#define P2PMPI_STAGE_HASHING_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

#define HASHING_SIZE 32

struct hashing;

/* Takes fd on success: closed by end. name is borrowed, for sentences. NULL with a sentence. */
struct hashing *hashing_begin_take(int fd, const char *name, struct err *err);
/* Reads about budget bytes: 1: more to do, 0: at the end of the file, -1 with a sentence. */
int hashing_step(struct hashing *hashing, size_t budget, struct err *err);
uint64_t hashing_done(const struct hashing *hashing); /* bytes read so far */
/* Once, after step said 0. */
int hashing_result(struct hashing *hashing, uint8_t hash_out[HASHING_SIZE], struct err *err);
void hashing_end(struct hashing *hashing);

#endif
