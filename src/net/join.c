/* SPDX-License-Identifier: BSD-3-Clause */
/* join.c - becoming a member: a supernode is asked for a certificate */
#include "config.h"
#include "net/join.h"

#include "base/clock.h"
#include "base/mem.h"
#include "net/authority.h"
#include "net/tcpdial.h"
#include "net/link_inner.h"
#include "net/tls_inner.h"

#include <event2/buffer.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct join {
    struct event_base *base; /* borrowed */
    struct tls *tls;         /* borrowed */
    struct tcpdial *dial;
    struct bufferevent *stream;
    struct event *timer;
    struct tls_check check;
    unsigned timeout_ms;
    char name[LINK_NAME_SIZE];
    join_fn fn;
    void *arg;
    bool told;
};

static void join_fail(struct join *join, enum link_end end, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void stop(struct join *join)
{
    event_del(join->timer);
    if (join->stream != NULL) {
        bufferevent_setcb(join->stream, NULL, NULL, NULL, NULL);
        bufferevent_disable(join->stream, EV_READ | EV_WRITE);
    }
    join->told = true;
}

static void join_fail(struct join *join, enum link_end end, const char *format, ...)
{
    char why[LINK_WHY_SIZE];
    va_list args;

    if (join->told)
        return;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    stop(join);
    join->fn(join, end, why, NULL, 0, join->arg);
}

static const char *code_meaning(enum join_code code)
{
    switch (code) {
    case JOIN_BAD_SECRET:
        return "does not let this host join: the secret in the grid file is not the grid's";
    case JOIN_FAILED:
        return "could not make a certificate: see its log";
    default:
        return "does not let this host join";
    }
}

static void tell_refused(struct join *join, enum join_code code, uint32_t number)
{
    if (code != JOIN_BAD_VERSION)
        join_fail(join, LINK_END_TLS, "%s %s", join->name, code_meaning(code));
    else if (number == 0)
        join_fail(join, LINK_END_TLS,
                  "%s speaks another version of the protocol for joining than this host (%d): "
                  "update the older one",
                  join->name, JOIN_VERSION);
    else
        join_fail(join, LINK_END_TLS,
                  "%s speaks version %u of the protocol for joining, this host version %d: update "
                  "the older one",
                  join->name, number, JOIN_VERSION);
}

static void take_chain(struct join *join, struct evbuffer *input, uint32_t length)
{
    const uint8_t *chain = evbuffer_pullup(input, length);
    struct err err = {""};

    if (chain == NULL || tls_use_chain(join->tls, chain, length, &err) < 0) {
        join_fail(join, LINK_END_TLS, "%s sent a certificate that is of no use: %s", join->name,
                  err.text);
        return;
    }
    stop(join);
    join->fn(join, LINK_END_CLOSED, NULL, chain, length, join->arg);
}

/* Takes the answer when all of it is there; says so if not. */
static bool take_answer(struct join *join)
{
    struct evbuffer *input = bufferevent_get_input(join->stream);
    uint8_t head[JOIN_ANSWER_HEAD];
    enum join_code code;
    uint32_t number;

    if (evbuffer_copyout(input, head, sizeof head) < (ssize_t)sizeof head)
        return false;
    if (joinanswer_decode(head, &code, &number) < 0) {
        join_fail(join, LINK_END_PROTOCOL, "%s sent an answer that is not of the protocol",
                  join->name);
    } else if (code != JOIN_OK) {
        tell_refused(join, code, number);
    } else if (evbuffer_get_length(input) < sizeof head + number) {
        return false;
    } else {
        evbuffer_drain(input, sizeof head);
        take_chain(join, input, number);
    }
    return true;
}

static void on_read(struct bufferevent *stream, void *arg)
{
    (void)stream;
    take_answer(arg);
}

static void send_frame(struct join *join)
{
    SSL *ssl = bufferevent_openssl_get_ssl(join->stream);
    uint8_t bytes[JOIN_FRAME_SIZE];
    struct joinframe frame;

    if (key_raw(identity_key(tls_identity(join->tls)), frame.key) < 0 ||
        tls_join_mac(ssl, tls_secret(join->tls), frame.key, frame.mac) < 0) {
        join_fail(join, LINK_END_TLS, "OpenSSL cannot make the proof for %s", join->name);
        return;
    }
    joinframe_encode(&frame, bytes);
    bufferevent_write(join->stream, bytes, sizeof bytes);
}

static void on_event(struct bufferevent *stream, short what, void *arg)
{
    struct join *join = arg;
    char why[LINK_WHY_SIZE];
    enum link_end end;

    if ((what & BEV_EVENT_CONNECTED) != 0)
        send_frame(join);
    else if ((what & BEV_EVENT_ERROR) != 0 &&
             tls_explain(stream, &join->check, join->name, false, &end, why, sizeof why))
        join_fail(join, end, "%s", why);
    else if (!take_answer(join))
        join_fail(join, LINK_END_RESET, "%s closed the connection without an answer", join->name);
}

static void on_dialed(int fd, enum link_end end, const char *why, void *arg)
{
    struct join *join = arg;

    if (fd < 0) {
        join_fail(join, end, "%s", why);
        return;
    }
    join->stream = tls_stream(join->base, join->tls, fd, TLS_JOIN_CLIENT, &join->check);
    if (join->stream == NULL) {
        close(fd);
        join_fail(join, LINK_END_TLS, "cannot start TLS with %s", join->name);
        return;
    }
    bufferevent_setcb(join->stream, on_read, NULL, on_event, join);
    bufferevent_setwatermark(join->stream, EV_READ, 0, JOIN_ANSWER_HEAD + JOIN_CHAIN_MAX);
    bufferevent_enable(join->stream, EV_READ | EV_WRITE);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct join *join = arg;

    (void)fd;
    (void)what;
    join_fail(join, LINK_END_UNREACHABLE, "%s does not answer (waited %u.%u s)", join->name,
              join->timeout_ms / 1000, join->timeout_ms % 1000 / 100);
}

struct join *join_start(struct event_base *base, struct tls *tls, const char *host, uint16_t port,
                        unsigned timeout_ms, join_fn fn, void *arg)
{
    struct timeval wait = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
    struct join *join = mem_alloc(sizeof *join);

    join->base = base;
    join->tls = tls;
    join->timeout_ms = timeout_ms;
    join->fn = fn;
    join->arg = arg;
    snprintf(join->name, sizeof join->name, "%.255s port %u", host, port);
    join->timer = event_new(base, -1, 0, on_timer, join);
    if (join->timer == NULL)
        abort();
    event_add(join->timer, &wait);
    join->dial = tcpdial_start(base, host, port, timeout_ms, on_dialed, join);
    return join;
}

void join_destroy(struct join *join)
{
    if (join == NULL)
        return;
    tcpdial_destroy(join->dial);
    if (join->stream != NULL)
        tls_stream_free(join->stream);
    event_free(join->timer);
    free(join);
}

uint8_t *join_renew(const struct link *link, const struct authority *authority, size_t *size_out,
                    struct err *err)
{
    SSL *ssl = link->stream != NULL ? bufferevent_openssl_get_ssl(link->stream) : NULL;
    X509 *leaf = ssl != NULL ? SSL_get1_peer_certificate(ssl) : NULL;
    uint8_t *chain = NULL;

    if (leaf != NULL)
        chain = authority_issue(authority, X509_get0_pubkey(leaf), clock_wall_s(),
                                MEMBER_DAYS * INT64_C(86400), size_out, err);
    else
        err_set(err, "this link has no certificate to renew");
    X509_free(leaf);
    return chain;
}
