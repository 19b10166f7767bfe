/* SPDX-License-Identifier: BSD-3-Clause */
/* sn_table.h - the registry as its owner reads it */
#ifndef P2PMPI_SN_TABLE_H
#define P2PMPI_SN_TABLE_H

#include "wire/frame.h"

#include <stddef.h>
#include <stdint.h>

struct sn_peers {
    Wire__Peer **items; /* owned copies */
    size_t count;
};

void sn_peers_add(struct sn_peers *peers, const Wire__Answer *answer);
void sn_peers_clear(struct sn_peers *peers);

/* To standard output, sorted by name. */
void sn_peers_print(struct sn_peers *peers, uint64_t now_s);
void sn_peers_print_json(struct sn_peers *peers);

#endif
