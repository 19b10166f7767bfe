/* SPDX-License-Identifier: BSD-3-Clause */
/* view.h - a job's view: who is lost, who is the home, who votes on the next one
 *
 * Members are the job's hosts by number, then its home if it has no ranks, then witnesses. Views
 * are numbered 1, 2, ...; each is decided by the voters of the one before (job/views.h). What
 * follows from a loss is computed here, the same by everybody: plain data and pure functions. */
#ifndef P2PMPI_JOB_VIEW_H
#define P2PMPI_JOB_VIEW_H

#include "base/err.h"
#include "wire/wire.pb-c.h"

#include <stdbool.h>
#include <stdint.h>

#define VIEW_VOTERS_MAX  5
#define VIEW_MEMBERS_MAX 4096
#define VIEW_FIVE_FROM   10 /* machines from which on there are five voters, not three */

struct view {
    uint64_t number;
    int home;
    unsigned members;
    bool *lost; /* owned, one for each member */
    int voters[VIEW_VOTERS_MAX];
    unsigned voter_count;
};

/* What does not change while the job lives. */
struct view_rules {
    const uint32_t
        *machines;      /* borrowed: of each member, equal for two on one machine; < members */
    unsigned five_from; /* VIEW_FIVE_FROM, or fewer when two losses at once must be borne */
};

/* View 1: nobody is lost. Voters are on machines of their own, the home is the first: five, three,
 * or with fewer than three machines the home alone. */
struct view *view_first(unsigned members, int home, const struct view_rules *rules);
/* How well a member is known to live, where a view is proposed. */
enum view_trust { VIEW_DOUBTED, VIEW_UNKNOWN, VIEW_HEARD };
#define VIEW_TRUSTS 3

/* The view after this one, once those in `lost` (members of them) are lost, too. A lost home is
 * followed by a living voter, lost voters by living members; who is heard comes before others: a
 * view whose voters cannot meet would be the last one. NULL: nobody lives. */
struct view *view_next(const struct view *view, const bool *lost, const enum view_trust *trust,
                       const struct view_rules *rules);
struct view *view_copy(const struct view *view); /* NULL of NULL */
void view_destroy(struct view *view);

bool view_equal(const struct view *a, const struct view *b);
bool view_is_lost(const struct view *view, int member); /* true for numbers that are no member */
int view_voter(const struct view *view, int member);    /* its place among the voters, or -1 */
unsigned view_majority(const struct view *view);

/* To the message and back. The message borrows nothing; freed with message_free(). NULL with a
 * sentence for a view that is not sound, or has another number of members. */
Wire__View *view_to_wire(const struct view *view);
struct view *view_from_wire(const Wire__View *wire, unsigned members, struct err *err);

#endif
