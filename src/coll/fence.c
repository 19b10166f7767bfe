/* SPDX-License-Identifier: BSD-3-Clause */
/* fence.c - PMIx fences among the hosts of a job: contributions go up a tree, the result comes down
 *
 * A fence here is known from the first sign of it: the local contribution, a child's FenceUp or a FenceDown.
 * Every event marks the fences that it may have moved; settle() then looks at each marked one. Completing
 * comes last, so a callback that starts the next fence finds everything in order. */
#include "config.h"
#include "coll/fence.h"

#include "base/mem.h"
#include "coll/results.h"
#include "coll/series.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define NO_DEADLINE INT64_MAX

struct part {
    bool here;
    bool has_asked; /* sent us a FenceUp: it may know of a loss, and be our child, before we know */
    uint8_t *data; /* owned */
    size_t size;
};

struct fence {
    struct fence *next, *prev;
    struct series *series; /* borrowed from the engine */
    uint32_t number;
    struct part *parts; /* by position */
    size_t bytes;       /* of all parts */
    bool is_local;      /* complete(tag) is owed */
    void *tag;
    int64_t deadline_ms;
    int status; /* not 0: it has failed, the root is to end it */
    char *why;  /* owned */
    size_t told; /* position that has our FenceUp, TREE_NONE: none */
    bool is_marked;
};

struct fence_engine {
    char *nspace;
    uint32_t *rank_host;
    bool *rank_gone, *host_lost;
    struct series_job job;
    struct fence_ops ops;
    void *arg;
    struct series *series; /* hash by set */
    struct fence *fences;  /* in order of first sign */
    size_t fence_count;
    struct results results;
};

/* ---------------------------------------------------------------- life */

struct fence_engine *fence_create(const char *nspace, int self, const uint32_t *rank_host, size_t ranks,
                                  const struct fence_ops *ops, void *arg)
{
    struct fence_engine *engine = mem_alloc(sizeof *engine);
    size_t hosts = (size_t)self + 1;

    for (size_t rank = 0; rank < ranks; rank++)
        if (rank_host[rank] >= hosts)
            hosts = rank_host[rank] + (size_t)1;
    engine->nspace = mem_string(nspace);
    engine->rank_host = mem_copy(rank_host, ranks * sizeof *rank_host);
    engine->rank_gone = mem_array(ranks, sizeof *engine->rank_gone);
    engine->host_lost = mem_array(hosts, sizeof *engine->host_lost);
    engine->job =
        (struct series_job){engine->rank_host, engine->rank_gone, engine->host_lost, ranks, hosts, self};
    engine->ops = *ops;
    engine->arg = arg;
    return engine;
}

static void fence_free(struct fence_engine *engine, struct fence *fence)
{
    for (size_t i = 0; i < fence->series->count; i++)
        free(fence->parts[i].data);
    free(fence->parts);
    free(fence->why);
    if (fence->prev != NULL)
        fence->prev->next = fence->next;
    else
        engine->fences = fence->next;
    if (fence->next != NULL)
        fence->next->prev = fence->prev;
    engine->fence_count--;
    free(fence);
}

void fence_destroy(struct fence_engine *engine)
{
    struct series *series, *next;

    if (engine == NULL)
        return;
    while (engine->fences != NULL)
        fence_free(engine, engine->fences);
    HASH_ITER(hh, engine->series, series, next) {
        HASH_DEL(engine->series, series);
        series_destroy(series);
    }
    results_clear(&engine->results);
    free(engine->nspace);
    free(engine->rank_host);
    free(engine->rank_gone);
    free(engine->host_lost);
    free(engine);
}

/* ---------------------------------------------------------------- finding */

/* The series of these ranks, made if need be. NULL with a sentence. */
static struct series *series_get(struct fence_engine *engine, const uint32_t *ranks, size_t count, struct err *err)
{
    struct procset set;
    struct series *series;

