/* SPDX-License-Identifier: BSD-3-Clause */
/* hosts_table.h - peers as people read them: a table, details, a host file */
#ifndef P2PMPI_TOOLS_HOSTS_TABLE_H
#define P2PMPI_TOOLS_HOSTS_TABLE_H

#include "wire/frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Nearest first; those without an answer last. self (32 bytes, may be NULL) comes before all. */
void hosts_sort(Wire__Peer **peers, size_t count, const ProtobufCBinaryData *self);

struct hosts_how {
    bool numeric; /* addresses, no names */
    bool details;
    const ProtobufCBinaryData *self; /* may be NULL */
    uint64_t now_s;
};
void hosts_print(Wire__Peer *const *peers, size_t count, const struct hosts_how *how, FILE *out);

/* "name slots=N" of every living peer, for p2pmpirun --hostfile. */
void hosts_print_hostfile(Wire__Peer *const *peers, size_t count, bool numeric, FILE *out);

#endif
