/* SPDX-License-Identifier: BSD-3-Clause */
/* pool.c - blocks come back and are used again */
#include "config.h"

#include "replica/pool.h"

#include <string.h>

#include "test/lib/prelude.h"

static void a_block_is_used_again_for_its_size(void **state)
{
    struct pool pool = {.most = 64 << 20};
    void *small = pool_get(&pool, 100), *large = pool_get(&pool, 10 << 20);

    memset(small, 1, 100);
    memset(large, 1, 10 << 20);
    pool_put(&pool, small, 100);
    pool_put(&pool, large, 10 << 20);
    assert_ptr_equal(pool_get(&pool, 256), small);
    assert_ptr_equal(pool_get(&pool, (8 << 20) + 1), large);
    pool_put(&pool, small, 256);
    pool_put(&pool, large, (8 << 20) + 1);
    pool_free(&pool);
    (void)state;
}

/* Each size gets its bytes, and at most a quarter more. */
static void blocks_are_large_enough_and_not_much_larger(void **state)
{
    struct pool pool = {.most = 256 << 20};

    for (size_t size = 1; size < 80 << 20; size += 1 + size / 7) {
        void *bytes = pool_get(&pool, size);

        memset(bytes, 1, size);
        assert_true(pool.used_bytes == 0 || pool.used_bytes >= size);
        assert_true(pool.used_bytes <= size + size / 4 + 256);
        pool_put(&pool, bytes, size);
        assert_int_equal(pool.used_bytes, 0);
    }
    pool_free(&pool);
    (void)state;
}

static void idle_blocks_make_room_for_used_ones(void **state)
{
    enum { COUNT = 100, SIZE = 128 << 10 };
    struct pool pool = {.most = COUNT / 2 * SIZE};
    void *block[COUNT];

    for (int i = 0; i < COUNT; i++)
        block[i] = pool_get(&pool, SIZE);
    for (int i = 0; i < COUNT; i++)
        pool_put(&pool, block[i], SIZE);
    assert_int_equal(pool.idle_bytes, pool.most);
    void *large = pool_get(&pool, 1 << 20);

    assert_true(pool.used_bytes + pool.idle_bytes <= pool.most);
    pool_put(&pool, large, 1 << 20);
    assert_true(pool.idle_bytes <= pool.most);
    pool_free(&pool);
    assert_int_equal(pool.idle_bytes, 0);
    (void)state;
}

UNIT_MAIN(cmocka_unit_test(a_block_is_used_again_for_its_size),
          cmocka_unit_test(blocks_are_large_enough_and_not_much_larger),
          cmocka_unit_test(idle_blocks_make_room_for_used_ones))
