/* SPDX-License-Identifier: BSD-3-Clause */
/* px_peers.h - the grid's peers as JSON text, for PMIx programs; docs/pmix.md has the fields */
#ifndef P2PMPI_PX_PEERS_H
#define P2PMPI_PX_PEERS_H

#include "wire/frame.h"

#include <stddef.h>

struct peers_json;

struct peers_json *peers_json_create(void);
void peers_json_destroy(struct peers_json *peers);
size_t peers_json_add(struct peers_json *peers,
                      const Wire__Answer *answer);     /* returns how many there are now */
char *peers_json_text(const struct peers_json *peers); /* an array; the caller frees */

#endif
