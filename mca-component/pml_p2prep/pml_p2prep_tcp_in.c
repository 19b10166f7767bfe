/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_tcp_in.c - reading: small frames through a buffer, bodies straight to their place */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "mca-component/pml_p2prep/pml_p2prep_tcp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#define READ_BUDGET (4u << 20) /* bytes of one link per progress() */
#define BEHIND_CHUNK                                                                               \
    4096 /* bytes read behind a chunk: the rest of the next one goes to its place */

struct input {
    const unsigned char *at, *end;
    int events;
};

static bool is_up(const struct tcp_link *link)
{
    return link->state == TCP_UP;
}

static void arrival_remove(struct tcp_link *link, struct tcp_arrival *arrival)
{
    struct tcp_arrival **at = &link->arrivals;

    while (*at != arrival)
        at = &(*at)->next;
    *at = arrival->next;
    if (link->chunk_of == arrival)
        link->chunk_of = NULL;
}

static void arrival_end(struct tcp_link *link, struct tcp_arrival *arrival, bool is_whole)
{
    const struct p2prep_upcalls *up = &link->tp->base.up;
    struct tcp_arrival gone = *arrival;

    arrival_remove(link, arrival);
    free(arrival);
    if (gone.place != NULL)
        up->body_done(up->arg, link->base.owner, gone.token, is_whole);
}

int tcp_arrivals_drop(struct tcp_link *link)
{
    int events = 0;

    link->chunk_left = link->pad_left = 0;
    for (; link->arrivals != NULL; events++)
        arrival_end(link, link->arrivals, false);
    free(link->partial);
    link->partial = NULL;
    link->partial_size = 0;
    return events;
}

/* Bytes of the chunk being read have come: in place already, or to be copied (from). */
static int chunk_take(struct tcp_link *link, const unsigned char *from, size_t size)
{
    struct tcp_arrival *arrival = link->chunk_of;

    if (from != NULL && arrival->place != NULL)
        memcpy(arrival->place + arrival->got, from, size);
    arrival->got += size;
    link->chunk_left -= size;
    if (arrival->got < arrival->size)
        return 0;
    arrival_end(link, arrival, true);
    return 1;
}

static void nonsense(struct tcp_link *link, const char *what)
{
    tcp_break(link, P2PREP_LOSS_FAULT, "a frame makes no sense (%s)", what);
}

/* Bytes that a frame must have in the buffer before it can be looked at; 0: it makes no sense. */
static size_t frame_need(const struct tcp_frame *frame)
{
    size_t head = tcp_padded(frame->head_size);

    bool has_head = frame->kind == TCP_MESSAGE || frame->kind == TCP_BODY;

    if (frame->head_size > P2PREP_HEAD_MAX || (has_head && frame->head_size == 0))
        return 0;
    switch (frame->kind) {
    case TCP_MESSAGE:
        if (frame->size > TCP_SEND_MAX)
            return 0;
        return tcp_stepped(tcp_payload_at(frame->head_size, frame->size) + frame->size);
    case TCP_BODY:
        return tcp_stepped(sizeof *frame + 2 * sizeof(uint64_t) + head);
    case TCP_CHUNK_OF:
        return frame->size <= TCP_CHUNK ? tcp_stepped(sizeof *frame + sizeof(uint64_t)) : 0;
    default:
        return 0;
    }
}

static void on_message(struct tcp_link *link, const struct tcp_frame *frame, struct input *in)
{
    const struct p2prep_upcalls *up = &link->tp->base.up;
    const unsigned char *payload = in->at + tcp_payload_at(frame->head_size, frame->size);
    _Alignas(8) unsigned char head[P2PREP_HEAD_MAX];

    memcpy(head, in->at + sizeof *frame, frame->head_size);
    in->at += frame_need(frame);
    up->message(up->arg, link->base.owner, head, frame->head_size, payload, frame->size);
    in->events++;
}

static void on_body(struct tcp_link *link, const struct tcp_frame *frame, struct input *in)
{
    const struct p2prep_upcalls *up = &link->tp->base.up;
    struct tcp_arrival *arrival = calloc(1, sizeof *arrival);
    _Alignas(8) unsigned char head[P2PREP_HEAD_MAX];
    uint64_t numbers[2];

    if (arrival == NULL) {
        tcp_break(link, P2PREP_LOSS_FAULT, "no memory for a body");
        return;
    }
    memcpy(numbers, in->at + sizeof *frame, sizeof numbers);
    arrival->id = numbers[0];
    arrival->size = numbers[1];
    memcpy(head, in->at + sizeof *frame + sizeof numbers, frame->head_size);
    arrival->place =
        up->body(up->arg, link->base.owner, head, frame->head_size, arrival->size, &arrival->token);
    in->at += frame_need(frame);
    in->events++;
    arrival->next = link->arrivals;
    link->arrivals = arrival;
    if (!is_up(link))
        arrival_end(link, arrival, false);
}

