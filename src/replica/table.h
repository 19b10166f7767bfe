/* SPDX-License-Identifier: BSD-3-Clause */
/* table.h - streams by (communicator, class of tag, logical rank): open addressing, insert only */
#ifndef P2PMPI_REPLICA_TABLE_H
#define P2PMPI_REPLICA_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct stream_key {
    uint32_t cid;
    int32_t class; /* 0: all tags >= 0; else the negative tag */
    int32_t rank;  /* the other side */
};

struct table {
    struct stream_key **slot; /* what is stored begins with its key */
    size_t size, count;
};

void *table_find(const struct table *table, const struct stream_key *key);
void table_add(struct table *table, struct stream_key *entry); /* not in it yet */
void table_free(struct table *table);                          /* not the entries */

static inline int32_t stream_class(int32_t tag)
{
    return tag < 0 ? tag : 0;
}

#endif
