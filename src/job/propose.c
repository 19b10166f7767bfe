/* SPDX-License-Identifier: BSD-3-Clause */
/* propose.c - a voter's attempts to have the next view decided
 *
 * Idle until the detector takes somebody for dead; the first voter that is not accused itself
 * begins at once, the others, if it has not come to anything, a turn later each. An attempt that
 * meets a higher ballot waits and begins again above it. */
#include "config.h"
#include "job/views_inner.h"

#include "base/mem.h"

#include <stdlib.h>

#define OBJECTION_MS 2000 /* who is heard by a voter is not proposed as lost again for so long */

static uint32_t resend_ms(const struct views *views)
{
    return views->round_ms + 20;
}

static uint32_t turn_ms(const struct views *views)
{
    return views->round_ms + 50;
}

void propose_reset(struct views *views)
{
    view_destroy(views->proposer.value);
    views->proposer = (struct proposer){.begin_ms = INT64_MAX};
}

static bool is_wanted(const struct views *views, unsigned member, int64_t now_ms)
{
    return views->dead[member] && !views->view->lost[member] &&
           (views->objected_ms[member] == 0 || now_ms >= views->objected_ms[member] + OBJECTION_MS);
}

/* Whom the next view would take for lost; NULL: nobody. */
static bool *wanted(const struct views *views, int64_t now_ms)
{
    bool *lost = mem_array(views->view->members, sizeof *lost), any = false;

    for (unsigned i = 0; i < views->view->members; i++)
        any |= lost[i] = is_wanted(views, i, now_ms);
    if (any)
        return lost;
    free(lost);
    return NULL;
}

/* How many voters should try before us: those that are there, as far as we know. */
static int own_turn(const struct views *views)
{
    const struct view *view = views->view;
    int turn = 0;

    for (unsigned i = 0; i < view->voter_count && view->voters[i] != views->config.self; i++)
        turn += !views->dead[view->voters[i]] &&
                views->ops.trust(views->arg, view->voters[i]) != VIEW_DOUBTED;
    return turn;
}

void propose_consider(struct views *views, int64_t now_ms)
{
    struct proposer *proposer = &views->proposer;
    bool any = false;

    if (views->is_mute || view_voter(views->view, views->config.self) < 0 ||
        proposer->state != PROPOSER_IDLE)
        return;
    for (unsigned i = 0; i < views->view->members; i++)
        any |= views->dead[i] && !views->view->lost[i];
    if (!any)
        proposer->begin_ms = INT64_MAX;
    else if (proposer->begin_ms == INT64_MAX || own_turn(views) == 0)
        proposer->begin_ms = now_ms + own_turn(views) * (int64_t)turn_ms(views);
}

/* ---- an attempt */

/* Gives up this attempt; the next one after a while that differs from voter to voter. */
static void back_off(struct views *views, int64_t now_ms)
{
    struct proposer *proposer = &views->proposer;

    view_destroy(proposer->value);
    *proposer = (struct proposer){.begin_ms = INT64_MAX};
    propose_consider(views, now_ms);
    if (proposer->begin_ms != INT64_MAX)
        proposer->begin_ms = now_ms + turn_ms(views) + prng_below(&views->prng, turn_ms(views));
}

static void ask(struct views *views, int64_t now_ms)
{
    struct proposer *proposer = &views->proposer;
    Wire__ViewVote vote = WIRE__VIEW_VOTE__INIT;
    bool accepting = proposer->state == PROPOSER_ACCEPTING;

    vote.kind = accepting ? WIRE__VOTE_KIND__VOTE_ACCEPT : WIRE__VOTE_KIND__VOTE_PREPARE;
    vote.slot = views->view->number + 1;
    vote.ballot = proposer->ballot;
    vote.bound = accepting ? proposer->bound : 0;
    for (unsigned i = 0; i < views->view->voter_count; i++)
        if ((proposer->votes & 1u << i) == 0 && views->view->voters[i] != views->config.self)
            views_send(views, views->view->voters[i], &vote, accepting ? proposer->value : NULL);
    proposer->resend_ms = now_ms + resend_ms(views);
}

static bool has_majority(const struct views *views)
{
    return (unsigned)__builtin_popcount(views->proposer.votes) >= view_majority(views->view);
}

static struct view *next_view(struct views *views, const bool *lost)
{
    enum view_trust *trust = mem_array(views->view->members, sizeof *trust);

    for (unsigned i = 0; i < views->view->members; i++)
        trust[i] = (int)i == views->config.self ? VIEW_HEARD : views->ops.trust(views->arg, (int)i);
    struct view *view = view_next(views->view, lost, trust, &views->config.rules);
    free(trust);
    return view;
}

