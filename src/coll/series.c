/* SPDX-License-Identifier: BSD-3-Clause */
/* series.c - all fences of one set of processes: its hosts, who lives there, which fences are over
 */
#include "config.h"
#include "coll/series.h"

#include "base/mem.h"

#include <stdlib.h>

static uint32_t set_rank(const struct procset *set, size_t i)
{
    return procset_is_all(set) ? (uint32_t)i : set->ranks[i];
}

static size_t set_size(const struct procset *set, const struct series_job *job)
{
    return procset_is_all(set) ? job->ranks : set->count;
}

/* Counts the set's ranks on each host; living_out those of them that are not gone. */
static void count_ranks(const struct procset *set, const struct series_job *job, uint32_t *all_out,
                        uint32_t *living_out)
{
    for (size_t i = 0; i < set_size(set, job); i++) {
        uint32_t rank = set_rank(set, i), host = job->rank_host[rank];
        all_out[host]++;
        living_out[host] += !job->rank_gone[rank];
    }
}

static void positions_fill(struct series *series, const struct series_job *job, const uint32_t *all,
                           const uint32_t *living)
{
    series->hosts = mem_array(job->hosts, sizeof *series->hosts);
    series->lost = mem_array(job->hosts, sizeof *series->lost);
    series->living = mem_array(job->hosts, sizeof *series->living);
    for (uint32_t host = 0; host < job->hosts; host++) {
        if (all[host] == 0)
            continue;
        if ((int)host == job->self)
            series->me = series->count;
        series->hosts[series->count] = host;
        series->lost[series->count] = job->host_lost[host];
        series->living[series->count++] = living[host];
    }
}

struct series *series_create_take(struct procset *set, const struct series_job *job)
{
    uint32_t *all = mem_array(job->hosts, sizeof *all),
             *living = mem_array(job->hosts, sizeof *living);
    struct series *series = NULL;

    count_ranks(set, job, all, living);
    if (all[job->self] > 0) {
        series = mem_alloc(sizeof *series);
        series->set = *set;
        positions_fill(series, job, all, living);
    }
    free(all);
    free(living);
    return series;
}

void series_destroy(struct series *series)
{
    if (series == NULL)
        return;
    procset_clear(&series->set);
    free(series->hosts);
    free(series->lost);
    free(series->living);
    free(series);
}

size_t series_position(const struct series *series, uint32_t host)
{
    size_t low = 0, high = series->count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (series->hosts[middle] < host)
            low = middle + 1;
        else
            high = middle;
    }
    return low < series->count && series->hosts[low] == host ? low : TREE_NONE;
}

void series_rank_gone(struct series *series, uint32_t rank, uint32_t host)
{
    if (procset_has(&series->set, rank))
        series->living[series_position(series, host)]--;
}

bool series_host_lost(struct series *series, uint32_t host)
{
    size_t position = series_position(series, host);

    if (position == TREE_NONE)
        return false;
    series->lost[position] = true;
    return true;
}

struct tree series_tree(const struct series *series)
{
    return (struct tree){series->count, series->lost};
}

bool series_is_awaited(const struct series *series, size_t position)
{
    return !series->lost[position] && series->living[position] > 0;
}

bool series_is_over(const struct series *series, uint32_t number)
{
    if (number <= series->over_upto)
        return true;
    return series_is_near(series, number) &&
           (series->over_mask >> (number - series->over_upto - 1) & 1) != 0;
}

bool series_is_near(const struct series *series, uint32_t number)
{
    return number > series->over_upto && number - series->over_upto <= SERIES_AHEAD;
}

void series_set_over(struct series *series, uint32_t number)
{
    series->over_mask |= (uint64_t)1 << (number - series->over_upto - 1);
    for (; (series->over_mask & 1) != 0; series->over_mask >>= 1)
        series->over_upto++;
}
