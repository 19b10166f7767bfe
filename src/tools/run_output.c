/* SPDX-License-Identifier: BSD-3-Clause */
/* run_output.c - what the ranks write, brought to p2pmpirun's standard output and error */
#include "config.h"
#include "tools/run_output.h"

#include "base/mem.h"
#include "tools/run_sink.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RANKS_MAX     65536
#define LINE_MAX_HELD 4096 /* with tags: a line longer than this is cut */
#define HOLD_MS       100  /* and one without an end (a prompt) waits that long for it */

/* One stream of one rank. */
struct source {
    uint64_t next; /* offset of the byte expected */
    uint64_t written;
    bool inside; /* part of the current line was written: no tag */
    char *held;  /* with tags: the beginning of a line */
    size_t held_size;
};

/* When the sink's position passes upto, size bytes of a source are written. */
struct mark {
    struct mark *next;
    uint64_t upto;
    size_t source;
    size_t size;
};

struct stream {
    struct run_output *output;
    struct run_sink *sink;
    struct mark *first, **last;
    const char *name;
};

struct run_output {
    struct stream streams[2];
    struct source *sources; /* [rank * 2 + stream - 1] */
    size_t source_count;
    bool tag, merge;
    struct event *hold;
    const struct run_output_ops *ops;
    void *arg;
};

static void tell_written(struct run_output *output, size_t index)
{
    output->ops->written((uint32_t)(index / 2), (uint32_t)(index % 2) + 1,
                         output->sources[index].written, output->arg);
}

static void on_written(uint64_t position, void *arg)
{
    struct stream *stream = arg;
    struct run_output *output = stream->output;
    size_t source = SIZE_MAX;

    while (stream->first != NULL && stream->first->upto <= position) {
        struct mark *mark = stream->first;
        if (source != SIZE_MAX && mark->source != source)
            tell_written(output, source);
        source = mark->source;
        output->sources[source].written += mark->size;
        stream->first = mark->next;
        if (stream->first == NULL)
            stream->last = &stream->first;
        free(mark);
    }
    if (source != SIZE_MAX)
        tell_written(output, source);
    if (run_output_is_empty(output))
        output->ops->empty(output->arg);
}

static void on_failed(int error, void *arg)
{
    struct stream *stream = arg;
    char why[160];

    snprintf(why, sizeof why, "cannot write to %s: %s; the ranks' further output there is dropped",
             stream->name, strerror(error));
    /* A reader that has seen enough ("| head") is no fault. */
    stream->output->ops->failed(error == EPIPE ? NULL : why, stream->output->arg);
}

static const struct run_sink_ops sink_ops = {on_written, on_failed};

static struct stream *stream_of(struct run_output *output, size_t index)
{
    return &output->streams[output->merge ? 0 : index % 2];
}

/* Adds text to the sink, with the tag where a line begins. */
static void write_tagged(struct run_output *output, size_t index, const char *text, size_t size)
{
    struct source *source = &output->sources[index];
    struct run_sink *sink = stream_of(output, index)->sink;
    char tag[64];

    int length =
        snprintf(tag, sizeof tag, "[1,%zu]<%s>:", index / 2, index % 2 == 0 ? "stdout" : "stderr");
    while (size > 0) {
        const char *end = memchr(text, '\n', size);
        size_t part = end != NULL ? (size_t)(end - text) + 1 : size;
        if (!source->inside)
            run_sink_put(sink, tag, (size_t)length);
        run_sink_put(sink, text, part);
        source->inside = end == NULL;
        text += part;
        size -= part;
    }
}

static void release_held(struct run_output *output, size_t index)
{
    struct source *source = &output->sources[index];
    char *held = source->held;
    size_t size = source->held_size;

    source->held = NULL;
    source->held_size = 0;
    write_tagged(output, index, held, size);
    free(held);
}

static void hold(struct run_output *output, size_t index, const char *text, size_t size)
{
    static const struct timeval wait = {0, HOLD_MS * 1000};
    struct source *source = &output->sources[index];

    if (size == 0)
        return;
    if (source->held_size + size > LINE_MAX_HELD) {
        release_held(output, index);
        write_tagged(output, index, text, size);
        return;
    }
    source->held = mem_grow(source->held, source->held_size + size, 1);
    memcpy(source->held + source->held_size, text, size);
    source->held_size += size;
    if (!event_pending(output->hold, EV_TIMEOUT, NULL))
        event_add(output->hold, &wait);
}

