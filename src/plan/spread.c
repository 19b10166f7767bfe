/* SPDX-License-Identifier: BSD-3-Clause */
/* spread.c - replicas of a rank on different machines: which counts allow it, and who goes where */
#include "config.h"
#include "plan/spread.h"

#include "base/mem.h"
#include "replica/world.h"

#include <stdlib.h>
#include <string.h>

/* ---- hosts that are one machine */

struct named {
    const char *name;
    size_t host;
};

static int by_name(const void *left, const void *right)
{
    const struct named *a = left, *b = right;
    int order = strcmp(a->name, b->name);

    return order != 0 ? order : (a->host < b->host ? -1 : a->host > b->host);
}

/* machine[host]: the first host of the same machine. */
static size_t *machines_of(const struct place_host *hosts, size_t count)
{
    size_t *machine = mem_array(count + 1, sizeof *machine);
    struct named *named = mem_array(count + 1, sizeof *named);
    size_t known = 0;

    for (size_t i = 0; i < count; i++) {
        machine[i] = i;
        if (hosts[i].machine_id != NULL && hosts[i].machine_id[0] != '\0')
            named[known++] = (struct named){hosts[i].machine_id, i};
    }
    qsort(named, known, sizeof *named, by_name);
    for (size_t i = 1; i < known; i++)
        if (strcmp(named[i].name, named[i - 1].name) == 0)
            machine[named[i].host] = machine[named[i - 1].host];
    free(named);
    return machine;
}

/* ---- counts */

