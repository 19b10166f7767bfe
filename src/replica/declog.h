/* SPDX-License-Identifier: BSD-3-Clause */
/* declog.h - a log of decisions: bytes by their place, the old ones forgotten
 *
 * Entries are a kind and a few numbers of variable length (7 bits a byte, the low ones first).
 * Bytes come from other processes: declog_read() checks every one. */
#ifndef P2PMPI_REPLICA_DECLOG_H
#define P2PMPI_REPLICA_DECLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum declog_kind {
    DECLOG_NO = 1,        /* `count` outcomes that are "no" */
    DECLOG_MATCH = 2,     /* receive index of (cid, is_library) gets message seq of source */
    DECLOG_OUTCOME = 128, /* + kind of question (1..127): size bytes */
};

struct declog_entry {
    int kind;
    uint64_t count; /* NO */
    uint32_t cid;   /* MATCH ... */
    bool is_library;
    uint64_t index, seq;
    int source;
    const uint8_t *value; /* OUTCOME: in the log, until that changes */
    size_t size;
};

struct declog {
    uint8_t *bytes; /* [base, end) are there */
    size_t room;
    uint64_t base, end;
};

void declog_free(struct declog *log);
void declog_append(struct declog *log, const void *bytes, size_t size);
void declog_write(struct declog *log, const struct declog_entry *entry);
/* Reads the entry at `at` (base <= at < end). Returns where the next one begins; 0: it is not whole
 * yet; DECLOG_NONSENSE: nobody wrote this. */
#define DECLOG_NONSENSE UINT64_MAX
uint64_t declog_read(const struct declog *log, uint64_t at, struct declog_entry *entry_out);
/* The bytes from `at` on; there are end - at. */
const uint8_t *declog_at(const struct declog *log, uint64_t at);
/* The end, from `at` on, goes: it is of somebody who died writing it. */
void declog_cut(struct declog *log, uint64_t at);
/* Forgets what is before `at`. */
void declog_trim(struct declog *log, uint64_t at);

#endif
