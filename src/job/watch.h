/* SPDX-License-Identifier: BSD-3-Clause */
/* watch.h - one member's failure detector among the members of a job
 *
 * Everybody beats with a few partners (job/rota.h). A silent partner is suspected: probed often,
 * directly and through others (as SWIM does: Das, Gupta, Motivala, 2002), and the voters are told,
 * who probe it, too. Silent beyond its limit (job/pulse.h) it is accused; a voter that has not
 * heard it either gives its verdict, which views.h puts to the vote. Anything heard of it, from
 * anybody, clears it. Own stops are noticed by the clock and held against nobody (Lifeguard:
 * Dadgar, Phillips, Currey, 2018).
 *
 * Pure logic: no sockets, no clock. now_ms is any monotonic milliseconds. Callbacks call nothing
 * here. After any call that takes now_ms ask watch_next() when to tick. */
#ifndef P2PMPI_JOB_WATCH_H
#define P2PMPI_JOB_WATCH_H

#include "job/view.h"
#include "wire/beat.h"

#include <stdbool.h>
#include <stdint.h>

#define WATCH_STOP_MS   250 /* a tick so late: we were stopped */
#define WATCH_ROUND_MAX 64  /* members that a voter looks at all together when one is suspected */
#define WATCH_RELAYS    3   /* others who are asked about a silent partner */

struct watch;

struct watch_ops {
    /* Send the datagram (from, to and number are filled in; job is not). */
    void (*send)(void *arg, const struct beat *beat);
    /* A voter's own verdict: member is dead; or it was heard again. */
    void (*verdict)(void *arg, int member, bool is_dead);
    /* That member knows a newer view. */
    void (*behind)(void *arg, int member);
};

struct watch_config {
    int self;
    uint64_t
        epoch; /* numbers begin here: larger than any of an earlier incarnation (wall clock, us) */
    uint32_t rejoin_ms; /* a member whose host answers and whose daemon does not is given so long */
};

/* view: borrowed until the next watch_view(). */
struct watch *watch_create(const struct watch_config *config, const struct view *view,
                           const struct watch_ops *ops, void *arg, int64_t now_ms);
void watch_destroy(struct watch *watch);

/* A new view: partners change, the lost are heard no more. */
void watch_view(struct watch *watch, const struct view *view, int64_t now_ms);
/* A datagram whose tag was right. False when it is not for us, was seen before, or of a lost
 * member. */
bool watch_receive(struct watch *watch, const struct beat *beat, int64_t now_ms);
/* A stream brought something of it. */
void watch_heard(struct watch *watch, int member, int64_t now_ms);
/* Its host says that nobody listens there: the daemon is down, the host is not. */
void watch_refused(struct watch *watch, int member, int64_t now_ms);
/* A stream to member broke: look at it at once. */
void watch_broken(struct watch *watch, int member, int64_t now_ms);

/* Heard within the contact limit; silent for longer than usual; or not looked at. */
enum view_trust watch_trust(const struct watch *watch, int member, int64_t now_ms);
/* A voter: is it in contact with a majority of the voters, itself included? By the wall, whether we
 * were stopped or not. Voters that never answered a datagram are taken to be there. */
bool watch_has_majority(const struct watch *watch, int64_t now_ms);
/* What a round trip to the voters takes at most, usually. */
uint32_t watch_round_ms(const struct watch *watch);

int watch_tick(struct watch *watch, int64_t now_ms);       /* returns watch_next() */
int watch_next(const struct watch *watch, int64_t now_ms); /* ms until a tick is wanted */

#endif