    if (procset_init(&set, ranks, count, (uint32_t)engine->job.ranks) < 0) {
        err_set(err, "a fence of %zu processes names ranks that job %s does not have", count, engine->nspace);
        return NULL;
    }
    HASH_FIND(hh, engine->series, set.ranks, set.count * sizeof *set.ranks, series);
    if (series != NULL) {
        procset_clear(&set);
        return series;
    }
    series = series_create_take(&set, &engine->job);
    if (series == NULL) {
        procset_clear(&set);
        err_set(err, "a fence of %zu processes has none on host %d", count, engine->job.self);
        return NULL;
    }
    HASH_ADD_KEYPTR(hh, engine->series, series->set.ranks, series->set.count * sizeof *ranks, series);
    return series;
}

static struct fence *fence_find(const struct fence_engine *engine, const struct series *series, uint32_t number)
{
    for (struct fence *fence = engine->fences; fence != NULL; fence = fence->next)
        if (fence->series == series && fence->number == number)
            return fence;
    return NULL;
}

static int check_room(const struct fence_engine *engine, const struct series *series, uint32_t number, struct err *err)
{
    if (!series_is_near(series, number))
        return err_set(err, "fence %u comes before fence %u is over", number, series->over_upto + 1);
    if (engine->fence_count >= FENCE_MAX)
        return err_set(err, "more than %d fences are under way at once", FENCE_MAX);
    return 0;
}

/* The fence, made if need be. NULL with a sentence. */
static struct fence *fence_get(struct fence_engine *engine, struct series *series, uint32_t number, struct err *err)
{
    struct fence *fence = fence_find(engine, series, number), **end = &engine->fences;

    if (fence != NULL)
        return fence;
    if (check_room(engine, series, number, err) < 0)
        return NULL;
    fence = mem_alloc(sizeof *fence);
    fence->series = series;
    fence->number = number;
    fence->parts = mem_array(series->count, sizeof *fence->parts);
    fence->deadline_ms = NO_DEADLINE;
    fence->told = TREE_NONE;
    for (; *end != NULL; end = &(*end)->next)
        fence->prev = *end;
    *end = fence;
    engine->fence_count++;
    return fence;
}

/* ---------------------------------------------------------------- messages out */

/* The set as in messages: the namespace stands in the first only. */
struct range_list {
    Wire__ProcRange *ranges;
    Wire__ProcRange **pointers;
};

static void ranges_fill(struct range_list *list, const struct fence_engine *engine, const struct procset *set)
{
    list->ranges = mem_array(set->count, sizeof *list->ranges);
    list->pointers = mem_array(set->count, sizeof *list->pointers);
    for (size_t i = 0; i < set->count; i++) {
        wire__proc_range__init(&list->ranges[i]);
        list->ranges[i].rank = set->ranks[i];
        list->pointers[i] = &list->ranges[i];
    }
    list->ranges[0].namespace_ = engine->nspace;
}

static void ranges_free(struct range_list *list)
{
    free(list->ranges);
    free(list->pointers);
}

static void down_send(struct fence_engine *engine, const struct result *result, size_t position)
{
    const struct series *series = result->series;
    Wire__FenceDown down = WIRE__FENCE_DOWN__INIT;
    Wire__Step step = WIRE__STEP__INIT;
    struct range_list list;
    char no_longer[] = "the fence's result is no longer kept";

    ranges_fill(&list, engine, &series->set);
    down.procs = list.pointers;
    down.n_procs = series->set.count;
    down.number = result->number;
    down.status = result->status;
    if (result->why != NULL)
        down.why = result->why;
    down.data.data = result->data;
    down.data.len = result->size;
    if (result->status == FENCE_OK && !result->has_data) {
        down.status = FENCE_FAILED;
        down.why = no_longer;
    }
    step.body_case = WIRE__STEP__BODY_FENCE_DOWN;
    step.fence_down = &down;
    engine->ops.send(engine->arg, (int)series->hosts[position], &step);
    ranges_free(&list);
}

