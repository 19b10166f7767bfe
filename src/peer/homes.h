/* SPDX-License-Identifier: BSD-3-Clause */
/* homes.h - the jobs that were submitted at this daemon */
#ifndef P2PMPI_PEER_HOMES_H
#define P2PMPI_PEER_HOMES_H

#include "net/link.h"
#include "peer/daemon.h"

struct homes;

struct homes *homes_create(struct daemon *daemon);
/* A JobSubmit or JobReclaim of a p2pmpirun. True: its link belongs to the job from here on; false:
 * it was told why not. */
bool homes_submit(struct homes *homes, struct link *tool, const Wire__Frame *frame);
/* A frame of a host. Returns true if it was for this module. */
bool homes_frame(struct homes *homes, const struct id *from, Wire__Frame *frame);
/* True if the sender may speak as route->src in a job of ours. */
bool homes_is_from(const struct homes *homes, const struct id *from, const Wire__Route *route);
/* A Route whose dst is the home. */
void homes_route(struct homes *homes, const Wire__Route *route);
void homes_peer_up(struct homes *homes, const struct id *peer);
void homes_peer_down(struct homes *homes, const struct id *peer, enum link_end end,
                     const char *why);
/* A host of a job was voted lost. */
void homes_host_lost(struct homes *homes, const char *job, const struct id *host, const char *why);
/* Fresh candidates for jobs that search; NULL ends an answer. */
void homes_candidates(struct homes *homes, const Wire__Answer *answer);
void homes_stop(struct homes *homes);
unsigned homes_count(const struct homes *homes);
void homes_list(const struct homes *homes, Wire__Jobs *jobs);
void homes_destroy(struct homes *homes);

#endif
