/* SPDX-License-Identifier: BSD-3-Clause */
/* results.h - how the last fences ended: for a host that asks again after its parent was lost
 *
 * The newest RESULTS_MAX are known; of their data the newest is kept, and older up to
 * RESULTS_BYTES_MAX. */
#ifndef P2PMPI_COLL_RESULTS_H
#define P2PMPI_COLL_RESULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RESULTS_MAX       64
#define RESULTS_BYTES_MAX (16u << 20)

struct result {
    const void *series; /* borrowed: which processes; NULL: none */
    uint32_t number;
    int status;
    char *why;     /* owned, NULL when status is 0 */
    uint8_t *data; /* owned */
    size_t size;
    bool has_data; /* false: it was there, but is no longer kept */
};

/* All zero: empty. */
struct results {
    struct result ring[RESULTS_MAX];
    size_t added; /* in all; the newest is at (added - 1) % RESULTS_MAX */
    size_t bytes; /* of data kept */
};

/* Forgets the oldest. why is copied; data (malloc()ed) becomes the result's. */
const struct result *results_add_take(struct results *results, const void *series, uint32_t number,
                                      int status, const char *why, uint8_t *data, size_t size);
const struct result *results_find(const struct results *results, const void *series,
                                  uint32_t number);
void results_clear(struct results *results);

#endif
