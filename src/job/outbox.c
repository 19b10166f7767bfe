/* SPDX-License-Identifier: BSD-3-Clause */
/* outbox.c - messages numbered 1, 2, ... and kept until acknowledged: the sending half of a channel
 */
#include "config.h"
#include "job/outbox.h"

#include "base/mem.h"

#include <stdlib.h>

int outbox_add_take(struct outbox *box, uint8_t *body, size_t size, size_t max_bytes)
{
    if (box->first != NULL && (size > max_bytes || box->bytes > max_bytes - size))
        return -1;
    struct outbox_message *message = mem_alloc(sizeof *message);
    *message = (struct outbox_message){NULL, ++box->last_seq, size, body};
    if (box->last != NULL)
        box->last->next = message;
    else
        box->first = message;
    box->last = message;
    if (box->unsent == NULL)
        box->unsent = message;
    box->bytes += size;
    return 0;
}

const struct outbox_message *outbox_next(struct outbox *box, size_t flight_max)
{
    struct outbox_message *message = box->unsent;

    if (message == NULL ||
        (box->first != message && box->flight_bytes + message->size > flight_max))
        return NULL;
    box->unsent = message->next;
    box->flight_bytes += message->size;
    return message;
}

static void forget_first(struct outbox *box)
{
    struct outbox_message *message = box->first;

    box->first = message->next;
    if (box->first == NULL)
        box->last = NULL;
    if (box->unsent == message)
        box->unsent = message->next;
    else
        box->flight_bytes -= message->size;
    box->bytes -= message->size;
    free(message->body);
    free(message);
}

int outbox_acked(struct outbox *box, uint64_t ack)
{
    int count = 0;

    if (ack > box->last_seq)
        return -1;
    for (; box->first != NULL && box->first->seq <= ack; count++)
        forget_first(box);
    return count;
}

void outbox_rewind(struct outbox *box)
{
    box->unsent = box->first;
    box->flight_bytes = 0;
}

void outbox_renumber(struct outbox *box)
{
    box->last_seq = 0;
    for (struct outbox_message *message = box->first; message != NULL; message = message->next)
        message->seq = ++box->last_seq;
    outbox_rewind(box);
}

void outbox_clear(struct outbox *box)
{
    while (box->first != NULL)
        forget_first(box);
}
