/* SPDX-License-Identifier: BSD-3-Clause */
/* clock.c - the time: monotonic for waiting, wall clock for people and certificates */
#include "config.h"
#include "base/clock.h"

#include <time.h>

int64_t clock_now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_now_ms(void)
{
    return clock_now_us() / 1000;
}

int64_t clock_wall_s(void)
{
    return (int64_t)time(NULL);
}
