/* SPDX-License-Identifier: BSD-3-Clause */
/* link.c - a stream of frames to one other program
 *
 * Here: its life, sending, closing; link_stream.c has its reading. `busy` keeps a link in memory
 * while one of its callbacks is on the stack. */
#include "config.h"
#include "net/link.h"

#include "base/clock.h"
#include "base/mem.h"
#include "net/link_inner.h"
#include "net/resolve.h"
#include "net/tls_inner.h"

#include <assert.h>
#include <errno.h>
#include <event2/buffer.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void on_ender(evutil_socket_t fd, short what, void *arg);
static void on_timer(evutil_socket_t fd, short what, void *arg);

static void link_free(struct link *link)
{
    if (link->opening_free != NULL)
        link->opening_free(link->opening);
    if (link->stream != NULL && link->check != NULL)
        tls_stream_free(link->stream);
    else if (link->stream != NULL)
        bufferevent_free(link->stream);
    free(link->check);
    if (link->early != NULL)
        evbuffer_free(link->early);
    event_free(link->ender);
    event_free(link->timer);
    free(link);
}

void link_enter(struct link *link)
{
    link->busy++;
}

void link_leave(struct link *link)
{
    if (--link->busy == 0 && link->dead)
        link_free(link);
}

static void set_timer(struct link *link, unsigned timeout_ms)
{
    struct timeval wait = {timeout_ms / 1000, (timeout_ms % 1000) * 1000};

    event_add(link->timer, &wait);
}

struct link *link_create(struct event_base *base, const Wire__Hello *hello, unsigned timeout_ms,
                         const struct link_ops *ops, void *arg)
{
    struct link *link = mem_alloc(sizeof *link);
    Wire__Frame frame = WIRE__FRAME__INIT;

    link->base = base;
    link->ops = ops;
    link->arg = arg;
    link->timeout_ms = timeout_ms;
    link->heard_ms = clock_now_ms();
    link->uid = (uid_t)-1;
    link->pid = -1;
    link->ender = event_new(base, -1, 0, on_ender, link);
    link->timer = event_new(base, -1, 0, on_timer, link);
    link->early = evbuffer_new();
    if (link->ender == NULL || link->timer == NULL || link->early == NULL)
        abort(); /* as mem.h: nothing can be done without memory */
    if (timeout_ms > 0)
        set_timer(link, timeout_ms);
    frame.body_case = WIRE__FRAME__BODY_HELLO;
    frame.hello = (Wire__Hello *)hello; /* only read */
    link_send(link, &frame);
    return link;
}

void link_fail(struct link *link, enum link_end end, const char *format, ...)
{
    va_list args;

    if (link->state == LINK_ENDED)
        return;
    link->state = LINK_ENDED;
    link->end = end;
    va_start(args, format);
    vsnprintf(link->why, sizeof link->why, format, args);
    err_plain(link->why);
    va_end(args);
    event_del(link->timer);
    if (link->stream != NULL)
        bufferevent_disable(link->stream, EV_READ | EV_WRITE);
    event_active(link->ender, 0, 0);
}

static void on_ender(evutil_socket_t fd, short what, void *arg)
{
    struct link *link = arg;

    (void)fd;
    (void)what;
    link_enter(link);
    if (link->lingering)
        link->dead = true;
    else if (link->ops != NULL && !link->dead)
        link->ops->closed(link, link->end, link->why, link->arg);
    link_leave(link);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct link *link = arg;

    (void)fd;
    (void)what;
    if (link->lingering)
        link_fail(link, LINK_END_CLOSED, "closed");
    else
        link_fail(link, LINK_END_UNREACHABLE, "%s does not answer (waited %u.%u s)", link->name,
                  link->timeout_ms / 1000, link->timeout_ms % 1000 / 100);
}

enum link_end link_end_of_errno(int error)
{
    switch (error) {
    case ECONNREFUSED:
    case ENOENT: /* a Unix socket that is not there */
        return LINK_END_REFUSED;
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENETDOWN:
    case ETIMEDOUT:
    case EADDRNOTAVAIL:
        return LINK_END_UNREACHABLE;
    default:
        return LINK_END_RESET;
    }
}

/* ---- writing */

