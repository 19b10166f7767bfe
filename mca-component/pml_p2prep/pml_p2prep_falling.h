/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_falling.h - with replicas: which non-blocking collectives of a communicator are over
 */
#ifndef PML_P2PREP_FALLING_H
#define PML_P2PREP_FALLING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct p2prep_comm;

/* Of one communicator. Tags fall: the older one is the higher one. */
struct p2prep_falling {
    int32_t closed;        /* collectives with this tag and older ones are over; 0: none was yet */
    int32_t lowest;        /* newest tag seen, */
    int32_t lowest_before; /* ... at the last look */
    int32_t touched;       /* oldest tag with something new since then, INT32_MIN: none */
    uint32_t *live;        /* requests by tag, those below `closed`: a ring of `size` */
    uint32_t size;
    LIST_ENTRY(p2prep_falling) link; /* while something is open */
    uint32_t context;
};

/* A request with that tag begins (+1), is given back (-1), or a message is sent without one (0). */
void p2prep_falling_count(struct p2prep_falling *falling, uint32_t context, int tag, int more);
/* From time to time, after at least some rounds of opal_progress(): tells the engine what is over.
 */
void p2prep_falling_look(void);
void p2prep_falling_close(struct p2prep_falling *falling);

#endif
