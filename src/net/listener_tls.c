/* SPDX-License-Identifier: BSD-3-Clause */
/* listener_tls.c - takes TLS connections: members become links, strangers may send one join frame
 *
 * A connection is `pending` until its handshake is over, and a stranger's until its join frame is
 * answered. All of it happens within HANDSHAKE_MS; there are at most PENDING_MAX, the oldest makes
 * room. A refused one is held open for REJECT_MS, what it sends is thrown away: closing at once
 * would destroy the alert on its way. */
#include "config.h"
#include "net/link.h"

#include "base/clock.h"
#include "base/mem.h"
#include "net/authority.h"
#include "net/tcpdial.h"
#include "net/tcplisten.h"
#include "net/link_inner.h"
#include "net/listener_inner.h"
#include "net/resolve.h"
#include "net/tls_inner.h"
#include "wire/joinframe.h"

#include <assert.h>
#include <errno.h>
#include <event2/buffer.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    PENDING_MAX = 64,
    HANDSHAKE_MS = 5000,
    REJECT_MS = 1000,
    HELLO_MS = 5000,
    JOIN_DAY_S = 24 * 3600,
};

struct pending {
    struct pending *next; /* newest first */
    struct listener *listener;
    struct bufferevent *stream;
    struct tls_check *check;
    struct event *timer;
    struct event *drain; /* once refused */
    struct sockaddr_storage addr;
    char host[LINK_ADDR_SIZE];
};

struct tls_half {
    struct tls *tls;                   /* borrowed */
    const struct authority *authority; /* borrowed; NULL: nobody joins here */
    struct pending *pending;
    unsigned count;
    unsigned handshake_ms;
};

static struct tls_half *half_of(struct listener *listener)
{
    return listener->tls_half;
}

static void pending_destroy(struct pending *pending)
{
    struct tls_half *half = half_of(pending->listener);
    struct pending **at = &half->pending;

    while (*at != pending)
        at = &(*at)->next;
    *at = pending->next;
    half->count--;
    if (pending->drain != NULL)
        event_free(pending->drain);
    if (pending->stream != NULL)
        tls_stream_free(pending->stream);
    event_free(pending->timer);
    free(pending->check);
    free(pending);
}

static void drop_oldest(struct tls_half *half)
{
    struct pending *last = half->pending;

    while (last->next != NULL)
        last = last->next;
    pending_destroy(last);
}

static void tell_refused(struct pending *pending, const char *why)
{
    struct listener *listener = pending->listener;

    if (listener->ops->refused != NULL)
        listener->ops->refused(listener, pending->host, why, listener->arg);
}