static struct evbuffer *output_of(const struct link *link)
{
    return link->stream != NULL ? bufferevent_get_output(link->stream) : link->early;
}

static void free_packed(const void *bytes, size_t size, void *arg)
{
    (void)size;
    (void)arg;
    free((void *)bytes);
}

int link_send(struct link *link, const Wire__Frame *frame)
{
    size_t size;

    if (link->state == LINK_ENDED || link->dead || link->lingering || link->out_broken)
        return -1;
    uint8_t *bytes = frame_pack(frame, &size);
    if (bytes == NULL)
        return -1;
    struct evbuffer *output = output_of(link);
    if (evbuffer_get_length(output) + size > LINK_OUT_MAX) {
        free(bytes);
        link_fail(link, LINK_END_UNREACHABLE, "%s does not read what is sent to it", link->name);
        return -1;
    }
    /* Small frames are copied together; a large one is handed over. */
    int result;
    if (size < 4096) {
        result = evbuffer_add(output, bytes, size);
        free(bytes);
    } else {
        result = evbuffer_add_reference(output, bytes, size, free_packed, NULL);
        if (result < 0)
            free(bytes);
    }
    if (evbuffer_get_length(output) > LINK_OUT_HIGH)
        link->was_full = true;
    return result;
}

int link_answer(struct link *link, const Wire__Frame *question, Wire__Frame *answer)
{
    answer->id = 0;
    answer->re = question->id;
    return link_send(link, answer);
}

int link_answer_error(struct link *link, const Wire__Frame *question, Wire__Code code,
                      const char *format, ...)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__Error error = WIRE__ERROR__INIT;
    char text[ERR_TEXT_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    error.code = code;
    error.text = text;
    frame.body_case = WIRE__FRAME__BODY_ERROR;
    frame.error = &error;
    return link_answer(link, question, &frame);
}

/* ---- closing */

void link_close_flushed(struct link *link, unsigned timeout_ms)
{
    if (link->state == LINK_ENDED || link->out_broken) {
        link_destroy(link);
        return;
    }
    link->lingering = true;
    link->ops = NULL;
    set_timer(link, timeout_ms);
    if (link->stream != NULL)
        link_linger(link);
}

void link_destroy(struct link *link)
{
    if (link == NULL)
        return;
    assert(!link->dead);
    link->dead = true;
    link->ops = NULL;
    if (link->busy == 0)
        link_free(link);
}

/* ---- questions */

void link_note_addresses(struct link *link, int fd)
{
    struct sockaddr_storage addr;
    socklen_t size = sizeof addr;
    uint16_t local_port;

    memset(&addr, 0, sizeof addr);
    if (getpeername(fd, (struct sockaddr *)&addr, &size) == 0)
        address_text(&addr, link->remote_host, sizeof link->remote_host, &link->remote_port);
    size = sizeof addr;
    memset(&addr, 0, sizeof addr);
    if (getsockname(fd, (struct sockaddr *)&addr, &size) == 0)
        address_text(&addr, link->local_host, sizeof link->local_host, &local_port);
}

bool link_is_ready(const struct link *link)
{
    return link->state == LINK_READY;
}

bool link_is_full(const struct link *link)
{
    return link_pending(link) > LINK_OUT_HIGH;
}

size_t link_pending(const struct link *link)
{
    return evbuffer_get_length(output_of(link));
}

void link_set_ops(struct link *link, const struct link_ops *ops, void *arg)
{
    link->ops = ops;
    link->arg = arg;
}

void *link_arg(const struct link *link)
{
    return link->arg;
}

int64_t link_idle_ms(const struct link *link)
{
    return link->paused ? 0 : clock_now_ms() - link->heard_ms;
}

const struct id *link_peer_id(const struct link *link)
{
    return link->check != NULL ? &link->peer_id : NULL;
}

const char *link_remote_host(const struct link *link)
{
    return link->remote_host;
}

uint16_t link_remote_port(const struct link *link)
{
    return link->remote_port;
}

const char *link_local_host(const struct link *link)
{
    return link->local_host;
}

uid_t link_uid(const struct link *link)
{
    return link->uid;
}

pid_t link_pid(const struct link *link)
{
    return link->pid;
}