static void on_chunk(struct tcp_link *link, const struct tcp_frame *frame, struct input *in)
{
    struct tcp_arrival *arrival = link->arrivals;
    uint64_t id;
    size_t here;

    memcpy(&id, in->at + sizeof *frame, sizeof id);
    while (arrival != NULL && arrival->id != id)
        arrival = arrival->next;
    if (arrival == NULL || frame->size > arrival->size - arrival->got) {
        nonsense(link, "a chunk of no body");
        return;
    }
    in->at += frame_need(frame);
    link->chunk_of = arrival;
    link->chunk_left = frame->size;
    link->pad_left = tcp_stepped(frame->size) - frame->size;
    here = (size_t)(in->end - in->at) < frame->size ? (size_t)(in->end - in->at) : frame->size;
    in->at += here;
    in->events += chunk_take(link, in->at - here, here);
}

static void skip_pad(struct tcp_link *link, struct input *in)
{
    size_t here = (size_t)(in->end - in->at), part = here < link->pad_left ? here : link->pad_left;

    if (link->chunk_left > 0)
        return;
    in->at += part;
    link->pad_left -= part;
}

static void parse(struct tcp_link *link, struct input *in)
{
    skip_pad(link, in);
    while (is_up(link) && in->end - in->at >= (ptrdiff_t)sizeof(struct tcp_frame)) {
        struct tcp_frame frame;
        size_t need;

        memcpy(&frame, in->at, sizeof frame);
        need = frame_need(&frame);
        if (need == 0) {
            nonsense(link, "its size or kind");
            return;
        }
        if ((size_t)(in->end - in->at) < need)
            return;
        if (frame.kind == TCP_MESSAGE)
            on_message(link, &frame, in);
        else if (frame.kind == TCP_BODY)
            on_body(link, &frame, in);
        else
            on_chunk(link, &frame, in);
        skip_pad(link, in);
    }
}

/* An unfinished frame waits in the link's own memory. */
static void keep_rest(struct tcp_link *link, const struct input *in)
{
    size_t size = (size_t)(in->end - in->at);

    if (!is_up(link) || size == 0)
        return;
    link->partial = malloc(size);
    if (link->partial == NULL) {
        tcp_break(link, P2PREP_LOSS_FAULT, "no memory for a part of a frame");
        return;
    }
    memcpy(link->partial, in->at, size);
    link->partial_size = size;
}

static size_t bring_rest(struct tcp_link *link)
{
    size_t size = link->partial_size;

    if (size == 0)
        return 0;
    memcpy(link->tp->buffer, link->partial, size);
    free(link->partial);
    link->partial = NULL;
    link->partial_size = 0;
    return size;
}

static void read_failed(struct tcp_link *link, ssize_t n)
{
    if (n == 0)
        tcp_break(link, P2PREP_LOSS_EOF, "the connection was closed");
    else
        tcp_break(link, P2PREP_LOSS_EOF, "the connection broke: %s", strerror(errno));
}

/* One system call: the rest of the chunk to its place, what follows to the buffer. */
static ssize_t read_once(struct tcp_link *link, size_t kept, size_t *asked_out)
{
    unsigned char *buffer = link->tp->buffer + kept;
    struct tcp_arrival *arrival = link->chunk_of;
    struct iovec iov[2];

    if (link->chunk_left > 0 && arrival->place != NULL) {
        iov[0] = (struct iovec){arrival->place + arrival->got, link->chunk_left};
        iov[1] = (struct iovec){buffer, BEHIND_CHUNK};
        *asked_out = link->chunk_left + BEHIND_CHUNK;
        return readv(link->fd, iov, 2);
    }
    *asked_out = kept > 0 ? TCP_BUFFER - kept : TCP_READ;
    return recv(link->fd, buffer, *asked_out, MSG_DONTWAIT);
}

/* What one read brought goes where it belongs. */
static int digest(struct tcp_link *link, size_t kept, size_t got)
{
    struct input in = {link->tp->buffer, link->tp->buffer + kept + got, 0};

    if (link->chunk_left > 0) {
        bool is_in_place = link->chunk_of->place != NULL;
        size_t part = got < link->chunk_left ? got : link->chunk_left;

        if (is_in_place)
            in.end -= part;
        else
            in.at += part;
        in.events += chunk_take(link, NULL, part);
    }
    parse(link, &in);
    keep_rest(link, &in);
    return in.events;
}

int tcp_read(struct tcp_link *link, bool *has_read_out)
{
    size_t total = 0, asked;
    int events = 0;

    *has_read_out = false;
    while (is_up(link) && total < READ_BUDGET) {
        size_t kept = bring_rest(link);
        ssize_t n = read_once(link, kept, &asked);

        if (n <= 0) {
            if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
                struct input in = {link->tp->buffer, link->tp->buffer + kept, 0};

                keep_rest(link, &in);
                break;
            }
            read_failed(link, n);
            *has_read_out = true;
            break;
        }
        *has_read_out = true;
        total += (size_t)n;
        events += digest(link, kept, (size_t)n);
        if ((size_t)n < asked)
            break;
    }
    return events;
}
