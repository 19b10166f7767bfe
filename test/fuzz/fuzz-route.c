/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz-route.c - Route frames of any kind into a channel: job/chan.h
 *
 * The input is a row of 6 bytes each: source, source's epoch, own epoch, number, acknowledgement,
 * first byte of an otherwise empty body. */
#include "config.h"
#include "test/fuzz/fuzz.h"

#include "job/chan.h"

static char job[] = "0123456789abcdef0123456789abcdef";

static void on_send(void *arg, const Wire__Route *route)
{
    (void)arg;
    if (route->src_epoch == 0 || route->seq > 1000)
        __builtin_trap();
}

static void on_deliver(void *arg, int src, const Wire__Step *step)
{
    struct chan **chan = arg;

    chan_send(*chan, src, step, 5, NULL);
}

static void on_restarted(void *arg, int peer)
{
    (void)arg;
    (void)peer;
}

static void on_broken(void *arg, int peer, const char *why)
{
    (void)why;
    on_restarted(arg, peer);
}

static const struct chan_ops ops = {on_send, on_deliver, on_restarted, on_broken};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct chan *chan = chan_create(job, 0, 3, 100, &ops, &chan);
    int64_t now_ms = 0;

    for (; size >= 6 && now_ms < 1000 * 100; size -= 6, data += 6, now_ms += 100) {
        Wire__Route route = WIRE__ROUTE__INIT;
        uint8_t body[] = {data[5], 0};
        route.job = job;
        route.src = (int8_t)data[0];
        route.src_epoch = data[1];
        route.dst_epoch = data[2] == 255 ? UINT64_MAX : data[2];
        route.seq = data[3] == 255 ? UINT64_MAX : data[3];
        route.ack = data[4] == 255 ? UINT64_MAX : data[4];
        route.body.data = body;
        route.body.len = sizeof body;
        chan_receive(chan, &route, now_ms);
        chan_tick(chan, now_ms);
    }
    chan_destroy(chan);
    return 0;
}