/* Fills up's parts with those that are here; the caller frees both arrays. */
static Wire__FencePart *parts_fill(const struct fence *fence, Wire__FenceUp *up)
{
    const struct series *series = fence->series;
    Wire__FencePart *parts = mem_array(series->count, sizeof *parts);

    up->parts = mem_array(series->count, sizeof(Wire__FencePart *));
    for (size_t i = 0; i < series->count; i++) {
        Wire__FencePart *part = &parts[up->n_parts];
        if (!fence->parts[i].here)
            continue;
        wire__fence_part__init(part);
        part->host = series->hosts[i];
        part->data.data = fence->parts[i].data;
        part->data.len = fence->parts[i].size;
        up->parts[up->n_parts++] = part;
    }
    return parts;
}

static void up_send(struct fence_engine *engine, struct fence *fence, size_t parent)
{
    const struct series *series = fence->series;
    Wire__FenceUp up = WIRE__FENCE_UP__INIT;
    Wire__Step step = WIRE__STEP__INIT;
    Wire__FencePart *parts = NULL;
    struct range_list list;

    ranges_fill(&list, engine, &series->set);
    up.procs = list.pointers;
    up.n_procs = series->set.count;
    up.number = fence->number;
    up.status = fence->status;
    if (fence->status != FENCE_OK)
        up.why = fence->why;
    else
        parts = parts_fill(fence, &up);
    step.body_case = WIRE__STEP__BODY_FENCE_UP;
    step.fence_up = &up;
    fence->told = parent;
    engine->ops.send(engine->arg, (int)series->hosts[parent], &step);
    free(up.parts);
    free(parts);
    ranges_free(&list);
}

/* ---------------------------------------------------------------- the end of a fence */

/* Tells the result to those below, and to the parent when it came from another; never back to `from`. */
static void result_spread(struct fence_engine *engine, const struct fence *fence, const struct result *result,
                          size_t from)
{
    const struct series *series = fence->series;
    struct tree tree = series_tree(series);
    size_t parent = tree_parent(&tree, series->me);

    for (size_t i = 0; i < series->count; i++) {
        bool is_above = from != TREE_NONE && i == parent;
        if (i == series->me || i == from || series->lost[i])
            continue;
        if (is_above || fence->parts[i].has_asked || tree_parent(&tree, i) == series->me)
            down_send(engine, result, i);
    }
}

static void local_complete(struct fence_engine *engine, void *tag, const struct result *result)
{
    const char *why = result->why != NULL ? result->why : "";

    engine->ops.complete(engine->arg, tag, result->status, result->data, result->size, why);
}

/* Ends the fence here and below. data (malloc()ed) is taken. fence must not be used afterwards. */
static void fence_end(struct fence_engine *engine, struct fence *fence, int status, const char *why, uint8_t *data,
                      size_t size, size_t from)
{
    bool is_local = fence->is_local;
    void *tag = fence->tag;
    const struct result *result =
        results_add_take(&engine->results, fence->series, fence->number, status, why, data, size);

    series_set_over(fence->series, fence->number);
    result_spread(engine, fence, result, from);
    fence_free(engine, fence);
    if (is_local)
        local_complete(engine, tag, result);
}

static void root_end(struct fence_engine *engine, struct fence *fence)
{
    uint8_t *data = NULL;
    size_t at = 0;

    if (fence->status == FENCE_OK) {
        data = mem_alloc(fence->bytes);
        for (size_t i = 0; i < fence->series->count; i++) {
            if (fence->parts[i].size > 0)
                memcpy(data + at, fence->parts[i].data, fence->parts[i].size);
            at += fence->parts[i].size;
        }
    }
    fence_end(engine, fence, fence->status, fence->why, data, at, TREE_NONE);
}

/* ---------------------------------------------------------------- progress */

