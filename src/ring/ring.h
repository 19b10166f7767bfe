/* SPDX-License-Identifier: BSD-3-Clause */
/* ring.h - records in shared memory: one writer, one reader, each may die at any instruction
 *
 * Records lie one behind the other, each with one head word (bytes, note) before it; the head word
 * of the place where the next record will come is zero. A writer fills the record, zeroes the head
 * behind it, and publishes by storing the head with release order: that one store is all there is
 * to tear. The reader follows the heads and tells, in a word of its own, how far the writer may
 * write over. Whoever dies leaves the other's side of the ring whole: a dead writer's published
 * records are all there and nothing else is; a dead reader looks like a slow one.
 *
 * Memory that is all zero is an empty ring: a new file needs no preparation, and nobody waits for
 * it. A record lies in one piece (a pad record, skipped by ring_peek(), fills the end of a lap).
 * While the reader keeps up, the writer ends its laps early and stays in the first RING_WARM bytes:
 * in the innermost cache. */
#ifndef P2PMPI_RING_RING_H
#define P2PMPI_RING_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RING_LINE     64   /* cache line */
#define RING_STEP     32   /* records begin at multiples of it: two small ones share a line */
#define RING_HEAD     8    /* bytes of a record's head word */
#define RING_WARM     8192 /* bytes, of a ring twice as long at least */
#define RING_TELL     2048 /* bytes read until the writer is told, of a ring four times as long */
#define RING_SIZE_MIN 4096
#define RING_SIZE_MAX (1u << 30)
#define RING_PAD      (UINT64_C(1) << 63) /* in a head word: skip to the end of the lap */
#define RING_NOTE_MAX 0x7fffffffu

/* What the two share. */
struct ring_shared {
    _Alignas(
        RING_LINE) _Atomic uint64_t freed; /* the reader's: bytes since the start it is done with */
    _Alignas(RING_LINE) unsigned char data[];
};

/* The writer's own memory. */
struct ring_writer {
    struct ring_shared *shared;
    uint64_t size;  /* of data: a power of two */
    uint64_t next;  /* bytes since the start written: where the next record goes */
    uint64_t limit; /* up to here records are written without a thought */
    uint64_t freed; /* shared->freed when last looked at */
    uint64_t warm;  /* here the lap ends if all is read */
};

/* The reader's own memory. */
struct ring_reader {
    struct ring_shared *shared;
    uint64_t size;
    uint64_t next;  /* bytes since the start read */
    uint64_t freed; /* what shared->freed says */
    bool is_broken; /* a head made no sense: the writer (or a stranger) scribbled; nothing more is
                       read */
};

/* Bytes of memory of a ring with size bytes of data (a power of two from RING_SIZE_MIN on). */
static inline size_t ring_bytes(size_t size)
{
    return sizeof(struct ring_shared) + size;
}

/* Longest record: a quarter of the ring, so that pads and a reader who tells what it has freed only
 * now and then never leave a writer without room. */
static inline size_t ring_record_max(size_t size)
{
    return size / 4 - RING_HEAD;
}

/* Begin to write, to read: from the start of the ring, which must be fresh (all zero). -1 with
 * EINVAL for a size that is no power of two, or out of range. The memory stays the caller's. */
int ring_writer_init(struct ring_writer *writer, void *memory, size_t size);
int ring_reader_init(struct ring_reader *reader, void *memory, size_t size);

/* The slow half of ring_reserve(): looks how far the reader is, begins a new lap. */
void *ring_reserve_slow(struct ring_writer *writer, size_t size);

/* The slow half of ring_peek(): skips a pad, finds nonsense. */
const void *ring_peek_slow(struct ring_reader *reader, size_t *size_out, uint32_t *note_out);

static inline uint64_t ring_tell(uint64_t size)
{
    return size / 4 < RING_TELL ? size / 4 : RING_TELL;
}

static inline uint64_t ring_room(size_t size)
{
    return (size + RING_HEAD + RING_STEP - 1) & ~(uint64_t)(RING_STEP - 1);
}

static inline _Atomic uint64_t *ring_head(struct ring_shared *shared, uint64_t size, uint64_t at)
{
    return (_Atomic uint64_t *)(void *)(shared->data + (at & (size - 1)));
}

/* A place for a record of up to size bytes (1 .. ring_record_max()), 8 bytes behind a line's start;
 * NULL when the ring is full: try again later. Nobody sees it before ring_publish(); a second
 * reserve gives the same place again. */
static inline void *ring_reserve(struct ring_writer *writer, size_t size)
{
    if (writer->next + ring_room(size) > writer->limit)
        return ring_reserve_slow(writer, size);
    return writer->shared->data + (writer->next & (writer->size - 1)) + RING_HEAD;
}

/* Fetches a line that the next publish will zero: nobody else looks at it yet, and the stores of
 * that publish, which the hardware keeps in order, need not wait for it. */
static inline void ring_want(void *line)
{
#ifdef __x86_64__
    __asm__ volatile("prefetchw %0" : : "m"(*(char *)line));
#else
    __builtin_prefetch(line, 1);
#endif
}

/* Publishes the record reserved last: its first size bytes (not more than reserved) and a note (at
 * most RING_NOTE_MAX) that ring_peek() gives back. */
static inline void ring_publish(struct ring_writer *writer, size_t size, uint32_t note)
{
    uint64_t at = writer->next;

    writer->next = at + ring_room(size);
    atomic_store_explicit(ring_head(writer->shared, writer->size, writer->next), 0,
                          memory_order_relaxed);
    atomic_store_explicit(ring_head(writer->shared, writer->size, at),
                          (uint64_t)note << 32 | (size + RING_HEAD), memory_order_release);
    ring_want(ring_head(writer->shared, writer->size, writer->next + RING_LINE));
}

/* The oldest record not yet passed by ring_next(): NULL when there is none, or none that makes
 * sense (is_broken). The bytes stay where they are until ring_next(). */
static inline const void *ring_peek(struct ring_reader *reader, size_t *size_out,
                                    uint32_t *note_out)
{
    uint64_t head = atomic_load_explicit(ring_head(reader->shared, reader->size, reader->next),
                                         memory_order_acquire);

    uint32_t bytes = (uint32_t)head;

    if (bytes <= RING_HEAD || (head & RING_PAD) || bytes > reader->size / 4) {
        if (head == 0)
            return NULL;
        return ring_peek_slow(reader, size_out, note_out);
    }
    *size_out = bytes - RING_HEAD;
    *note_out = (uint32_t)(head >> 32);
    return reader->shared->data + (reader->next & (reader->size - 1)) + RING_HEAD;
}

/* Tells the writer that all before reader->next is read. */
static inline void ring_free(struct ring_reader *reader)
{
    reader->freed = reader->next;
    atomic_store_explicit(&reader->shared->freed, reader->freed, memory_order_release);
}

/* Passes the record that ring_peek() gave, size bytes long; the writer may use its place from some
 * later call on. */
static inline void ring_next(struct ring_reader *reader, size_t size)
{
    reader->next += ring_room(size);
    if (reader->next - reader->freed >= ring_tell(reader->size))
        ring_free(reader);
}

#endif
