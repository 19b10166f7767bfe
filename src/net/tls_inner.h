/* SPDX-License-Identifier: BSD-3-Clause */
/* tls_inner.h - one TLS connection: its handshake's question and verdict */
#ifndef P2PMPI_NET_TLS_INNER_H
#define P2PMPI_NET_TLS_INNER_H

#include "net/link.h"
#include "net/tls.h"
#include "wire/joinframe.h"

#include <event2/bufferevent_ssl.h>
#include <openssl/ssl.h>

/* Lives as long as its SSL. */
struct tls_check {
    struct tls *tls; /* borrowed */
    bool has_want;   /* only this id will do */
    struct id want;
    bool may_join;    /* server: a stranger may come, to join */
    bool is_stranger; /* verdict: has come to join */
    struct id id;     /* verdict: the key proven */
    bool refused;     /* verdict: `why` says it, without subject */
    struct err why;
};

enum tls_role { TLS_MEMBER_CLIENT, TLS_JOIN_CLIENT, TLS_SERVER };

/* A TLS stream on a connected socket, callbacks deferred; NULL (fd still open) when OpenSSL fails.
 * check is borrowed and must outlive the stream. */
struct bufferevent *tls_stream(struct event_base *base, struct tls *tls, int fd, enum tls_role role,
                               struct tls_check *check);

/* Frees it; check may go at once, though libevent keeps the stream a little longer. */
void tls_stream_free(struct bufferevent *stream);

/* Why the stream failed, if TLS knows: a sentence about name; false: no matter of TLS. is_open: the
 * handshake was over and frames have been exchanged. */
bool tls_explain(struct bufferevent *stream, const struct tls_check *check, const char *name,
                 bool is_open, enum link_end *end_out, char *why_out, size_t size);

/* The HMAC of a join frame: keyed with the secret, over a label, the public key and the TLS
 * exporter. */
int tls_join_mac(SSL *ssl, const uint8_t secret[SECRET_SIZE], const uint8_t key[JOIN_KEY_SIZE],
                 uint8_t mac_out[JOIN_MAC_SIZE]);
const uint8_t *tls_secret(const struct tls *tls);
const struct identity *tls_identity(const struct tls *tls);

#endif
