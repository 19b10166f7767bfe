/* SPDX-License-Identifier: BSD-3-Clause */
/* sn_directory.h - the peers of a grid, as a struct of functions: in memory here, elsewhere some
 * day
 *
 * Soft state: who does not renew in time is forgotten. Times are arguments. */
#ifndef P2PMPI_SN_DIRECTORY_H
#define P2PMPI_SN_DIRECTORY_H

#include "base/err.h"
#include "base/id.h"
#include "wire/frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sn_time {
    int64_t ms;     /* monotonic */
    int64_t wall_s; /* for Peer.seen_s */
};

struct sn_directory {
    void *self;
    /* Enters peer (copied) or replaces it. -1 with a sentence when there is no room. */
    int (*put)(void *self, const struct id *id, const Wire__Peer *peer, struct sn_time now,
               struct err *err);
    /* false: not known (any more), it has to register again. load may be NULL. */
    bool (*renew)(void *self, const struct id *id, const Wire__LoadInfo *load, struct sn_time now);
    bool (*remove)(void *self, const struct id *id);
    /* Forgets who has been silent for too long; returns how many. */
    size_t (*expire)(void *self, int64_t now_ms);
    size_t (*count)(void *self);
    /* The i-th, 0 .. count - 1, in no order; valid until the next change. */
    const Wire__Peer *(*at)(void *self, size_t i);
    void (*destroy)(void *self);
};

#endif
