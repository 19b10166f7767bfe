/* SPDX-License-Identifier: BSD-3-Clause */
/* join.h - becoming a member: a supernode is asked for a certificate
 *
 * The key shows itself in TLS with a self-signed certificate; the supernode must show the grid's.
 * Then one frame (wire/joinframe.h) proves that the joiner knows the grid's secret: HMAC-SHA256
 * keyed with it, over a label, the public key and 32 bytes of the TLS exporter (RFC 8446, 7.5), so
 * that the proof is worth nothing on any other connection. The answer is the certificate. */
#ifndef P2PMPI_NET_JOIN_H
#define P2PMPI_NET_JOIN_H

#include "net/link.h"
#include "net/tls.h"

#include <stddef.h>
#include <stdint.h>

struct authority;
struct join;

/* why == NULL: done; tls has the certificate already, chain is there to be kept (chain_save()).
 * Else a sentence and how it ended: LINK_END_REFUSED and _UNREACHABLE are worth another try,
 * LINK_END_TLS (a foreign grid, a wrong secret) is not. Called once, from the loop; join_destroy()
 * is allowed in it. */
typedef void (*join_fn)(struct join *join, enum link_end end, const char *why, const uint8_t *chain,
                        size_t size, void *arg);

/* Never NULL. timeout_ms is for all of it. */
struct join *join_start(struct event_base *base, struct tls *tls, const char *host, uint16_t port,
                        unsigned timeout_ms, join_fn fn, void *arg);
void join_destroy(struct join *join);

/* The supernode's side of a renewal: a new certificate for the key that a member has proven on its
 * link. Returns malloc()ed bytes of the chain, or NULL with a sentence. */
uint8_t *join_renew(const struct link *link, const struct authority *authority, size_t *size_out,
                    struct err *err);

#endif
