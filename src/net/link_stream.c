/* SPDX-License-Identifier: BSD-3-Clause */
/* link_stream.c - a link's bufferevent: frames put together, its end told, room to write
 *
 * Frames are put together in the bufferevent's input: its low watermark is what the next frame
 * lacks, its high watermark is one frame. All callbacks of the bufferevent are deferred, so none
 * runs inside a call of ours. */
#include "config.h"
#include "net/link_inner.h"

#include "base/clock.h"
#include "net/tls_inner.h"

#include <assert.h>
#include <errno.h>
#include <event2/buffer.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { FRAMES_PER_TURN = 256 }; /* then others on the loop have their turn */

/* ---- reading */

/* Asks for the rest of a frame: needed bytes in all. */
static void want_bytes(struct link *link, size_t needed)
{
    size_t most = FRAME_HEAD + (link->state == LINK_READY ? FRAME_MAX : LINK_HELLO_MAX);

    bufferevent_setwatermark(link->stream, EV_READ, needed, most);
}

/* Bytes of the next frame behind its head if it is all there; 0 when more must come, or the link
 * has failed. */
static size_t whole_frame(struct link *link, struct evbuffer *input)
{
    uint8_t head[FRAME_HEAD];

    if (evbuffer_copyout(input, head, FRAME_HEAD) < FRAME_HEAD) {
        want_bytes(link, FRAME_HEAD);
        return 0;
    }
    int64_t length = frame_length(head);
    if (length < 0 || (link->state == LINK_GREETING && length > LINK_HELLO_MAX)) {
        link_fail(link, LINK_END_PROTOCOL, "%s does not speak P2P-MPI's protocol", link->name);
        return 0;
    }
    if (evbuffer_get_length(input) < FRAME_HEAD + (size_t)length) {
        want_bytes(link, FRAME_HEAD + (size_t)length);
        return 0;
    }
    return (size_t)length;
}

/* "10.0.0.2 port 9740", "p2pmpid (process 812)" */
static void refuse_version(struct link *link, const Wire__Hello *hello)
{
    char who[LINK_NAME_SIZE + 44];
    bool is_local = link->check == NULL && hello->program[0] != '\0';

    snprintf(who, sizeof who, is_local ? "%.40s (%s)" : "%.0s%s", hello->program, link->name);
    link_fail(link, LINK_END_PROTOCOL,
              "%s runs P2P-MPI %.40s (protocol %u), this is %s (protocol %u): update the older one",
              who, hello->version, hello->protocol, PACKAGE_VERSION, PROTOCOL_VERSION);
}

static void take_hello(struct link *link, Wire__Frame *frame)
{
    Wire__Hello *hello = frame->hello;

    if (frame->body_case != WIRE__FRAME__BODY_HELLO) {
        link_fail(link, LINK_END_PROTOCOL, "%s sent %s before its greeting", link->name,
                  frame_name(frame));
        return;
    }
    if (hello->protocol != PROTOCOL_VERSION) {
        refuse_version(link, hello);
        return;
    }
    link->state = LINK_READY;
    want_bytes(link, FRAME_HEAD);
    if (!link->lingering)
        event_del(link->timer);
    if (link->ops != NULL)
        link->ops->ready(link, hello, link->arg);
}

/* Returns false when no whole frame is there. */
static bool take_frame(struct link *link)
{
    struct evbuffer *input = bufferevent_get_input(link->stream);
    struct err err = {""};
    size_t length = whole_frame(link, input);

    if (length == 0)
        return false;
    const uint8_t *bytes = evbuffer_pullup(input, (ev_ssize_t)(FRAME_HEAD + length));
    if (bytes == NULL) {
        link_fail(link, LINK_END_RESET, "out of memory for a message of %s", link->name);
        return false;
    }
    Wire__Frame *frame = frame_unpack(bytes + FRAME_HEAD, length, &err);
    evbuffer_drain(input, FRAME_HEAD + length);
    if (frame == NULL)
        link_fail(link, LINK_END_PROTOCOL, "%s sent %s", link->name, err.text);
    else if (link->state == LINK_GREETING)
        take_hello(link, frame);
    else if (frame->body_case == WIRE__FRAME__BODY_HELLO)
        link_fail(link, LINK_END_PROTOCOL, "%s greeted twice", link->name);
    else if (link->ops != NULL)
        link->ops->frame(link, frame, link->arg);
    frame_free(frame);
    return true;
}

static bool may_read(const struct link *link)
{
    return !link->dead && !link->paused && link->state != LINK_ENDED;
}

static void end_stream(struct link *link, short what, int error);

