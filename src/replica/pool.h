/* SPDX-License-Identifier: BSD-3-Clause */
/* pool.h - memory for kept messages: blocks of a few sizes, reused without malloc */
#ifndef P2PMPI_REPLICA_POOL_H
#define P2PMPI_REPLICA_POOL_H

#include <stddef.h>

#define POOL_CLASSES 10         /* 256 B, 512 B, ... 128 KiB; larger ones come from malloc */
#define POOL_IDLE    (8u << 20) /* bytes kept for reuse at most */

struct pool_block;

struct pool {
    struct pool_block *idle[POOL_CLASSES];
    size_t idle_bytes;
};

void *pool_get(struct pool *pool, size_t size);             /* not zeroed */
void pool_put(struct pool *pool, void *bytes, size_t size); /* size as it was asked for */
void pool_free(struct pool *pool);

#endif
