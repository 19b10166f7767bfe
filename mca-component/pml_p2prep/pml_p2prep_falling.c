/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_falling.c - with replicas: which non-blocking collectives of a communicator are over
 *
 * libnbc gives each collective of a communicator the next lower tag and posts its rounds one after
 * the other. It begins a round in the same call in which it gives the last request of the one
 * before back, and its progress leaves no collective without a request that is under way, but those
 * that are over. So one of which no request is left, and of which nothing was seen for some rounds
 * of opal_progress(), is over. The engine may then forget its streams. */
#include "mca-component/pml_p2prep/pml_p2prep_falling.h"

#include "mca-component/pml_p2prep/pml_p2prep.h"
#include "mca-component/pml_p2prep/pml_p2prep_replica.h"

#include <ompi/runtime/mpiruntime.h>

static LIST_HEAD(, p2prep_falling) open_ones = LIST_HEAD_INITIALIZER(open_ones);

static uint32_t *live_of(const struct p2prep_falling *falling, int32_t tag)
{
    return &falling->live[(uint32_t)-tag & (falling->size - 1)];
}

/* Room for the tags below `closed` down to this one. */
static void reserve(struct p2prep_falling *falling, int32_t tag)
{
    uint32_t size = falling->size ? falling->size : 64;
    while (size < (uint32_t)(falling->closed - tag))
        size *= 2;
    if (size == falling->size)
        return;
    uint32_t *live = calloc(size, sizeof *live);
    if (!live)
        p2prep_no_memory(size * sizeof *live);
    for (int32_t t = falling->closed - 1; t >= falling->lowest; t--)
        live[(uint32_t)-t & (size - 1)] = *live_of(falling, t);
    free(falling->live);
    falling->live = live;
    falling->size = size;
}

static void begin(struct p2prep_falling *falling, uint32_t context)
{
    falling->context = context;
    falling->closed = falling->lowest = falling->lowest_before = p2prep_replica_falling_first() + 1;
    falling->touched = INT32_MIN;
}

void p2prep_falling_count(struct p2prep_falling *falling, uint32_t context, int tag, int more)
{
    if (!p2prep_replica_tag_falls(tag))
        return;
    if (falling->closed == 0)
        begin(falling, context);
    if (tag >= falling->closed)
        p2prep_replica_tag_again(tag, context);
    if (falling->closed == falling->lowest) /* not in the list */
        LIST_INSERT_HEAD(&open_ones, falling, link);
    reserve(falling, tag);
    *live_of(falling, tag) += (uint32_t)more;
    if (tag < falling->lowest)
        falling->lowest = tag;
    if (tag > falling->touched)
        falling->touched = tag;
}

static void look(struct p2prep_falling *falling)
{
    int32_t tag = falling->closed;
    while (tag - 1 >= falling->lowest_before && tag - 1 > falling->touched &&
           *live_of(falling, tag - 1) == 0)
        tag--;
    falling->touched = INT32_MIN;
    falling->lowest_before = falling->lowest;
    if (tag == falling->closed)
        return;
    falling->closed = tag;
    p2prep_replica_over(falling->context, tag);
    if (falling->closed == falling->lowest)
        LIST_REMOVE(falling, link);
}

void p2prep_falling_look(void)
{
    struct p2prep_falling *falling, *next;
    if (ompi_mpi_thread_multiple)
        return; /* another thread may be between two rounds */
    for (falling = LIST_FIRST(&open_ones); falling; falling = next) {
        next = LIST_NEXT(falling, link);
        look(falling);
    }
}

void p2prep_falling_close(struct p2prep_falling *falling)
{
    if (falling->closed != falling->lowest)
        LIST_REMOVE(falling, link);
    free(falling->live);
}
