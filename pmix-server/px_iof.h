/* SPDX-License-Identifier: BSD-3-Clause */
/* px_iof.h - standard output, error and input of the ranks, within windows
 *
 * Output goes to the home in pieces, at most IOF_WINDOW bytes of this host ahead of what p2pmpirun
 * has written. Pieces are kept until then: a home that starts anew gets them again. A full window
 * stops the reading, and so the ranks. */
#ifndef P2PMPI_PX_IOF_H
#define P2PMPI_PX_IOF_H

#include "wire/frame.h"

#include <stdbool.h>
#include <stdint.h>

#define IOF_WINDOW       (1u << 20)   /* bytes of output not yet written by p2pmpirun */
#define IOF_INPUT_WINDOW (256u << 10) /* bytes of input not yet taken by rank 0 */

struct px_step;

void px_iof_open(struct px_step *step);
void px_iof_close(struct px_step *step); /* what was not read is lost */

/* Takes the ends of a rank's pipes; in is -1 for all but (a replica of) rank 0. */
void px_iof_add(struct px_step *step, uint32_t rank, int out, int err, int in);

/* Reads now what ranks have written: it goes before what is sent next, an abort or an exit. Within
 * the window. */
void px_iof_drain(struct px_step *step);

/* This much of a rank's stream has been written by p2pmpirun, or is not needed. */
void px_iof_acked(struct px_step *step, const Wire__OutputAck *ack);

/* Input for rank 0. */
void px_iof_input(struct px_step *step, const Wire__Input *input);
void px_iof_close_input(struct px_step *step);

/* Sends again what p2pmpirun has not written. */
void px_iof_repeat(struct px_step *step);

/* True when every rank's output has ended and has been sent. */
bool px_iof_is_done(const struct px_step *step);

#endif
