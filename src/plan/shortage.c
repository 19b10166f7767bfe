/* SPDX-License-Identifier: BSD-3-Clause */
/* shortage.c - why a job found no place, in a sentence that says what to do */
#include "config.h"
#include "plan/shortage.h"

#include "base/mem.h"
#include "plan/place.h"
#include "replica/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FEW       3 /* unsuitable hosts that are named one by one */
#define NAMED_MAX 6 /* of those that the user asked for */

struct census {
    uint32_t hosts;      /* that could run it */
    uint32_t hosts_free; /* of these, with a free slot */
    uint64_t free, total;
    uint32_t lacks[FIT_LACKS];
    uint32_t denied, silent;
};

static uint32_t below(uint32_t value, uint32_t limit)
{
    return value < limit ? value : limit;
}

static struct census take_census(const struct candidates *list)
{
    struct census census = {0};

    for (size_t i = 0; i < list->count; i++) {
        const struct candidate *candidate = list->order[i];
        if (candidate->out == CANDIDATE_UNFIT) {
            census.lacks[candidate->lack == FIT_NO_MPI ? FIT_MPI : candidate->lack]++;
        } else if (candidate->out == CANDIDATE_DENIED) {
            census.denied++;
        } else if (candidate->out == CANDIDATE_SILENT) {
            census.silent++;
        } else {
            census.hosts++;
            census.hosts_free += below(candidate->free, candidate->limit) > 0;
            census.free += below(candidate->free, candidate->limit);
            census.total += below(candidate->total, candidate->limit);
        }
    }
    return census;
}

__attribute__((format(printf, 2, 3))) static void append(struct err *err, const char *format, ...)
{
    size_t used = strlen(err->text);
    va_list args;

    va_start(args, format);
    vsnprintf(err->text + used, sizeof err->text - used, format, args);
    va_end(args);
}

static const char *s(uint64_t count)
{
    return count == 1 ? "" : "s";
}

/* "use -n 8, wait with -w, or --oversubscribe": only what would help. */
static void tell_ways_out(const struct census *census, uint32_t wanted, bool oversubscribe,
                          struct err *err)
{
    const char *ways[3];
    char less[32];
    int count = 0;

    snprintf(less, sizeof less, "use -n %llu", (unsigned long long)census->free);
    if (census->free > 0)
        ways[count++] = less;
    if (census->total >= wanted)
        ways[count++] = "wait with -w";
    if (!oversubscribe && census->total > 0)
        ways[count++] =
            census->free > 0 || census->total >= wanted ? "--oversubscribe" : "use --oversubscribe";
    for (int i = 0; i < count; i++)
        append(err, "%s%s",
               i == 0           ? ": "
               : i == count - 1 ? (count > 2 ? ", or " : " or ")
                                : ", ",
               ways[i]);
}

/* Each by its name: few, or those that the user named. */
static void tell_named(const struct candidates *list, const Wire__Needs *needs, struct err *err)
{
    unsigned told = 0, left = 0;
    struct err why = {""};

    for (size_t i = 0; i < list->count; i++) {
        const struct candidate *candidate = list->order[i];
        const char *name = candidate->peer->name;
        if (candidate->out == CANDIDATE_IN || candidate->out == CANDIDATE_FULL)
            continue;
        if (told == NAMED_MAX) {
            left++;
            continue;
        }
        append(err, "%s", told++ == 0 ? "; " : ", ");
        if (candidate->out == CANDIDATE_UNFIT) {
            fit_check(candidate->peer->host, needs, &why);
            append(err, "%s %s", name, why.text);
        } else if (candidate->out == CANDIDATE_SILENT) {
            append(err, "%s %s%s%s", name, candidate->denial != NULL ? "cannot be used (" : "",
                   candidate->denial != NULL ? candidate->denial : "does not answer",
                   candidate->denial != NULL ? ")" : "");
        } else {
            append(err, "%s refused%s%.100s%s", name, candidate->denial != NULL ? " (" : "",
                   candidate->denial != NULL ? candidate->denial : "",
                   candidate->denial != NULL ? ")" : "");
        }
    }
    if (left > 0)
        append(err, ", and %u more", left);
}

static const char *first_denial(const struct candidates *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->order[i]->out == CANDIDATE_DENIED && list->order[i]->denial != NULL)
            return list->order[i]->denial;
    return "";
}

static uint32_t unsuitable(const struct census *census)
{
    uint32_t count = census->silent + census->denied;

    for (int lack = FIT_ARCH; lack < FIT_LACKS; lack++)
        count += census->lacks[lack];
    return count;
}

/* What the hosts of another architecture are; the first one's word where they differ among
 * themselves. */
static const char *first_arch(const struct candidates *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->order[i]->out == CANDIDATE_UNFIT && list->order[i]->lack == FIT_ARCH &&
            list->order[i]->peer->host != NULL)
            return list->order[i]->peer->host->arch;
    return "of another architecture";
}