static void on_read(struct bufferevent *stream, void *arg)
{
    struct link *link = arg;
    int left = FRAMES_PER_TURN;

    link_enter(link);
    if (link->lingering)
        evbuffer_drain(bufferevent_get_input(stream), SIZE_MAX);
    while (left > 0 && may_read(link) && !link->lingering && take_frame(link))
        left--;
    if (left > 0 && may_read(link) && link->late_what != 0)
        end_stream(link, link->late_what, link->late_error);
    else if (left == 0 && may_read(link))
        bufferevent_trigger(stream, EV_READ, BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
    link_leave(link);
}

static void on_input(struct evbuffer *input, const struct evbuffer_cb_info *info, void *arg)
{
    struct link *link = arg;

    (void)input;
    if (info->n_added > 0)
        link->heard_ms = clock_now_ms();
}

void link_pause(struct link *link, bool pause)
{
    if (link->paused == pause)
        return;
    link->paused = pause;
    if (link->stream == NULL || link->state == LINK_ENDED)
        return;
    if (pause) {
        bufferevent_disable(link->stream, EV_READ);
        return;
    }
    link->heard_ms = clock_now_ms();
    bufferevent_enable(link->stream, EV_READ);
    bufferevent_trigger(link->stream, EV_READ,
                        BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
}

/* ---- the end of the stream */

static void say_end(struct link *link, short what, int error)
{
    bool is_cut = evbuffer_get_length(bufferevent_get_input(link->stream)) > 0;

    if ((what & BEV_EVENT_EOF) == 0)
        link_fail(link, link_end_of_errno(error), "connection to %s broken: %s", link->name,
                  strerror(error));
    else if (is_cut)
        link_fail(link, LINK_END_RESET, "%s closed the connection in the middle of a message",
                  link->name);
    else
        link_fail(link, LINK_END_CLOSED, "%s closed the connection", link->name);
}

/* Frames that came before the end are for the owner first; while he pauses, the end waits. */
static void end_stream(struct link *link, short what, int error)
{
    while (may_read(link) && !link->lingering && take_frame(link))
        ;
    if (link->dead || link->state == LINK_ENDED)
        return;
    link->late_what = link->paused ? what : 0;
    link->late_error = error;
    if (!link->paused)
        say_end(link, what, error == EPIPE || error == 0 ? ECONNRESET : error);
}

/* Ends the link with what TLS knows about its end. */
static bool is_explained(struct link *link)
{
    char why[LINK_WHY_SIZE];
    enum link_end end;

    if (!tls_explain(link->stream, link->check, link->name, link->state == LINK_READY, &end, why,
                     sizeof why))
        return false;
    link_fail(link, end, "%s", why);
    return true;
}

static void on_event(struct bufferevent *stream, short what, void *arg)
{
    struct link *link = arg;
    int error = errno; /* of the socket, kept by libevent for this callback */

    link_enter(link);
    if (link->dead || link->state == LINK_ENDED)
        goto done;
    if ((what & BEV_EVENT_CONNECTED) != 0)
        link->peer_id = link->check->id;
    else if ((what & BEV_EVENT_ERROR) != 0 && link->check != NULL && is_explained(link))
        ;
    else if ((what & BEV_EVENT_EOF) == 0 && (what & BEV_EVENT_WRITING) != 0 &&
             link->check == NULL && !link->lingering) {
        /* The other side is gone, but what it said last may still wait to be read. */
        link->out_broken = true;
        evbuffer_drain(bufferevent_get_output(stream), SIZE_MAX);
    } else {
        end_stream(link, what, error);
    }
done:
    link_leave(link);
}

/* ---- room to write */

/* All is written: says so to the other side and waits until it closes, else unread bytes of it
 * would make the kernel throw ours away. */
static void say_goodbye(struct link *link)
{
    SSL *ssl = link->check != NULL ? bufferevent_openssl_get_ssl(link->stream) : NULL;

    if (link->said_all)
        return;
    link->said_all = true;
    if (ssl != NULL)
        SSL_shutdown(ssl);
    shutdown(bufferevent_getfd(link->stream), SHUT_WR);
}

static void on_write(struct bufferevent *stream, void *arg)
{
    struct link *link = arg;
    size_t waiting = evbuffer_get_length(bufferevent_get_output(stream));

    link_enter(link);
    if (link->lingering) {
        if (waiting == 0)
            say_goodbye(link);
    } else if (link->was_full && waiting <= LINK_OUT_HIGH / 4 && !link->dead &&
               link->state != LINK_ENDED) {
        link->was_full = false;
        if (link->ops != NULL && link->ops->writable != NULL)
            link->ops->writable(link, link->arg);
    }
    link_leave(link);
}

/* What comes in is thrown away from here on. */
void link_linger(struct link *link)
{
    link->paused = false;
    bufferevent_setwatermark(link->stream, EV_WRITE, 0, 0);
    bufferevent_setwatermark(link->stream, EV_READ, 0, PIECE_MAX);
    bufferevent_enable(link->stream, EV_READ);
    bufferevent_trigger(link->stream, EV_READ | EV_WRITE, BEV_TRIG_DEFER_CALLBACKS);
}

void link_attach_take(struct link *link, struct bufferevent *stream)
{
    assert(link->stream == NULL && link->state == LINK_CONNECTING);
    link->stream = stream;
    link->state = LINK_GREETING;
    link->heard_ms = clock_now_ms();
    bufferevent_setcb(stream, on_read, on_write, on_event, link);
    bufferevent_setwatermark(stream, EV_WRITE, LINK_OUT_HIGH / 4, 0);
    bufferevent_set_max_single_read(stream, PIECE_MAX);
    bufferevent_set_max_single_write(stream, PIECE_MAX);
    want_bytes(link, FRAME_HEAD);
    evbuffer_add_cb(bufferevent_get_input(stream), on_input, link);
    bufferevent_write_buffer(stream, link->early);
    bufferevent_enable(stream, link->paused ? EV_WRITE : EV_READ | EV_WRITE);
    if (link->lingering) {
        link_linger(link);
        return;
    }
    /* Bytes that came with the handshake make no event of their own. */
    bufferevent_trigger(stream, EV_READ, BEV_TRIG_DEFER_CALLBACKS);
}
