/* SPDX-License-Identifier: BSD-3-Clause */
/* streams.c - streams by (communicator, class of tag, logical rank): a hash table
 */
#include "config.h"

#include "replica/streams.h"

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

static size_t streams_place(const struct streams *streams, const struct stream_key *key)
{
    size_t at = key_hash(key) & (streams->size - 1);

    while (streams->slot[at] != NULL && !key_is(streams->slot[at], key))
        at = (at + 1) & (streams->size - 1);
    return at;
}

void *streams_find(const struct streams *streams, const struct stream_key *key)
{
    return streams->size == 0 ? NULL : streams->slot[streams_place(streams, key)];
}

static void streams_grow(struct streams *streams)
{
    struct streams bigger = {.size = streams->size == 0 ? 64 : 2 * streams->size,
                             .count = streams->count};

    bigger.slot = mem_array(bigger.size, sizeof *bigger.slot);
    for (size_t i = 0; i < streams->size; i++)
        if (streams->slot[i] != NULL)
            bigger.slot[streams_place(&bigger, streams->slot[i])] = streams->slot[i];
    free(streams->slot);
    *streams = bigger;
}

void streams_add(struct streams *streams, struct stream_key *entry)
{
    if (2 * (streams->count + 1) > streams->size)
        streams_grow(streams);
    streams->slot[streams_place(streams, entry)] = entry;
    streams->count++;
}

/* Those behind it move up, so that each is still found from its own place on. */
void streams_remove(struct streams *streams, const struct stream_key *key)
{
    size_t mask = streams->size - 1, hole = streams_place(streams, key);

    for (size_t at = (hole + 1) & mask; streams->slot[at] != NULL; at = (at + 1) & mask) {
        size_t home = key_hash(streams->slot[at]) & mask;

        if (((at - home) & mask) >= ((at - hole) & mask)) {
            streams->slot[hole] = streams->slot[at];
            hole = at;
        }
    }
    streams->slot[hole] = NULL;
    streams->count--;
}

void streams_free(struct streams *streams)
{
    free(streams->slot);
    *streams = (struct streams){0};
}
