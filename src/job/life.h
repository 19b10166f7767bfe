/* SPDX-License-Identifier: BSD-3-Clause */
/* life.h - the life of a job as two state tables: at its home, and on each of its hosts
 *
 * The tables say what may follow what; src/peer/home*.c and hosting.c do it. docs/protocol.md draws
 * them. */
#ifndef P2PMPI_JOB_LIFE_H
#define P2PMPI_JOB_LIFE_H

/* ---- at home */
enum home_state {
    HOME_SEARCH, /* candidates, leases, placement */
    HOME_STAGE,  /* program and data on their way */
    HOME_START,  /* hosts are told to start their ranks */
    HOME_RUN,
    HOME_DRAIN,   /* ranks ended or told to: exits and output are still coming */
    HOME_FETCH,   /* result files on their way */
    HOME_RELEASE, /* hosts are told to forget the job */
    HOME_DONE,
    HOME_STATES
};
enum home_event {
    HOME_EVENT_PLACED,
    HOME_EVENT_STAGED,
    HOME_EVENT_STARTED,
    HOME_EVENT_RANKS_ENDED, /* all of them */
    HOME_EVENT_OUTPUT_DONE, /* and every byte written by p2pmpirun */
    HOME_EVENT_FETCHED,
    HOME_EVENT_HOSTS_GONE,
    HOME_EVENT_FAIL,    /* a rank failed, a host was lost, a limit passed, the user ended it */
    HOME_EVENT_ABANDON, /* p2pmpirun is gone: nobody is left to write output for */
    HOME_EVENTS
};
/* The next state, or -1 when this event means nothing in this state. */
int home_next(enum home_state state, enum home_event event);
const char *home_state_name(enum home_state state);

/* ---- on a host */
enum host_state {
    HOST_LEASED,   /* slots are kept, nothing else */
    HOST_STAGING,  /* files are coming */
    HOST_READY,    /* all there */
    HOST_STARTING, /* p2pmpi-stepd is being started */
    HOST_RUNNING,
    HOST_ENDING, /* told to end; waiting for p2pmpi-stepd */
    HOST_GONE,   /* directory and lease are no more */
    HOST_STATES
};
enum host_event {
    HOST_EVENT_OFFER,     /* StageOffer */
    HOST_EVENT_READY,     /* all files verified and laid out */
    HOST_EVENT_START,     /* JobStart */
    HOST_EVENT_STARTED,   /* StepStarted */
    HOST_EVENT_END,       /* JobKill, lease over, home lost, failure */
    HOST_EVENT_STEP_GONE, /* p2pmpi-stepd is no more, or never was */
    HOST_EVENTS
};
int host_next(enum host_state state, enum host_event event);
const char *host_state_name(enum host_state state);

#endif
