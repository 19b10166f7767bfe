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

#define PIECE         16384
#define BACKGROUND_MS 250

struct run_input {
    int fd;
    bool started, ended, is_file, is_terminal;
    struct event *ready;
    struct event *look; /* whether we are in the foreground now */
    struct evbuffer *unacked;
    uint64_t acked; /* offset of the first byte in unacked */
    run_input_send_fn send;
    void *arg;
};

static bool is_background(const struct run_input *input)
{
    return input->is_terminal && tcgetpgrp(input->fd) != getpgrp();
}

static void read_on(struct run_input *input)
{
    static const struct timeval now = {0, 0}, later = {0, BACKGROUND_MS * 1000};

    if (!input->started || input->ended || evbuffer_get_length(input->unacked) >= INPUT_WINDOW)
        return;
    if (is_background(input)) { /* a shell's "fg" gives no signal to a job that runs */
        event_add(input->look, &later);
        return;
    }
    event_add(input->ready, input->is_file ? &now : NULL);
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
    struct run_input *input = arg;
    char piece[PIECE];

    (void)fd;
    (void)what;
    if (is_background(input)) {
        read_on(input);
        return;
    }
    size_t room = INPUT_WINDOW - evbuffer_get_length(input->unacked);
    ssize_t got = read(input->fd, piece, room < sizeof piece ? room : sizeof piece);
    if (got < 0 && (errno == EINTR || errno == EAGAIN || (errno == EIO && is_background(input)))) {
        read_on(input);
        return;
    }
    if (got < 0)
        got = 0; /* what cannot be read is at its end */
    uint64_t offset = input->acked + evbuffer_get_length(input->unacked);
    input->ended = got == 0;
    evbuffer_add(input->unacked, piece, (size_t)got);
    input->send(offset, piece, (size_t)got, input->ended, input->arg);
    read_on(input);
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    read_on(arg);
}

struct run_input *run_input_create(struct event_base *base, int fd, run_input_send_fn send,
                                   void *arg)
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
    input->ready =
        event_new(base, input->is_file ? -1 : fd, input->is_file ? 0 : EV_READ, on_ready, input);
    input->look = event_new(base, -1, 0, on_look, input);
    input->unacked = evbuffer_new();
    return input;
}

void run_input_destroy(struct run_input *input)
{
    if (input == NULL)
        return;
    event_free(input->ready);
    event_free(input->look);
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
        input->send(input->acked, evbuffer_pullup(input->unacked, -1), size, input->ended,
                    input->arg);
}

void run_input_continue(struct run_input *input)
{
    if (input->is_terminal)
        read_on(input);
}
