/* SPDX-License-Identifier: BSD-3-Clause */
/* tls.h - TLS 1.3 with a certificate on both sides: what this program proves, and what it asks of
 * others
 *
 * Without a membership yet, only joining works (net/join.h). A struct tls outlives its links and
 * listeners. A new certificate counts for links opened later; those open stay. */
#ifndef P2PMPI_NET_TLS_H
#define P2PMPI_NET_TLS_H

#include "base/err.h"
#include "base/id.h"
#include "net/grid.h"
#include "net/identity.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tls;

/* identity is borrowed; name, authority and secret are copied from the grid. NULL with a sentence.
 */
struct tls *tls_create(const struct identity *identity, const struct grid *grid, struct err *err);
void tls_destroy(struct tls *tls);

/* Takes the membership certificate: a chain as CertIssued and the join's answer bring it. It is
 * checked first: ours, of our grid, valid now. Returns 0, or -1 with a sentence and everything as
 * before. */
int tls_use_chain(struct tls *tls, const uint8_t *chain, size_t size, struct err *err);
/* The same from a file, and a chain to a file. */
int tls_load_chain(struct tls *tls, const char *path, struct err *err);
int chain_save(const char *path, const uint8_t *chain, size_t size, struct err *err);

bool tls_is_member(const struct tls *tls);    /* with a certificate that is valid now */
int64_t tls_expires_s(const struct tls *tls); /* wall clock; 0 without a certificate */
int64_t tls_renew_s(const struct tls *tls);   /* half of the certificate's life is over then */
const struct id *tls_id(const struct tls *tls);
const char *tls_grid(const struct tls *tls);

#endif
