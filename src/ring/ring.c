/* SPDX-License-Identifier: BSD-3-Clause */
/* ring.c - a ring of records in shared memory: ends of laps, full rings, nonsense */
#include "config.h"
#include "ring/ring.h"

#include <assert.h>
#include <errno.h>

static bool is_size(size_t size)
{
    return size >= RING_SIZE_MIN && size <= RING_SIZE_MAX && (size & (size - 1)) == 0;
}

int ring_writer_init(struct ring_writer *writer, void *memory, size_t size)
{
    if (!is_size(size)) {
        errno = EINVAL;
        return -1;
    }
    *writer = (struct ring_writer){.shared = memory, .size = size};
    return 0;
}

int ring_reader_init(struct ring_reader *reader, void *memory, size_t size)
{
    if (!is_size(size)) {
        errno = EINVAL;
        return -1;
    }
    *reader = (struct ring_reader){.shared = memory, .size = size};
    return 0;
}

/* One line stays free behind what is written: the head of the record to come. */
static bool has_room(struct ring_writer *writer, uint64_t room)
{
    if (writer->next + room + RING_LINE <= writer->freed + writer->size)
        return true;
    writer->freed = atomic_load_explicit(&writer->shared->freed, memory_order_acquire);
    return writer->next + room + RING_LINE <= writer->freed + writer->size;
}

/* The reader sees the pad and waits at the start of the lap, where there is a zero. */
static void publish_pad(struct ring_writer *writer, uint64_t bytes)
{
    uint64_t at = writer->next;

    writer->next += bytes;
    atomic_store_explicit(ring_head(writer->shared, writer->size, writer->next), 0,
                          memory_order_relaxed);
    atomic_store_explicit(ring_head(writer->shared, writer->size, at), RING_PAD | bytes,
                          memory_order_release);
}

static uint64_t offset_of(const struct ring_writer *writer)
{
    return writer->next & (writer->size - 1);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void warm_from_here(struct ring_writer *writer)
{
    writer->warm = writer->next + least(RING_WARM, writer->size / 2);
}

/* All is read, as far as we were told, and what is warm is used up: begin a new lap. */
static void turn_early(struct ring_writer *writer, uint64_t room)
{
    uint64_t pad = writer->size - offset_of(writer);

    writer->freed = atomic_load_explicit(&writer->shared->freed, memory_order_acquire);
    if (writer->next - writer->freed < ring_tell(writer->size) && has_room(writer, pad + room))
        publish_pad(writer, pad);
    warm_from_here(writer);
}

void *ring_reserve_slow(struct ring_writer *writer, size_t size)
{
    uint64_t room = ring_room(size), pad = 0;

    assert(size > 0 && size <= ring_record_max(writer->size));
    if (offset_of(writer) > 0 && writer->next + room > writer->warm)
        turn_early(writer, room);
    if (offset_of(writer) + room > writer->size)
        pad = writer->size - offset_of(writer);
    if (!has_room(writer, pad + room))
        return NULL;
    if (pad > 0)
        publish_pad(writer, pad);
    if (offset_of(writer) == 0)
        warm_from_here(writer);
    writer->limit = least(writer->freed + writer->size - RING_LINE,
                          least(writer->warm, writer->next - offset_of(writer) + writer->size));
    return writer->shared->data + offset_of(writer) + RING_HEAD;
}

const void *ring_peek_slow(struct ring_reader *reader, size_t *size_out, uint32_t *note_out)
{
    uint64_t head = atomic_load_explicit(ring_head(reader->shared, reader->size, reader->next),
                                         memory_order_acquire);
    uint64_t to_end = reader->size - (reader->next & (reader->size - 1));

    if (reader->is_broken || head != (RING_PAD | to_end) || to_end == reader->size) {
        reader->is_broken = true;
        return NULL;
    }
    reader->next += to_end;
    ring_free(reader);
    return ring_peek(reader, size_out, note_out);
}
