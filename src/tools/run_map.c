/* SPDX-License-Identifier: BSD-3-Clause */
/* run_map.c - --display-map: which rank runs on which host, or its replicas on which */
#include "config.h"
#include "tools/run_map.h"

#include "base/mem.h"
#include "cli/cli_table.h"
#include "replica/world.h"

#include <stdlib.h>

char *run_map_ranks(const Wire__JobSpec *spec, uint32_t host)
{
    char *text = mem_string("");

    for (size_t first = 0; first < spec->n_rank_host; first++) {
        size_t last = first;
        if (spec->rank_host[first] != host)
            continue;
        while (last + 1 < spec->n_rank_host && spec->rank_host[last + 1] == host)
            last++;
        char *longer =
            first == last
                ? mem_format("%s%s%zu", text, text[0] != '\0' ? "," : "", first)
                : mem_format("%s%s%zu-%zu", text, text[0] != '\0' ? "," : "", first, last);
        free(text);
        text = longer;
        first = last;
    }
    return text;
}

static const char *host_name(const Wire__JobSpec *spec, uint32_t host)
{
    const Wire__Peer *peer = host < spec->n_hosts ? spec->hosts[host]->peer : NULL;

    return peer != NULL ? peer->name : "?";
}

static void print_hosts(const Wire__JobSpec *spec, FILE *out)
{
    static const struct table_column columns[] = {
        {"HOST", 0, 8}, {"ADDRESS", 0, 8}, {"COUNT", TABLE_RIGHT, 0}, {"RANKS", TABLE_WHOLE, 0}};
    struct table *table = table_create(columns, 4);

    for (size_t i = 0; i < spec->n_hosts; i++) {
        const Wire__JobHost *host = spec->hosts[i];
        const Wire__Peer *peer = host->peer;
        if (host->ranks == 0)
            continue;
        char *ranks = run_map_ranks(spec, (uint32_t)i);
        table_add(table, host_name(spec, (uint32_t)i));
        table_add(table, peer != NULL && peer->n_addrs > 0 ? peer->addrs[0]->host : "-");
        table_addf(table, "%u", host->ranks);
        table_add(table, ranks);
        free(ranks);
    }
    table_print(table, out);
    table_destroy(table);
}

/* A line for each rank, a column for each replica. */
static void print_replicas(const Wire__JobSpec *spec, const struct world *world, FILE *out)
{
    struct table_column columns[WORLD_REPLICAS_MAX + 1] = {{"RANK", TABLE_RIGHT, 0}};
    char titles[WORLD_REPLICAS_MAX][16];

    for (int set = 0; set < world->replicas; set++) {
        snprintf(titles[set], sizeof titles[set], "REPLICA %d", set);
        columns[set + 1] = (struct table_column){titles[set], 0, 8};
    }
    struct table *table = table_create(columns, (size_t)world->replicas + 1);
    for (int rank = 0; rank < world->ranks; rank++) {
        table_addf(table, "%d", rank);
        for (int set = 0; set < world->replicas; set++) {
            int process = world_process(world, rank, set);
            table_add(table, process >= 0 && (size_t)process < spec->n_rank_host
                                 ? host_name(spec, spec->rank_host[process])
                                 : "-");
        }
    }
    table_print(table, out);
    table_destroy(table);
}

void run_map_print(const Wire__JobSpec *spec, FILE *out)
{
    struct world *world = spec->n_degrees > 0
                              ? world_create_degrees(spec->degrees, (int)spec->n_degrees, NULL)
                              : NULL;
    uint32_t ranks = world != NULL ? (uint32_t)world->ranks : spec->ranks;

    fprintf(out, "Job %.8s: %s, %u rank%s", spec->job, spec->command, ranks, ranks == 1 ? "" : "s");
    if (world != NULL)
        fprintf(out, ", %u processes", spec->ranks);
    fprintf(out, " on %zu host%s\n", spec->n_hosts, spec->n_hosts == 1 ? "" : "s");
    if (world != NULL)
        print_replicas(spec, world, out);
    else
        print_hosts(spec, out);
    world_destroy(world);
}
