/* SPDX-License-Identifier: BSD-3-Clause */
/* inbox.h - puts numbered messages in order and drops repeated ones: the receiving half of a
 * channel */
#ifndef P2PMPI_JOB_INBOX_H
#define P2PMPI_JOB_INBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INBOX_AHEAD       64         /* messages kept behind a gap ... */
#define INBOX_AHEAD_BYTES (1u << 20) /* ... and their bytes; others come again */

/* All zero: nothing has arrived. */
struct inbox {
    uint64_t taken; /* the last one handed on: what is acknowledged */
    struct inbox_slot {
        uint8_t *body; /* owned; NULL: empty slot */
        size_t size;
    } ahead[INBOX_AHEAD]; /* message n is in slot n % INBOX_AHEAD */
    size_t ahead_bytes;
};

enum inbox_verdict {
    INBOX_NEXT,  /* in order, and counted as taken: hand it on, then whatever inbox_take() has */
    INBOX_KEPT,  /* copied, waits for the gap to fill */
    INBOX_KNOWN, /* was here before */
    INBOX_FAR,   /* no room behind the gap; it will come again */
};

enum inbox_verdict inbox_put(struct inbox *box, uint64_t seq, const uint8_t *body, size_t size);

/* The next message in order out of those kept; the caller frees *body_out. false: not there yet. */
bool inbox_take(struct inbox *box, uint8_t **body_out, size_t *size_out);

void inbox_clear(struct inbox *box); /* as new */

#endif
