/* SPDX-License-Identifier: BSD-3-Clause */
/* pool.h - memory for kept messages: blocks of a few sizes, reused without malloc and page faults
 */
#ifndef P2PMPI_REPLICA_POOL_H
#define P2PMPI_REPLICA_POOL_H

#include <stddef.h>

/* 256 bytes, then four sizes between a power of two and the next, up to 64 MiB; what is larger
 * comes from malloc. */
#define POOL_CLASSES 73

struct pool_block;

struct pool {
    struct pool_block *idle[POOL_CLASSES];
    size_t used_bytes, idle_bytes;
    size_t most; /* the owner's: both together, unless all are used */
};

/* Not zeroed. */
void *pool_get(struct pool *pool, size_t size);
/* size as it was asked for */
void pool_put(struct pool *pool, void *bytes, size_t size);
void pool_free(struct pool *pool);

#endif
