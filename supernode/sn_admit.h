/* SPDX-License-Identifier: BSD-3-Clause */
/* sn_admit.h - what a peer says of itself, checked and completed before it is entered */
#ifndef P2PMPI_SN_ADMIT_H
#define P2PMPI_SN_ADMIT_H

#include "base/err.h"
#include "base/id.h"
#include "wire/frame.h"

#define SN_PEER_BYTES 8192 /* of one entry, encoded */
#define SN_ADDRS_MAX  8

/* Completes request->peer in place: its id is the one proven, addresses without a host get `seen`,
 * the address that its link comes from; unless it advertises its own, `seen` with its port comes
 * first. Returns 0, or -1 with a sentence for the peer. */
int sn_admit(Wire__Register *request, const struct id *id, const char *seen, struct err *err);

#endif
