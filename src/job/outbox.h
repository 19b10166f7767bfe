/* SPDX-License-Identifier: BSD-3-Clause */
/* outbox.h - messages numbered 1, 2, ... and kept until acknowledged: the sending half of a channel
 *
 * The oldest part has been sent ("in flight"), the rest waits for room in the flight. */
#ifndef P2PMPI_JOB_OUTBOX_H
#define P2PMPI_JOB_OUTBOX_H

#include <stddef.h>
#include <stdint.h>

struct outbox_message {
    struct outbox_message *next;
    uint64_t seq;
    size_t size;
    uint8_t *body; /* owned, malloc()ed */
};

/* All zero but last_seq: empty. */
struct outbox {
    struct outbox_message *first, *last;
    struct outbox_message *unsent; /* first that is not in flight; NULL: all are */
    uint64_t last_seq;             /* number of the newest message */
    size_t bytes, flight_bytes;
};

/* Appends; body is freed later. A message that would take the box above max_bytes is refused: -1,
 * body stays the caller's. An empty box takes any. */
int outbox_add_take(struct outbox *box, uint8_t *body, size_t size, size_t max_bytes);

/* The next message to send, now in flight; NULL when all are or the flight would exceed flight_max
 * (one message may fly alone whatever its size). Borrowed until acknowledged. */
const struct outbox_message *outbox_next(struct outbox *box, size_t flight_max);

/* All up to ack have arrived: forgets them. Returns how many, or -1 for a number never sent. */
int outbox_acked(struct outbox *box, uint64_t ack);

void outbox_rewind(struct outbox *box); /* nothing is in flight any more: all is to be sent again */
void outbox_renumber(struct outbox *box); /* the same, with numbers from 1 */
void outbox_clear(struct outbox *box);

#endif
