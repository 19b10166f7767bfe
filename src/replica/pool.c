/* SPDX-License-Identifier: BSD-3-Clause */
/* pool.c - memory for kept messages: blocks of a few sizes, reused without malloc */
#include "config.h"

#include "replica/pool.h"

#include <stdlib.h>

#include "base/mem.h"

struct pool_block {
    struct pool_block *next;
};

static int pool_class(size_t size)
{
    int class = 0;

    while (class < POOL_CLASSES && (size_t)256 << class < size)
        class ++;
    return class;
}

void *pool_get(struct pool *pool, size_t size)
{
    int class = pool_class(size);

    if (class == POOL_CLASSES)
        return mem_grow(NULL, 1, size);
    struct pool_block *block = pool->idle[class];

    if (block == NULL)
        return mem_grow(NULL, 1, (size_t)256 << class);
    pool->idle[class] = block->next;
    pool->idle_bytes -= (size_t)256 << class;
    return block;
}

void pool_put(struct pool *pool, void *bytes, size_t size)
{
    int class = pool_class(size);
    struct pool_block *block = bytes;

    if (class == POOL_CLASSES || pool->idle_bytes + ((size_t)256 << class) > POOL_IDLE) {
        free(bytes);
        return;
    }
    block->next = pool->idle[class];
    pool->idle[class] = block;
    pool->idle_bytes += (size_t)256 << class;
}

void pool_free(struct pool *pool)
{
    for (int class = 0; class < POOL_CLASSES; class ++)
        while (pool->idle[class] != NULL) {
            struct pool_block *block = pool->idle[class];

            pool->idle[class] = block->next;
            free(block);
        }
    pool->idle_bytes = 0;
}
