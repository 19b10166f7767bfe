/* SPDX-License-Identifier: BSD-3-Clause */
/* loop.c - for tests on an event loop: wait for a condition, with a deadline */
#include "config.h"
#include "test/lib/loop.h"

#include <event2/event.h>

enum { DEADLINE_S = 20 };

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    *(bool *)arg = true;
}

bool loop_until(struct event_base *base, const int *counter, int wanted)
{
    struct timeval wait = {DEADLINE_S, 0};
    bool late = false;

    struct event *deadline = event_new(base, -1, 0, on_deadline, &late);
    event_add(deadline, &wait);
    while (*counter < wanted && !late)
        event_base_loop(base, EVLOOP_ONCE);
    event_free(deadline);
    return *counter >= wanted;
}
