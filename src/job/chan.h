/* SPDX-License-Identifier: BSD-3-Clause */
/* chan.h - one endpoint's reliable, ordered channels to all other endpoints of its job
 *
 * Endpoints are the steps (host numbers 0, 1, ...) and the home (HOME_HOST, -1). Their Wire__Step
 * messages travel as bodies of Wire__Route frames that daemons only forward and may lose, repeat or
 * reorder whenever a daemon or link changes. Each pair of endpoints numbers its messages 1, 2, ...
 * in each direction, keeps them until acknowledged and sends them again; the receiver delivers each
 * once, in order. docs/protocol-job.md has the rules.
 *
 * Pure logic: no sockets, no clock. now_ms is any monotonic milliseconds. Callbacks may call
 * chan_send() and chan_drop_peer(), neither chan_receive() nor chan_destroy(). After any call that
 * takes now_ms ask chan_next() when to tick. */
#ifndef P2PMPI_JOB_CHAN_H
#define P2PMPI_JOB_CHAN_H

#include "base/err.h"
#include "wire/frame.h"

#include <stdbool.h>
#include <stdint.h>

#define CHAN_FULL_BYTES                                                                            \
    (4u << 20) /* chan_is_full() from here: the owner stops reading its sources */
#define CHAN_MAX_BYTES    (24u << 20) /* kept for one endpoint at most; chan_send() fails beyond */
#define CHAN_FLIGHT_BYTES (4u << 20)  /* sent and not acknowledged at most, or one longer message  \
                                       */
#define CHAN_BODY_MAX                                                                              \
    (FRAME_MAX - 4096)          /* bytes of an encoded Step: room for the frame around it */
#define CHAN_RESEND_MS     500  /* without progress, then doubled ... */
#define CHAN_RESEND_MAX_MS 4000 /* ... up to this; plus 1 ms per KiB in flight */
#define CHAN_ACK_MS        50 /* an acknowledgement waits that long for a message to ride on, ... */
#define CHAN_ACK_COUNT     32 /* ... or for so many messages ... */
#define CHAN_ACK_BYTES     (256u << 10) /* ... or bytes */

struct chan;

struct chan_ops {
    /* Hand the frame to the daemon link, or drop it when there is none. Borrowed for the call. */
    void (*send)(void *arg, const Wire__Route *route);
    /* The next message of endpoint src. Borrowed for the call (message_copy() keeps it). */
    void (*deliver)(void *arg, int src, const Wire__Step *step);
    /* Endpoint peer started anew: what it was told and had acknowledged is forgotten there; what it
     * had not acknowledged is sent again. Comes before the new one's first message. May be NULL. */
    void (*restarted)(void *arg, int peer);
    /* Nothing more can be sent to or received from peer: it has been dropped. why is a sentence. */
    void (*broken)(void *arg, int peer, const char *why);
};

/* A new endpoint `self` (HOME_HOST or a host number) of a job on `hosts` hosts. epoch names this
 * incarnation: not 0, and larger than that of any earlier one (wall clock in microseconds). ops is
 * copied. */
struct chan *chan_create(const char *job, int self, unsigned hosts, uint64_t epoch,
                         const struct chan_ops *ops, void *arg);
void chan_destroy(struct chan *chan);

/* Sends step (encoded at once, so borrowed) to endpoint dst. 0: it will arrive, once, as long as
 * both live and dst is not dropped. -1 with errno and a sentence, nothing sent: EPIPE dst was
 * dropped, EMSGSIZE longer than a frame, ENOBUFS CHAN_MAX_BYTES are waiting already, EINVAL no such
 * endpoint. */
int chan_send(struct chan *chan, int dst, const Wire__Step *step, int64_t now_ms, struct err *err);

/* A frame from the daemon link. Frames that are not for this endpoint or job are ignored: -1, else
 * 0. */
int chan_receive(struct chan *chan, const Wire__Route *route, int64_t now_ms);

/* The way to dst works (again): greet it, send at once what is unacknowledged. Calling it for those
 * one will talk to, when the step starts, spares the first message a round trip. */
void chan_route_up(struct chan *chan, int dst, int64_t now_ms);
void chan_route_up_all(struct chan *chan,
                       int64_t now_ms); /* for every endpoint talked with so far */

/* Does what is due. Returns chan_next(). */
int chan_tick(struct chan *chan, int64_t now_ms);
/* Milliseconds until the next tick is wanted (0: now), or -1: none. */
int chan_next(const struct chan *chan, int64_t now_ms);

/* Endpoint peer is gone for good (host lost): forget what waits for it, ignore what still comes
 * from it. */
void chan_drop_peer(struct chan *chan, int peer);
bool chan_is_dropped(const struct chan *chan, int peer);

/* Bytes that wait for dst's acknowledgement; all endpoints together for the second (0: may exit).
 */
size_t chan_waiting(const struct chan *chan, int dst);
size_t chan_waiting_all(const struct chan *chan);
/* The owner should stop reading what it would send to dst. */
bool chan_is_full(const struct chan *chan, int dst);

#endif
