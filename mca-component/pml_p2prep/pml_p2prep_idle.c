/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_idle.c - a process that waits for long leaves its core to others
 *
 * sched_yield() gives the core to those that wait for the same one. But to the kernel a process
 * that yields is one that runs: it leaves two who wait on one core and two who compute on the
 * other. An idle core fetches work. The longer somebody has waited, the longer it sleeps, so that a
 * wait gets longer by a part of itself. Who calls MPI_Test between pieces of work makes few calls
 * and sleeps next to never. */
#include "mca-component/pml_p2prep/pml_p2prep_idle.h"

#include "mca-component/pml_p2prep/pml_p2prep.h"
#include "mca-component/pml_p2prep/pml_p2prep_wire.h"

enum {
    CALLS_AWAKE = 64,   /* that found nothing, before the first sleep */
    CALLS_BETWEEN = 32, /* two sleeps */
    CALLS_PER_US = 4,   /* of sleep; a call takes about 1 us */
    SLEEP_MAX_US = 500,
};

void p2prep_idle(int n)
{
    static unsigned calls; /* in a row that found nothing */
    if (n > 0 || opal_using_threads()) {
        calls = 0;
        return;
    }
    if (++calls < CALLS_AWAKE || calls % CALLS_BETWEEN != 0)
        return;
    unsigned us = calls / CALLS_PER_US;
    p2prep_wire_wait_us(us < SLEEP_MAX_US ? us : SLEEP_MAX_US);
}
