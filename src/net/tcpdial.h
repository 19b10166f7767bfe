/* SPDX-License-Identifier: BSD-3-Clause */
/* tcpdial.h - a TCP connection to a host, over whichever of its addresses answers */
#ifndef P2PMPI_NET_TCPDIAL_H
#define P2PMPI_NET_TCPDIAL_H

#include "net/link.h"

#include <stdint.h>

struct tcpdial;

/* fd >= 0: connected, the callee owns it. Else end and why say what happened. Called once, from the
 * loop; the callee may destroy the dial. */
typedef void (*tcpdial_fn)(int fd, enum link_end end, const char *why, void *arg);

/* Addresses are tried one after the other; each but the last gets its share of timeout_ms. The last
 * one is limited by the kernel only: the caller has a timer of its own. */
struct tcpdial *tcpdial_start(struct event_base *base, const char *host, uint16_t port,
                              unsigned timeout_ms, tcpdial_fn fn, void *arg);
void tcpdial_destroy(struct tcpdial *dial);

/* What every TCP socket of ours wants: no delay, keep-alive. */
void tcp_tune(int fd);

#endif
