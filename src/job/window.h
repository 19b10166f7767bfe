/* SPDX-License-Identifier: BSD-3-Clause */
/* window.h - numbers that were seen, so that nothing counts twice (as RFC 4303, 3.4.3) */
#ifndef P2PMPI_JOB_WINDOW_H
#define P2PMPI_JOB_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

/* All zero: nothing was seen. */
struct window {
    uint64_t newest;
    uint64_t seen; /* bit n: newest - n */
};

/* False for a number that was seen before, or is 64 or more behind the newest, or 0. */
static inline bool window_take(struct window *window, uint64_t number)
{
    if (number > window->newest) {
        uint64_t ahead = number - window->newest;
        window->seen = (ahead < 64 ? window->seen << ahead : 0) | 1;
        window->newest = number;
        return true;
    }
    uint64_t behind = window->newest - number;
    if (number == 0 || behind >= 64 || (window->seen >> behind & 1) != 0)
        return false;
    window->seen |= (uint64_t)1 << behind;
    return true;
}

#endif
