/* SPDX-License-Identifier: BSD-3-Clause */
/* run_input.c - p2pmpirun's standard input, on its way to rank 0 */
#include "config.h"
#include "tools/run_input.h"

#include "base/mem.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE 16384

struct run_input {
    int fd;
    bool started, ended, is_file, is_terminal;
    struct event *ready;
    struct evbuffer *unacked;
    uint64_t acked; /* offset of the first byte in unacked */
    run_input_send_fn send;
    void *arg;
};

static void read_on(struct run_input *input)
{
    static const struct timeval now = {0, 0};

    if (!input->started || input->ended || evbuffer_get_length(input->unacked) >= INPUT_WINDOW)
        return;
    if (input->is_terminal && tcgetpgrp(input->fd) != getpgrp())
        return; /* in the background; run_input_continue() looks again */
    event_add(input->ready, input->is_file ? &now : NULL);
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
    struct run_input *input = arg;
    char piece[PIECE];

    (void)fd;
    (void)what;
    if (input->is_terminal && tcgetpgrp(input->fd) != getpgrp())
        return;
    size_t room = INPUT_WINDOW - evbuffer_get_length(input->unacked);
    ssize_t got = read(input->fd, piece, room < sizeof piece ? room : sizeof piece);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
        read_on(input);
        return;
    }
    if (got < 0 && errno == EIO && input->is_terminal && tcgetpgrp(input->fd) != getpgrp())
        return;
    if (got < 0)
        got = 0; /* what cannot be read is at its end */
    uint64_t offset = input->acked + evbuffer_get_length(input->unacked);
    input->ended = got == 0;
    evbuffer_add(input->unacked, piece, (size_t)got);
    input->send(offset, piece, (size_t)got, input->ended, input->arg);
    read_on(input);
}

struct run_input *run_input_create(struct event_base *base, int fd, run_input_send_fn send, void *arg)
{
    struct run_input *input = mem_alloc(sizeof *input);
    struct stat st;

    input->fd = fd;
    input->send = send;
    input->arg = arg;
    input->is_terminal = isatty(fd);
    /* epoll takes neither files nor /dev/null, and they never block for long. */
    input->is_file = !input->is_terminal && (fstat(fd, &st) < 0 || S_ISREG(st.st_mode) ||
                                             S_ISCHR(st.st_mode) || S_ISDIR(st.st_mode));
    input->ready = event_new(base, input->is_file ? -1 : fd, input->is_file ? 0 : EV_READ, on_ready, input);
    input->unacked = evbuffer_new();
    return input;
}

void run_input_destroy(struct run_input *input)
{
    if (input == NULL)
        return;
    event_free(input->ready);
    evbuffer_free(input->unacked);
    free(input);
}

void run_input_start(struct run_input *input)
{
    if (input->started)
        return;
    input->started = true;
    read_on(input);
}

void run_input_acked(struct run_input *input, uint64_t bytes)
{
    size_t waiting = evbuffer_get_length(input->unacked);

    if (bytes <= input->acked || bytes - input->acked > waiting)
        return;
    evbuffer_drain(input->unacked, bytes - input->acked);
    input->acked = bytes;
    read_on(input);
}

void run_input_repeat(struct run_input *input)
{
    size_t size = evbuffer_get_length(input->unacked);

    if (size > 0 || input->ended)
        input->send(input->acked, evbuffer_pullup(input->unacked, -1), size, input->ended, input->arg);
}

void run_input_continue(struct run_input *input)
{
    if (input->is_terminal)
        read_on(input);
}
