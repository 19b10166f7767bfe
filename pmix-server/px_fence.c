/* SPDX-License-Identifier: BSD-3-Clause */
/* px_fence.c - PMIx_Fence of the ranks here joined with the other hosts' */
#include "config.h"
#include "pmix-server/px_fence.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "coll/fence.h"
#include "pmix-server/px_route.h"
#include "pmix-server/px_step.h"
#include "pmix-server/px_upcall.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

struct px_fence {
    struct fence_engine *engine;
    struct event *timer;
};

struct fence_call {
    struct px_call call;
    pmix_proc_t *procs;
    size_t proc_count;
    char *data; /* PMIx's: freed with free() */
    size_t size;
    uint32_t timeout_ms;
    pmix_modex_cbfunc_t done;
    void *done_arg;
};

static void arm(struct px_fence *fence)
{
    int wait_ms = fence_next(fence->engine, clock_now_ms());

    if (wait_ms >= 0) {
        struct timeval wait = {.tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000};
        event_add(fence->timer, &wait);
    } else {
        event_del(fence->timer);
    }
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct px_fence *fence = arg;

    (void)fd;
    (void)what;
    fence_tick(fence->engine, clock_now_ms());
    arm(fence);
}

static pmix_status_t status_of(int status)
{
    switch (status) {
    case FENCE_TIMEOUT:
        return PMIX_ERR_TIMEOUT;
    case FENCE_TOO_BIG:
        return PMIX_ERR_OUT_OF_RESOURCE;
    case FENCE_FAILED:
        return PMIX_ERROR;
    default:
        return status;
    }
}

static void answer(struct fence_call *call, pmix_status_t status, const void *data, size_t size)
{
    char *copy = size > 0 ? mem_copy(data, size) : NULL;

    call->done(status, copy, size, call->done_arg, free, copy);
    free(call->procs);
    free(call->data);
    free(call);
}

static void engine_send(void *arg, int host, const Wire__Step *message)
{
    px_route_send(arg, host, message);
}

static void engine_complete(void *arg, void *tag, int status, const uint8_t *data, size_t size,
                            const char *why)
{
    (void)arg;
    if (status != FENCE_OK)
        log_warning("fence failed status=%d why=\"%s\"", status, why != NULL ? why : "");
    answer(tag, status_of(status), data, size);
}

static void fence_run(struct px_call *base_call, struct px_step *step)
{
    struct fence_call *call = (struct fence_call *)base_call;
    struct err err;

    if (step->fence == NULL) {
        answer(call, PMIX_ERR_UNREACH, NULL, 0);
        return;
    }
    struct fence_proc *procs = mem_array(call->proc_count + 1, sizeof *procs);
    for (size_t i = 0; i < call->proc_count; i++)
        procs[i] = (struct fence_proc){call->procs[i].nspace, call->procs[i].rank};
    if (fence_contribute(step->fence->engine, procs, call->proc_count, call->data, call->size,
                         FENCE_OK, call->timeout_ms, call, clock_now_ms(), &err) != 0) {
        log_warning("fence refused why=\"%s\"", err.text);
        answer(call, PMIX_ERR_BAD_PARAM, NULL, 0);
    }
    free(procs);
    arm(step->fence);
}

static uint32_t timeout_of(const pmix_info_t infos[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (PMIX_CHECK_KEY(&infos[i], PMIX_TIMEOUT) && infos[i].value.type == PMIX_INT &&
            infos[i].value.data.integer > 0 && infos[i].value.data.integer < 1000000)
            return (uint32_t)infos[i].value.data.integer * 1000;
    return 0;
}

pmix_status_t px_fence_nb(const pmix_proc_t procs[], size_t proc_count, const pmix_info_t infos[],
                          size_t info_count, char *data, size_t size, pmix_modex_cbfunc_t done,
                          void *done_arg)
{
    struct fence_call *call = mem_alloc(sizeof *call);

    call->call.run = fence_run;
    call->procs = mem_copy(procs, proc_count * sizeof *procs);
    call->proc_count = proc_count;
    call->data = data;
    call->size = size;
    call->timeout_ms = timeout_of(infos, info_count);
    call->done = done;
    call->done_arg = done_arg;
    px_upcall_post(&call->call);
    return PMIX_SUCCESS;
}

void px_fence_open(struct px_step *step)
{
    static const struct fence_ops ops = {engine_send, engine_complete};
    const Wire__JobSpec *spec = px_spec(step);
    struct px_fence *fence = mem_alloc(sizeof *fence);

    fence->engine = fence_create(spec->namespace_, (int)step->start->host, spec->rank_host,
                                 spec->n_rank_host, &ops, step);
    fence->timer = evtimer_new(step->base, on_timer, fence);
    step->fence = fence;
}

void px_fence_greet(struct px_step *step)
{
    int hosts[FENCE_PARTNERS];
    size_t count = fence_partners(step->fence->engine, hosts);

    for (size_t i = 0; i < count; i++)
        px_route_up(step, hosts[i]);
}

void px_fence_close(struct px_step *step)
{
    struct px_fence *fence = step->fence;

    if (fence == NULL)
        return;
    step->fence = NULL;
    fence_fail_all(fence->engine, FENCE_FAILED, "the job ends");
    fence_destroy(fence->engine);
    event_free(fence->timer);
    free(fence);
}

void px_fence_receive(struct px_step *step, int src, const Wire__Step *message)
{
    struct err err;

    if (fence_receive(step->fence->engine, src, message, clock_now_ms(), &err) != 0)
        log_warning("fence message refused from=%d why=\"%s\"", src, err.text);
    arm(step->fence);
}

void px_fence_rank_gone(struct px_step *step, uint32_t rank)
{
    if (step->fence == NULL)
        return;
    fence_rank_gone(step->fence->engine, rank, clock_now_ms());
    arm(step->fence);
}

void px_fence_host_lost(struct px_step *step, int host)
{
    if (step->fence == NULL)
        return;
    fence_host_lost(step->fence->engine, host, clock_now_ms());
    arm(step->fence);
}
