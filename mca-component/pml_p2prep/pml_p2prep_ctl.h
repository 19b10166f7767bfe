/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_ctl.h - control sockets of a process with replicas: who is dead, who is done
 *
 * Each process listens on a TCP port of its own. Connections form a mesh, or in large jobs rings of
 * power-of-two distances; two sets that only grow (the dead, the done) are flooded over them, whole
 * to every new connection. An end of file is no verdict, it makes one look: dial anew. Refused at
 * an address that is known to be the process's, or at all it has: its kernel has closed the port,
 * it is dead. Answered by somebody else at that port: dead. Welcome: it lives. Silence: dialled
 * again.
 *
 * Two processes may hold two connections, one dialled by each; none is closed for the other's sake,
 * so that crossing dials cannot chase each other. Sockets close in forked children: a child that
 * held one would hide the end of file.
 *
 * No Open MPI here. One thread; only ctl_news() may be called from any. Upcalls come from
 * ctl_poll() alone. */
#ifndef MCA_PML_P2PREP_CTL_H
#define MCA_PML_P2PREP_CTL_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ctl;

struct ctl_upcalls {
    void *arg;
    /* process is dead for certain; once each. */
    void (*dead)(void *arg, int process);
    /* Others hold this process for dead: leave. Once. */
    void (*refused)(void *arg);
    /* Others can take over all that process does. NULL: always. */
    bool (*can_leave)(void *arg, int process);
};

struct ctl_setup {
    int self, count;        /* processes of the job are 0..count-1 */
    int mesh_max;           /* everybody with everybody up to so many processes; 0: 64 */
    const char *interfaces; /* as p2prep_setup's */
    const char *host;       /* this host's name, for sentences; may be NULL */
    struct ctl_upcalls up;
};

/* Listens. NULL with a sentence. */
struct ctl *ctl_create(const struct ctl_setup *setup, struct err *err);
void ctl_destroy(struct ctl *ctl);
/* For the modex; borrowed. */
const void *ctl_card(const struct ctl *ctl, size_t *size_out);
/* What process published; copied. -1: not a card. */
int ctl_peer(struct ctl *ctl, int process, const void *card, size_t size);
/* A sibling: always connected, however large the job. */
void ctl_friend(struct ctl *ctl, int process);
/* All cards are there: dials. */
void ctl_start(struct ctl *ctl, int64_t now_ms);

/* What came, dials under way, what waits to be dialled again. One system call when idle. */
void ctl_poll(struct ctl *ctl, int64_t now_ms);
/* Readable when ctl_poll() has something to read. */
int ctl_fd(const struct ctl *ctl);
/* Something about process looks like death: finds out. */
void ctl_look(struct ctl *ctl, int process);
/* The data link with process broke and is not made again. If both live, one must leave; the lowest
 * living process decides for all which, so that no two give up each other. */
void ctl_cut(struct ctl *ctl, int process);
/* It keeps others waiting for too long, and they may do without it: the lowest living process that
 * nobody complains of takes it for dead, for all, if it can leave. */
void ctl_lags(struct ctl *ctl, int process);
/* It is dead for certain (the daemon's word). */
void ctl_dead(struct ctl *ctl, int process);
/* The same, from any thread. */
void ctl_news(struct ctl *ctl, int process);
/* Before ctl_start(): takes what ctl_news() told. True: somebody is dead. */
bool ctl_hear(struct ctl *ctl);
bool ctl_is_dead(const struct ctl *ctl, int process);
/* It is connected: it lives, as far as is known. */
bool ctl_is_up(const struct ctl *ctl, int process);
/* The host that process named, or "?". */
const char *ctl_host(const struct ctl *ctl, int process);

/* This process needs nobody any more; it still serves until ctl_is_over(). */
void ctl_done(struct ctl *ctl);
bool ctl_is_done(const struct ctl *ctl);
/* All others are done or dead. */
bool ctl_is_over(const struct ctl *ctl);

#endif