/* Have all contributed whom this position collects from? The root collects from all. */
static bool is_full(const struct fence *fence, bool is_root)
{
    const struct series *series = fence->series;

    for (size_t i = 0; i < series->count; i++)
        if (!fence->parts[i].here && series_is_awaited(series, i) && (is_root || tree_is_below(series->me, i)))
            return false;
    return true;
}

static void advance(struct fence_engine *engine, struct fence *fence)
{
    struct tree tree = series_tree(fence->series);
    size_t parent = tree_parent(&tree, fence->series->me);
    bool is_root = parent == TREE_NONE;

    if (fence->status == FENCE_OK && !is_full(fence, is_root))
        return;
    if (is_root)
        root_end(engine, fence);
    else if (fence->told != parent)
        up_send(engine, fence, parent);
}

/* Looks at each marked fence once; callbacks may add fences meanwhile. */
static void settle(struct fence_engine *engine)
{
    for (struct fence *fence = engine->fences; fence != NULL;) {
        if (!fence->is_marked) {
            fence = fence->next;
            continue;
        }
        fence->is_marked = false;
        advance(engine, fence);
        fence = engine->fences;
    }
}

static void fence_fail(struct fence *fence, int status, const char *why)
{
    if (fence->status != FENCE_OK)
        return;
    fence->status = status;
    fence->why = mem_string(why);
    fence->told = TREE_NONE;
    fence->is_marked = true;
}

static void part_add(struct fence *fence, size_t position, const uint8_t *data, size_t size)
{
    struct part *part = &fence->parts[position];

    if (part->here)
        return;
    if (size > FENCE_DATA_MAX - fence->bytes) {
        struct err err;
        err_set(&err, "the ranks exchange more than %u MiB in one fence", FENCE_DATA_MAX >> 20);
        fence_fail(fence, FENCE_TOO_BIG, err.text);
        return;
    }
    part->here = true;
    part->data = mem_copy(data, size);
    part->size = size;
    fence->bytes += size;
    fence->is_marked = true;
}

/* ---------------------------------------------------------------- events: the ranks here */

static int proc_ranks(const struct fence_engine *engine, const struct fence_proc *procs, size_t count,
                      uint32_t *ranks_out, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(procs[i].nspace, engine->nspace) != 0)
            return err_set(err, "a fence with processes of another job (%s) is not possible here", procs[i].nspace);
        ranks_out[i] = procs[i].rank;
    }
    return 0;
}

static struct series *proc_series(struct fence_engine *engine, const struct fence_proc *procs, size_t count,
                                  struct err *err)
{
    uint32_t *ranks = mem_array(count, sizeof *ranks);
    struct series *series = NULL;

    if (proc_ranks(engine, procs, count, ranks, err) == 0)
        series = series_get(engine, ranks, count, err);
    free(ranks);
    return series;
}

/* The others have ended this fence before the ranks here were in. */
static void complete_late(struct fence_engine *engine, const struct series *series, uint32_t number, void *tag)
{
    const struct result *result = results_find(&engine->results, series, number);

    if (result != NULL && (result->status != FENCE_OK || result->has_data))
        local_complete(engine, tag, result);
    else
        engine->ops.complete(engine->arg, tag, FENCE_FAILED, NULL, 0, "the other hosts ended the fence long ago");
}

int fence_contribute(struct fence_engine *engine, const struct fence_proc *procs, size_t count, const void *data,
                     size_t size, int status, uint32_t timeout_ms, void *tag, int64_t now_ms, struct err *err)
{
    struct series *series = proc_series(engine, procs, count, err);

    if (series == NULL)
        return -1;
    uint32_t number = series->contributed + 1;
    if (series_is_over(series, number)) {
        series->contributed++;
        complete_late(engine, series, number, tag);
        return 0;
    }
    struct fence *fence = fence_get(engine, series, number, err);
    if (fence == NULL)
        return -1;
    series->contributed++;
    fence->is_local = true;
    fence->tag = tag;
    if (timeout_ms > 0)
        fence->deadline_ms = now_ms + timeout_ms;
    if (status != FENCE_OK)
        fence_fail(fence, status, "a host's server library could not take part in the fence");
    else
        part_add(fence, series->me, data, size);
    settle(engine);
    return 0;
}

