/* SPDX-License-Identifier: BSD-3-Clause */
/* dead.h - the growing set of processes known dead, and who stands in for whom
 *
 * Only certain deaths enter, nobody leaves. For each set of a rank the one who serves it is its own
 * replica while that lives, then the living replica with the lowest index: a sequence that only
 * moves on, so that two processes that know the same deaths name the same substitute. */
#ifndef P2PMPI_REPLICA_DEAD_H
#define P2PMPI_REPLICA_DEAD_H

#include "replica/world.h"

#include <stdbool.h>
#include <stdint.h>

struct dead {
    const struct world *world; /* borrowed */
    bool *is;                  /* [processes] */
    uint32_t *living;          /* [ranks] bits: replica indices that live */
    int count;
};

struct dead *dead_create(const struct world *world);
void dead_destroy(struct dead *dead);
/* True when that was not known. */
bool dead_add(struct dead *dead, int process);
/* The process that serves `set` (existing or not) of rank, or -1: all its replicas are dead. */
int dead_server(const struct dead *dead, int rank, int set);
/* How far the sequence of servers of `set` has moved when replica `server` serves: compare only. */
int dead_turn(int set, int server);

#endif
