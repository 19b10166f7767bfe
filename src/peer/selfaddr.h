/* SPDX-License-Identifier: BSD-3-Clause */
/* selfaddr.h - the addresses under which other hosts may reach this one */
#ifndef P2PMPI_PEER_SELFADDR_H
#define P2PMPI_PEER_SELFADDR_H

#include "wire/frame.h"

#include <stdint.h>

#define SELFADDR_MAX 8

/* Adds one, unless it is there or there are SELFADDR_MAX. */
void selfaddr_add(Wire__Peer *self, const char *host, uint16_t port);
/* Adds those of all interfaces that are up, loopback and link-local ones left out. */
void selfaddr_find(Wire__Peer *self, uint16_t port);

#endif
