/* SPDX-License-Identifier: BSD-3-Clause */
/* table.c - streams by (communicator, class of tag, logical rank): open addressing, insert only */
#include "config.h"

#include "replica/table.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"

static size_t key_hash(const struct stream_key *key)
{
    uint64_t hash = (uint64_t)key->cid << 32 | (uint32_t)key->class;

    hash = (hash ^ (uint64_t)(uint32_t)key->rank * 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu;
    return (size_t)(hash ^ hash >> 32);
}

static bool key_is(const struct stream_key *a, const struct stream_key *b)
{
    return a->cid == b->cid && a->class == b->class && a->rank == b->rank;
}

static size_t table_place(const struct table *table, const struct stream_key *key)
{
    size_t at = key_hash(key) & (table->size - 1);

    while (table->slot[at] != NULL && !key_is(table->slot[at], key))
        at = (at + 1) & (table->size - 1);
    return at;
}

void *table_find(const struct table *table, const struct stream_key *key)
{
    return table->size == 0 ? NULL : table->slot[table_place(table, key)];
}

static void table_grow(struct table *table)
{
    struct table bigger = {.size = table->size == 0 ? 64 : 2 * table->size, .count = table->count};

    bigger.slot = mem_array(bigger.size, sizeof *bigger.slot);
    for (size_t i = 0; i < table->size; i++)
        if (table->slot[i] != NULL)
            bigger.slot[table_place(&bigger, table->slot[i])] = table->slot[i];
    free(table->slot);
    *table = bigger;
}

void table_add(struct table *table, struct stream_key *entry)
{
    if (2 * (table->count + 1) > table->size)
        table_grow(table);
    table->slot[table_place(table, entry)] = entry;
    table->count++;
}

void table_free(struct table *table)
{
    free(table->slot);
    *table = (struct table){0};
}
