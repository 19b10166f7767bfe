/* SPDX-License-Identifier: BSD-3-Clause */
/* life.c - the life of a job as two state tables: at its home, and on each of its hosts */
#include "config.h"
#include "job/life.h"

/* What stands in no line means nothing; no event leads to the first state, 0. */

static const unsigned char home_table[HOME_STATES][HOME_EVENTS] = {
    [HOME_SEARCH] = {[HOME_EVENT_PLACED] = HOME_STAGE,
                     [HOME_EVENT_FAIL] = HOME_RELEASE,
                     [HOME_EVENT_ABANDON] = HOME_RELEASE},
    [HOME_STAGE] = {[HOME_EVENT_STAGED] = HOME_START,
                    [HOME_EVENT_FAIL] = HOME_RELEASE,
                    [HOME_EVENT_ABANDON] = HOME_RELEASE},
    [HOME_START] = {[HOME_EVENT_STARTED] = HOME_RUN,
                    [HOME_EVENT_FAIL] = HOME_DRAIN, /* some ranks may have run and said why */
                    [HOME_EVENT_ABANDON] = HOME_RELEASE},
    [HOME_RUN] = {[HOME_EVENT_RANKS_ENDED] = HOME_DRAIN,
                  [HOME_EVENT_FAIL] = HOME_DRAIN,
                  [HOME_EVENT_ABANDON] = HOME_RELEASE},
    [HOME_DRAIN] = {[HOME_EVENT_OUTPUT_DONE] = HOME_FETCH, [HOME_EVENT_ABANDON] = HOME_RELEASE},
    [HOME_FETCH] = {[HOME_EVENT_FETCHED] = HOME_RELEASE,
                    [HOME_EVENT_FAIL] = HOME_RELEASE,
                    [HOME_EVENT_ABANDON] = HOME_RELEASE},
    [HOME_RELEASE] = {[HOME_EVENT_HOSTS_GONE] = HOME_DONE},
};

static const unsigned char host_table[HOST_STATES][HOST_EVENTS] = {
    [HOST_LEASED] = {[HOST_EVENT_OFFER] = HOST_STAGING,
                     [HOST_EVENT_START] = HOST_STARTING,
                     [HOST_EVENT_END] = HOST_GONE},
    [HOST_STAGING] = {[HOST_EVENT_READY] = HOST_READY, [HOST_EVENT_END] = HOST_GONE},
    [HOST_READY] = {[HOST_EVENT_START] = HOST_STARTING, [HOST_EVENT_END] = HOST_GONE},
    [HOST_STARTING] = {[HOST_EVENT_STARTED] = HOST_RUNNING,
                       [HOST_EVENT_END] = HOST_ENDING,
                       [HOST_EVENT_STEP_GONE] = HOST_GONE},
    [HOST_RUNNING] = {[HOST_EVENT_END] = HOST_ENDING, [HOST_EVENT_STEP_GONE] = HOST_GONE},
    [HOST_ENDING] = {[HOST_EVENT_STEP_GONE] = HOST_GONE},
};

int home_next(enum home_state state, enum home_event event)
{
    int next = home_table[state][event];

    return next != 0 ? next : -1;
}

int host_next(enum host_state state, enum host_event event)
{
    int next = host_table[state][event];

    return next != 0 ? next : -1;
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