/* ---------------------------------------------------------------- events: messages */

/* The series that a message speaks of, if its sender is one of its hosts. NULL with a sentence. */
static struct series *message_series(struct fence_engine *engine, int src, Wire__ProcRange **procs, size_t count,
                                     struct err *err)
{
    uint32_t *ranks = mem_array(count, sizeof *ranks);
    struct series *series = NULL;
    bool is_ours = count > 0 && strcmp(procs[0]->namespace_, engine->nspace) == 0;

    for (size_t i = 0; i < count; i++) {
        ranks[i] = procs[i]->rank;
        is_ours = is_ours && (i == 0 || procs[i]->namespace_[0] == '\0');
    }
    if (!is_ours)
        err_set(err, "host %d sent a fence message of another job", src);
    else
        series = series_get(engine, ranks, count, err);
    free(ranks);
    if (series != NULL && series_position(series, (uint32_t)src) == TREE_NONE) {
        err_set(err, "host %d sent a message of a fence that it has no ranks in", src);
        return NULL;
    }
    return series;
}

static int check_parts(const struct series *series, const Wire__FenceUp *up, struct err *err)
{
    for (size_t i = 0; i < up->n_parts; i++)
        if (series_position(series, up->parts[i]->host) == TREE_NONE)
            return err_set(err, "a fence message with data of host %u, which has no ranks in it", up->parts[i]->host);
    return 0;
}

static int up_receive(struct fence_engine *engine, int src, const Wire__FenceUp *up, struct err *err)
{
    struct series *series = message_series(engine, src, up->procs, up->n_procs, err);

    if (series == NULL || check_parts(series, up, err) < 0)
        return -1;
    if (series_is_over(series, up->number)) {
        const struct result *result = results_find(&engine->results, series, up->number);
        if (result != NULL)
            down_send(engine, result, series_position(series, (uint32_t)src));
        return 0;
    }
    struct fence *fence = fence_get(engine, series, up->number, err);
    if (fence == NULL)
        return -1;
    fence->parts[series_position(series, (uint32_t)src)].has_asked = true;
    if (up->status != FENCE_OK)
        fence_fail(fence, up->status, up->why);
    for (size_t i = 0; i < up->n_parts && fence->status == FENCE_OK; i++) {
        const Wire__FencePart *part = up->parts[i];
        part_add(fence, series_position(series, part->host), part->data.data, part->data.len);
    }
    settle(engine);
    return 0;
}

static int down_receive(struct fence_engine *engine, int src, const Wire__FenceDown *down, struct err *err)
{
    struct series *series = message_series(engine, src, down->procs, down->n_procs, err);

    if (series == NULL)
        return -1;
    if (series_is_over(series, down->number))
        return 0;
    struct fence *fence = fence_get(engine, series, down->number, err);
    if (fence == NULL)
        return -1;
    size_t size = down->status == FENCE_OK ? down->data.len : 0;
    uint8_t *data = mem_copy(down->data.data, size);
    fence_end(engine, fence, down->status, down->why, data, size, series_position(series, (uint32_t)src));
    return 0;
}

int fence_receive(struct fence_engine *engine, int src, const Wire__Step *step, int64_t now_ms, struct err *err)
{
    (void)now_ms;
    if (src < 0 || (size_t)src >= engine->job.hosts || src == engine->job.self)
        return err_set(err, "a fence message from endpoint %d, which is no host of the job", src);
    if (engine->host_lost[src])
        return err_set(err, "a late fence message from host %d, which is lost", src);
    if (step->body_case == WIRE__STEP__BODY_FENCE_UP)
        return up_receive(engine, src, step->fence_up, err);
    if (step->body_case == WIRE__STEP__BODY_FENCE_DOWN)
        return down_receive(engine, src, step->fence_down, err);
    return 0;
}

