/* SPDX-License-Identifier: BSD-3-Clause */
/* demand.c - what a booking wants of which candidate, and what it has */
#include "config.h"
#include "plan/demand.h"

#include "base/mem.h"

#include <stdlib.h>

#define DEMAND_ALL                                                                                 \
    65535 /* ranks at most; asked of a host whose slots are not known, when all are wanted */

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

void plan_clear(struct plan *plan)
{
    free(plan->hosts);
    free(plan->counts);
}

/* Without a number from the user every host gives what it has, within his list; without a list,
 * this host. */
static void plan_everything(struct candidates *list, const struct demand *demand, struct plan *plan)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct candidate *candidate = list->order[i];
        const Wire__HostInfo *host = candidate->peer->host;
        uint32_t slots = candidate->knows_load   ? candidate->total
                         : demand->oversubscribe ? 1
                                                 : DEMAND_ALL;
        if (slots == UINT32_MAX) /* no limit, as in the embedded default: one rank per core */
            slots = host != NULL && host->cores > 0 ? host->cores : 1;
        if (!candidate_is_usable(candidate) || (list->wish_count == 0 && !candidate->is_self))
            slots = 0;
        else if (candidate->granted > 0 && candidate->asked == 0)
            slots = candidate->granted;
        else if (demand->oversubscribe && candidate->limit != UINT32_MAX)
            slots = candidate->limit;
        plan->hosts[i].slots = plan->counts[i] = smaller(slots, candidate->limit);
        plan->wanted += plan->counts[i];
    }
}

/* A second look at hosts that seemed to have nothing, or not enough: what we knew may be old. */
static bool believe_more(struct candidates *list)
{
    bool changed = false;

    for (size_t i = 0; i < list->count; i++) {
        struct candidate *candidate = list->order[i];
        if (candidate_is_usable(candidate) && candidate->granted == 0 && candidate->asked == 0 &&
            candidate->believed < candidate->total) {
            candidate->believed = candidate->total;
            changed = true;
        }
    }
    return changed;
}

/* Oversubscribed: k ranks per slot everywhere, with the smallest k that does. */
static void plan_oversubscribed(struct candidates *list, const struct demand *demand,
                                struct plan *plan)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < list->count; i++) {
        const struct candidate *candidate = list->order[i];
        uint32_t base = candidate->knows_load    ? candidate->total
                        : candidate->granted > 0 ? candidate->granted
                                                 : 1;
        base = smaller(smaller(base, candidate->limit), DEMAND_ALL);
        plan->hosts[i].slots = candidate_is_usable(candidate) ? base : 0;
        sum += plan->hosts[i].slots;
    }
    if (sum == 0)
        return;
    uint32_t factor = (uint32_t)((plan->wanted + sum - 1) / sum);
    for (size_t i = 0; i < list->count; i++)
        plan->hosts[i].slots = (uint32_t)((uint64_t)plan->hosts[i].slots * factor > DEMAND_ALL
                                              ? DEMAND_ALL
                                              : plan->hosts[i].slots * factor);
    plan->missing = place_counts(&demand->job, plan->hosts, list->count, plan->counts);
}

static void plan_as_believed(struct candidates *list, const struct demand *demand,
                             struct plan *plan)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct candidate *candidate = list->order[i];
        plan->hosts[i].slots =
            candidate_is_usable(candidate) ? smaller(candidate->believed, candidate->limit) : 0;
    }
    plan->missing = place_counts(&demand->job, plan->hosts, list->count, plan->counts);
}

struct place_host demand_host(const struct candidate *candidate)
{
    const Wire__HostInfo *host = candidate->peer->host;

    return (struct place_host){
        .machine_id = host != NULL ? host->machine_id : NULL,
        .site = candidate->site,
        .cpu_level = host != NULL ? host->cpu_level : 0,
    };
}

static struct plan plan_create(const struct candidates *list, const struct demand *demand)
{
    struct plan plan = {.wanted = place_processes(&demand->job)};

    plan.hosts = mem_array(list->count + 1, sizeof *plan.hosts);
    plan.counts = mem_array(list->count + 1, sizeof *plan.counts);
    for (size_t i = 0; i < list->count; i++)
        plan.hosts[i] = demand_host(list->order[i]);
    return plan;
}

static unsigned ceil_log2(uint64_t value)
{
    unsigned bits = 0;

    while (((uint64_t)1 << bits) < value)
        bits++;
    return bits;
}

/* More hosts than needed: some will refuse, and the nearest of those that grant are taken. */
static void plan_surplus(const struct candidates *list, struct plan *plan)
{
    uint32_t need = 0, most = 0;

    for (size_t i = 0; i < list->count; i++) {
        need += plan->counts[i] > 0;
        most = plan->counts[i] > most ? plan->counts[i] : most;
    }
    unsigned extra = need > 0 ? 3 * ceil_log2((uint64_t)need + 1) : 0;
    for (size_t i = 0; i < list->count && extra > 0; i++) {
        if (plan->counts[i] == 0 && plan->hosts[i].slots > 0) {
            plan->counts[i] = smaller(most, plan->hosts[i].slots);
            extra--;
        }
    }
}

struct plan plan_wanted(struct candidates *list, const struct demand *demand)
{
    struct plan plan = plan_create(list, demand);

    if (demand->job.ranks == 0) {
        plan_everything(list, demand, &plan);
        return plan;
    }
    plan_as_believed(list, demand, &plan);
    if (plan.missing > 0 && believe_more(list))
        plan_as_believed(list, demand, &plan);
    if (plan.missing > 0 && demand->oversubscribe)
        plan_oversubscribed(list, demand, &plan);
    plan_surplus(list, &plan);
    return plan;
}

/* Where the ranks would go with what is granted; with_asked: and with what is on its way. */
struct plan plan_granted(const struct candidates *list, const struct demand *demand,
                         bool with_asked)
{
    struct plan plan = plan_create(list, demand);
    uint64_t sum = 0;

    for (size_t i = 0; i < list->count; i++) {
        const struct candidate *candidate = list->order[i];
        uint32_t slots = candidate->granted;
        if (with_asked && candidate->asked > slots)
            slots = candidate->asked;
        plan.hosts[i].slots = smaller(slots, demand->oversubscribe ? UINT32_MAX : candidate->limit);
        sum += plan.hosts[i].slots;
    }
    struct place_job job = demand->job;
    if (job.ranks == 0)
        job.ranks = plan.wanted = sum < DEMAND_ALL ? (uint32_t)sum : DEMAND_ALL;
    plan.missing = place_counts(&job, plan.hosts, list->count, plan.counts);
    return plan;
}
