/* SPDX-License-Identifier: BSD-3-Clause */
/* views.c - one member's part in deciding a job's views: what it knows, promises and writes
 *
 * A slot is the number of the view that is voted on. An acceptor remembers one slot only, the one
 * after its view: views are decided one after the other, and who is behind is told the view. */
#include "config.h"
#include "job/views_inner.h"

#include "base/mem.h"
#include "wire/frame.h"

#include <stdlib.h>
#include <string.h>

#define ROUND_MS 50 /* until the owner knows better */

const struct view *views_current(const struct views *views)
{
    return views->view;
}

/* ---- sending and remembering */

void views_send(struct views *views, int member, Wire__ViewVote *vote, const struct view *view)
{
    vote->view = view != NULL ? view_to_wire(view) : NULL;
    views->ops.send(views->arg, member, vote);
    if (vote->view != NULL)
        message_free(vote->view);
    vote->view = NULL;
}

void views_keep(struct views *views)
{
    Wire__ViewMemory memory = WIRE__VIEW_MEMORY__INIT;

    memory.view = view_to_wire(views->view);
    memory.promised = views->promised;
    memory.accepted = views->accepted;
    if (views->value != NULL)
        memory.value = view_to_wire(views->value);
    views->ops.keep(views->arg, &memory);
    message_free(memory.view);
    if (memory.value != NULL)
        message_free(memory.value);
}

static void tell_view(struct views *views, int member)
{
    Wire__ViewVote vote = WIRE__VIEW_VOTE__INIT;

    vote.kind = WIRE__VOTE_KIND__VOTE_VIEW;
    vote.slot = views->view->number;
    views_send(views, member, &vote, views->view);
}

void views_ask(struct views *views, int member, int64_t now_ms)
{
    Wire__ViewVote vote = WIRE__VIEW_VOTE__INIT;

    (void)now_ms;
    vote.kind = WIRE__VOTE_KIND__VOTE_ASK;
    vote.slot = views->view->number;
    views_send(views, member, &vote, NULL);
}

/* ---- views */

static void tell_all(struct views *views, const struct view *before)
{
    for (unsigned i = 0; i < views->view->members; i++)
        if ((int)i != views->config.self && !before->lost[i])
            tell_view(views, (int)i);
}

void views_adopt_take(struct views *views, struct view *view, bool is_decider)
{
    struct view *before = views->view;

    views->view = view;
    view_destroy(views->value);
    views->value = NULL;
    views->promised = views->accepted = views->seen = 0;
    propose_reset(views);
    views_keep(views);
    if (is_decider)
        tell_all(views, before);
    views->ops.changed(views->arg, before, view);
    view_destroy(before);
}

/* ---- the acceptor */

bool views_promise(struct views *views, uint64_t ballot)
{
    if (ballot > views->seen)
        views->seen = ballot;
    if (ballot < views->promised)
        return false;
    if (ballot > views->promised) {
        views->promised = ballot;
        views_keep(views);
    }
    return true;
}

bool views_may_lose(const struct views *views, const struct view *value)
{
    for (unsigned i = 0; i < value->members; i++)
        if (value->lost[i] && !views->view->lost[i] &&
            ((int)i == views->config.self || views->ops.trust(views->arg, (int)i) == VIEW_HEARD))
            return false;
    return true;
}

void views_accept(struct views *views, uint64_t ballot, const struct view *value)
{
    struct view *copy = view_copy(value);

    view_destroy(views->value);
    views->value = copy;
    views->promised = views->accepted = ballot;
    views_keep(views);
}

/* Says no, which ballot was promised, and whom of the value's lost we hear. */
static void refuse(struct views *views, int to, const Wire__ViewVote *ask, const struct view *value)
{
    Wire__ViewVote vote = WIRE__VIEW_VOTE__INIT;

    vote.kind = WIRE__VOTE_KIND__VOTE_REFUSED;
    vote.slot = ask->slot;
    vote.ballot = ask->ballot;
    vote.bound = views->promised;
    vote.heard = mem_array(views->view->members, sizeof *vote.heard);
    for (unsigned i = 0; value != NULL && i < value->members; i++)
        if (value->lost[i] && !views->view->lost[i] &&
            ((int)i == views->config.self || views->ops.trust(views->arg, (int)i) == VIEW_HEARD))
            vote.heard[vote.n_heard++] = i;
    views_send(views, to, &vote, NULL);
    free(vote.heard);
}

