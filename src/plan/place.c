/* SPDX-License-Identifier: BSD-3-Clause */
/* place.c - which rank runs on which host: arithmetic only */
#include "config.h"
#include "plan/place.h"

#include "base/mem.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static uint32_t fill_round_robin(const struct place_host *hosts, size_t count, uint32_t ranks,
                                 uint32_t *counts)
{
    for (bool placed = true; placed && ranks > 0;) {
        placed = false;
        for (size_t i = 0; i < count && ranks > 0; i++) {
            if (counts[i] < hosts[i].slots) {
                counts[i]++;
                ranks--;
                placed = true;
            }
        }
    }
    return ranks;
}

uint32_t place_counts(Wire__Strategy strategy, const struct place_host *hosts, size_t count,
                      uint32_t ranks, uint32_t *counts_out)
{
    memset(counts_out, 0, count * sizeof *counts_out);
    if (strategy != WIRE__STRATEGY__CONCENTRATE)
        return fill_round_robin(hosts, count, ranks, counts_out);
    for (size_t i = 0; i < count && ranks > 0; i++) {
        counts_out[i] = ranks < hosts[i].slots ? ranks : hosts[i].slots;
        ranks -= counts_out[i];
    }
    return ranks;
}

/* Numbers the ranks so that a map reads well: in turn over the hosts, or host after host. */
static void number_ranks(Wire__Strategy strategy, const uint32_t *counts, size_t count,
                         uint32_t ranks, uint32_t *rank_host)
{
    uint32_t rank = 0;

    if (strategy == WIRE__STRATEGY__CONCENTRATE) {
        for (size_t i = 0; i < count; i++)
            for (uint32_t n = 0; n < counts[i]; n++)
                rank_host[rank++] = (uint32_t)i;
        return;
    }
    for (uint32_t round = 0; rank < ranks; round++)
        for (size_t i = 0; i < count; i++)
            if (counts[i] > round)
                rank_host[rank++] = (uint32_t)i;
}

int place_ranks(Wire__Strategy strategy, const struct place_host *hosts, size_t count,
                uint32_t ranks, uint32_t replicas, uint32_t *rank_host_out, struct err *err)
{
    if (replicas != 1) {
        errno = ENOTSUP;
        return err_set(err, "replicas are not placed yet");
    }
    uint32_t *counts = mem_array(count + 1, sizeof *counts);
    uint32_t missing = place_counts(strategy, hosts, count, ranks, counts);
    if (missing == 0)
        number_ranks(strategy, counts, count, ranks, rank_host_out);
    free(counts);
    if (missing == 0)
        return 0;
    errno = ENOSPC;
    return err_set(err, "%u of %u ranks find no slot", missing, ranks);
}
