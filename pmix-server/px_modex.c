/* SPDX-License-Identifier: BSD-3-Clause */
/* px_modex.c - direct modex: what a rank of another host has published */
#include "config.h"
#include "pmix-server/px_modex.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "coll/modex.h"
#include "pmix-server/px_route.h"
#include "pmix-server/px_step.h"
#include "pmix-server/px_upcall.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

struct px_modex {
    struct modex *engine;
    struct event *timer;
};

struct get_call {
    struct px_call call;
    pmix_proc_t proc;
    char key[PMIX_MAX_KEYLEN + 1];
    uint32_t timeout_ms;
    pmix_modex_cbfunc_t done;
    void *done_arg;
};

/* The library's answer to another host's question. */
struct asked_call {
    struct px_call call;
    int src;
    uint64_t id;
    pmix_status_t status;
    char *data;
    size_t size;
};

static void arm(struct px_modex *modex)
{
    int wait_ms = modex_next(modex->engine, clock_now_ms());

    if (wait_ms >= 0) {
        struct timeval wait = {.tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000};
        event_add(modex->timer, &wait);
    } else {
        event_del(modex->timer);
    }
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct px_modex *modex = arg;

    (void)fd;
    (void)what;
    modex_tick(modex->engine, clock_now_ms());
    arm(modex);
}

/* ---- asking */

static pmix_status_t status_of(int status)
{
    switch (status) {
    case MODEX_TIMEOUT:
        return PMIX_ERR_TIMEOUT;
    case MODEX_LOST:
        return PMIX_ERR_NOT_FOUND;
    case MODEX_TOO_BIG:
        return PMIX_ERR_OUT_OF_RESOURCE;
    default:
        return status;
    }
}

static void answer(struct get_call *call, pmix_status_t status, const void *data, size_t size)
{
    char *copy = size > 0 ? mem_copy(data, size) : NULL;

    call->done(status, copy, size, call->done_arg, free, copy);
    free(call);
}

/* On PMIx's thread. */
static void local_answered(pmix_status_t status, char *data, size_t size, void *arg)
{
    answer(arg, status, data, status == PMIX_SUCCESS ? size : 0);
}

/* A rank of this host that has not come to the server yet: the library asks us, and knows the
 * answer itself as soon as the rank has published something. */
static void get_local(struct get_call *call, const struct px_rank *rank)
{
    pmix_status_t status = PMIX_ERR_NOT_FOUND;

    if (!rank->ended)
        status = PMIx_server_dmodex_request(&call->proc, local_answered, call);
    if (status != PMIX_SUCCESS)
        answer(call, status, NULL, 0);
}

static void get_run(struct px_call *base_call, struct px_step *step)
{
    struct get_call *call = (struct get_call *)base_call;
    struct err err;

    if (step->modex == NULL || strcmp(call->proc.nspace, px_spec(step)->namespace_) != 0) {
        answer(call, PMIX_ERR_NOT_FOUND, NULL, 0);
        return;
    }
    const struct px_rank *local = px_rank_find(step, call->proc.rank);
    if (local != NULL) {
        get_local(call, local);
        return;
    }
    if (modex_get(step->modex->engine, call->proc.rank, call->key, call->timeout_ms, call,
                  clock_now_ms(), &err) != 0) {
        log_debug("modex refused rank=%u why=\"%s\"", call->proc.rank, err.text);
        answer(call, PMIX_ERR_NOT_FOUND, NULL, 0);
    }
    arm(step->modex);
}

pmix_status_t px_direct_modex(const pmix_proc_t *proc, const pmix_info_t infos[], size_t count,
                              pmix_modex_cbfunc_t done, void *done_arg)
{
    struct get_call *call = mem_alloc(sizeof *call);

    call->call.run = get_run;
    call->proc = *proc;
    call->done = done;
    call->done_arg = done_arg;
    for (size_t i = 0; i < count; i++) {
        if (PMIX_CHECK_KEY(&infos[i], PMIX_TIMEOUT) && infos[i].value.type == PMIX_INT &&
            infos[i].value.data.integer > 0 && infos[i].value.data.integer < 1000000)
            call->timeout_ms = (uint32_t)infos[i].value.data.integer * 1000;
        if (PMIX_CHECK_KEY(&infos[i], PMIX_REQUIRED_KEY) && infos[i].value.type == PMIX_STRING)
            strncpy(call->key, infos[i].value.data.string, PMIX_MAX_KEYLEN);
    }
    px_upcall_post(&call->call);
    return PMIX_SUCCESS;
}

/* ---- being asked */

static void asked_run(struct px_call *base_call, struct px_step *step)
{
    struct asked_call *call = (struct asked_call *)base_call;

    if (step->modex != NULL)
        modex_answer(step->modex->engine, call->src, call->id, call->status, call->data,
                     call->size);
    free(call->data);
    free(call);
}

/* On PMIx's thread. data is the library's. */
static void library_answered(pmix_status_t status, char *data, size_t size, void *arg)
{
    struct asked_call *call = arg;

    call->status = status;
    if (status == PMIX_SUCCESS && size > 0) {
        call->data = mem_copy(data, size);
        call->size = size;
    }
    px_upcall_post(&call->call);
}

static void engine_asked(void *arg, int src, uint64_t id, uint32_t rank, const char *key,
                         uint32_t timeout_ms)
{
    struct px_step *step = arg;
    struct asked_call *call = mem_alloc(sizeof *call);
    pmix_proc_t proc;

    (void)key;
    (void)timeout_ms;
    call->call.run = asked_run;
    call->src = src;
    call->id = id;
    PMIX_LOAD_PROCID(&proc, px_spec(step)->namespace_, rank);
    pmix_status_t status = PMIx_server_dmodex_request(&proc, library_answered, call);
    if (status != PMIX_SUCCESS)
        library_answered(status, NULL, 0, call);
}

static void engine_send(void *arg, int host, const Wire__Step *message)
{
    px_route_send(arg, host, message);
}

static void engine_done(void *arg, void *tag, int status, const uint8_t *data, size_t size)
{
    (void)arg;
    answer(tag, status_of(status), data, size);
}

void px_modex_open(struct px_step *step)
{
    static const struct modex_ops ops = {engine_send, engine_done, engine_asked};
    const Wire__JobSpec *spec = px_spec(step);
    struct px_modex *modex = mem_alloc(sizeof *modex);

    modex->engine =
        modex_create((int)step->start->host, spec->rank_host, spec->n_rank_host, &ops, step);
    modex->timer = evtimer_new(step->base, on_timer, modex);
    step->modex = modex;
}

void px_modex_close(struct px_step *step)
{
    struct px_modex *modex = step->modex;

    if (modex == NULL)
        return;
    step->modex = NULL;
    modex_fail_all(modex->engine, MODEX_LOST);
    modex_destroy(modex->engine);
    event_free(modex->timer);
    free(modex);
}

void px_modex_receive(struct px_step *step, int src, const Wire__Step *message)
{
    struct err err;

    if (modex_receive(step->modex->engine, src, message, clock_now_ms(), &err) != 0)
        log_warning("modex message refused from=%d why=\"%s\"", src, err.text);
    arm(step->modex);
}

void px_modex_rank_gone(struct px_step *step, uint32_t rank)
{
    if (step->modex == NULL)
        return;
    modex_rank_gone(step->modex->engine, rank);
    arm(step->modex);
}

void px_modex_host_lost(struct px_step *step, int host)
{
    if (step->modex == NULL)
        return;
    modex_host_lost(step->modex->engine, host);
    arm(step->modex);
}
