/* SPDX-License-Identifier: BSD-3-Clause */
/* px_upcall.h - from PMIx's progress thread to the loop's: calls are queued and run there, in order
 *
 * An upcall copies its arguments behind a struct px_call, posts it and returns at once. PMIx gives
 * its host functions no argument of ours, so the queue is a global, the only one that both threads
 * touch. */
#ifndef P2PMPI_PX_UPCALL_H
#define P2PMPI_PX_UPCALL_H

struct px_step;

struct px_call {
    struct px_call *next;
    void (*run)(struct px_call *call,
                struct px_step *step); /* on the loop's thread; frees the call */
};

/* Opens the queue on the step's event base. Returns 0, or -1 with errno. */
int px_upcall_open(struct px_step *step);

/* Any thread. The call belongs to the queue from here on. */
void px_upcall_post(struct px_call *call);

/* Loop's thread: runs what is queued now, before something else is looked at (a child's death must
 * not overtake the finalize that came before it). */
void px_upcall_drain(void);

void px_upcall_close(void);

#endif
