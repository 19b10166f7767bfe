/* SPDX-License-Identifier: BSD-3-Clause */
/* fence.c - PMIx fences among the hosts of a job: contributions go up a tree, the result comes down
 *
 * A fence here is known from the first sign of it: the local contribution, a child's FenceUp or a
 * FenceDown. Every event marks the fences that it may have moved; settle() then looks at each
 * marked one. Completing comes last, so a callback that starts the next fence finds everything in
 * order. */
#include "config.h"
#include "coll/fence.h"

#include "base/mem.h"
#include "coll/fencemsg.h"
#include "coll/gather.h"
#include "coll/results.h"
#include "coll/series.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct fence_engine {
    char *nspace;
    uint32_t *rank_host;
    bool *rank_gone, *host_lost;
    struct series_job job;
    struct fence_ops ops;
    void *arg;
    struct series *series;  /* hash by set */
    struct gather *gathers; /* fences under way, in order of first sign */
    size_t gather_count;
    struct fencemsg_out out;
    struct results results;
};

/* ---------------------------------------------------------------- life */

struct fence_engine *fence_create(const char *nspace, int self, const uint32_t *rank_host,
                                  size_t ranks, const struct fence_ops *ops, void *arg)
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
    engine->job = (struct series_job){
        engine->rank_host, engine->rank_gone, engine->host_lost, ranks, hosts, self};
    engine->ops = *ops;
    engine->arg = arg;
    engine->out = (struct fencemsg_out){engine->nspace, ops->send, arg};
    return engine;
}

static void gather_remove(struct fence_engine *engine, struct gather *gather)
{
    if (gather->prev != NULL)
        gather->prev->next = gather->next;
    else
        engine->gathers = gather->next;
    if (gather->next != NULL)
        gather->next->prev = gather->prev;
    engine->gather_count--;
    gather_destroy(gather);
}

