/* SPDX-License-Identifier: BSD-3-Clause */
/* vigil.h - one watched job: its engines (job/watch.h, job/views.h), members and timer */
#ifndef P2PMPI_PEER_VIGIL_H
#define P2PMPI_PEER_VIGIL_H

#include "base/id.h"
#include "job/views.h"
#include "job/watch.h"
#include "net/beatkey.h"
#include "net/datagram.h"
#include "peer/daemon.h"

struct vigil_member {
    struct id id;
    Wire__Addr **addrs; /* borrowed from the vigil's message */
    size_t addr_count, addr_next;
    struct sockaddr_storage addr; /* where its last datagram came from; family 0: none came */
    bool is_told;                 /* it was sent JobWatch (by its home) */
    bool was_lost;                /* and that has been acted upon */
};

struct vigil {
    struct vigil *next;
    struct watches *watches;
    Wire__JobWatch *message;
    struct beatkey key;
    uint8_t tag[BEAT_JOB_SIZE]; /* in its datagrams */
    bool is_home, is_doomed;
    int self;
    size_t count;
    struct vigil_member *members;
    uint32_t *machines;
    struct views *views;
    struct watch *watch;
    struct event *timer;
};

struct watches {
    struct daemon *daemon;
    struct datagram *datagram;
    struct vigil *list;
};

/* message is copied. NULL with a sentence when it is not sound, or names us not. */
struct vigil *vigil_create(struct watches *watches, const Wire__JobWatch *message, bool is_home,
                           struct err *err);
void vigil_destroy(struct vigil *vigil);
/* Member number, or -1. */
int vigil_find(const struct vigil *vigil, const struct id *id);
/* To be called after anything that the engines were told: acts on what was decided, sets the timer.
 */
void vigil_settle(struct vigil *vigil);

#endif
