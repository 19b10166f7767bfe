/* SPDX-License-Identifier: BSD-3-Clause */
/* inbox.c - puts numbered messages in order and drops repeated ones: the receiving half of a
 * channel */
#include "config.h"
#include "job/inbox.h"

#include <stdlib.h>
#include <string.h>

static enum inbox_verdict keep(struct inbox *box, uint64_t seq, const uint8_t *body, size_t size)
{
    struct inbox_slot *slot = &box->ahead[seq % INBOX_AHEAD];

    if (seq - box->taken >= INBOX_AHEAD || size > INBOX_AHEAD_BYTES - box->ahead_bytes)
        return INBOX_FAR;
    if (slot->body != NULL)
        return INBOX_KNOWN;
    slot->body = malloc(size + 1);
    if (slot->body == NULL)
        return INBOX_FAR;
    if (size > 0)
        memcpy(slot->body, body, size);
    slot->size = size;
    box->ahead_bytes += size;
    return INBOX_KEPT;
}

enum inbox_verdict inbox_put(struct inbox *box, uint64_t seq, const uint8_t *body, size_t size)
{
    if (seq <= box->taken)
        return INBOX_KNOWN;
    if (seq != box->taken + 1)
        return keep(box, seq, body, size);
    box->taken++;
    return INBOX_NEXT;
}

bool inbox_take(struct inbox *box, uint8_t **body_out, size_t *size_out)
{
    struct inbox_slot *slot = &box->ahead[(box->taken + 1) % INBOX_AHEAD];

    if (slot->body == NULL)
        return false;
    *body_out = slot->body;
    *size_out = slot->size;
    box->ahead_bytes -= slot->size;
    *slot = (struct inbox_slot){NULL, 0};
    box->taken++;
    return true;
}

void inbox_clear(struct inbox *box)
{
    for (int i = 0; i < INBOX_AHEAD; i++)
        free(box->ahead[i].body);
    memset(box, 0, sizeof *box);
}
