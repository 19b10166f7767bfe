/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz-step.c - messages between the steps of a job, through the channel into fence and modex
 *
 * The input is a row of Steps, each with its length in front (2 bytes, big-endian), from host 1
 * of 3. */
#include "config.h"
#include "test/fuzz/fuzz.h"

#include "coll/fence.h"
#include "coll/modex.h"
#include "job/chan.h"

#include <stdlib.h>

struct step {
    struct chan *chan;
    struct fence_engine *fence;
    struct modex *modex;
};

static const uint32_t rank_host[] = {0, 0, 1, 2};
static char job[] = "0123456789abcdef0123456789abcdef";

static void on_route(void *arg, const Wire__Route *route)
{
    (void)arg;
    (void)route;
}

static void on_deliver(void *arg, int src, const Wire__Step *message)
{
    struct step *step = arg;
    struct err err;

    message_free(message_copy(&message->base));
    fence_receive(step->fence, src, message, 1, &err);
    modex_receive(step->modex, src, message, 1, &err);
}

static void on_broken(void *arg, int peer, const char *why)
{
    (void)arg;
    (void)peer;
    (void)why;
}

static void on_send(void *arg, int host, const Wire__Step *message)
{
    struct step *step = arg;

    chan_send(step->chan, host, message, 1, NULL);
}

static void on_complete(void *arg, void *tag, int status, const uint8_t *data, size_t size,
                        const char *why)
{
    (void)arg;
    (void)tag;
    (void)status;
    (void)data;
    (void)size;
    (void)why;
}

static void on_done(void *arg, void *tag, int status, const uint8_t *data, size_t size)
{
    on_complete(arg, tag, status, data, size, "");
}

static void on_asked(void *arg, int src, uint64_t id, uint32_t rank, const char *key,
                     uint32_t timeout_ms)
{
    struct step *step = arg;

    (void)rank;
    (void)timeout_ms;
    modex_answer(step->modex, src, id, MODEX_OK, key, 1);
}

static const struct chan_ops chan_ops = {on_route, on_deliver, NULL, on_broken};
static const struct fence_ops fence_ops = {on_send, on_complete};
static const struct modex_ops modex_ops = {on_send, on_done, on_asked};

static void receive_all(struct step *step, const uint8_t *data, size_t size)
{
    Wire__Route route = WIRE__ROUTE__INIT;

    route.job = job;
    route.src = 1;
    route.src_epoch = 5;
    route.dst_epoch = 7;
    while (size >= 2) {
        size_t length = (size_t)data[0] << 8 | data[1];
        data += 2;
        size -= 2;
        if (length > size)
            length = size;
        route.seq++;
        route.body.data = (uint8_t *)(uintptr_t)data;
        route.body.len = length;
        chan_receive(step->chan, &route, 1);
        data += length;
        size -= length;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct fence_proc everybody = {"ns", FENCE_WILDCARD};
    struct step step = {NULL, NULL, NULL};

    step.chan = chan_create(job, 0, 3, 7, &chan_ops, &step);
    step.fence = fence_create("ns", 0, rank_host, 4, &fence_ops, &step);
    step.modex = modex_create(0, rank_host, 4, &modex_ops, &step);
    fence_contribute(step.fence, &everybody, 1, "data", 4, 0, 0, NULL, 1, NULL);
    modex_get(step.modex, 2, "key", 0, NULL, 1, NULL);
    receive_all(&step, data, size);
    fence_host_lost(step.fence, 1, 2);
    modex_destroy(step.modex);
    fence_destroy(step.fence);
    chan_destroy(step.chan);
    return 0;
}