/* ---------------------------------------------------------------- events: deaths */

static void mark_all(struct fence_engine *engine)
{
    for (struct fence *fence = engine->fences; fence != NULL; fence = fence->next)
        fence->is_marked = true;
    settle(engine);
}

void fence_rank_gone(struct fence_engine *engine, uint32_t rank, int64_t now_ms)
{
    struct series *series, *next;

    (void)now_ms;
    if (rank >= engine->job.ranks || engine->rank_gone[rank])
        return;
    engine->rank_gone[rank] = true;
    HASH_ITER(hh, engine->series, series, next) {
        series_rank_gone(series, rank, engine->rank_host[rank]);
    }
    mark_all(engine);
}

/* A new parent may not know a result that the lost one told us. */
static void results_report(struct fence_engine *engine, const struct series *series, size_t parent)
{
    for (size_t i = 0; i < RESULTS_MAX; i++) {
        const struct result *result = &engine->results.ring[i];
        if (result->series == series && (result->status != FENCE_OK || result->has_data))
            down_send(engine, result, parent);
    }
}

void fence_host_lost(struct fence_engine *engine, int host, int64_t now_ms)
{
    struct series *series, *next;

    (void)now_ms;
    if (host < 0 || (size_t)host >= engine->job.hosts || host == engine->job.self || engine->host_lost[host])
        return;
    engine->host_lost[host] = true;
    HASH_ITER(hh, engine->series, series, next) {
        struct tree tree = series_tree(series);
        size_t before = tree_parent(&tree, series->me);
        if (!series_host_lost(series, (uint32_t)host))
            continue;
        size_t after = tree_parent(&tree, series->me);
        if (after != before && after != TREE_NONE)
            results_report(engine, series, after);
    }
    mark_all(engine);
}

void fence_fail_all(struct fence_engine *engine, int status, const char *why)
{
    struct result result = {NULL, 0, status, NULL, NULL, 0, true};

    assert(status != FENCE_OK);
    result.why = mem_string(why);
    while (engine->fences != NULL) {
        struct fence *fence = engine->fences;
        bool is_local = fence->is_local;
        void *tag = fence->tag;
        series_set_over(fence->series, fence->number);
        fence_free(engine, fence);
        if (is_local)
            local_complete(engine, tag, &result);
    }
    free(result.why);
}

/* ---------------------------------------------------------------- time */

/* The ranks here get their answer now; the root ends the fence for the others. */
static void expire(struct fence_engine *engine, struct fence *fence)
{
    struct result result = {NULL, 0, FENCE_TIMEOUT, NULL, NULL, 0, true};
    char why[] = "the fence's time ran out before all ranks were in";
    void *tag = fence->tag;

    result.why = why;
    fence->is_local = false;
    fence->deadline_ms = NO_DEADLINE;
    fence_fail(fence, FENCE_TIMEOUT, why);
    settle(engine);
    local_complete(engine, tag, &result);
}

int fence_tick(struct fence_engine *engine, int64_t now_ms)
{
    for (struct fence *fence = engine->fences; fence != NULL;) {
        if (fence->deadline_ms > now_ms) {
            fence = fence->next;
            continue;
        }
        expire(engine, fence);
        fence = engine->fences;
    }
    return fence_next(engine, now_ms);
}

int fence_next(const struct fence_engine *engine, int64_t now_ms)
{
    int64_t due = NO_DEADLINE;

    for (const struct fence *fence = engine->fences; fence != NULL; fence = fence->next)
        if (fence->deadline_ms < due)
            due = fence->deadline_ms;
    if (due == NO_DEADLINE)
        return -1;
    return due <= now_ms ? 0 : (int)(due - now_ms);
}

size_t fence_pending(const struct fence_engine *engine)
{
    return engine->fence_count;
}
