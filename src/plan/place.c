/* SPDX-License-Identifier: BSD-3-Clause */
/* place.c - how many processes each host takes, and which without replicas */
#include "config.h"
#include "plan/place.h"

#include "base/mem.h"
#include "plan/spread.h"
#include "replica/world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool place_has_replicas(const struct place_job *job)
{
    for (uint32_t rank = 0; job->degrees != NULL && rank < job->ranks; rank++)
        if (job->degrees[rank] != 1)
            return true;
    return false;
}

uint32_t place_processes(const struct place_job *job)
{
    uint64_t sum = 0;

    if (job->degrees == NULL)
        return job->ranks;
    for (uint32_t rank = 0; rank < job->ranks; rank++)
        sum += job->degrees[rank];
    return sum < UINT32_MAX ? (uint32_t)sum : UINT32_MAX;
}

/* ---- counts without replicas */

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

static uint32_t fill_in_order(const struct place_host *hosts, size_t count, uint32_t ranks,
                              uint32_t *counts)
{
    for (size_t i = 0; i < count && ranks > 0; i++) {
        counts[i] = ranks < hosts[i].slots ? ranks : hosts[i].slots;
        ranks -= counts[i];
    }
    return ranks;
}

uint32_t place_counts(const struct place_job *job, const struct place_host *hosts, size_t count,
                      uint32_t *counts_out)
{
    memset(counts_out, 0, count * sizeof *counts_out);
    if (place_has_replicas(job))
        return spread_counts(job, hosts, count, counts_out);
    if (job->strategy == WIRE__STRATEGY__CONCENTRATE)
        return fill_in_order(hosts, count, job->ranks, counts_out);
    return fill_round_robin(hosts, count, job->ranks, counts_out);
}

/* ---- who goes where */

/* Numbers the ranks so that a map reads well: in turn over the hosts, or host after host. */
static void number_ranks(const struct place_job *job, const uint32_t *counts, size_t count,
                         uint32_t *rank_host)
{
    uint32_t rank = 0;

    if (job->strategy == WIRE__STRATEGY__CONCENTRATE) {
        for (size_t i = 0; i < count; i++)
            for (uint32_t n = 0; n < counts[i]; n++)
                rank_host[rank++] = (uint32_t)i;
        return;
    }
    for (uint32_t round = 0; rank < job->ranks; round++)
        for (size_t i = 0; i < count; i++)
            if (counts[i] > round)
                rank_host[rank++] = (uint32_t)i;
}

int place_processes_on(const struct place_job *job, const struct place_host *hosts, size_t count,
                       uint32_t *process_host_out, struct err *err)
{
    uint32_t *counts = mem_array(count + 1, sizeof *counts);
    uint32_t missing = place_counts(job, hosts, count, counts);

    if (missing == 0 && place_has_replicas(job))
        spread_deal(job, hosts, counts, count, process_host_out);
    else if (missing == 0)
        number_ranks(job, counts, count, process_host_out);
    free(counts);
    if (missing == 0)
        return 0;
    errno = ENOSPC;
    return err_set(err, "%u of %u processes find no slot", missing, place_processes(job));
}

static bool has_room(uint32_t ranks, uint32_t replicas, const struct place_host *hosts,
                     size_t count)
{
    struct place_job job = {WIRE__STRATEGY__SPREAD, ranks, NULL};
    uint32_t *degrees = mem_array((size_t)ranks + 1, sizeof *degrees);
    uint32_t *counts = mem_array(count + 1, sizeof *counts);

    for (uint32_t rank = 0; rank < ranks; rank++)
        degrees[rank] = replicas;
    job.degrees = degrees;
    uint32_t missing = place_counts(&job, hosts, count, counts);
    free(counts);
    free(degrees);
    return missing == 0;
}

uint32_t place_largest(uint32_t ranks, const struct place_host *hosts, size_t count)
{
    uint32_t largest = 0;

    while (largest < WORLD_REPLICAS_MAX && has_room(ranks, largest + 1, hosts, count))
        largest++;
    return largest;
}