static void on_prepare(struct views *views, int src, const Wire__ViewVote *ask)
{
    Wire__ViewVote vote = WIRE__VIEW_VOTE__INIT;

    if (!views_promise(views, ask->ballot)) {
        refuse(views, src, ask, NULL);
        return;
    }
    vote.kind = WIRE__VOTE_KIND__VOTE_PROMISE;
    vote.slot = ask->slot;
    vote.ballot = ask->ballot;
    vote.bound = views->accepted;
    views_send(views, src, &vote, views->value);
}

static void on_accept(struct views *views, int src, const Wire__ViewVote *ask,
                      const struct view *value)
{
    Wire__ViewVote vote = WIRE__VIEW_VOTE__INIT;

    if (ask->ballot > views->seen)
        views->seen = ask->ballot;
    if (ask->ballot < views->promised) {
        refuse(views, src, ask, NULL);
        return;
    }
    /* A bound value may have been decided already: it is not for us to object any more. */
    if (views->accepted != ask->ballot && ask->bound == 0 && !views_may_lose(views, value)) {
        refuse(views, src, ask, value);
        return;
    }
    if (views->accepted != ask->ballot)
        views_accept(views, ask->ballot, value);
    vote.kind = WIRE__VOTE_KIND__VOTE_ACCEPTED;
    vote.slot = ask->slot;
    vote.ballot = ask->ballot;
    views_send(views, src, &vote, NULL);
}

/* ---- receiving */

static bool is_ours(const struct views *views, int voter, uint64_t ballot)
{
    return ballot > 0 && (int)((ballot - 1) % BALLOTS) == voter && views->view->voter_count > 0;
}

/* What of a vote must hold before it is looked at; *value_out is its view, or NULL. */
static int vote_check(const struct views *views, const Wire__ViewVote *vote,
                      struct view **value_out, struct err *err)
{
    *value_out = NULL;
    if (vote->view != NULL) {
        *value_out = view_from_wire(vote->view, views->view->members, err);
        if (*value_out == NULL)
            return -1;
    }
    bool needs = vote->kind == WIRE__VOTE_KIND__VOTE_VIEW ||
                 vote->kind == WIRE__VOTE_KIND__VOTE_ACCEPT ||
                 (vote->kind == WIRE__VOTE_KIND__VOTE_PROMISE && vote->bound > 0);
    if ((*value_out != NULL) != needs || (needs && (*value_out)->number != vote->slot)) {
        view_destroy(*value_out);
        *value_out = NULL;
        return err_set(err, "a vote of kind %d for view %llu without its view, or with another",
                       (int)vote->kind, (unsigned long long)vote->slot);
    }
    return 0;
}

/* A vote on the slot that is open here, between voters of this view. value is taken. */
static int on_vote(struct views *views, int src, const Wire__ViewVote *vote, struct view *value,
                   int64_t now_ms, struct err *err)
{
    int me = view_voter(views->view, views->config.self), voter = view_voter(views->view, src);
    bool asks =
        vote->kind == WIRE__VOTE_KIND__VOTE_PREPARE || vote->kind == WIRE__VOTE_KIND__VOTE_ACCEPT;

    if (me < 0 || voter < 0 || !is_ours(views, asks ? voter : me, vote->ballot)) {
        view_destroy(value);
        return err_set(err, "member %d sent a vote that it may not send", src);
    }
    if (views->is_mute) {
        view_destroy(value);
        return 0;
    }
    if (vote->kind == WIRE__VOTE_KIND__VOTE_PREPARE)
        on_prepare(views, src, vote);
    else if (vote->kind == WIRE__VOTE_KIND__VOTE_ACCEPT)
        on_accept(views, src, vote, value);
    else if (vote->kind == WIRE__VOTE_KIND__VOTE_PROMISE)
        propose_promised(views, voter, vote, view_copy(value), now_ms);
    else if (vote->kind == WIRE__VOTE_KIND__VOTE_ACCEPTED)
        propose_accepted(views, voter, vote, now_ms);
    else if (vote->kind == WIRE__VOTE_KIND__VOTE_REFUSED)
        propose_refused(views, voter, vote, now_ms);
    view_destroy(value);
    return 0;
}

