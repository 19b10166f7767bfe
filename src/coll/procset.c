/* SPDX-License-Identifier: BSD-3-Clause */
/* procset.c - the processes of a fence as a set: the same whatever order they were named in */
#include "config.h"
#include "coll/procset.h"

#include "base/mem.h"

#include <stdlib.h>

static int compare_ranks(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

    return left < right ? -1 : left > right;
}

int procset_init(struct procset *set, const uint32_t *ranks, size_t count, uint32_t limit)
{
    bool all = false;
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        if (ranks[i] >= limit && ranks[i] != PROCSET_WILDCARD)
            return -1;
        all = all || ranks[i] == PROCSET_WILDCARD;
    }
    if (count == 0)
        return -1;
    set->ranks = mem_copy(ranks, count * sizeof *ranks);
    qsort(set->ranks, count, sizeof *ranks, compare_ranks);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || set->ranks[i] != set->ranks[kept - 1])
            set->ranks[kept++] = set->ranks[i];
    set->count = kept;
    if (all) {
        set->ranks[0] = PROCSET_WILDCARD;
        set->count = 1;
    }
    return 0;
}

void procset_clear(struct procset *set)
{
    free(set->ranks);
    *set = (struct procset){NULL, 0};
}

bool procset_is_all(const struct procset *set)
{
    return set->ranks[0] == PROCSET_WILDCARD;
}

bool procset_has(const struct procset *set, uint32_t rank)
{
    return procset_is_all(set) ||
           bsearch(&rank, set->ranks, set->count, sizeof rank, compare_ranks) != NULL;
}
