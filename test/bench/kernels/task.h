/* SPDX-License-Identifier: BSD-3-Clause */
/* task.h - a piece of work of about a millisecond, whose result is known beforehand */
#ifndef TASK_H
#define TASK_H

#include "test/bench/kernels/kernel.h"

enum { TASK_STEPS = 900000 };

/* The number-th piece: the generator's next steps. */
static inline uint64_t task_do(int number)
{
    uint64_t x = random_jump(271828183, (uint64_t)number * TASK_STEPS);
    for (int i = 0; i < TASK_STEPS; i++)
        (void)random_next(&x);
    return x;
}

static inline int task_is_right(int number, uint64_t result)
{
    return result == random_jump(271828183, (uint64_t)(number + 1) * TASK_STEPS);
}

/* How many of them a class has. */
static inline int task_count(void)
{
    return kernel_class == 'S' ? 20 : kernel_class == 'W' ? 600 : 4000;
}

#endif