/* We write last: a value that the others object to is then written nowhere, and binds nobody. */
static void check_accepted(struct views *views, int64_t now_ms)
{
    struct proposer *proposer = &views->proposer;
    unsigned others = (unsigned)__builtin_popcount(proposer->votes);

    if (others + 1 < view_majority(views->view))
        return;
    if (views->promised > proposer->ballot) {
        back_off(views, now_ms);
        return;
    }
    views_accept(views, proposer->ballot, proposer->value);
    struct view *value = proposer->value;
    proposer->value = NULL;
    views_adopt_take(views, value, true);
    propose_consider(views, now_ms);
}

static void begin_accepting(struct views *views, int64_t now_ms)
{
    struct proposer *proposer = &views->proposer;

    if (proposer->value == NULL) {
        bool *lost = wanted(views, now_ms);
        if (lost != NULL)
            proposer->value = next_view(views, lost);
        free(lost);
        proposer->bound = 0;
    }
    if (proposer->value == NULL || views->promised > proposer->ballot ||
        (proposer->bound == 0 && !views_may_lose(views, proposer->value))) {
        back_off(views, now_ms);
        return;
    }
    proposer->state = PROPOSER_ACCEPTING;
    proposer->votes = proposer->objections = 0;
    if (views->view->voter_count > 1)
        ask(views, now_ms);
    check_accepted(views, now_ms);
}

static void begin(struct views *views, int64_t now_ms)
{
    struct proposer *proposer = &views->proposer;
    int me = view_voter(views->view, views->config.self);
    bool *lost = wanted(views, now_ms);

    proposer->begin_ms = INT64_MAX;
    if (lost == NULL) { /* objections: later */
        back_off(views, now_ms);
        return;
    }
    free(lost);
    if (me == 0 && views->seen == 0) {
        proposer->ballot = BALLOT_FIRST;
        views_promise(views, proposer->ballot);
        begin_accepting(views, now_ms);
        return;
    }
    proposer->ballot = (views->seen / BALLOTS + 1) * BALLOTS + (uint64_t)me + 1;
    proposer->state = PROPOSER_PREPARING;
    proposer->votes = 1u << me;
    proposer->bound = views->accepted;
    proposer->value = view_copy(views->value);
    views_promise(views, proposer->ballot);
    if (has_majority(views))
        begin_accepting(views, now_ms);
    else
        ask(views, now_ms);
}

/* ---- answers */

void propose_promised(struct views *views, int voter, const Wire__ViewVote *vote,
                      struct view *value_take, int64_t now_ms)
{
    struct proposer *proposer = &views->proposer;

    if (proposer->state != PROPOSER_PREPARING || vote->ballot != proposer->ballot) {
        view_destroy(value_take);
        return;
    }
    if (vote->bound > proposer->bound) {
        view_destroy(proposer->value);
        proposer->value = value_take;
        proposer->bound = vote->bound;
    } else {
        view_destroy(value_take);
    }
    proposer->votes |= 1u << voter;
    if (has_majority(views))
        begin_accepting(views, now_ms);
}

void propose_accepted(struct views *views, int voter, const Wire__ViewVote *vote, int64_t now_ms)
{
    struct proposer *proposer = &views->proposer;

    if (proposer->state != PROPOSER_ACCEPTING || vote->ballot != proposer->ballot)
        return;
    proposer->votes |= 1u << voter;
    check_accepted(views, now_ms);
}

/* Those who object are too many for a majority without them: not now. */
static void on_objection(struct views *views, int voter, const Wire__ViewVote *vote, int64_t now_ms)
{
    struct proposer *proposer = &views->proposer;
    unsigned spare = views->view->voter_count - view_majority(views->view);

    proposer->objections |= 1u << voter;
    if ((unsigned)__builtin_popcount(proposer->objections) <= spare)
        return;
    for (size_t i = 0; i < vote->n_heard; i++)
        if (vote->heard[i] < views->view->members)
            views->objected_ms[vote->heard[i]] = now_ms;
    back_off(views, now_ms);
}

void propose_refused(struct views *views, int voter, const Wire__ViewVote *vote, int64_t now_ms)
{
    if (vote->bound > views->seen)
        views->seen = vote->bound;
    if (views->proposer.state == PROPOSER_IDLE || vote->ballot != views->proposer.ballot)
        return;
    if (vote->bound <= vote->ballot && vote->n_heard > 0)
        on_objection(views, voter, vote, now_ms);
    else
        back_off(views, now_ms);
}

/* ---- time */

void propose_tick(struct views *views, int64_t now_ms)
{
    struct proposer *proposer = &views->proposer;

    if (proposer->state == PROPOSER_IDLE && now_ms >= proposer->begin_ms)
        begin(views, now_ms);
    else if (proposer->state != PROPOSER_IDLE && now_ms >= proposer->resend_ms)
        ask(views, now_ms);
}

int64_t propose_next_ms(const struct views *views)
{
    return views->proposer.state == PROPOSER_IDLE ? views->proposer.begin_ms
                                                  : views->proposer.resend_ms;
}
