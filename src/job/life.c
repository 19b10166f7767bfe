/* SPDX-License-Identifier: BSD-3-Clause */
/* life.c - the life of a job as two state tables: at its home, and on each of its hosts */
#include "config.h"
#include "job/life.h"

#define NO (-1)

static const signed char home_table[HOME_STATES][HOME_EVENTS] = {
    /*                 PLACED      STAGED      STARTED   RANKS_ENDED OUTPUT_DONE FETCHED HOSTS_GONE
       FAIL          ABANDON */
    [HOME_SEARCH] = {HOME_STAGE, NO, NO, NO, NO, NO, NO, HOME_RELEASE, HOME_RELEASE},
    [HOME_STAGE] = {NO, HOME_START, NO, NO, NO, NO, NO, HOME_RELEASE, HOME_RELEASE},
    [HOME_START] = {NO, NO, HOME_RUN, NO, NO, NO, NO, HOME_RELEASE, HOME_RELEASE},
    [HOME_RUN] = {NO, NO, NO, HOME_DRAIN, NO, NO, NO, HOME_DRAIN, HOME_RELEASE},
    [HOME_DRAIN] = {NO, NO, NO, NO, HOME_FETCH, NO, NO, NO, HOME_RELEASE},
    [HOME_FETCH] = {NO, NO, NO, NO, NO, HOME_RELEASE, NO, HOME_RELEASE, HOME_RELEASE},
    [HOME_RELEASE] = {NO, NO, NO, NO, NO, NO, HOME_DONE, NO, NO},
    [HOME_DONE] = {NO, NO, NO, NO, NO, NO, NO, NO, NO},
};

static const signed char host_table[HOST_STATES][HOST_EVENTS] = {
    /*                  OFFER         READY       START          STARTED       END STEP_GONE */
    [HOST_LEASED] = {HOST_STAGING, NO, HOST_STARTING, NO, HOST_GONE, NO},
    [HOST_STAGING] = {NO, HOST_READY, NO, NO, HOST_GONE, NO},
    [HOST_READY] = {NO, NO, HOST_STARTING, NO, HOST_GONE, NO},
    [HOST_STARTING] = {NO, NO, NO, HOST_RUNNING, HOST_ENDING, HOST_GONE},
    [HOST_RUNNING] = {NO, NO, NO, NO, HOST_ENDING, HOST_GONE},
    [HOST_ENDING] = {NO, NO, NO, NO, NO, HOST_GONE},
    [HOST_GONE] = {NO, NO, NO, NO, NO, NO},
};

int home_next(enum home_state state, enum home_event event)
{
    return home_table[state][event];
}

int host_next(enum host_state state, enum host_event event)
{
    return host_table[state][event];
}

const char *home_state_name(enum home_state state)
{
    static const char *const names[HOME_STATES] = {"searching", "staging",  "starting",  "running",
                                                   "draining",  "fetching", "releasing", "done"};
    return names[state];
}

const char *host_state_name(enum host_state state)
{
    static const char *const names[HOST_STATES] = {"leased",  "staging", "ready", "starting",
                                                   "running", "ending",  "gone"};
    return names[state];
}
