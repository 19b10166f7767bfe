/* SPDX-License-Identifier: BSD-3-Clause */
/* views_inner.h - shared by views.c and propose.c, private to them */
#ifndef P2PMPI_JOB_VIEWS_INNER_H
#define P2PMPI_JOB_VIEWS_INNER_H

#include "job/views.h"

#include "base/rand.h"

/* Ballots of a slot: round * BALLOTS + the voter's place + 1. The first of all is the home's. */
#define BALLOTS      8
#define BALLOT_FIRST 1

enum proposer_state { PROPOSER_IDLE, PROPOSER_PREPARING, PROPOSER_ACCEPTING };

struct proposer {
    enum proposer_state state;
    uint64_t ballot, bound; /* bound: the ballot that its value comes from */
    struct view *value;
    unsigned votes;      /* bits: voters that have agreed */
    unsigned objections; /* bits: voters that hear whom the value takes for lost */
    int64_t begin_ms;    /* idle: not before that; INT64_MAX: nothing to propose */
    int64_t resend_ms;
};

struct views {
    struct views_config config;
    struct views_ops ops;
    void *arg;
    bool is_mute;
    struct view *view;
    bool *dead;           /* the detector's word on each member */
    int64_t *objected_ms; /* when a voter said last that it hears the member; 0: never */
    uint32_t round_ms;
    struct prng prng;
    /* the acceptor of slot view->number + 1 */
    uint64_t promised, accepted;
    struct view *value; /* accepted; NULL: none */
    uint64_t seen;      /* highest ballot heard of */
    struct proposer proposer;
};

/* views.c */
void views_keep(struct views *views);
void views_send(struct views *views, int member, Wire__ViewVote *vote, const struct view *view);
/* view (taken) has been decided. Tells everybody when it was decided here. */
void views_adopt_take(struct views *views, struct view *view, bool is_decider);
bool views_promise(struct views *views, uint64_t ballot);
/* False when a member that value newly takes for lost is heard here. */
bool views_may_lose(const struct views *views, const struct view *value);
void views_accept(struct views *views, uint64_t ballot, const struct view *value);

/* propose.c */
void propose_reset(struct views *views);
/* Something may have to be proposed now, or nothing any more. */
void propose_consider(struct views *views, int64_t now_ms);
void propose_promised(struct views *views, int voter, const Wire__ViewVote *vote,
                      struct view *value_take, int64_t now_ms);
void propose_accepted(struct views *views, int voter, const Wire__ViewVote *vote, int64_t now_ms);
void propose_refused(struct views *views, int voter, const Wire__ViewVote *vote, int64_t now_ms);
void propose_tick(struct views *views, int64_t now_ms);
int64_t propose_next_ms(const struct views *views);

#endif
