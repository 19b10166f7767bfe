/* SPDX-License-Identifier: BSD-3-Clause */
/* daemon.h - what p2pmpid consists of, and how its parts reach each other
 *
 *   front    tools on the Unix socket             mesh      links to other daemons
 *   homes    jobs that were submitted here        hosting   parts of jobs that run here
 *   members  peer cache, probes, supernodes       leases    whose the slots are
 *
 * Everything happens on one thread, the one of `base`. */
#ifndef P2PMPI_PEER_DAEMON_H
#define P2PMPI_PEER_DAEMON_H

#include "base/dirs.h"
#include "base/err.h"
#include "base/id.h"
#include "peer/settings.h"
#include "plan/lease.h"
#include "wire/frame.h"

#include <stdbool.h>

#define RENEW_MS 2000 /* a job's home renews its leases so often */

struct event;
struct event_base;
struct front;
struct homes;
struct hosting;
struct members;
struct mesh;
struct store;
struct tls;
struct toolstep;
struct watches;

struct daemon {
    struct event_base *base;
    struct settings settings;
    struct dirs dirs;
    bool is_private; /* serves one p2pmpirun, over one inherited socket; no grid */
    bool stopping;
    int64_t stopping_ms; /* since when */
    struct id self;      /* all zero in a private daemon */
    Wire__Hello *hello;  /* as sent on every link; hello->self describes this host */
    char *bwrap;         /* NULL: jobs run without a sandbox */
    struct leases *leases;
    struct store *store; /* NULL in a private daemon */
    struct mesh *mesh;
    struct members *members; /* NULL without a grid */
    struct watches *watches; /* NULL without a grid */
    struct hosting *hosting;
    struct homes *homes;
    struct front *front;
    struct toolstep *toolstep; /* NULL in a private daemon */
    struct event *tick, *chld, *term, *intr;
};

/* Brings everything up; fd: the inherited socket of a private daemon, -1 otherwise. settings are
 * taken. NULL with a sentence. */
struct daemon *daemon_create(struct settings *settings, int fd, struct err *err);
/* Runs until stopped. Returns the exit code. */
int daemon_run(struct daemon *daemon);
void daemon_destroy(struct daemon *daemon);

/* The links of this daemon; tls NULL: none but to itself. */
struct mesh *daemon_mesh(struct daemon *daemon, struct tls *tls);

/* Ends the loop as soon as jobs are ended: everything of this host is killed and tidied. */
void daemon_stop(struct daemon *daemon);
/* Fills the load of this host. */
void daemon_load(struct daemon *daemon, Wire__LoadInfo *load_out);
/* This host as others see it, load included: freed with message_free(). */
Wire__Peer *daemon_self(struct daemon *daemon);
/* How long the lease of a running job is good without a renewal: a home may be lost for rejoin_ms.
 */
uint32_t daemon_lease_ms(const Wire__JobSpec *spec);
/* One frame to a daemon (or to ourselves). -1: no way is known; a later failure is reported by the
 * mesh's down(). */
int daemon_send(struct daemon *daemon, const struct id *to, const Wire__Frame *frame);

#endif
