/* SPDX-License-Identifier: BSD-3-Clause */
/* decide.h - the decisions of one rank: made by its leader, taken by its followers, in one order
 *
 * What messages alone do not determine: which message a receive from any source gets (a match),
 * what a test, a probe, a cancel or a clock answers (an outcome). The living replica with the
 * lowest index leads: it makes them and appends them to a log; followers get the log and take
 * outcomes in the order in which the program asks, matches by the number of the receive. A
 * decision's number is where it ends in the log.
 *
 * Stable: every living replica of the rank has it, or will read it before it leads. Nothing that
 * depends on a decision may leave before (replica_gate() sees to it). When the leader dies the next
 * one asks its living siblings for what they have beyond its own, adopts it, gives them what they
 * lack, and decides once its own program has taken all of it.
 *
 * Pure logic: no sockets, threads or clock. The owner hands over every message of these kinds, and
 * before decide_dead() everything that its kernel or ring has from the dead. Links are first in,
 * first out. docs/replication.md, "Decisions". */
#ifndef P2PMPI_REPLICA_DECIDE_H
#define P2PMPI_REPLICA_DECIDE_H

#include "replica/msg.h"
#include "replica/world.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum decide_kind_of_message {                  /* in replica_msg.kind; those of msg.h are below */
                              DECIDE_LOG = 64, /* bytes of the log from `offset` on */
                              DECIDE_STABLE,   /* leader: the log is stable up to `offset` */
                              DECIDE_ASK,   /* new leader: mine ends at `offset`, what have you? */
                              DECIDE_HAVE,  /* ... after the LOG beyond that: mine ends at `offset`
                                             */
                              DECIDE_TAKEN, /* follower: my program has taken it up to `offset`; 0:
                                               I have begun */
                              DECIDE_KINDS
};

struct decide;

/* A receive from any source: the index-th, from 1, of its communicator, of the program's (tags >=
 * 0) or of the library's (negative tags). Index 0: any receive of one source that has a synchronous
 * message and might have been cancelled. */
struct decide_wild {
    uint32_t cid;
    bool is_library;
    uint64_t index;
};

struct decide_ops {
    /* Queue msg and bytes for process: always taken, in order. */
    void (*send)(void *arg, int process, const struct replica_msg *msg, const void *bytes,
                 size_t size);
    /* Where what was queued for process ends, and how far what is sure to be read there before it
     * leads has come: its kernel acknowledged it, it is published in its ring. Where all is
     * published at once both may be 0. Not believed before process has been heard of: it may not
     * have opened that ring yet. */
    uint64_t (*queued)(void *arg, int process);
    uint64_t (*delivered)(void *arg, int process);
    /* A follower learns the match of a receive that may be posted already. True: it is, and the
     * owner has it; false: decide_match_of() will ask when it is posted. */
    bool (*matched)(void *arg, const struct decide_wild *wild, int source, uint64_t seq);
    /* Is the message of every receive that was told one here? A new leader waits for that: what the
     * dead one's matches say about earlier messages it must know before it decides. */
    bool (*is_caught_up)(void *arg);
    /* From now on this process decides: matches that are still open first. */
    void (*lead)(void *arg);
    /* The log is stable up to number. */
    void (*stable)(void *arg, uint64_t number);
    /* Replicas took different ways, or a message makes no sense. Called once. */
    void (*end)(void *arg, const char *sentence);
    /* What the program calls to ask for an outcome of that kind, for sentences. */
    const char *(*name)(int kind);
};

/* The kind of the last outcome: the program has come to its end. A replica that came there another
 * way, because of something that was not decided, is found out instead of waited for. */
#define DECIDE_END 127

/* world is borrowed for life, ops are copied. ahead_max: bytes of log that the leader's program may
 * be ahead of a follower's (0: 1 MiB). */
struct decide *decide_create(const struct world *world, int self, size_t ahead_max,
                             const struct decide_ops *ops, void *arg);
void decide_destroy(struct decide *decide);
/* Call once when links can be used, after decide_dead() of those known dead. */
void decide_start(struct decide *decide);

enum decide_answer {
    DECIDE_FREE,  /* find the outcome, then decide_no() or decide_outcome() */
    DECIDE_NO,    /* the outcome is "no" */
    DECIDE_GIVEN, /* ... is *value_out, valid until the next call */
    DECIDE_WAIT,  /* not known here yet: make progress, then ask again */
};
/* The program asks for something of `kind` (1..126, the owner's, or DECIDE_END) that has to be
 * decided. What is
 * given says that messages came; the owner waits until they have come here, too, before the program
 * goes on: the completion that a test found, the message of a probe, the match of a receive that
 * was not cancelled. */
enum decide_answer decide_ask(struct decide *decide, int kind, const void **value_out,
                              size_t *size_out);
/* The outcome, after DECIDE_FREE: no (many in a row cost one number), or these bytes. */
void decide_no(struct decide *decide);
void decide_outcome(struct decide *decide, int kind, const void *value, size_t size);

/* Does this process decide matches now? */
bool decide_is_deciding(const struct decide *decide);
/* It matched wild to message seq of source. */
void decide_match(struct decide *decide, const struct decide_wild *wild, int source, uint64_t seq);
/* Follower: the match of a receive being posted, if it is known. */
bool decide_match_of(struct decide *decide, const struct decide_wild *wild, int *source_out,
                     uint64_t *seq_out);
/* Follower: a synchronous message came; has the leader matched it (index 0)? */
bool decide_is_matched(struct decide *decide, const struct decide_wild *wild, int source,
                       uint64_t seq);

/* The number of the last decision made or heard of, sent to everybody: what leaves from now on
 * depends on it. Cheap when there is nothing new. */
uint64_t decide_gate(struct decide *decide);
uint64_t decide_stable(const struct decide *decide);
/* Sends what was decided. To be called 1 ms after a decision at the latest, and before the process
 * blocks. */
void decide_flush(struct decide *decide);
/* Looks what was delivered. Cheap. */
void decide_poll(struct decide *decide);

/* A message of these kinds from process src, a sibling. */
void decide_receive(struct decide *decide, int src, const struct replica_msg *msg,
                    const void *bytes, size_t size);
/* Process is dead for certain, and all that came from it has been handed over. */
void decide_dead(struct decide *decide, int process);

struct decide_stats {
    uint64_t decided;  /* outcomes and matches, made here */
    uint64_t followed; /* ... made by another replica, and taken here */
    uint64_t no_runs;  /* rows of "no", made or taken; each row is one entry of the log */
    uint64_t sent;     /* messages with decisions */
    uint64_t led;      /* take-overs */
    size_t kept;       /* bytes of log kept now */
};
void decide_stats(const struct decide *decide, struct decide_stats *stats_out);

#endif
