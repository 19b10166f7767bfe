/* SPDX-License-Identifier: BSD-3-Clause */
/* fence.h - PMIx fences among the hosts of a job: contributions go up a tree, the result comes down
 *
 * The hosts that have ranks in a fence form a heap: position p's parent is (p - 1) / 2. A host
 * sends FenceUp when its whole subtree has contributed; the root concatenates all data in order of
 * host numbers and sends FenceDown. Fences are matched between hosts by their processes (as a set)
 * and the how manieth fence of that set it is, so several may run at once.
 * - A rank that is gone is not waited for; a host whose ranks in the fence are all gone adds
 * nothing, but its engine passes messages on. Every engine of the job must be told of every rank's
 * end (fence_rank_gone).
 * - A lost host's children report to its nearest living ancestor, or to the new root: the first
 * living host. Every engine must be told (fence_host_lost). Contributions carry their host, so a
 * repeated one is known. Hosts may then end with results that differ in the data of lost hosts
 * only.
 * - A status that is not 0, contributed anywhere, ends the fence everywhere with that status,
 * without data.
 *
 * Pure logic: no sockets, no clock. send() may lose nothing (job/chan.h). Callbacks may call
 * fence_contribute(), nothing else here. After any call that takes now_ms ask fence_next() when to
 * tick. */
#ifndef P2PMPI_COLL_FENCE_H
#define P2PMPI_COLL_FENCE_H

#include "base/err.h"
#include "wire/frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FENCE_WILDCARD 0xfffffffeu /* rank number: all of the namespace (PMIX_RANK_WILDCARD) */
#define FENCE_DATA_MAX (6u << 20)  /* bytes of all contributions together */
#define FENCE_MAX      256         /* fences under way at once */

/* Statuses of our own; the program translates them to PMIx's. Any other int passes through
 * unchanged. */
enum fence_status {
    FENCE_OK = 0,
    FENCE_TIMEOUT = -10001,
    FENCE_TOO_BIG = -10002, /* more than FENCE_DATA_MAX */
    FENCE_FAILED = -10003,
};

struct fence_proc {
    const char *nspace; /* borrowed */
    uint32_t rank;      /* or FENCE_WILDCARD */
};

struct fence_ops {
    /* Hand step to the channel to that host. Borrowed for the call. */
    void (*send)(void *arg, int host, const Wire__Step *step);
    /* The fence contributed with tag is over. data (borrowed until the next call here): all hosts'
     * contributions, in order of host numbers; none unless status is FENCE_OK. why: a sentence when
     * it is not. */
    void (*complete)(void *arg, void *tag, int status, const uint8_t *data, size_t size,
                     const char *why);
};

struct fence_engine;

/* The engine of host `self`. rank_host[ranks] maps ranks to host numbers, as JobSpec.rank_host;
 * copied. */
struct fence_engine *fence_create(const char *nspace, int self, const uint32_t *rank_host,
                                  size_t ranks, const struct fence_ops *ops, void *arg);
void fence_destroy(struct fence_engine *engine); /* completes nothing */

/* All living local ranks among procs are in (libpmix's fence upcall). data is copied. status: 0, or
 * why this host's part failed. timeout_ms 0: none. complete(tag) follows, once, perhaps before this
 * returns (one host alone). -1 with a sentence, and no complete(), when procs name an unknown
 * namespace or rank, nobody here, or too many fences run. */
int fence_contribute(struct fence_engine *engine, const struct fence_proc *procs, size_t count,
                     const void *data, size_t size, int status, uint32_t timeout_ms, void *tag,
                     int64_t now_ms, struct err *err);

/* FenceUp and FenceDown from host src; other bodies are ignored. -1 with a sentence (for the log)
 * when it is not acceptable; nothing happened then. */
int fence_receive(struct fence_engine *engine, int src, const Wire__Step *step, int64_t now_ms,
                  struct err *err);

/* This rank has ended, whatever the way: fences wait for it no longer. */
void fence_rank_gone(struct fence_engine *engine, uint32_t rank, int64_t now_ms);
/* This host, its ranks and its engine are gone. */
void fence_host_lost(struct fence_engine *engine, int host, int64_t now_ms);

/* Ends every fence that waits here (the job ends), without telling others. */
void fence_fail_all(struct fence_engine *engine, int status, const char *why);

#define FENCE_PARTNERS 3
/* The hosts that this one exchanges messages with when all ranks fence: parent and children. Greet
 * them when the step starts (chan_route_up), so that a fence does not wait for a resend to a step
 * that came up later. Returns how many. */
size_t fence_partners(struct fence_engine *engine, int hosts_out[FENCE_PARTNERS]);

int fence_tick(struct fence_engine *engine, int64_t now_ms); /* returns fence_next() */
int fence_next(const struct fence_engine *engine,
               int64_t now_ms);                          /* ms until a tick is wanted, -1: none */
size_t fence_pending(const struct fence_engine *engine); /* fences under way, as seen here */

#endif
