/* SPDX-License-Identifier: BSD-3-Clause */
/* chan.c - one endpoint's reliable, ordered channels to all other endpoints of its job
 *
 * Epochs are per pair and only grow. A frame from an epoch below the known one is a late one of a
 * dead incarnation; a frame to an epoch of mine above my own tells that my predecessor's clock was
 * ahead, and I step above it. Messages are only sent to an epoch that is known, so one for a dead
 * incarnation never reaches its successor. */
#include "config.h"
#include "job/chan.h"

#include "base/mem.h"
#include "job/inbox.h"
#include "job/outbox.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NEVER INT64_MAX

struct pair {
    int peer;
    bool dropped;
    uint64_t mine, theirs; /* epochs; theirs 0: not known yet */
    bool agreed;           /* each is known to know the other's */
    struct outbox out;
    struct inbox in;
    int64_t
        progress_ms; /* when the oldest of out was first sent, acknowledged before or sent again */
    unsigned backoff_ms;
    int64_t ack_at_ms;   /* a frame is owed by then, or NEVER */
    unsigned owed_count; /* messages and bytes taken since the last frame that we sent */
    size_t owed_bytes;
};

struct chan {
    char *job;
    int self;
    unsigned hosts;
    uint64_t epoch;
    struct chan_ops ops;
    void *arg;
    struct pair **pairs; /* by host number + 1: pairs[0] is the home's; NULL: never talked with */
    struct pair **used;  /* those that are not NULL, in order of first use */
    size_t used_count;
};

struct chan *chan_create(const char *job, int self, unsigned hosts, uint64_t epoch,
                         const struct chan_ops *ops, void *arg)
{
    struct chan *chan = mem_alloc(sizeof *chan);

    assert(epoch != 0 && self >= HOME_HOST && self < (int)hosts);
    *chan = (struct chan){mem_string(job), self, hosts, epoch, *ops, arg, NULL, NULL, 0};
    chan->pairs = mem_array(hosts + 1u, sizeof *chan->pairs);
    chan->used = mem_array(hosts + 1u, sizeof *chan->used);
    return chan;
}

void chan_destroy(struct chan *chan)
{
    if (chan == NULL)
        return;
    for (size_t i = 0; i < chan->used_count; i++) {
        outbox_clear(&chan->used[i]->out);
        inbox_clear(&chan->used[i]->in);
        free(chan->used[i]);
    }
    free(chan->used);
    free(chan->pairs);
    free(chan->job);
    free(chan);
}

static bool is_peer(const struct chan *chan, int peer)
{
    return peer >= HOME_HOST && peer < (int)chan->hosts && peer != chan->self;
}

/* The pair if there is one already. */
static struct pair *pair_known(const struct chan *chan, int peer)
{
    return is_peer(chan, peer) ? chan->pairs[peer + 1] : NULL;
}

static struct pair *pair_of(struct chan *chan, int peer)
{
    struct pair *pair = chan->pairs[peer + 1];

    if (pair != NULL)
        return pair;
    pair = mem_alloc(sizeof *pair);
    pair->peer = peer;
    pair->mine = chan->epoch;
    pair->backoff_ms = CHAN_RESEND_MS;
    pair->ack_at_ms = NEVER;
    chan->pairs[peer + 1] = pair;
    chan->used[chan->used_count++] = pair;
    return pair;
}

/* ---------------------------------------------------------------- sending */

static void frame_out(struct chan *chan, struct pair *pair, const struct outbox_message *message)
{
    Wire__Route route = WIRE__ROUTE__INIT;

    route.job = chan->job;
    route.src = chan->self;
    route.dst = pair->peer;
    route.src_epoch = pair->mine;
    route.dst_epoch = pair->theirs;
    route.ack = pair->in.taken;
    if (message != NULL) {
        route.seq = message->seq;
        route.body.data = message->body;
        route.body.len = message->size;
    }
    pair->ack_at_ms = NEVER;
    pair->owed_count = 0;
    pair->owed_bytes = 0;
    chan->ops.send(chan->arg, &route);
}

/* Sends what may fly; a bare frame (a greeting, where the other's epoch is not known) if asked to
 * send in any case. */
static void transmit(struct chan *chan, struct pair *pair, bool in_any_case)
{
    const struct outbox_message *message;

    while (pair->theirs != 0 && (message = outbox_next(&pair->out, CHAN_FLIGHT_BYTES)) != NULL) {
        frame_out(chan, pair, message);
        in_any_case = false;
    }
    if (in_any_case)
        frame_out(chan, pair, NULL);
}

