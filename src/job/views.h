/* SPDX-License-Identifier: BSD-3-Clause */
/* views.h - one member's part in deciding a job's views: Paxos, one decree for each view
 *
 * View n + 1 is the value that a majority of view n's voters has written under one ballot (Lamport,
 * "Paxos Made Simple", 2001; voters that change with each decree as in Lamport, Malkhi and Zhou,
 * "Reconfiguring a State Machine", 2010, with a window of one). Ballot 1 is the first voter's, the
 * home's, and needs no promises: a verdict takes one round trip. docs/protocol-job.md has the
 * rules.
 *
 * Pure logic: no sockets, no clock. Messages may be lost, repeated and reordered. now_ms is any
 * monotonic milliseconds. Callbacks call nothing here but views_current(). After any call that
 * takes now_ms ask views_next() when to tick. */
#ifndef P2PMPI_JOB_VIEWS_H
#define P2PMPI_JOB_VIEWS_H

#include "base/err.h"
#include "job/view.h"

#include <stdbool.h>
#include <stdint.h>

struct views;

struct views_ops {
    /* Send it to that member, or lose it. Borrowed for the call. */
    void (*send)(void *arg, int member, const Wire__ViewVote *vote);
    /* What this member must know again if its daemon is restarted. Kept when this returns: what
     * follows from it is sent afterwards. */
    void (*keep)(void *arg, const Wire__ViewMemory *memory);
    /* What is known of this member? Nobody who is heard is voted lost. */
    enum view_trust (*trust)(void *arg, int member);
    /* A view was decided. before is borrowed for the call, after until the next view. */
    void (*changed)(void *arg, const struct view *before, const struct view *after);
};

struct views_config {
    int self;
    struct view_rules rules; /* machines: borrowed for the engine's life */
    uint64_t seed;           /* of the jitter between voters who want the same ballot */
};

/* memory: what keep() was given last by an earlier incarnation, or NULL. is_mute: there was one,
 * and its memory is gone: it learns views and never votes. first is copied; memory's view counts if
 * it is newer. NULL with a sentence when memory is not sound. */
struct views *views_create(const struct views_config *config, const struct view *first,
                           const Wire__ViewMemory *memory, bool is_mute,
                           const struct views_ops *ops, void *arg, struct err *err);
void views_destroy(struct views *views);

const struct view *views_current(const struct views *views);

/* The detector's word (a voter's): member is dead, or was heard again. */
void views_accuse(struct views *views, int member, bool is_dead, int64_t now_ms);
/* What a round trip among voters takes at most, usually. Sets resends and turns. */
void views_set_round(struct views *views, uint32_t round_ms, int64_t now_ms);

/* A message of member src, whose identity the link has proven. -1 with a sentence (for the log)
 * when it is not acceptable; nothing happened then. */
int views_receive(struct views *views, int src, const Wire__ViewVote *vote, int64_t now_ms,
                  struct err *err);
/* That member has a newer view than we: ask it. */
void views_ask(struct views *views, int member, int64_t now_ms);

int views_tick(struct views *views, int64_t now_ms);       /* returns views_next() */
int views_next(const struct views *views, int64_t now_ms); /* ms until a tick is wanted, -1: none */

#endif
