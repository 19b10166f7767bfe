/* SPDX-License-Identifier: BSD-3-Clause */
/* run_signals.h - signals sent to p2pmpirun: ends of the job, stops, and those that are for the
 * ranks */
#ifndef P2PMPI_TOOLS_RUN_SIGNALS_H
#define P2PMPI_TOOLS_RUN_SIGNALS_H

#include <stdbool.h>

struct event_base;
struct run_signals;

struct run_signals_ops {
    void (*end)(int number, unsigned count,
                void *arg);              /* INT, TERM, HUP; count: how many came so far */
    void (*pass)(int number, void *arg); /* USR1, USR2, and CONT after a stop */
    void (*stop)(void *arg); /* TSTP: tell the ranks, then call run_signals_stop_self() */
};

struct run_signals *run_signals_create(struct event_base *base, const struct run_signals_ops *ops,
                                       void *arg);
void run_signals_destroy(struct run_signals *signals);

/* Stops this process as the terminal asked; returns when it goes on. */
void run_signals_stop_self(void);

#endif