int views_receive(struct views *views, int src, const Wire__ViewVote *vote, int64_t now_ms,
                  struct err *err)
{
    struct view *value;
    uint64_t number = views->view->number;

    if (src < 0 || (unsigned)src >= views->view->members)
        return err_set(err, "%d is no member of this job", src);
    if (vote_check(views, vote, &value, err) < 0)
        return -1;
    if (vote->kind == WIRE__VOTE_KIND__VOTE_VIEW && vote->slot > number) {
        views_adopt_take(views, value, false);
        propose_consider(views, now_ms);
        return 0;
    }
    if (vote->kind == WIRE__VOTE_KIND__VOTE_ASK
            ? vote->slot < number
            : vote->slot < number + 1 || view_is_lost(views->view, src)) {
        view_destroy(value);
        if (vote->kind != WIRE__VOTE_KIND__VOTE_VIEW || vote->slot < number)
            tell_view(views, src);
        return 0;
    }
    if (vote->kind == WIRE__VOTE_KIND__VOTE_ASK || vote->slot > number + 1) {
        view_destroy(value);
        if (vote->slot > number)
            views_ask(views, src, now_ms);
        return 0;
    }
    return on_vote(views, src, vote, value, now_ms, err);
}

/* ---- the detector's word, time */

void views_accuse(struct views *views, int member, bool is_dead, int64_t now_ms)
{
    if (member == views->config.self || view_is_lost(views->view, member) ||
        views->dead[member] == is_dead)
        return;
    views->dead[member] = is_dead;
    propose_consider(views, now_ms);
}

void views_set_round(struct views *views, uint32_t round_ms, int64_t now_ms)
{
    (void)now_ms;
    views->round_ms = round_ms < 10 ? 10 : round_ms;
}

int views_tick(struct views *views, int64_t now_ms)
{
    propose_tick(views, now_ms);
    return views_next(views, now_ms);
}

int views_next(const struct views *views, int64_t now_ms)
{
    int64_t next_ms = propose_next_ms(views);

    return next_ms == INT64_MAX ? -1 : next_ms > now_ms ? (int)(next_ms - now_ms) : 0;
}

/* ---- life */

static int recall(struct views *views, const Wire__ViewMemory *memory, struct err *err)
{
    struct view *view =
        memory->view == NULL ? NULL : view_from_wire(memory->view, views->view->members, err);

    if (view == NULL || view->number < views->view->number) {
        view_destroy(view); /* an older view's promises mean nothing any more */
        return view == NULL ? err_prefix(err, "what was kept of the job's view") : 0;
    }
    view_destroy(views->view);
    views->view = view;
    views->promised = views->seen = memory->promised;
    views->accepted = memory->accepted;
    if (memory->value == NULL)
        return 0;
    views->value = view_from_wire(memory->value, view->members, err);
    return views->value != NULL ? 0 : err_prefix(err, "what was kept of the job's next view");
}

struct views *views_create(const struct views_config *config, const struct view *first,
                           const Wire__ViewMemory *memory, bool is_mute,
                           const struct views_ops *ops, void *arg, struct err *err)
{
    struct views *views = mem_alloc(sizeof *views);

    views->config = *config;
    views->ops = *ops;
    views->arg = arg;
    views->is_mute = is_mute;
    views->round_ms = ROUND_MS;
    views->view = view_copy(first);
    views->dead = mem_array(first->members, sizeof *views->dead);
    views->objected_ms = mem_array(first->members, sizeof *views->objected_ms);
    prng_seed(&views->prng, config->seed);
    propose_reset(views);
    if (memory != NULL && recall(views, memory, err) < 0) {
        views_destroy(views);
        return NULL;
    }
    return views;
}

void views_destroy(struct views *views)
{
    if (views == NULL)
        return;
    view_destroy(views->view);
    view_destroy(views->value);
    view_destroy(views->proposer.value);
    free(views->dead);
    free(views->objected_ms);
    free(views);
}
