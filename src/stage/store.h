/* SPDX-License-Identifier: BSD-3-Clause */
/* store.h - staged content by its SHA-256, kept from job to job: DIR/objects/ab/abcdef...
 *
 * Objects are written to DIR/tmp, verified, then renamed: what lies in objects/ is whole and right.
 * A job gets copies (shared blocks where the file system can), never hard links: it runs as the
 * same user and could write through a link. Over the limit the objects used longest ago go; those
 * held stay. One process per store. */
#ifndef P2PMPI_STAGE_STORE_H
#define P2PMPI_STAGE_STORE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define STORE_HASH 32

struct store;
struct store_writer;
struct store_copy;

/* Opens or makes the store, removes what a crash left. limit: bytes of all objects, 0: no limit.
 * NULL with a sentence, also when another process has it open. A private p2pmpid (embedded default)
 * needs none. */
struct store *store_open(const char *dir, uint64_t limit, struct err *err);
void store_close(struct store *store);

/* A held object is not removed. hold returns false when it is not here; each true wants one
 * release. */
bool store_hold(struct store *store, const uint8_t hash[STORE_HASH]);
void store_release(struct store *store, const uint8_t hash[STORE_HASH]);
bool store_has(const struct store *store, const uint8_t hash[STORE_HASH]);
uint64_t store_used(const struct store *store); /* bytes */

/* Takes in an object of size bytes: begin (makes room, or says that there is none), write in order,
 * commit or abort. commit verifies size and hash (errno EBADMSG when they differ), holds the object
 * once for the caller and frees the writer, also on failure. */
struct store_writer *store_begin(struct store *store, const uint8_t hash[STORE_HASH], uint64_t size,
                                 struct err *err);
int store_write(struct store_writer *writer, const void *bytes, size_t size, struct err *err);
int store_commit(struct store_writer *writer, struct err *err);
void store_abort(struct store_writer *writer);

/* Copies an object to the new file path below the directory dirfd (borrowed until end), with mode.
 * step copies at most about budget bytes and returns 1: more to do, 0: done, -1 with a sentence.
 * end frees; a copy not done is removed. The object must be held until then. */
struct store_copy *store_copy_begin(struct store *store, const uint8_t hash[STORE_HASH], int dirfd,
                                    const char *path, mode_t mode, struct err *err);
int store_copy_step(struct store_copy *copy, size_t budget, struct err *err);
void store_copy_end(struct store_copy *copy);

#endif
