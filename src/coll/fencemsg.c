/* SPDX-License-Identifier: BSD-3-Clause */
/* fencemsg.c - FenceUp and FenceDown: written and checked */
#include "config.h"
#include "coll/fencemsg.h"

#include "base/mem.h"
#include "coll/fence.h"

#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- written */

struct range_list {
    Wire__ProcRange *ranges;
    Wire__ProcRange **pointers;
};

static void ranges_fill(struct range_list *list, char *nspace, const struct procset *set)
{
    list->ranges = mem_array(set->count, sizeof *list->ranges);
    list->pointers = mem_array(set->count, sizeof *list->pointers);
    for (size_t i = 0; i < set->count; i++) {
        wire__proc_range__init(&list->ranges[i]);
        list->ranges[i].rank = set->ranks[i];
        list->pointers[i] = &list->ranges[i];
    }
    list->ranges[0].namespace_ = nspace;
}

static void ranges_free(struct range_list *list)
{
    free(list->ranges);
    free(list->pointers);
}

static void down_fill(Wire__FenceDown *down, const struct result *result)
{
    static char no_longer[] = "the fence's result is no longer kept";

    down->number = result->number;
    down->status = result->status;
    down->data.data = result->data;
    down->data.len = result->size;
    if (result->why != NULL)
        down->why = result->why;
    if (result->status == FENCE_OK && !result->has_data) {
        down->status = FENCE_FAILED;
        down->why = no_longer;
    }
}

void fencemsg_down(const struct fencemsg_out *out, const struct series *series,
                   const struct result *result, size_t position)
{
    Wire__FenceDown down = WIRE__FENCE_DOWN__INIT;
    Wire__Step step = WIRE__STEP__INIT;
    struct range_list list;

    ranges_fill(&list, out->nspace, &series->set);
    down_fill(&down, result);
    down.procs = list.pointers;
    down.n_procs = series->set.count;
    step.body_case = WIRE__STEP__BODY_FENCE_DOWN;
    step.fence_down = &down;
    out->send(out->arg, (int)series->hosts[position], &step);
    ranges_free(&list);
}

/* Points up's parts to what is here; the caller frees both arrays. */
static Wire__FencePart *parts_fill(const struct gather *gather, Wire__FenceUp *up)
{
    const struct series *series = gather->series;
    Wire__FencePart *parts = mem_array(series->count, sizeof *parts);

    up->parts = mem_array(series->count, sizeof(Wire__FencePart *));
    for (size_t i = 0; i < series->count; i++) {
        Wire__FencePart *part = &parts[up->n_parts];
        if (!gather->parts[i].here)
            continue;
        wire__fence_part__init(part);
        part->host = series->hosts[i];
        part->data.data = gather->parts[i].data;
        part->data.len = gather->parts[i].size;
        up->parts[up->n_parts++] = part;
    }
    return parts;
}

void fencemsg_up(const struct fencemsg_out *out, const struct gather *gather, size_t position)
{
    const struct series *series = gather->series;
    Wire__FenceUp up = WIRE__FENCE_UP__INIT;
    Wire__Step step = WIRE__STEP__INIT;
    Wire__FencePart *parts = NULL;
    struct range_list list;

    ranges_fill(&list, out->nspace, &series->set);
    up.procs = list.pointers;
    up.n_procs = series->set.count;
    up.number = gather->number;
    up.status = gather->status;
    if (gather->status != FENCE_OK)
        up.why = gather->why;
    else
        parts = parts_fill(gather, &up);
    step.body_case = WIRE__STEP__BODY_FENCE_UP;
    step.fence_up = &up;
    out->send(out->arg, (int)series->hosts[position], &step);
    free(up.parts);
    free(parts);
    ranges_free(&list);
}

/* ---------------------------------------------------------------- checked */

uint32_t *fencemsg_ranks(const char *nspace, int src, Wire__ProcRange **procs, size_t count,
                         struct err *err)
{
    uint32_t *ranks = mem_array(count, sizeof *ranks);
    bool is_ours = count > 0 && strcmp(procs[0]->namespace_, nspace) == 0;

    for (size_t i = 0; i < count; i++) {
        ranks[i] = procs[i]->rank;
        is_ours = is_ours && (i == 0 || procs[i]->namespace_[0] == '\0');
    }
    if (is_ours)
        return ranks;
    free(ranks);
    err_set(err, "host %d sent a fence message of another job", src);
    return NULL;
}

int fencemsg_check_parts(const struct series *series, const Wire__FenceUp *up, struct err *err)
{
    for (size_t i = 0; i < up->n_parts; i++)
        if (series_position(series, up->parts[i]->host) == TREE_NONE)
            return err_set(err, "a fence message with data of host %u, which has no ranks in it",
                           up->parts[i]->host);
    return 0;
}