static void tell_unsuitable(const struct candidates *list, const struct census *census,
                            const Wire__Needs *needs, struct err *err)
{
    const char *denial = first_denial(list);
    const char *glue = "; ";

    for (int lack = FIT_ARCH; lack < FIT_LACKS; lack++) {
        uint32_t count = census->lacks[lack];
        if (count == 0)
            continue;
        append(err, "%s%u host%s ", glue, count, s(count));
        if (lack == FIT_ARCH)
            append(err, "%s %s, the program is for %s", count == 1 ? "is" : "are", first_arch(list),
                   needs->arch);
        else if (lack == FIT_GLIBC)
            append(err, "%s no glibc %s or newer", count == 1 ? "has" : "have", needs->glibc);
        else if (lack == FIT_P2PREP)
            append(err, "%s no component p2prep, which replicas need", count == 1 ? "has" : "have");
        else
            append(err, "%s no Open MPI %s", count == 1 ? "has" : "have", needs->mpi);
        glue = ", ";
    }
    if (census->silent > 0) {
        append(err, "%s%u host%s did not answer", glue, census->silent, s(census->silent));
        glue = ", ";
    }
    if (census->denied > 0)
        append(err, "%s%u host%s refused%s%.100s%s", glue, census->denied, s(census->denied),
               denial[0] ? " (" : "", denial, denial[0] ? ")" : "");
}

/* What hosts would take of a job with replicas now. Returns how many machines that are;
 * *largest_out is the largest -r. */
static size_t take_room(const struct candidates *list, const struct demand *demand,
                        uint32_t *largest_out)
{
    struct place_host *hosts = mem_array(list->count + 1, sizeof *hosts);

    for (size_t i = 0; i < list->count; i++) {
        const struct candidate *candidate = list->order[i];
        hosts[i] = demand_host(candidate);
        if (candidate->out == CANDIDATE_IN || candidate->out == CANDIDATE_FULL)
            hosts[i].slots =
                below(demand->oversubscribe && candidate->total > 0 ? UINT32_MAX : candidate->free,
                      candidate->limit);
    }
    *largest_out = place_largest(demand->job.ranks, hosts, list->count);
    uint32_t machines = place_largest(1, hosts, list->count); /* or more than any rank can use */
    free(hosts);
    return machines;
}

/* "4 ranks with their replicas are 8 processes, and replicas of a rank never share a machine; the
 * grid has 5 free slots on 3 machines: the largest -r that fits is 1" */
static void tell_replicas(const struct candidates *list, const struct demand *demand,
                          const struct census *census, const char *who, struct err *err)
{
    uint32_t largest;
    size_t machines = take_room(list, demand, &largest);

    append(err,
           "%u rank%s with their replicas are %u processes, and replicas of a rank never share a "
           "machine; %s ",
           demand->job.ranks, s(demand->job.ranks), place_processes(&demand->job), who);
    if (!demand->oversubscribe)
        append(err, "%llu free slot%s on ", (unsigned long long)census->free, s(census->free));
    append(err, "%zu machine%s%s: ", machines, s(machines),
           machines == WORLD_REPLICAS_MAX ? " or more" : "");
    if (largest > 0)
        append(err, "the largest -r that fits is %u", largest);
    else
        append(err, "not even -r 1 fits, use a smaller -n%s",
               demand->oversubscribe || census->total == 0 ? "" : " or --oversubscribe");
}

void shortage_tell(const struct candidates *list, const struct demand *demand,
                   const Wire__Needs *needs, struct err *err)
{
    uint32_t wanted = demand->job.ranks;
    bool oversubscribe = demand->oversubscribe;
    struct census census = take_census(list);
    const char *who = list->wish_count > 0 ? "the hosts named have" : "the grid has";

    err->text[0] = '\0';
    if (list->wish_count > 0 && list->unmatched < list->wish_count) {
        append(err, "no host \"%s\" is known in the grid: p2pmpi-hosts lists those that are",
               list->wishes[list->unmatched]->name);
        return;
    }
    if (wanted > 0 && !place_has_replicas(&demand->job))
        append(err, "%u rank%s wanted, ", wanted, s(wanted));
    if (census.hosts == 0 || census.total == 0) {
        append(err, "%s no host that can take %s", who, wanted == 1 ? "it" : "any");
    } else if (place_has_replicas(&demand->job)) {
        tell_replicas(list, demand, &census, who, err);
    } else {
        append(err, "%s %llu free slot%s", who, (unsigned long long)census.free, s(census.free));
        if (census.free > 0)
            append(err, " on %u host%s (%llu in all)", census.hosts_free, s(census.hosts_free),
                   (unsigned long long)census.total);
        else
            append(err, " (%llu in all on %u host%s)", (unsigned long long)census.total,
                   census.hosts, s(census.hosts));
        tell_ways_out(&census, wanted, oversubscribe, err);
    }
    if (list->wish_count > 0 || unsuitable(&census) <= FEW)
        tell_named(list, needs, err);
    else
        tell_unsuitable(list, &census, needs, err);
}