void fence_destroy(struct fence_engine *engine)
{
    struct series *series, *next;

    if (engine == NULL)
        return;
    while (engine->gathers != NULL)
        gather_remove(engine, engine->gathers);
    HASH_ITER(hh, engine->series, series, next)
    {
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
static struct series *series_get(struct fence_engine *engine, const uint32_t *ranks, size_t count,
                                 struct err *err)
{
    struct procset set;
    struct series *series;

    if (procset_init(&set, ranks, count, (uint32_t)engine->job.ranks) < 0) {
        err_set(err, "a fence of %zu processes names ranks that job %s does not have", count,
                engine->nspace);
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
    HASH_ADD_KEYPTR(hh, engine->series, series->set.ranks, series->set.count * sizeof *ranks,
                    series);
    return series;
}

static struct gather *gather_find(const struct fence_engine *engine, const struct series *series,
                                  uint32_t number)
{
    for (struct gather *gather = engine->gathers; gather != NULL; gather = gather->next)
        if (gather->series == series && gather->number == number)
            return gather;
    return NULL;
}

static int check_room(const struct fence_engine *engine, const struct series *series,
                      uint32_t number, struct err *err)
{
    if (!series_is_near(series, number))
        return err_set(err, "fence %u comes before fence %u is over", number,
                       series->over_upto + 1);
    if (engine->gather_count >= FENCE_MAX)
        return err_set(err, "more than %d fences are under way at once", FENCE_MAX);
    return 0;
}

/* The fence, made if need be. NULL with a sentence. */
static struct gather *gather_get(struct fence_engine *engine, struct series *series,
                                 uint32_t number, struct err *err)
{
    struct gather *gather = gather_find(engine, series, number), **end = &engine->gathers;

    if (gather != NULL)
        return gather;
    if (check_room(engine, series, number, err) < 0)
        return NULL;
    gather = gather_create(series, number);
    for (; *end != NULL; end = &(*end)->next)
        gather->prev = *end;
    *end = gather;
    engine->gather_count++;
    return gather;
}

/* ---------------------------------------------------------------- the end of a fence */

/* Tells the result to those below, never back to `from`. Those above have it: it came through them,
 * or they are lost. */
static void result_spread(struct fence_engine *engine, const struct gather *gather,
                          const struct result *result, size_t from)
{
    const struct series *series = gather->series;
    struct tree tree = series_tree(series);

    for (size_t i = 0; i < series->count; i++) {
        if (i == series->me || i == from || series->lost[i])
            continue;
        if (gather->parts[i].has_asked || tree_parent(&tree, i) == series->me)
            fencemsg_down(&engine->out, series, result, i);
    }
}

static void local_complete(struct fence_engine *engine, void *tag, const struct result *result)
{
    const char *why = result->why != NULL ? result->why : "";

    engine->ops.complete(engine->arg, tag, result->status, result->data, result->size, why);
}

/* Ends the fence here and below. data (malloc()ed) is taken. gather must not be used afterwards. */
static void fence_end(struct fence_engine *engine, struct gather *gather, int status,
                      const char *why, uint8_t *data, size_t size, size_t from)
{
    bool is_local = gather->is_local;
    void *tag = gather->tag;
    const struct result *result =
        results_add_take(&engine->results, gather->series, gather->number, status, why, data, size);

    series_set_over(gather->series, gather->number);
    result_spread(engine, gather, result, from);
    gather_remove(engine, gather);
    if (is_local)
        local_complete(engine, tag, result);
}

static void root_end(struct fence_engine *engine, struct gather *gather)
{
    uint8_t *data = gather->status == FENCE_OK ? gather_data(gather) : NULL;
    size_t size = gather->status == FENCE_OK ? gather->bytes : 0;

    fence_end(engine, gather, gather->status, gather->why, data, size, TREE_NONE);
}

/* ---------------------------------------------------------------- progress */

static void report(struct fence_engine *engine, struct gather *gather, size_t parent)
{
    gather->told = parent;
    fencemsg_up(&engine->out, gather, parent);
}

static void advance(struct fence_engine *engine, struct gather *gather)
{
    struct tree tree = series_tree(gather->series);
    size_t parent = tree_parent(&tree, gather->series->me);
    bool is_root = parent == TREE_NONE;

    if (gather->status == FENCE_OK && !gather_is_full(gather, is_root))
        return;
    if (is_root)
        root_end(engine, gather);
    else if (gather->told != parent)
        report(engine, gather, parent);
}

/* Looks at each marked fence once; callbacks may add fences meanwhile. */
static void settle(struct fence_engine *engine)
{
    for (struct gather *gather = engine->gathers; gather != NULL;) {
        if (!gather->is_marked) {
            gather = gather->next;
            continue;
        }
        gather->is_marked = false;
        advance(engine, gather);
        gather = engine->gathers;
    }
}

/* ---------------------------------------------------------------- events: the ranks here */

static int proc_ranks(const struct fence_engine *engine, const struct fence_proc *procs,
                      size_t count, uint32_t *ranks_out, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(procs[i].nspace, engine->nspace) != 0)
            return err_set(err, "a fence with processes of another job (%s) is not possible here",
                           procs[i].nspace);
        ranks_out[i] = procs[i].rank;
    }
    return 0;
}

static struct series *proc_series(struct fence_engine *engine, const struct fence_proc *procs,
                                  size_t count, struct err *err)
{
    uint32_t *ranks = mem_array(count, sizeof *ranks);
    struct series *series = NULL;

    if (proc_ranks(engine, procs, count, ranks, err) == 0)
        series = series_get(engine, ranks, count, err);
    free(ranks);
    return series;
}

/* The others have ended this fence before the ranks here were in. */
static void complete_late(struct fence_engine *engine, const struct series *series, uint32_t number,
                          void *tag)
{
    const struct result *result = results_find(&engine->results, series, number);

    if (result != NULL && (result->status != FENCE_OK || result->has_data))
        local_complete(engine, tag, result);
    else
        engine->ops.complete(engine->arg, tag, FENCE_FAILED, NULL, 0,
                             "the other hosts ended the fence long ago");
}

int fence_contribute(struct fence_engine *engine, const struct fence_proc *procs, size_t count,
                     const void *data, size_t size, int status, uint32_t timeout_ms, void *tag,
                     int64_t now_ms, struct err *err)
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
    struct gather *gather = gather_get(engine, series, number, err);
    if (gather == NULL)
        return -1;
    series->contributed++;
    gather->is_local = true;
    gather->tag = tag;
    if (timeout_ms > 0)
        gather->deadline_ms = now_ms + timeout_ms;
    if (status != FENCE_OK)
        gather_fail(gather, status, "a host's server library could not take part in the fence");
    else
        gather_add(gather, series->me, data, size);
    settle(engine);
    return 0;
}

/* ---------------------------------------------------------------- events: messages */

/* The series that a message speaks of, if its sender is one of its hosts. NULL with a sentence. */
static struct series *message_series(struct fence_engine *engine, int src, Wire__ProcRange **procs,
                                     size_t count, struct err *err)
{
    uint32_t *ranks = fencemsg_ranks(engine->nspace, src, procs, count, err);

    if (ranks == NULL)
        return NULL;
    struct series *series = series_get(engine, ranks, count, err);
    free(ranks);
    if (series != NULL && series_position(series, (uint32_t)src) == TREE_NONE) {
        err_set(err, "host %d sent a message of a fence that it has no ranks in", src);
        return NULL;
    }
    return series;
}

static int up_receive(struct fence_engine *engine, int src, const Wire__FenceUp *up,
                      struct err *err)
{
    struct series *series = message_series(engine, src, up->procs, up->n_procs, err);

