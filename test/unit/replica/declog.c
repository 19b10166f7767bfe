/* SPDX-License-Identifier: BSD-3-Clause */
/* declog.c - what is written to a log of decisions is read from it, nonsense is found out */
#include "config.h"

#include "replica/declog.h"

#include <string.h>

#include "test/lib/prelude.h"

static const struct declog_entry entries[] = {
    {.kind = DECLOG_NO, .count = 1},
    {.kind = DECLOG_NO, .count = 1u << 20},
    {.kind = DECLOG_MATCH, .cid = 7, .index = 300, .source = 5, .seq = 1ull << 40},
    {.kind = DECLOG_MATCH, .cid = UINT32_MAX, .is_library = true, .index = 1, .seq = 1},
    {.kind = DECLOG_OUTCOME + 3, .value = (const uint8_t *)"bytes", .size = 5},
    {.kind = DECLOG_OUTCOME + 127},
};
enum { ENTRIES = sizeof entries / sizeof entries[0] };

static void assert_same(const struct declog_entry *a, const struct declog_entry *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->cid, b->cid);
    assert_int_equal(a->is_library, b->is_library);
    assert_int_equal(a->index, b->index);
    assert_int_equal(a->source, b->source);
    assert_int_equal(a->seq, b->seq);
    assert_int_equal(a->size, b->size);
    if (a->size > 0)
        assert_memory_equal(a->value, b->value, a->size);
}

static void what_is_written_is_read(void **state)
{
    struct declog log = {0};
    struct declog_entry entry;
    uint64_t at = 0;
    (void)state;

    for (int i = 0; i < ENTRIES; i++)
        declog_write(&log, &entries[i]);
    for (int i = 0; i < ENTRIES; i++) {
        at = declog_read(&log, at, &entry);
        assert_same(&entry, &entries[i]);
    }
    assert_int_equal(at, log.end);
    declog_free(&log);
}

static void places_stay_when_the_old_is_forgotten(void **state)
{
    struct declog log = {0};
    struct declog_entry entry;
    uint64_t at[ENTRIES];
    (void)state;

    for (int i = 0; i < ENTRIES; i++) {
        at[i] = log.end;
        declog_write(&log, &entries[i]);
    }
    declog_trim(&log, at[4]);
    assert_int_equal(log.base, at[4]);
    (void)declog_read(&log, at[5], &entry);
    assert_same(&entry, &entries[5]);
    declog_cut(&log, at[5]);
    declog_write(&log, &entries[0]);
    (void)declog_read(&log, at[5], &entry);
    assert_same(&entry, &entries[0]);
    declog_free(&log);
}

static void every_part_of_an_entry_is_not_whole(void **state)
{
    (void)state;

    for (int i = 0; i < ENTRIES; i++) {
        struct declog whole = {0}, part = {0};
        struct declog_entry entry;

        declog_write(&whole, &entries[i]);
        for (uint64_t size = 1; size < whole.end; size++) {
            declog_free(&part);
            declog_append(&part, whole.bytes, (size_t)size);
            assert_int_equal(declog_read(&part, 0, &entry), 0);
        }
        declog_free(&whole);
        declog_free(&part);
    }
}

static void nonsense_is_found_out(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
    } cases[] = {
        {"\x00", 1},                                              /* no such kind */
        {"\x03\x01", 2},                                          /* ... */
        {"\x80\x01", 2},                                          /* a question of kind 0 */
        {"\x01\x00", 2},                                          /* no "no" */
        {"\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12}, /* too long a number */
        {"\x02\x00\x01\xff\xff\xff\xff\x7f\x01", 9},              /* no such rank */
        {"\x02\xff\xff\xff\xff\x7f\x01\x01\x01", 9},              /* no such communicator */
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct declog log = {0};
        struct declog_entry entry;

        declog_append(&log, cases[i].bytes, cases[i].size);
        assert_true(declog_read(&log, 0, &entry) == DECLOG_NONSENSE);
        declog_free(&log);
    }
}

UNIT_MAIN(cmocka_unit_test(what_is_written_is_read),
          cmocka_unit_test(places_stay_when_the_old_is_forgotten),
          cmocka_unit_test(every_part_of_an_entry_is_not_whole),
          cmocka_unit_test(nonsense_is_found_out))
