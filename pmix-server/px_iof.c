/* SPDX-License-Identifier: BSD-3-Clause */
/* px_iof.c - standard output, error and input of the ranks, within windows */
#include "config.h"
#include "pmix-server/px_iof.h"

#include "base/mem.h"
#include "pmix-server/px_launch.h"
#include "pmix-server/px_route.h"
#include "pmix-server/px_step.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_SIZE (64u << 10)

struct piece {
    struct piece *next;
    uint64_t offset; /* in its stream */
    size_t size;
    bool is_end;
    uint8_t data[];
};

struct stream {
    struct px_step *step; /* borrowed */
    struct stream *next;
    uint32_t rank, number;
    int fd; /* -1: ended */
    struct event *event;
    uint64_t offset, acked;
    struct piece *first, **end; /* not acknowledged */
};

struct px_iof {
    struct stream *streams;
    size_t open_streams;
    uint64_t waiting; /* bytes not acknowledged, of all streams */
    bool is_paused;
    struct {
        int fd;
        struct event *event;
        struct evbuffer *buffer;
        uint64_t received, taken, told;
        bool is_ended;
    } in;
};

void px_iof_open(struct px_step *step)
{
    struct px_iof *iof = mem_alloc(sizeof *iof);

    iof->in.fd = -1;
    step->iof = iof;
}

static void piece_send(const struct stream *stream, const struct piece *piece)
{
    Wire__Step message = WIRE__STEP__INIT;
    Wire__Output output = WIRE__OUTPUT__INIT;

    output.rank = stream->rank;
    output.stream = stream->number;
    output.offset = piece->offset;
    output.data.data = (uint8_t *)(uintptr_t)piece->data;
    output.data.len = piece->size;
    output.end = piece->is_end;
    message.body_case = WIRE__STEP__BODY_OUTPUT;
    message.output = &output;
    px_route_send(stream->step, HOME_HOST, &message);
}

static void piece_keep(struct stream *stream, const uint8_t *data, size_t size)
{
    struct piece *piece = mem_alloc(sizeof *piece + size);

    piece->offset = stream->offset;
    piece->size = size;
    piece->is_end = size == 0;
    memcpy(piece->data, data, size);
    stream->offset += size;
    stream->step->iof->waiting += size;
    *stream->end = piece;
    stream->end = &piece->next;
    piece_send(stream, piece);
}

static void set_paused(struct px_iof *iof, bool paused)
{
    if (iof->is_paused == paused)
        return;
    iof->is_paused = paused;
    for (struct stream *stream = iof->streams; stream != NULL; stream = stream->next)
        if (stream->fd >= 0 && paused)
            event_del(stream->event);
        else if (stream->fd >= 0)
            event_add(stream->event, NULL);
}

static void stream_end(struct stream *stream)
{
    static const uint8_t nothing[1];

    event_free(stream->event);
    stream->event = NULL;
    close(stream->fd);
    stream->fd = -1;
    stream->step->iof->open_streams--;
    piece_keep(stream, nothing, 0);
}

/* Returns false when there was nothing to read, or the stream ended. */
static bool stream_read(struct stream *stream)
{
    struct px_iof *iof = stream->step->iof;
    uint8_t bytes[READ_SIZE];

    ssize_t size = read(stream->fd, bytes, sizeof bytes);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (size <= 0) { /* a terminal whose last writer is gone says EIO */
        stream_end(stream);
        return false;
    }
    piece_keep(stream, bytes, (size_t)size);
    set_paused(iof, iof->waiting >= IOF_WINDOW);
    return true;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct px_step *step = ((struct stream *)arg)->step;

    (void)fd;
    (void)what;
    stream_read(arg);
    px_launch_check_done(step);
}

void px_iof_drain(struct px_step *step)
{
    for (struct stream *stream = step->iof->streams; stream != NULL; stream = stream->next)
        while (stream->fd >= 0 && !step->iof->is_paused && stream_read(stream))
            continue;
}

static void add_stream(struct px_step *step, uint32_t rank, uint32_t number, int fd)
{
    struct stream *stream = mem_alloc(sizeof *stream);

    stream->step = step;
    stream->rank = rank;
    stream->number = number;
    stream->fd = fd;
    stream->end = &stream->first;
    stream->event = event_new(step->base, fd, EV_READ | EV_PERSIST, on_readable, stream);
    if (!step->iof->is_paused)
        event_add(stream->event, NULL);
    stream->next = step->iof->streams;
    step->iof->streams = stream;
    step->iof->open_streams++;
}

static struct stream *stream_find(struct px_iof *iof, uint32_t rank, uint32_t number)
{
    struct stream *stream = iof->streams;

    while (stream != NULL && (stream->rank != rank || stream->number != number))
        stream = stream->next;
    return stream;
}

