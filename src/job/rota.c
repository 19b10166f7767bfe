/* SPDX-License-Identifier: BSD-3-Clause */
/* rota.c - who beats to whom in a view */
#include "config.h"
#include "job/rota.h"

struct rota {
    const struct view *view;
    int self;
    int *partners;
    unsigned count;
};

static void add(struct rota *rota, int member)
{
    for (unsigned i = 0; i < rota->count; i++)
        if (rota->partners[i] == member)
            return;
    if (member != rota->self && rota->count < ROTA_MAX)
        rota->partners[rota->count++] = member;
}

/* The living member `steps` places behind (before: negative) self in the ring of `living`. */
static int at(const struct view *view, int self, int steps, unsigned living)
{
    unsigned forward = (unsigned)((steps % (int)living + (int)living) % (int)living);
    unsigned member = (unsigned)self;

    while (forward > 0) {
        member = (member + 1) % view->members;
        forward -= !view->lost[member];
    }
    return (int)member;
}

static unsigned chord(unsigned living)
{
    unsigned root = 2;

    while (root * root < living)
        root++;
    return root;
}

unsigned rota_partners(const struct view *view, int self, int partners_out[ROTA_MAX])
{
    struct rota rota = {view, self, partners_out, 0};
    unsigned living = 0;
    bool votes = view_voter(view, self) >= 0;

    for (unsigned i = 0; i < view->members; i++)
        living += !view->lost[i];
    for (unsigned i = 0; votes && i < view->voter_count; i++)
        add(&rota, view->voters[i]);
    add(&rota, at(view, self, 1, living));
    add(&rota, at(view, self, -1, living));
    for (int way = -1; way <= 1 && !votes; way += 2) {
        int member = at(view, self, way * (int)chord(living), living);
        if (view_voter(view, member) < 0)
            add(&rota, member);
    }
    return rota.count;
}
