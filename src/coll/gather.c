/* SPDX-License-Identifier: BSD-3-Clause */
/* gather.c - one fence under way: which hosts have contributed what */
#include "config.h"
#include "coll/gather.h"

#include "base/mem.h"
#include "coll/fence.h"

#include <stdlib.h>
#include <string.h>

struct gather *gather_create(struct series *series, uint32_t number)
{
    struct gather *gather = mem_alloc(sizeof *gather);

    gather->series = series;
    gather->number = number;
    gather->parts = mem_array(series->count, sizeof *gather->parts);
    gather->deadline_ms = GATHER_NO_DEADLINE;
    gather->told = TREE_NONE;
    return gather;
}

void gather_destroy(struct gather *gather)
{
    for (size_t i = 0; i < gather->series->count; i++)
        free(gather->parts[i].data);
    free(gather->parts);
    free(gather->why);
    free(gather);
}

void gather_fail(struct gather *gather, int status, const char *why)
{
    if (gather->status != FENCE_OK)
        return;
    gather->status = status;
    gather->why = mem_string(why);
    gather->told = TREE_NONE;
    gather->is_marked = true;
}

void gather_add(struct gather *gather, size_t position, const uint8_t *data, size_t size)
{
    struct gather_part *part = &gather->parts[position];

    if (part->here)
        return;
    if (size > FENCE_DATA_MAX - gather->bytes) {
        struct err err;
        err_set(&err, "the ranks exchange more than %u MiB in one fence", FENCE_DATA_MAX >> 20);
        gather_fail(gather, FENCE_TOO_BIG, err.text);
        return;
    }
    part->here = true;
    part->data = mem_copy(data, size);
    part->size = size;
    gather->bytes += size;
    gather->is_marked = true;
}

bool gather_is_full(const struct gather *gather, bool is_root)
{
    const struct series *series = gather->series;

    for (size_t i = 0; i < series->count; i++)
        if (!gather->parts[i].here && series_is_awaited(series, i) &&
            (is_root || tree_is_below(series->me, i)))
            return false;
    return true;
}

uint8_t *gather_data(const struct gather *gather)
{
    uint8_t *data = mem_alloc(gather->bytes), *end = data;

    for (size_t i = 0; i < gather->series->count; i++) {
        const struct gather_part *part = &gather->parts[i];
        if (part->size > 0)
            memcpy(end, part->data, part->size);
        end += part->size;
    }
    return data;
}
