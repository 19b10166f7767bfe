/* SPDX-License-Identifier: BSD-3-Clause */
/* streams.h - streams by (communicator, class of tag, logical rank): a hash table
 */
#ifndef P2PMPI_REPLICA_STREAMS_H
#define P2PMPI_REPLICA_STREAMS_H

#include <stddef.h>
#include <stdint.h>

struct stream_key {
    uint32_t cid;
    int32_t class; /* 0: all tags >= 0; else the negative tag */
    int32_t rank;  /* the other side */
};

struct streams {
    struct stream_key **slot; /* what is stored begins with its key */
    size_t size, count;
};

void *streams_find(const struct streams *streams, const struct stream_key *key);
void streams_add(struct streams *streams, struct stream_key *entry);        /* not in it yet */
void streams_remove(struct streams *streams, const struct stream_key *key); /* it is in it */
void streams_free(struct streams *streams);                                 /* not the entries */

static inline int32_t stream_class(int32_t tag)
{
    return tag < 0 ? tag : 0;
}

#endif