/* As level as the slots allow: if any counts will do, these will. */
static void fill_level(const struct place_job *job, const struct place_host *hosts,
                       const size_t *machine, size_t count, uint32_t *counts, uint32_t *held)
{
    uint32_t left = place_processes(job);
    bool placed = true;

    for (uint32_t round = 0; placed && left > 0 && round < job->ranks; round++) {
        placed = false;
        for (size_t i = 0; i < count && left > 0; i++) {
            if (held[machine[i]] != round || counts[i] == hosts[i].slots)
                continue;
            counts[i]++;
            held[machine[i]]++;
            left--;
            placed = true;
        }
    }
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static void fill_in_order(const struct place_job *job, const struct place_host *hosts,
                          const size_t *machine, size_t count, uint32_t *counts, uint32_t *held)
{
    uint32_t left = place_processes(job);

    for (size_t i = 0; i < count; i++) {
        uint32_t room = job->ranks - held[machine[i]];
        counts[i] = smaller(left, smaller(room, hosts[i].slots));
        held[machine[i]] += counts[i];
        left -= counts[i];
    }
}

/* held[] of machines (0 elsewhere) against the degrees: how many processes find no place. */
static uint32_t shortfall(const struct place_job *job, const uint32_t *held, size_t count)
{
    uint32_t *taller = mem_array((size_t)job->ranks + 2, sizeof *taller);
    uint32_t of_degree[WORLD_REPLICAS_MAX + 1] = {0};
    int64_t wanted = 0, held_sum = 0, worst = 0;
    uint32_t machines = 0;

    for (size_t i = 0; i < count; i++)
        taller[held[i]]++; /* at most ranks */
    for (uint32_t rank = 0; rank < job->ranks; rank++)
        of_degree[smaller(job->degrees[rank], WORLD_REPLICAS_MAX)]++;
    for (uint32_t k = 1; k <= job->ranks; k++)
        machines += taller[k];
    uint32_t degree = WORLD_REPLICAS_MAX;
    for (uint32_t k = 1; k <= job->ranks; k++) {
        while (of_degree[degree] == 0)
            degree--;
        of_degree[degree]--;
        wanted += degree;
        held_sum += machines; /* those that hold k or more */
        machines -= taller[k];
        worst = wanted - held_sum > worst ? wanted - held_sum : worst;
    }
    free(taller);
    return (uint32_t)worst;
}

uint32_t spread_counts(const struct place_job *job, const struct place_host *hosts, size_t count,
                       uint32_t *counts)
{
    size_t *machine = machines_of(hosts, count);
    uint32_t *held = mem_array(count + 1, sizeof *held);
    uint32_t missing = UINT32_MAX;

    if (job->strategy == WIRE__STRATEGY__CONCENTRATE) {
        fill_in_order(job, hosts, machine, count, counts, held);
        missing = shortfall(job, held, count);
    }
    if (missing > 0) {
        memset(counts, 0, count * sizeof *counts);
        memset(held, 0, count * sizeof *held);
        fill_level(job, hosts, machine, count, counts, held);
        missing = shortfall(job, held, count);
    }
    free(held);
    free(machine);
    return missing;
}

/* ---- who goes where */

struct deal {
    const struct place_job *job;
    const struct place_host *hosts;
    size_t count;
    size_t *machine;
    uint32_t *left;   /* by host: processes still to be placed there */
    uint32_t *held;   /* by machine: the same */
    uint32_t *marked; /* by machine: rank + 1 that was dealt to it last */
    uint32_t ranks;   /* still to be dealt */
    bool is_uniform;
    size_t chosen[WORLD_REPLICAS_MAX]; /* hosts of the rank's replicas so far */
    uint32_t chosen_count;
};

static bool is_same(const char *a, const char *b)
{
    return a != NULL && b != NULL && a[0] != '\0' && strcmp(a, b) == 0;
}

/* Does this host have to get a replica of the rank, so that all comes out? Large: rather than
 * others. Where all ranks have equally many, only machines that all the rest must use. */
static uint32_t need_of(const struct deal *deal, size_t host)
{
    uint32_t held = deal->held[deal->machine[host]];

    return deal->is_uniform ? held >= deal->ranks : held;
}

static uint32_t liking_of(const struct deal *deal, size_t host)
{
    const struct place_host *it = &deal->hosts[host];
    uint32_t liking = 2;

    for (uint32_t i = 0; i < deal->chosen_count; i++)
        if (is_same(it->site, deal->hosts[deal->chosen[i]].site))
            liking = 0;
    return liking +
           (deal->chosen_count > 0 && it->cpu_level == deal->hosts[deal->chosen[0]].cpu_level);
}

static bool is_better(const struct deal *deal, size_t host, size_t than)
{
    uint32_t need = need_of(deal, host), other_need = need_of(deal, than);
    uint32_t liking = liking_of(deal, host), other_liking = liking_of(deal, than);

    if (need != other_need)
        return need > other_need;
    if (liking != other_liking)
        return liking > other_liking;
    return deal->held[deal->machine[host]] > deal->held[deal->machine[than]];
}

static void deal_replica(struct deal *deal, uint32_t rank)
{
    size_t best = deal->count;

    for (size_t i = 0; i < deal->count; i++)
        if (deal->left[i] > 0 && deal->marked[deal->machine[i]] != rank + 1 &&
            (best == deal->count || is_better(deal, i, best)))
            best = i;
    if (best == deal->count)
        abort(); /* the counts had room: spread_counts() */
    deal->left[best]--;
    deal->held[deal->machine[best]]--;
    deal->marked[deal->machine[best]] = rank + 1;
    deal->chosen[deal->chosen_count++] = best;
}

static void deal_rank(struct deal *deal, const struct world *world, uint32_t rank,
                      uint32_t *process_host)
{
    deal->chosen_count = 0;
    for (uint32_t set = 0; set < deal->job->degrees[rank]; set++) {
        deal_replica(deal, rank);
        process_host[world_process(world, (int)rank, (int)set)] = (uint32_t)deal->chosen[set];
    }
    deal->ranks--;
}

static void deal_all(struct deal *deal, const struct world *world, uint32_t *process_host)
{
    for (uint32_t degree = WORLD_REPLICAS_MAX; degree > 0; degree--)
        for (uint32_t rank = 0; rank < deal->job->ranks; rank++)
            if (deal->job->degrees[rank] == degree)
                deal_rank(deal, world, rank, process_host);
}

void spread_deal(const struct place_job *job, const struct place_host *hosts,
                 const uint32_t *counts, size_t count, uint32_t *process_host_out)
{
    struct deal deal = {.job = job, .hosts = hosts, .count = count, .ranks = job->ranks};
    struct world *world = world_create_degrees(job->degrees, (int)job->ranks, NULL);

    deal.machine = machines_of(hosts, count);
    deal.left = mem_array(count + 1, sizeof *deal.left);
    deal.held = mem_array(count + 1, sizeof *deal.held);
    deal.marked = mem_array(count + 1, sizeof *deal.marked);
    for (size_t i = 0; i < count; i++) {
        deal.left[i] = counts[i];
        deal.held[deal.machine[i]] += counts[i];
    }
    deal.is_uniform = true;
    for (uint32_t rank = 1; rank < job->ranks; rank++)
        deal.is_uniform = deal.is_uniform && job->degrees[rank] == job->degrees[0];
    deal_all(&deal, world, process_host_out);
    free(deal.marked);
    free(deal.held);
    free(deal.left);
    free(deal.machine);
    world_destroy(world);
}
