/* SPDX-License-Identifier: BSD-3-Clause */
/* declog.c - a log of decisions: bytes by their place, the old ones forgotten */
#include "config.h"

#include "replica/declog.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void declog_free(struct declog *log)
{
    free(log->bytes);
    *log = (struct declog){0};
}

void declog_append(struct declog *log, const void *bytes, size_t size)
{
    size_t held = (size_t)(log->end - log->base);

    if (held + size > log->room) {
        log->room = 2 * (held + size);
        log->bytes = mem_grow(log->bytes, log->room, 1);
    }
    if (size > 0)
        memcpy(log->bytes + held, bytes, size);
    log->end += size;
}

const uint8_t *declog_at(const struct declog *log, uint64_t at)
{
    return log->bytes + (at - log->base);
}

void declog_cut(struct declog *log, uint64_t at)
{
    log->end = at;
}

/* Moves only when that halves what is kept: each byte is moved once on average. */
void declog_trim(struct declog *log, uint64_t at)
{
    uint64_t held = log->end - log->base;

    if (at - log->base < held - (at - log->base))
        return;
    if (at < log->end)
        memmove(log->bytes, declog_at(log, at), (size_t)(log->end - at));
    log->base = at;
}

/* ---------------------------------------------------------------- entries */

static void number_write(struct declog *log, uint64_t number)
{
    uint8_t bytes[10];
    size_t size = 0;

    for (; number >= 128; number >>= 7)
        bytes[size++] = (uint8_t)(number | 128);
    bytes[size++] = (uint8_t)number;
    declog_append(log, bytes, size);
}

void declog_write(struct declog *log, const struct declog_entry *entry)
{
    uint8_t kind = (uint8_t)entry->kind;

    declog_append(log, &kind, 1);
    if (entry->kind == DECLOG_NO) {
        number_write(log, entry->count);
    } else if (entry->kind == DECLOG_MATCH) {
        number_write(log, (uint64_t)entry->cid << 1 | entry->is_library);
        number_write(log, entry->index);
        number_write(log, (uint64_t)entry->source);
        number_write(log, entry->seq);
    } else {
        number_write(log, entry->size);
        declog_append(log, entry->value, entry->size);
    }
}

struct reader {
    const uint8_t *at, *end;
    bool is_short, is_broken;
};

static uint64_t number_read(struct reader *reader)
{
    uint64_t number = 0;

    for (int shift = 0; shift < 63; shift += 7) {
        if (reader->at == reader->end) {
            reader->is_short = true;
            return 0;
        }
        uint8_t byte = *reader->at++;

        number |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            return number;
    }
    reader->is_broken = true;
    return 0;
}

static void match_read(struct reader *reader, struct declog_entry *entry)
{
    uint64_t name = number_read(reader);
    uint64_t source;

    entry->index = number_read(reader);
    source = number_read(reader);
    entry->seq = number_read(reader);
    entry->cid = (uint32_t)(name >> 1);
    entry->is_library = (name & 1) != 0;
    entry->source = (int)source;
    if (name >> 33 != 0 || source > INT_MAX)
        reader->is_broken = true;
}

static void outcome_read(struct reader *reader, struct declog_entry *entry)
{
    uint64_t size = number_read(reader);

    if (size > (uint64_t)(reader->end - reader->at)) {
        reader->is_short = true;
        return;
    }
    entry->value = reader->at;
    entry->size = (size_t)size;
    reader->at += size;
}

uint64_t declog_read(const struct declog *log, uint64_t at, struct declog_entry *entry_out)
{
    struct reader reader = {declog_at(log, at), declog_at(log, log->end), false, false};
    struct declog_entry entry = {.kind = *reader.at++};

    if (entry.kind == DECLOG_NO) {
        entry.count = number_read(&reader);
        reader.is_broken |= !reader.is_short && entry.count == 0;
    } else if (entry.kind == DECLOG_MATCH) {
        match_read(&reader, &entry);
    } else if (entry.kind > DECLOG_OUTCOME) {
        outcome_read(&reader, &entry);
    } else {
        reader.is_broken = true;
    }
    if (reader.is_broken)
        return DECLOG_NONSENSE;
    if (reader.is_short)
        return 0;
    *entry_out = entry;
    return log->base + (uint64_t)(reader.at - log->bytes);
}
