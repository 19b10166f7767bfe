/* SPDX-License-Identifier: BSD-3-Clause */
/* watches.h - this daemon's part in watching the hosts of its jobs: datagrams, votes, verdicts
 *
 * One vigil (peer/vigil.h) for each job that has its home or a part here. A job's home begins it
 * and tells the hosts by JobWatch. What is decided goes to homes_host_lost() at the home, and to
 * hosting_void() on a host that finds itself lost. A private daemon has no watches. */
#ifndef P2PMPI_PEER_WATCHES_H
#define P2PMPI_PEER_WATCHES_H

#include "net/link.h"
#include "peer/daemon.h"

#include <stdbool.h>

struct watches;

/* Opens the UDP port beside the TCP port. NULL with a sentence. */
struct watches *watches_create(struct daemon *daemon, uint16_t port, struct err *err);
void watches_destroy(struct watches *watches);

/* The following take NULL watches for none at all. */

/* This daemon is the job's home: begins, unless it did before. */
void watches_begin(struct watches *watches, const Wire__JobSpec *spec);
/* Tells a host of the job (again) what it needs to take part. */
void watches_tell(struct watches *watches, const char *job, uint32_t host);
/* The job is over here: at its home; or (is_home false) on a host, unless its home is here, too. */
void watches_end(struct watches *watches, const char *job, bool is_home);

/* A frame of a daemon. Returns true if it was for this module. */
bool watches_frame(struct watches *watches, const struct id *from, const Wire__Frame *frame);
/* A link to this peer answered; is broken. */
void watches_heard(struct watches *watches, const struct id *peer);
void watches_down(struct watches *watches, const struct id *peer, enum link_end end);
/* False when this daemon votes in the job and is out of contact with the majority: nothing of the
 * job may leave then. */
bool watches_may_go_on(struct watches *watches, const char *job);
/* Has this host been voted lost? Nothing of it counts any more. HOME_HOST: its home. */
bool watches_is_lost(struct watches *watches, const char *job, int host);
/* How many voters the job has; 0: it is not watched. */
unsigned watches_voters(struct watches *watches, const char *job);

#endif