    if (series == NULL || fencemsg_check_parts(series, up, err) < 0)
        return -1;
    if (series_is_over(series, up->number)) {
        const struct result *result = results_find(&engine->results, series, up->number);
        if (result != NULL)
            fencemsg_down(&engine->out, series, result, series_position(series, (uint32_t)src));
        return 0;
    }
    struct gather *gather = gather_get(engine, series, up->number, err);
    if (gather == NULL)
        return -1;
    gather->parts[series_position(series, (uint32_t)src)].has_asked = true;
    if (up->status != FENCE_OK)
        gather_fail(gather, up->status, up->why);
    for (size_t i = 0; i < up->n_parts && gather->status == FENCE_OK; i++) {
        const Wire__FencePart *part = up->parts[i];
        gather_add(gather, series_position(series, part->host), part->data.data, part->data.len);
    }
    settle(engine);
    return 0;
}

static int down_receive(struct fence_engine *engine, int src, const Wire__FenceDown *down,
                        struct err *err)
{
    struct series *series = message_series(engine, src, down->procs, down->n_procs, err);

    if (series == NULL)
        return -1;
    if (series_is_over(series, down->number))
        return 0;
    struct gather *gather = gather_get(engine, series, down->number, err);
    if (gather == NULL)
        return -1;
    size_t size = down->status == FENCE_OK ? down->data.len : 0;
    uint8_t *data = mem_copy(down->data.data, size);
    fence_end(engine, gather, down->status, down->why, data, size,
              series_position(series, (uint32_t)src));
    return 0;
}

int fence_receive(struct fence_engine *engine, int src, const Wire__Step *step, int64_t now_ms,
                  struct err *err)
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
    for (struct gather *gather = engine->gathers; gather != NULL; gather = gather->next)
        gather->is_marked = true;
    settle(engine);
}

void fence_rank_gone(struct fence_engine *engine, uint32_t rank, int64_t now_ms)
{
    struct series *series, *next;

    (void)now_ms;
    if (rank >= engine->job.ranks || engine->rank_gone[rank])
        return;
    engine->rank_gone[rank] = true;
    HASH_ITER(hh, engine->series, series, next)
    {
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
            fencemsg_down(&engine->out, series, result, parent);
    }
}

void fence_host_lost(struct fence_engine *engine, int host, int64_t now_ms)
{
    struct series *series, *next;

    (void)now_ms;
    if (host < 0 || (size_t)host >= engine->job.hosts || host == engine->job.self ||
        engine->host_lost[host])
        return;
    engine->host_lost[host] = true;
    HASH_ITER(hh, engine->series, series, next)
    {
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
    while (engine->gathers != NULL) {
        struct gather *gather = engine->gathers;
        bool is_local = gather->is_local;
        void *tag = gather->tag;
        series_set_over(gather->series, gather->number);
        gather_remove(engine, gather);
        if (is_local)
            local_complete(engine, tag, &result);
    }
    free(result.why);
}

/* ---------------------------------------------------------------- time */

/* The ranks here get their answer now; the root ends the fence for the others. */
static void expire(struct fence_engine *engine, struct gather *gather)
{
    struct result result = {NULL, 0, FENCE_TIMEOUT, NULL, NULL, 0, true};
    char why[] = "the fence's time ran out before all ranks were in";
    void *tag = gather->tag;

    result.why = why;
    gather->is_local = false;
    gather->deadline_ms = GATHER_NO_DEADLINE;
    gather_fail(gather, FENCE_TIMEOUT, why);
    settle(engine);
    local_complete(engine, tag, &result);
}

int fence_tick(struct fence_engine *engine, int64_t now_ms)
{
    for (struct gather *gather = engine->gathers; gather != NULL;) {
        if (gather->deadline_ms > now_ms) {
            gather = gather->next;
            continue;
        }
        expire(engine, gather);
        gather = engine->gathers;
    }
    return fence_next(engine, now_ms);
}

int fence_next(const struct fence_engine *engine, int64_t now_ms)
{
    int64_t due = GATHER_NO_DEADLINE;

    for (const struct gather *gather = engine->gathers; gather != NULL; gather = gather->next)
        if (gather->deadline_ms < due)
            due = gather->deadline_ms;
    if (due == GATHER_NO_DEADLINE)
        return -1;
    return due <= now_ms ? 0 : (int)(due - now_ms);
}

size_t fence_partners(struct fence_engine *engine, int hosts_out[FENCE_PARTNERS])
{
    const uint32_t all = FENCE_WILDCARD;
    struct series *series = series_get(engine, &all, 1, NULL);
    size_t count = 0;

    if (series == NULL)
        return 0;
    for (size_t i = 2 * series->me + 1; i <= 2 * series->me + 2 && i < series->count; i++)
        hosts_out[count++] = (int)series->hosts[i];
    if (series->me > 0)
        hosts_out[count++] = (int)series->hosts[(series->me - 1) / 2];
    return count;
}

size_t fence_pending(const struct fence_engine *engine)
{
    return engine->gather_count;
}
