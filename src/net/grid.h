/* SPDX-License-Identifier: BSD-3-Clause */
/* grid.h - the grid file: who has it can join
 *
 *     name = lab
 *     supernode = host[:port]      (several)
 *     authority = <64 hex digits: SHA-256 of the authority's public key>
 *     secret = <64 hex digits>                                              */
#ifndef P2PMPI_NET_GRID_H
#define P2PMPI_NET_GRID_H

#include "base/conf.h"
#include "base/err.h"
#include "base/id.h"

#include <stdint.h>

#define SECRET_SIZE 32

struct grid {
    char *name;
    struct conf_list supernodes; /* each readable by hostport_parse() */
    struct id authority;
    uint8_t secret[SECRET_SIZE];
};

/* Reads and checks everything. Returns 0, or -1 with a sentence that names the file; errno ENOENT
 * when there is none. grid_clear() frees and wipes. */
int grid_read(const char *path, struct grid *grid_out, struct err *err);
/* Mode 0600: the secret is in it. */
int grid_write(const char *path, const struct grid *grid, struct err *err);
void grid_clear(struct grid *grid);

#endif
