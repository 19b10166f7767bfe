/* SPDX-License-Identifier: BSD-3-Clause */
/* hosting.h - parts of jobs that run on this host: lease, staging, p2pmpi-stepd, end
 *
 * Frames come from the job's home (mesh) and from the step (its socket). Nothing of a job outlives
 * its lease: renewals that stay away end it. After a restart of p2pmpid running steps are taken
 * back, stale job directories are removed. */
#ifndef P2PMPI_PEER_HOSTING_H
#define P2PMPI_PEER_HOSTING_H

#include "peer/daemon.h"

#include <sys/types.h>

struct hosting;

struct hosting *hosting_create(struct daemon *daemon);
/* Finds what a p2pmpid before us left in RUN/jobs. */
void hosting_retake(struct hosting *hosting);
/* A frame of a home. Returns true if it was for this module. */
bool hosting_frame(struct hosting *hosting, const struct id *from, Wire__Frame *frame);
/* A frame between steps (or a home and a step) that is for a step here, or passes through. */
void hosting_route(struct hosting *hosting, const Wire__Route *route);
/* True if the sender may speak as route->src in this job. */
bool hosting_is_from(const struct hosting *hosting, const struct id *from,
                     const Wire__Route *route);
/* The lease table's word that a lease ran out. */
void hosting_lease_over(struct hosting *hosting, const char *job);
/* This host was voted lost to the job: its part ends. */
void hosting_void(struct hosting *hosting, const char *job, const char *why);
/* Is there a part of a job here that has its home there? */
bool hosting_has_part(struct hosting *hosting, const char *job, const struct id *home);
/* A link to this peer is there: tell the steps whose jobs it is in. */
void hosting_peer_up(struct hosting *hosting, const struct id *peer);
/* The last link to this peer is gone: parts of its jobs that do not run yet end. */
void hosting_peer_down(struct hosting *hosting, const struct id *peer);
/* Tries again to remove what could not be removed. */
void hosting_tick(struct hosting *hosting, int64_t now_ms);
void hosting_reaped(struct hosting *hosting, pid_t pid, int status);
/* Ends all parts; hosting_count() falls to 0 within a few seconds. */
void hosting_stop(struct hosting *hosting);
unsigned hosting_count(const struct hosting *hosting);
/* The same without parts of jobs whose home is here. */
unsigned hosting_guests(const struct hosting *hosting);
/* Adds "host" and "lease" lines to a listing. */
void hosting_list(const struct hosting *hosting, Wire__Jobs *jobs);
void hosting_destroy(struct hosting *hosting);

#endif
