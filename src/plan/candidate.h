/* SPDX-License-Identifier: BSD-3-Clause */
/* candidate.h - the hosts that a booking may use: in order of preference, with what is known of
 * their slots */
#ifndef P2PMPI_PLAN_CANDIDATE_H
#define P2PMPI_PLAN_CANDIDATE_H

#include "base/id.h"
#include "plan/fit.h"
#include "wire/wire.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

enum candidate_out { /* why it is not (or no more) used */
                     CANDIDATE_IN,
                     CANDIDATE_UNFIT,  /* lacks something that the program needs */
                     CANDIDATE_FULL,   /* no slot now */
                     CANDIDATE_DENIED, /* will not have us */
                     CANDIDATE_SILENT  /* no answer, no connection */
};

struct candidate {
    struct id id;
    Wire__Peer *peer; /* owned */
    char site[64];    /* its network as others see it: hosts there may be lost together */
    bool is_self;
    enum candidate_out out;
    enum fit_lack lack; /* when CANDIDATE_UNFIT */
    char *denial; /* what it said when it refused, or why it cannot be reached; NULL: nothing */
    bool knows_load;
    uint32_t limit;       /* what the user allows there; UINT32_MAX: all */
    size_t wish;          /* place in the user's list */
    uint32_t believed;    /* slots that it may give us, as far as we know */
    uint32_t free, total; /* for the sentence: seen free, lent in all */
    uint32_t asked;       /* of the question on its way; 0: none */
    int64_t asked_ms;
    uint32_t granted;
    UT_hash_handle hh;
};

struct candidates {
    struct candidate *table;
    struct candidate **order; /* those to use, best first, as candidates_sort() left them */
    size_t count;
    Wire__HostWish **wishes; /* owned */
    size_t wish_count;
    size_t unmatched; /* first wish that no candidate fulfils; wish_count: none such */
};

void candidates_init(struct candidates *list, Wire__HostWish *const *wishes, size_t count);
void candidates_clear(struct candidates *list);

/* Adds it, or brings its data up to date; NULL when the peer's id is no id. Sort afterwards. */
struct candidate *candidates_add(struct candidates *list, const Wire__Peer *peer, bool is_self,
                                 const Wire__Needs *needs);
struct candidate *candidates_find(const struct candidates *list, const struct id *id);
/* True while it may be asked: not out, and it lends something as far as we know. */
bool candidate_is_usable(const struct candidate *candidate);
/* This host's own description, told with its grant. */
void candidate_set_host(struct candidate *candidate, const Wire__HostInfo *host,
                        const Wire__Needs *needs);

/* Builds order: the user's list as he wrote it, each name standing for the nearest host that bears
 * it; without a list this host, then the others by round-trip time, those never measured and those
 * not alive last. */
void candidates_sort(struct candidates *list);

/* Name, first part of the name, address, 8 or more digits of the id; "localhost" is this host. */
bool candidate_is_named(const struct candidate *candidate, const char *name);

#endif