void px_iof_acked(struct px_step *step, const Wire__OutputAck *ack)
{
    struct px_iof *iof = step->iof;
    struct stream *stream = stream_find(iof, ack->rank, ack->stream);

    if (stream == NULL || ack->bytes > stream->offset || ack->bytes <= stream->acked)
        return;
    iof->waiting -= ack->bytes - stream->acked;
    stream->acked = ack->bytes;
    while (stream->first != NULL && stream->first->offset + stream->first->size <= ack->bytes) {
        struct piece *piece = stream->first;

        stream->first = piece->next;
        if (stream->first == NULL)
            stream->end = &stream->first;
        free(piece);
    }
    set_paused(iof, iof->waiting >= IOF_WINDOW);
}

void px_iof_repeat(struct px_step *step)
{
    for (struct stream *stream = step->iof->streams; stream != NULL; stream = stream->next) {
        struct piece end = {.offset = stream->offset, .is_end = true};

        for (struct piece *piece = stream->first; piece != NULL; piece = piece->next)
            piece_send(stream, piece);
        if (stream->fd < 0)
            piece_send(stream, &end);
    }
}

bool px_iof_is_done(const struct px_step *step)
{
    return step->iof->open_streams == 0;
}

/* ---- input */

static void tell_taken(struct px_step *step)
{
    struct px_iof *iof = step->iof;
    Wire__Step message = WIRE__STEP__INIT;
    Wire__InputAck ack = WIRE__INPUT_ACK__INIT;

    if (iof->in.taken == iof->in.told)
        return;
    iof->in.told = iof->in.taken;
    ack.bytes = iof->in.taken;
    message.body_case = WIRE__STEP__BODY_INPUT_ACK;
    message.input_ack = &ack;
    px_route_send(step, HOME_HOST, &message);
}

static void input_stop(struct px_iof *iof)
{
    if (iof->in.event != NULL)
        event_free(iof->in.event);
    iof->in.event = NULL;
    if (iof->in.fd >= 0)
        close(iof->in.fd);
    iof->in.fd = -1;
    if (iof->in.buffer != NULL)
        evbuffer_free(iof->in.buffer);
    iof->in.buffer = NULL;
}

static void on_input_writable(evutil_socket_t fd, short what, void *arg)
{
    struct px_step *step = arg;
    struct px_iof *iof = step->iof;

    (void)what;
    int written = evbuffer_get_length(iof->in.buffer) > 0 ? evbuffer_write(iof->in.buffer, fd) : 0;
    if (written < 0 && (errno == EAGAIN || errno == EINTR))
        written = 0;
    if (written < 0) { /* rank 0 has closed its standard input: what comes is swallowed */
        px_iof_close_input(step);
        return;
    }
    iof->in.taken += (unsigned)written;
    if (evbuffer_get_length(iof->in.buffer) > 0)
        event_add(iof->in.event, NULL);
    else if (iof->in.is_ended)
        input_stop(iof);
    tell_taken(step);
}

void px_iof_close_input(struct px_step *step)
{
    input_stop(step->iof);
    step->iof->in.taken = step->iof->in.received;
    tell_taken(step);
}

void px_iof_input(struct px_step *step, const Wire__Input *input)
{
    struct px_iof *iof = step->iof;
    uint64_t known =
        iof->in.received - (input->offset < iof->in.received ? input->offset : iof->in.received);

    if (input->offset > iof->in.received || known > input->data.len ||
        input->data.len - known > 4 * IOF_INPUT_WINDOW)
        return; /* a hole cannot be: the channel is in order; the rest is a repetition */
    size_t fresh = input->data.len - known;
    iof->in.received += fresh;
    iof->in.is_ended |= input->end;
    if (iof->in.fd < 0) {
        iof->in.taken = iof->in.received;
        tell_taken(step);
        return;
    }
    if (fresh > 0)
        evbuffer_add(iof->in.buffer, input->data.data + known, fresh);
    event_add(iof->in.event, NULL);
}

void px_iof_add(struct px_step *step, uint32_t rank, int out, int err, int in)
{
    struct px_iof *iof = step->iof;

    add_stream(step, rank, 1, out);
    add_stream(step, rank, 2, err);
    if (in < 0)
        return;
    iof->in.fd = in;
    iof->in.buffer = evbuffer_new();
    iof->in.event = event_new(step->base, in, EV_WRITE, on_input_writable, step);
}

void px_iof_close(struct px_step *step)
{
    struct px_iof *iof = step->iof;

    if (iof == NULL)
        return;
    input_stop(iof);
    while (iof->streams != NULL) {
        struct stream *stream = iof->streams;

        iof->streams = stream->next;
        while (stream->first != NULL) {
            struct piece *piece = stream->first;

            stream->first = piece->next;
            free(piece);
        }
        if (stream->event != NULL)
            event_free(stream->event);
        if (stream->fd >= 0)
            close(stream->fd);
        free(stream);
    }
    free(iof);
    step->iof = NULL;
}