/* Whole lines at once, so that lines of several ranks do not mix; the rest is held for its end. */
static void put_tagged(struct run_output *output, size_t index, const char *text, size_t size,
                       bool end)
{
    const char *last = memrchr(text, '\n', size);
    size_t whole = last != NULL ? (size_t)(last - text) + 1 : 0;

    if (whole > 0) {
        release_held(output, index);
        write_tagged(output, index, text, whole);
    }
    hold(output, index, text + whole, size - whole);
    if (end)
        release_held(output, index);
}

static void release_all(struct run_output *output)
{
    for (size_t i = 0; i < output->source_count; i++)
        if (output->sources[i].held_size > 0)
            release_held(output, i);
    for (int i = 0; i < 2; i++)
        run_sink_push(output->streams[i].sink);
}

static void on_hold(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    release_all(arg);
}

static void grow(struct run_output *output, size_t index)
{
    if (index < output->source_count)
        return;
    size_t count = (index + 1) * 2;
    output->sources = mem_grow(output->sources, count, sizeof output->sources[0]);
    memset(output->sources + output->source_count, 0,
           (count - output->source_count) * sizeof output->sources[0]);
    output->source_count = count;
}

int run_output_put(struct run_output *output, uint32_t rank, uint32_t stream, uint64_t offset,
                   const void *data, size_t size, bool end)
{
    size_t index = (size_t)rank * 2 + stream - 1;

    if (rank >= RANKS_MAX || stream < OUTPUT_STDOUT || stream > OUTPUT_STDERR)
        return -1;
    grow(output, index);
    struct source *source = &output->sources[index];
    if (offset > source->next)
        return -1;
    uint64_t known = source->next - offset;
    if (known > size)
        known = size; /* all of it was here before */
    const char *fresh =
        size > 0 ? (const char *)data + known : ""; /* an end may come without data */
    size -= known;
    source->next += size;

    struct stream *to = stream_of(output, index);
    if (output->tag)
        put_tagged(output, index, fresh, size, end);
    else
        run_sink_put(to->sink, fresh, size);
    if (size > 0) {
        struct mark *mark = mem_alloc(sizeof *mark);
        /* What is held for the end of its line counts as written: its size has a ceiling. */
        *mark = (struct mark){NULL, run_sink_put(to->sink, "", 0), index, size};
        *to->last = mark;
        to->last = &mark->next;
    }
    run_sink_push(to->sink);
    if (run_sink_waiting(to->sink) == 0 && to->first != NULL)
        on_written(UINT64_MAX, to);
    return 0;
}

bool run_output_is_empty(const struct run_output *output)
{
    return run_sink_waiting(output->streams[0].sink) == 0 &&
           run_sink_waiting(output->streams[1].sink) == 0;
}

void run_output_finish(struct run_output *output)
{
    release_all(output);
}

void run_output_marks(const struct run_output *output,
                      void (*mark)(uint32_t rank, uint32_t stream, uint64_t bytes, void *arg),
                      void *arg)
{
    for (size_t i = 0; i < output->source_count; i++)
        if (output->sources[i].written > 0)
            mark((uint32_t)(i / 2), (uint32_t)(i % 2) + 1, output->sources[i].written, arg);
}

struct run_output *run_output_create(struct event_base *base, int out_fd, int err_fd, bool tag,
                                     bool merge, const struct run_output_ops *ops, void *arg)
{
    struct run_output *output = mem_alloc(sizeof *output);

    output->tag = tag;
    output->merge = merge;
    output->ops = ops;
    output->arg = arg;
    output->hold = event_new(base, -1, 0, on_hold, output);
    for (int i = 0; i < 2; i++) {
        struct stream *stream = &output->streams[i];
        stream->output = output;
        stream->last = &stream->first;
        stream->name = i == 0 ? "standard output" : "standard error";
        stream->sink = run_sink_create(base, i == 0 ? out_fd : err_fd, &sink_ops, stream);
    }
    return output;
}

void run_output_destroy(struct run_output *output)
{
    if (output == NULL)
        return;
    for (int i = 0; i < 2; i++) {
        struct stream *stream = &output->streams[i];
        run_sink_destroy(stream->sink);
        for (struct mark *mark = stream->first; mark != NULL;) {
            struct mark *next = mark->next;
            free(mark);
            mark = next;
        }
    }
    for (size_t i = 0; i < output->source_count; i++)
        free(output->sources[i].held);
    free(output->sources);
    event_free(output->hold);
    free(output);
}