static void on_drain(evutil_socket_t fd, short what, void *arg)
{
    char waste[4096];

    (void)what;
    ssize_t got = recv(fd, waste, sizeof waste, MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
        pending_destroy(arg);
}

/* Says no more, hears no more, and closes a little later. */
static void pending_reject(struct pending *pending)
{
    struct timeval wait = {REJECT_MS / 1000, REJECT_MS % 1000 * 1000};
    evutil_socket_t fd = bufferevent_getfd(pending->stream);

    bufferevent_setcb(pending->stream, NULL, NULL, NULL, NULL);
    bufferevent_disable(pending->stream, EV_READ | EV_WRITE);
    shutdown(fd, SHUT_WR);
    pending->drain =
        event_new(pending->listener->base, fd, EV_READ | EV_PERSIST, on_drain, pending);
    if (pending->drain == NULL) {
        pending_destroy(pending);
        return;
    }
    event_add(pending->drain, NULL);
    event_add(pending->timer, &wait);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct pending *pending = arg;

    (void)fd;
    (void)what;
    if (pending->drain == NULL)
        tell_refused(pending, "said nothing in time");
    pending_destroy(pending);
}

/* ---- a member */

static void become_link(struct pending *pending)
{
    struct listener *listener = pending->listener;
    struct bufferevent *stream = pending->stream;
    struct link *link = link_create(listener->base, listener->hello, HELLO_MS, NULL, NULL);

    link->check = pending->check;
    link->peer_id = pending->check->id;
    link_note_addresses(link, bufferevent_getfd(stream));
    snprintf(link->name, sizeof link->name, "%s port %u", link->remote_host, link->remote_port);
    pending->check = NULL;
    pending->stream = NULL;
    pending_destroy(pending);
    link_attach_take(link, stream);
    listener_give(listener, link);
}

/* ---- a stranger */

static void answer_join(struct pending *pending, enum join_code code, const uint8_t *chain,
                        size_t size)
{
    uint8_t head[JOIN_ANSWER_HEAD];

    joinanswer_encode(code, code == JOIN_BAD_VERSION ? JOIN_VERSION : (uint32_t)size, head);
    bufferevent_write(pending->stream, head, sizeof head);
    if (size > 0)
        bufferevent_write(pending->stream, chain, size);
    /* on_written() closes */
}

/* The key in the frame must be the one proven in TLS, and the HMAC must be of this very connection.
 */
static enum join_code check_join(struct pending *pending, const struct joinframe *frame,
                                 EVP_PKEY *key)
{
    SSL *ssl = bufferevent_openssl_get_ssl(pending->stream);
    const uint8_t *secret = tls_secret(half_of(pending->listener)->tls);
    uint8_t raw[KEY_RAW_SIZE], mac[JOIN_MAC_SIZE];

    if (key_raw(key, raw) < 0 || memcmp(raw, frame->key, sizeof raw) != 0)
        return JOIN_BAD_SECRET;
    if (tls_join_mac(ssl, secret, raw, mac) < 0)
        return JOIN_FAILED;
    return CRYPTO_memcmp(mac, frame->mac, sizeof mac) == 0 ? JOIN_OK : JOIN_BAD_SECRET;
}

static void tell_join_refused(struct pending *pending, enum join_code code, uint32_t version)
{
    char why[100];

    if (code == JOIN_BAD_VERSION)
        snprintf(why, sizeof why,
                 "wanted to join with version %u of the protocol, this is version %u", version,
                 JOIN_VERSION);
    else
        snprintf(why, sizeof why, "%s",
                 code == JOIN_BAD_SECRET ? "wanted to join with a wrong secret"
                                         : "sent a broken join frame");
    tell_refused(pending, why);
}

static void take_join(struct pending *pending, const uint8_t bytes[JOIN_FRAME_SIZE])
{
    struct listener *listener = pending->listener;
    struct tls_half *half = half_of(listener);
    X509 *leaf = SSL_get1_peer_certificate(bufferevent_openssl_get_ssl(pending->stream));
    struct joinframe frame = {0};
    uint8_t *chain = NULL;
    size_t size = 0;

    enum join_code code = joinframe_decode(bytes, &frame);
    if (code == JOIN_OK)
        code = leaf != NULL ? check_join(pending, &frame, X509_get0_pubkey(leaf)) : JOIN_FAILED;
    if (code == JOIN_OK) {
        chain = authority_issue(half->authority, X509_get0_pubkey(leaf), clock_wall_s(),
                                MEMBER_DAYS * JOIN_DAY_S, &size, NULL);
        code = chain != NULL ? JOIN_OK : JOIN_FAILED;
    }
    if (code != JOIN_OK)
        tell_join_refused(pending, code, frame.version);
    else if (listener->ops->joined != NULL)
        listener->ops->joined(listener, &pending->check->id, pending->host, listener->arg);
    answer_join(pending, code, chain, size);
    X509_free(leaf);
    free(chain);
}

static void on_written(struct bufferevent *stream, void *arg)
{
    struct pending *pending = arg;

    if (evbuffer_get_length(bufferevent_get_output(stream)) > 0)
        return;
    SSL_shutdown(bufferevent_openssl_get_ssl(stream));
    pending_reject(pending);
}

static void on_event(struct bufferevent *stream, short what, void *arg);

static void on_join_frame(struct bufferevent *stream, void *arg)
{
    struct pending *pending = arg;
    uint8_t bytes[JOIN_FRAME_SIZE];

    if (evbuffer_get_length(bufferevent_get_input(stream)) < sizeof bytes)
        return;
    bufferevent_read(stream, bytes, sizeof bytes);
    bufferevent_disable(stream, EV_READ);
    bufferevent_setcb(stream, NULL, on_written, on_event, pending);
    take_join(pending, bytes);
}

static void await_join(struct pending *pending)
{
    bufferevent_setcb(pending->stream, on_join_frame, NULL, on_event, pending);
    bufferevent_setwatermark(pending->stream, EV_READ, JOIN_FRAME_SIZE, JOIN_FRAME_SIZE);
    bufferevent_trigger(pending->stream, EV_READ, BEV_TRIG_DEFER_CALLBACKS);
}

/* ---- the handshake */

static void on_event(struct bufferevent *stream, short what, void *arg)
{
    struct pending *pending = arg;
    char why[LINK_WHY_SIZE];
    enum link_end end;

    if ((what & BEV_EVENT_CONNECTED) != 0) {
        if (pending->check->is_stranger)
            await_join(pending);
        else
            become_link(pending);
        return;
    }
    if ((what & BEV_EVENT_ERROR) != 0 &&
        tls_explain(stream, pending->check, pending->host, false, &end, why, sizeof why)) {
        tell_refused(pending, why);
        pending_reject(pending);
        return;
    }
    tell_refused(pending, "closed the connection before it was set up");
    pending_destroy(pending);
}

static void on_tcp(struct evconnlistener *socket, evutil_socket_t fd, struct sockaddr *addr,
                   int size, void *arg)
{
    struct listener *listener = arg;
    struct tls_half *half = half_of(listener);
    struct timeval wait = {half->handshake_ms / 1000, half->handshake_ms % 1000 * 1000};
    uint16_t port;

    (void)socket;
    if (half->count >= PENDING_MAX)
        drop_oldest(half);
    struct pending *pending = mem_alloc(sizeof *pending);
    pending->listener = listener;
    memcpy(&pending->addr, addr,
           (size_t)size < sizeof pending->addr ? (size_t)size : sizeof pending->addr);
    address_text(&pending->addr, pending->host, sizeof pending->host, &port);
    pending->check = mem_alloc(sizeof *pending->check);
    pending->check->may_join = half->authority != NULL;
    pending->timer = event_new(listener->base, -1, 0, on_timer, pending);
    if (pending->timer == NULL)
        abort();
    pending->next = half->pending;
    half->pending = pending;
    half->count++;
    tcp_tune(fd);
    pending->stream = tls_stream(listener->base, half->tls, fd, TLS_SERVER, pending->check);
    if (pending->stream == NULL) {
        close(fd);
        pending_destroy(pending);
        return;
    }
    event_add(pending->timer, &wait);
    bufferevent_setwatermark(pending->stream, EV_READ, 0, JOIN_FRAME_SIZE);
    bufferevent_setcb(pending->stream, NULL, NULL, on_event, pending);
    bufferevent_enable(pending->stream, EV_READ | EV_WRITE);
}

/* ---- the listener */

static void tls_free(struct listener *listener)
{
    struct tls_half *half = half_of(listener);

    while (half->pending != NULL)
        pending_destroy(half->pending);
    free(half);
}

static struct listener *sockets_take(struct event_base *base, struct tls *tls, int fds[2],
                                     int count, const Wire__Hello *hello,
                                     const struct listener_ops *ops, void *arg)
{
    struct listener *listener = listener_create(base, hello, ops, arg);
    struct tls_half *half = mem_alloc(sizeof *half);

    half->tls = tls;
    half->handshake_ms = HANDSHAKE_MS;
    listener->tls_half = half;
    listener->tls_free = tls_free;
    listener->port = tcplisten_port(fds[0]);
    for (int i = 0; i < count; i++) {
        struct evconnlistener *socket = evconnlistener_new(
            base, on_tcp, listener, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fds[i]);
        if (socket == NULL)
            abort();
        listener_add_take(listener, socket);
    }
    return listener;
}

struct listener *listener_tls(struct event_base *base, struct tls *tls, const char *host,
                              uint16_t port, const Wire__Hello *hello,
                              const struct listener_ops *ops, void *arg, struct err *err)
{
    int fds[2];

    /* a host that is not a member yet listens too: its port is claimed, handshakes fail until then
     */
    int count = tcplisten_open(host, port, fds);
    if (count < 0 && errno == EADDRINUSE)
        err_set(err, "port %u is taken by another program: choose another port, or 0 for any",
                port);
    else if (count < 0)
        err_sys(err, "cannot listen on %s port %u", host != NULL ? host : "any address,", port);
    return count > 0 ? sockets_take(base, tls, fds, count, hello, ops, arg) : NULL;
}

void listener_allow_join(struct listener *listener, const struct authority *authority)
{
    assert(listener->tls_half != NULL);
    half_of(listener)->authority = authority;
}

void listener_set_patience(struct listener *listener, unsigned handshake_ms)
{
    half_of(listener)->handshake_ms = handshake_ms;
}

unsigned listener_strangers(const struct listener *listener)
{
    return half_of((struct listener *)listener)->count;
}
