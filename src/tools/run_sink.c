/* SPDX-License-Identifier: BSD-3-Clause */
/* run_sink.c - bytes waiting to be written to a descriptor that others share, without ever blocking
 * on it
 *
 * O_NONBLOCK belongs to the open file, which the shell and the rest of a pipeline use too. So a
 * pipe or a terminal is opened anew through /proc/self/fd, which gives an open file of our own.
 * Where that is forbidden (another user's terminal) small pieces are written after poll(); files
 * are written directly. */
#include "config.h"
#include "tools/run_sink.h"

#include "base/mem.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define POLLED_PIECE                                                                               \
    512 /* what a pipe takes whole when poll() says so (PIPE_BUF is more, POSIX says 512) */
#define PIECE 65536

enum way { WAY_DIRECT, WAY_OWN, WAY_SOCKET, WAY_POLLED };

struct run_sink {
    int fd;
    enum way way;
    struct evbuffer *bytes;
    struct event *ready; /* NULL for WAY_DIRECT */
    uint64_t put, position;
    int failed;
    const struct run_sink_ops *ops;
    void *arg;
};

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    run_sink_push(arg);
}

static enum way choose_way(int *fd)
{
    struct stat st;
    char path[64];

    if (fstat(*fd, &st) < 0 || S_ISREG(st.st_mode) || (S_ISCHR(st.st_mode) && !isatty(*fd)))
        return WAY_DIRECT;
    if (S_ISSOCK(st.st_mode))
        return WAY_SOCKET;
    snprintf(path, sizeof path, "/proc/self/fd/%d", *fd);
    int own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (own < 0)
        return WAY_POLLED;
    *fd = own;
    return WAY_OWN;
}

struct run_sink *run_sink_create(struct event_base *base, int fd, const struct run_sink_ops *ops,
                                 void *arg)
{
    struct run_sink *sink = mem_alloc(sizeof *sink);

    sink->fd = fd;
    sink->way = choose_way(&sink->fd);
    sink->bytes = evbuffer_new();
    sink->ops = ops;
    sink->arg = arg;
    if (sink->way != WAY_DIRECT)
        sink->ready = event_new(base, sink->fd, EV_WRITE, on_ready, sink);
    return sink;
}

void run_sink_destroy(struct run_sink *sink)
{
    if (sink == NULL)
        return;
    if (sink->ready != NULL)
        event_free(sink->ready);
    evbuffer_free(sink->bytes);
    if (sink->way == WAY_OWN)
        close(sink->fd);
    free(sink);
}

static ssize_t write_some(struct run_sink *sink, const void *data, size_t size)
{
    struct pollfd ready = {.fd = sink->fd, .events = POLLOUT};

    switch (sink->way) {
    case WAY_SOCKET:
        return send(sink->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    case WAY_POLLED:
        if (poll(&ready, 1, 0) == 0) {
            errno = EAGAIN;
            return -1;
        }
        return write(sink->fd, data, size < POLLED_PIECE ? size : POLLED_PIECE);
    default:
        return write(sink->fd, data, size);
    }
}

static void drop(struct run_sink *sink, size_t size)
{
    evbuffer_drain(sink->bytes, size);
    sink->position += size;
}

void run_sink_push(struct run_sink *sink)
{
    uint64_t before = sink->position;
    int error = 0;

    while (sink->failed == 0 && evbuffer_get_length(sink->bytes) > 0) {
        size_t size = evbuffer_get_length(sink->bytes);
        if (size > PIECE)
            size = PIECE;
        ssize_t done = write_some(sink, evbuffer_pullup(sink->bytes, (ev_ssize_t)size), size);
        if (done >= 0) {
            drop(sink, (size_t)done);
        } else if (errno == EAGAIN && sink->ready != NULL) {
            event_add(sink->ready, NULL);
            break;
        } else if (errno != EINTR) {
            sink->failed = error = errno;
        }
    }
    if (sink->failed != 0)
        drop(sink, evbuffer_get_length(sink->bytes));
    if (error != 0)
        sink->ops->failed(error, sink->arg);
    if (sink->position != before)
        sink->ops->written(sink->position, sink->arg);
}

uint64_t run_sink_put(struct run_sink *sink, const void *data, size_t size)
{
    evbuffer_add(sink->bytes, data, size);
    sink->put += size;
    return sink->put;
}

size_t run_sink_waiting(const struct run_sink *sink)
{
    return evbuffer_get_length(sink->bytes);
}
