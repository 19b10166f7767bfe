/* SPDX-License-Identifier: BSD-3-Clause */
/* run_map.c - --display-map: which rank runs on which host */
#include "config.h"
#include "tools/run_map.h"

#include "base/mem.h"
#include "cli/cli_table.h"

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

void run_map_print(const Wire__JobSpec *spec, FILE *out)
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
        table_add(table, peer != NULL ? peer->name : "?");
        table_add(table, peer != NULL && peer->n_addrs > 0 ? peer->addrs[0]->host : "-");
        table_addf(table, "%u", host->ranks);
        table_add(table, ranks);
        free(ranks);
    }
    fprintf(out, "Job %.8s: %s, %u rank%s on %zu host%s\n", spec->job, spec->command, spec->ranks,
            spec->ranks == 1 ? "" : "s", spec->n_hosts, spec->n_hosts == 1 ? "" : "s");
    table_print(table, out);
    table_destroy(table);
}
