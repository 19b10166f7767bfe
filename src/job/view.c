/* SPDX-License-Identifier: BSD-3-Clause */
/* view.c - a job's view: who is lost, who is the home, who votes on the next one */
#include "config.h"
#include "job/view.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static struct view *view_make(unsigned members)
{
    struct view *view = mem_alloc(sizeof *view);

    view->members = members;
    view->lost = mem_array(members, sizeof *view->lost);
    return view;
}

struct view *view_copy(const struct view *view)
{
    if (view == NULL)
        return NULL;
    struct view *copy = mem_copy(view, sizeof *view);
    copy->lost = mem_copy(view->lost, view->members * sizeof *view->lost);
    return copy;
}

void view_destroy(struct view *view)
{
    if (view == NULL)
        return;
    free(view->lost);
    free(view);
}

bool view_equal(const struct view *a, const struct view *b)
{
    return a->number == b->number && a->home == b->home && a->members == b->members &&
           a->voter_count == b->voter_count &&
           memcmp(a->voters, b->voters, a->voter_count * sizeof *a->voters) == 0 &&
           memcmp(a->lost, b->lost, a->members * sizeof *a->lost) == 0;
}

bool view_is_lost(const struct view *view, int member)
{
    return member < 0 || (unsigned)member >= view->members || view->lost[member];
}

int view_voter(const struct view *view, int member)
{
    for (unsigned i = 0; i < view->voter_count; i++)
        if (view->voters[i] == member)
            return (int)i;
    return -1;
}

unsigned view_majority(const struct view *view)
{
    return view->voter_count / 2 + 1;
}

/* ---- choosing voters */

static unsigned voters_wanted(const struct view *view, const struct view_rules *rules)
{
    bool *seen = mem_array(view->members, sizeof *seen);
    unsigned machines = 0;

    for (unsigned i = 0; i < view->members; i++)
        if (!view->lost[i] && !seen[rules->machines[i]]) {
            seen[rules->machines[i]] = true;
            machines++;
        }
    free(seen);
    return machines >= rules->five_from && machines >= 5 ? 5 : machines >= 3 ? 3 : 1;
}

/* Adds member, unless it is lost, its machine votes already or there are enough. */
static void voter_add(struct view *view, const struct view_rules *rules, int member, unsigned want)
{
    if (view->voter_count == want || view_is_lost(view, member))
        return;
    for (unsigned i = 0; i < view->voter_count; i++)
        if (rules->machines[view->voters[i]] == rules->machines[member])
            return;
    view->voters[view->voter_count++] = member;
}

/* The home; then, of those equally trusted, who voted so far before others. trust NULL: all alike.
 */
static void voters_choose(struct view *view, const struct view *before,
                          const enum view_trust *trust, const struct view_rules *rules)
{
    unsigned want = voters_wanted(view, rules);

    view->voter_count = 0;
    voter_add(view, rules, view->home, want);
    for (int level = VIEW_TRUSTS - 1; level >= 0; level--) {
        for (unsigned i = 0; before != NULL && i < before->voter_count; i++)
            if ((int)trust[before->voters[i]] == level)
                voter_add(view, rules, before->voters[i], want);
        for (unsigned i = 0; i < view->members; i++)
            if (trust == NULL || (int)trust[i] == level)
                voter_add(view, rules, (int)i, want);
    }
}

static int home_after(const struct view *view, const struct view *before,
                      const enum view_trust *trust)
{
    if (!view->lost[before->home])
        return before->home;
    for (int level = VIEW_TRUSTS - 1; level >= 0; level--)
        for (unsigned i = 0; i < before->voter_count; i++)
            if (!view->lost[before->voters[i]] && (int)trust[before->voters[i]] == level)
                return before->voters[i];
    for (unsigned i = 0; i < view->members; i++)
        if (!view->lost[i])
            return (int)i;
    return -1;
}

struct view *view_first(unsigned members, int home, const struct view_rules *rules)
{
    struct view *view = view_make(members);

    view->number = 1;
    view->home = home;
    voters_choose(view, NULL, NULL, rules);
    return view;
}

struct view *view_next(const struct view *before, const bool *lost, const enum view_trust *trust,
                       const struct view_rules *rules)
{
    struct view *view = view_copy(before);

    view->number++;
    for (unsigned i = 0; i < view->members; i++)
        view->lost[i] |= lost[i];
    view->home = home_after(view, before, trust);
    if (view->home < 0) {
        view_destroy(view);
        return NULL;
    }
    memset(view->voters, 0, sizeof view->voters);
    voters_choose(view, before, trust, rules);
    return view;
}

/* ---- the message */

Wire__View *view_to_wire(const struct view *view)
{
    Wire__View *wire = mem_alloc(sizeof *wire);

    wire__view__init(wire);
    wire->number = view->number;
    wire->home = (uint32_t)view->home;
    wire->members = view->members;
    wire->voters = mem_array(view->voter_count, sizeof *wire->voters);
    for (unsigned i = 0; i < view->voter_count; i++)
        wire->voters[wire->n_voters++] = (uint32_t)view->voters[i];
    wire->lost = mem_array(view->members, sizeof *wire->lost);
    for (unsigned i = 0; i < view->members; i++)
        if (view->lost[i])
            wire->lost[wire->n_lost++] = i;
    return wire;
}

static int view_fill(struct view *view, const Wire__View *wire)
{
    for (size_t i = 0; i < wire->n_lost; i++) {
        if (wire->lost[i] >= view->members)
            return -1;
        view->lost[wire->lost[i]] = true;
    }
    if (wire->number == 0 || wire->home >= view->members || view->lost[wire->home])
        return -1;
    view->number = wire->number;
    view->home = (int)wire->home;
    for (size_t i = 0; i < wire->n_voters; i++) {
        if (wire->voters[i] >= view->members || view->lost[wire->voters[i]] ||
            view_voter(view, (int)wire->voters[i]) >= 0)
            return -1;
        view->voters[view->voter_count++] = (int)wire->voters[i];
    }
    return 0;
}

struct view *view_from_wire(const Wire__View *wire, unsigned members, struct err *err)
{
    if (wire->members != members || members > VIEW_MEMBERS_MAX || wire->n_voters == 0 ||
        wire->n_voters > VIEW_VOTERS_MAX) {
        err_set(err, "a view of %u members and %zu voters is not one of this job", wire->members,
                wire->n_voters);
        return NULL;
    }
    struct view *view = view_make(members);
    if (view_fill(view, wire) < 0) {
        err_set(err, "view %llu names a lost or unknown home or voter",
                (unsigned long long)wire->number);
        view_destroy(view);
        return NULL;
    }
    return view;
}