static void start_over(struct pair *pair, int64_t now_ms)
{
    outbox_rewind(&pair->out);
    pair->progress_ms = now_ms;
}

static int64_t resend_at(const struct pair *pair)
{
    if (pair->out.first == NULL)
        return NEVER;
    return pair->progress_ms + pair->backoff_ms + (int64_t)(pair->out.flight_bytes >> 10);
}

static int refuse(int number, struct err *err, const char *sentence, int dst)
{
    errno = number;
    return err_set(err, sentence, dst);
}

int chan_send(struct chan *chan, int dst, const Wire__Step *step, int64_t now_ms, struct err *err)
{
    size_t size;

    if (!is_peer(chan, dst))
        return refuse(EINVAL, err, "host %d is none of this job's", dst);
    struct pair *pair = pair_of(chan, dst);
    if (pair->dropped)
        return refuse(EPIPE, err, "host %d does not take part in the job any longer", dst);
    uint8_t *body = step_pack(step, &size);
    if (body == NULL || size > CHAN_BODY_MAX) {
        free(body);
        return refuse(EMSGSIZE, err, "a message for host %d is too long", dst);
    }
    bool was_idle = pair->out.first == NULL;
    if (outbox_add_take(&pair->out, body, size, CHAN_MAX_BYTES) < 0) {
        free(body);
        return refuse(ENOBUFS, err, "too much waits for host %d to answer", dst);
    }
    if (was_idle)
        pair->progress_ms = now_ms;
    transmit(chan, pair, was_idle && pair->theirs == 0);
    return 0;
}

void chan_route_up(struct chan *chan, int dst, int64_t now_ms)
{
    if (!is_peer(chan, dst) || pair_of(chan, dst)->dropped)
        return;
    struct pair *pair = pair_of(chan, dst);
    start_over(pair, now_ms);
    pair->backoff_ms = CHAN_RESEND_MS;
    transmit(chan, pair, true);
}

void chan_route_up_all(struct chan *chan, int64_t now_ms)
{
    for (size_t i = 0; i < chan->used_count; i++)
        chan_route_up(chan, chan->used[i]->peer, now_ms);
}

/* ---------------------------------------------------------------- receiving */

/* A frame is owed at once: with the next tick, so that a burst is answered by one. */
static void owe_now(struct pair *pair, int64_t now_ms)
{
    pair->ack_at_ms = now_ms;
}

static void owe_for(struct pair *pair, size_t bytes, int64_t now_ms)
{
    pair->owed_count++;
    pair->owed_bytes += bytes;
    if (pair->owed_count >= CHAN_ACK_COUNT || pair->owed_bytes >= CHAN_ACK_BYTES)
        owe_now(pair, now_ms);
    else if (pair->ack_at_ms == NEVER)
        pair->ack_at_ms = now_ms + CHAN_ACK_MS;
}

/* The other side shows an epoch above the one known: it is a new one, or the first one heard of. */
static void meet(struct chan *chan, struct pair *pair, uint64_t epoch, int64_t now_ms)
{
    bool is_new = pair->theirs != 0;

    pair->theirs = epoch;
    pair->agreed = false;
    inbox_clear(&pair->in);
    outbox_renumber(&pair->out);
    start_over(pair, now_ms);
    pair->backoff_ms = CHAN_RESEND_MS;
    if (is_new && chan->ops.restarted != NULL)
        chan->ops.restarted(chan->arg, pair->peer);
    if (!pair->dropped)
        transmit(chan, pair, false);
}

/* The other side knows a predecessor of mine whose epoch was above mine. It has taken nothing from
 * me yet; a late frame to that predecessor cannot harm once both have agreed. */
static void step_above(struct pair *pair, uint64_t epoch, int64_t now_ms)
{
    pair->mine = epoch + 1;
    inbox_clear(&pair->in);
    outbox_renumber(&pair->out);
    start_over(pair, now_ms);
}

/* Brings the epochs in line. True: the frame's seq and ack are meant for this me, by that it. */
static bool is_current(struct chan *chan, struct pair *pair, const Wire__Route *route,
                       int64_t now_ms)
{
    bool is_newer = route->src_epoch > pair->theirs;

    if (route->dst_epoch > pair->mine && route->dst_epoch != UINT64_MAX &&
        (is_newer || !pair->agreed))
        step_above(pair, route->dst_epoch, now_ms);
    if (route->src_epoch < pair->theirs || route->dst_epoch != pair->mine)
        owe_now(pair, now_ms); /* before meet(): what it sends pays this */
    if (is_newer)
        meet(chan, pair, route->src_epoch, now_ms);
    if (route->src_epoch != pair->theirs || route->dst_epoch != pair->mine || pair->dropped)
        return false;
    pair->agreed = true;
    return true;
}

