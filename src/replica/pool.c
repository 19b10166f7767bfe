/* SPDX-License-Identifier: BSD-3-Clause */
/* pool.c - memory for kept messages: blocks of a few sizes, reused without malloc and page faults
 */
#include "config.h"

#include "replica/pool.h"

#include <stdlib.h>

#include "base/mem.h"

#define SMALLEST_LOG 8

struct pool_block {
    struct pool_block *next;
};

/* The class whose blocks size fits into, four to each power of two. */
static int class_of(size_t size)
{
    if (size <= (size_t)1 << SMALLEST_LOG)
        return 0;
    int log = 63 - __builtin_clzl(size - 1);

    return 4 * (log - SMALLEST_LOG) + (int)((size - 1) >> (log - 2)) - 3;
}

static size_t class_size(int class)
{
    if (class == 0)
        return (size_t)1 << SMALLEST_LOG;
    return (size_t)((class - 1) % 4 + 5) << ((class - 1) / 4 + SMALLEST_LOG - 2);
}

static struct pool_block *idle_take(struct pool *pool, int class)
{
    struct pool_block *block = pool->idle[class];

    pool->idle[class] = block->next;
    pool->idle_bytes -= class_size(class);
    return block;
}

/* Frees idle blocks, large ones first, until `more` bytes fit. */
static void idle_trim(struct pool *pool, size_t more)
{
    for (int class = POOL_CLASSES - 1; class >= 0; class --)
        while (pool->idle[class] != NULL && pool->used_bytes + pool->idle_bytes + more > pool->most)
            free(idle_take(pool, class));
}

void *pool_get(struct pool *pool, size_t size)
{
    int class = class_of(size);

    if (class >= POOL_CLASSES)
        return mem_grow(NULL, 1, size);
    if (pool->idle[class] == NULL)
        idle_trim(pool, class_size(class));
    pool->used_bytes += class_size(class);
    return pool->idle[class] != NULL ? idle_take(pool, class)
                                     : mem_grow(NULL, 1, class_size(class));
}

void pool_put(struct pool *pool, void *bytes, size_t size)
{
    int class = class_of(size);
    struct pool_block *block = bytes;

    if (class >= POOL_CLASSES) {
        free(bytes);
        return;
    }
    block->next = pool->idle[class];
    pool->idle[class] = block;
    pool->used_bytes -= class_size(class);
    pool->idle_bytes += class_size(class);
    if (pool->used_bytes + pool->idle_bytes > pool->most)
        idle_trim(pool, 0);
}

void pool_free(struct pool *pool)
{
    for (int class = 0; class < POOL_CLASSES; class ++)
        while (pool->idle[class] != NULL)
            free(idle_take(pool, class));
}
