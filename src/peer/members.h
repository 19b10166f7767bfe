/* SPDX-License-Identifier: BSD-3-Clause */
/* members.h - the grid around this daemon: supernodes, the peer cache, round-trip times */
#ifndef P2PMPI_PEER_MEMBERS_H
#define P2PMPI_PEER_MEMBERS_H

#include "net/link.h"
#include "peer/daemon.h"

#include <stddef.h>

struct step;
struct members;

/* Reads grid file, identity and cache; opens the TLS port. NULL with a sentence. Sets daemon->self,
 * ->mesh. */
struct members *members_create(struct daemon *daemon, const char *grid_path, struct err *err);
void members_start(struct members *members);

/* All peers known, nearest first; *list_out is malloc()ed, the peers are borrowed until the loop
 * runs on. Without a grid: none. */
size_t members_known(struct daemon *daemon, Wire__Peer ***list_out);
/* Asks a supernode for more; homes_candidates() is called with the answer. False: none can be
 * asked. */
bool members_query(struct daemon *daemon);
/* A sentence about the supernodes for a person, or NULL when all is well. */
const char *members_trouble(struct daemon *daemon);

/* Fills what of a Status this module knows; strings are borrowed. */
void members_status(struct daemon *daemon, Wire__Status *status);

/* Answers a listing: Answer frames, then ListEnd; after fresh round-trip times when refresh. */
void members_list(struct daemon *daemon, struct link *tool, const Wire__Frame *question,
                  bool refresh);
void members_forget_tool(struct daemon *daemon, struct link *tool);
/* The grid's peers for a rank or PMIx tool that sent GridPeers: one Answer frame, this host first.
 */
void members_tell_step(struct daemon *daemon, struct step *step, const Wire__Frame *question);

/* From the mesh. */
void members_up(struct members *members, const struct id *peer, const Wire__Hello *hello);
void members_down(struct members *members, const struct id *peer);
void members_pong(struct members *members, const struct id *peer, int64_t rtt_us,
                  const Wire__LoadInfo *load);
void members_tick(struct members *members, int64_t now_ms);
/* Unregisters; true when that is over. */
bool members_stop(struct members *members);
void members_destroy(struct members *members);

#endif
