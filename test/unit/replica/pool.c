/* SPDX-License-Identifier: BSD-3-Clause */
/* pool.c - blocks come back and are used again */
#include "config.h"

#include "replica/pool.h"

#include <string.h>

#include "test/lib/prelude.h"

static void a_block_is_used_again_for_its_size(void **state)
{
    struct pool pool = {0};
    void *small = pool_get(&pool, 100), *large = pool_get(&pool, 5000);

    memset(small, 1, 100);
    memset(large, 1, 5000);
    pool_put(&pool, small, 100);
    pool_put(&pool, large, 5000);
    assert_ptr_equal(pool_get(&pool, 256), small);
    assert_ptr_equal(pool_get(&pool, 4097), large);
    pool_put(&pool, small, 256);
    pool_put(&pool, large, 4097);
    pool_free(&pool);
    (void)state;
}

static void what_lies_idle_has_a_limit(void **state)
{
    enum { COUNT = 100 };
    struct pool pool = {0};
    void *block[COUNT];

    for (int i = 0; i < COUNT; i++)
        block[i] = pool_get(&pool, 128 << 10);
    for (int i = 0; i < COUNT; i++)
        pool_put(&pool, block[i], 128 << 10);
    assert_true(pool.idle_bytes <= POOL_IDLE);
    void *huge = pool_get(&pool, 1 << 20);

    pool_put(&pool, huge, 1 << 20);
    pool_free(&pool);
    assert_int_equal(pool.idle_bytes, 0);
    (void)state;
}

UNIT_MAIN(cmocka_unit_test(a_block_is_used_again_for_its_size),
          cmocka_unit_test(what_lies_idle_has_a_limit))
