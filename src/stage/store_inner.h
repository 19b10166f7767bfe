/* SPDX-License-Identifier: BSD-3-Clause */
/* store_inner.h - what the files of the store share: its index */
#ifndef P2PMPI_STAGE_STORE_INNER_H
#define P2PMPI_STAGE_STORE_INNER_H

#include "stage/store.h"

#include <uthash.h>

struct object {
    uint8_t hash[STORE_HASH];
    uint64_t size;
    int64_t used_ns; /* wall clock, as of opening the store */
    unsigned holds;
    bool is_verified; /* by this process */
    UT_hash_handle hh;
};

struct store {
    char *dir;
    int lock;
    uint64_t limit, used;
    uint64_t reserved;      /* by writers at work */
    struct object *objects; /* least recently used first */
};

/* NULL when it is not here. */
struct object *store_object(const struct store *store, const uint8_t hash[STORE_HASH]);
char *store_object_path(const struct store *store, const uint8_t hash[STORE_HASH]); /* allocated */
/* Removes an object, held or not, and frees its entry. */
void store_evict(struct store *store, struct object *object);

#endif