static void take_ack(struct chan *chan, struct pair *pair, uint64_t ack, int64_t now_ms)
{
    if (outbox_acked(&pair->out, ack) <= 0)
        return;
    pair->progress_ms = now_ms;
    pair->backoff_ms = CHAN_RESEND_MS;
    transmit(chan, pair, false);
}

static void hand_on(struct chan *chan, struct pair *pair, const uint8_t *body, size_t size,
                    int64_t now_ms)
{
    struct err err;
    Wire__Step *step = step_unpack(body, size, &err);

    if (step == NULL) {
        int peer = pair->peer;
        chan_drop_peer(chan, peer);
        chan->ops.broken(chan->arg, peer, err.text);
        return;
    }
    owe_for(pair, size, now_ms);
    chan->ops.deliver(chan->arg, pair->peer, step);
    step_free(step);
}

static void take_message(struct chan *chan, struct pair *pair, const Wire__Route *route,
                         int64_t now_ms)
{
    uint8_t *body;
    size_t size;

    switch (inbox_put(&pair->in, route->seq, route->body.data, route->body.len)) {
    case INBOX_NEXT:
        break;
    case INBOX_KNOWN:
        owe_now(pair, now_ms); /* our acknowledgement was lost */
        return;
    default:
        return;
    }
    hand_on(chan, pair, route->body.data, route->body.len, now_ms);
    while (!pair->dropped && inbox_take(&pair->in, &body, &size)) {
        hand_on(chan, pair, body, size, now_ms);
        free(body);
    }
}

int chan_receive(struct chan *chan, const Wire__Route *route, int64_t now_ms)
{
    if (strcmp(route->job, chan->job) != 0 || route->dst != chan->self ||
        !is_peer(chan, route->src) || route->src_epoch == 0)
        return -1;
    struct pair *pair = pair_of(chan, route->src);
    if (pair->dropped || !is_current(chan, pair, route, now_ms))
        return 0;
    take_ack(chan, pair, route->ack, now_ms);
    if (route->seq != 0)
        take_message(chan, pair, route, now_ms);
    return 0;
}

/* ---------------------------------------------------------------- time */

static int64_t pair_due(const struct pair *pair)
{
    int64_t resend = resend_at(pair);

    return resend < pair->ack_at_ms ? resend : pair->ack_at_ms;
}

static void pair_tick(struct chan *chan, struct pair *pair, int64_t now_ms)
{
    if (resend_at(pair) <= now_ms) {
        pair->backoff_ms =
            pair->backoff_ms * 2 < CHAN_RESEND_MAX_MS ? pair->backoff_ms * 2 : CHAN_RESEND_MAX_MS;
        start_over(pair, now_ms);
        transmit(chan, pair, true);
    } else if (pair->ack_at_ms <= now_ms) {
        transmit(chan, pair, true);
    }
}

int chan_tick(struct chan *chan, int64_t now_ms)
{
    for (size_t i = 0; i < chan->used_count; i++)
        pair_tick(chan, chan->used[i], now_ms);
    return chan_next(chan, now_ms);
}

int chan_next(const struct chan *chan, int64_t now_ms)
{
    int64_t due = NEVER;

    for (size_t i = 0; i < chan->used_count; i++)
        if (pair_due(chan->used[i]) < due)
            due = pair_due(chan->used[i]);
    if (due == NEVER)
        return -1;
    return due <= now_ms ? 0 : (int)(due - now_ms);
}

/* ---------------------------------------------------------------- the rest */

void chan_drop_peer(struct chan *chan, int peer)
{
    if (!is_peer(chan, peer))
        return;
    struct pair *pair = pair_of(chan, peer);
    pair->dropped = true;
    pair->ack_at_ms = NEVER;
    outbox_clear(&pair->out);
    inbox_clear(&pair->in);
}

bool chan_is_dropped(const struct chan *chan, int peer)
{
    const struct pair *pair = pair_known(chan, peer);

    return pair != NULL && pair->dropped;
}

size_t chan_waiting(const struct chan *chan, int dst)
{
    const struct pair *pair = pair_known(chan, dst);

    return pair == NULL ? 0 : pair->out.bytes;
}

size_t chan_waiting_all(const struct chan *chan)
{
    size_t bytes = 0;

    for (size_t i = 0; i < chan->used_count; i++)
        bytes += chan->used[i]->out.bytes;
    return bytes;
}

bool chan_is_full(const struct chan *chan, int dst)
{
    return chan_waiting(chan, dst) >= CHAN_FULL_BYTES;
}
