/* SPDX-License-Identifier: BSD-3-Clause */
/* merge.h - what the replicas of a rank write becomes one stream: every byte goes out once
 *
 * Standard output: a byte goes out once two replicas have produced it at the same offset, or the
 * only living one has. From the first difference on (no two of the living agree on the next byte)
 * whole lines of the leader go out, the lowest living replica; that is told once. Standard error is
 * the leader's lines from the beginning. When a leader dies, the next one goes on behind the lines
 * that are out. A rank with one living replica is passed on as it comes, byte by byte.
 *
 * What goes out has offsets of its own, 0, 1, ... without gaps; what of it has been written comes
 * back by merge_written(). Each replica is told by ack() how much of its stream is not needed any
 * more: written, or superfluous. Memory: what is not acknowledged, which the replicas' own windows
 * bound; a follower that is MERGE_AHEAD bytes ahead of its leader loses its oldest lines.
 *
 * Pure logic. Callbacks may call nothing here. */
#ifndef P2PMPI_JOB_MERGE_H
#define P2PMPI_JOB_MERGE_H

#include "replica/world.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MERGE_LINE_MAX (64u << 10)  /* a longer line is taken for several */
#define MERGE_AHEAD    (512u << 10) /* kept of a follower whose lines differ */

enum merge_stream { MERGE_STDOUT = 1, MERGE_STDERR = 2 }; /* as in wire.proto */

struct merge_ops {
    /* The next bytes of a rank's stream. end: nothing follows. Borrowed for the call. */
    void (*put)(void *arg, uint32_t rank, uint32_t stream, uint64_t offset, const uint8_t *data,
                size_t size, bool end);
    /* The process need not keep its stream's bytes before this offset. */
    void (*ack)(void *arg, uint32_t process, uint32_t stream, uint64_t offset);
    /* The replicas of a rank wrote different things to standard output, from this offset on. Once
     * for each rank. */
    void (*differ)(void *arg, uint32_t rank, uint64_t offset);
};

struct merge;

/* world is borrowed and stays; ops is copied. */
struct merge *merge_create(const struct world *world, const struct merge_ops *ops, void *arg);
void merge_destroy(struct merge *merge);

/* For a home that takes a job back, before anything else: steps repeat what was not acknowledged,
 * from wherever that was; what is written comes by merge_written() before that. */
void merge_resume(struct merge *merge);

/* A process wrote this. Repeated bytes are known as such. -1: not possible (a gap, another stream,
 * more than its window); nothing happened. */
int merge_add(struct merge *merge, uint32_t process, uint32_t stream, uint64_t offset,
              const uint8_t *data, size_t size, bool end);
/* The process is dead: what it wrote and is not out does not count, unless it was the last of its
 * rank. */
void merge_dead(struct merge *merge, uint32_t process);
/* Bytes of this stream have been written, in all. */
void merge_written(struct merge *merge, uint32_t rank, uint32_t stream, uint64_t bytes);

#endif
