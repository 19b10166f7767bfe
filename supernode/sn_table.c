/* SPDX-License-Identifier: BSD-3-Clause */
/* sn_table.c - the registry as its owner reads it */
#include "config.h"
#include "supernode/sn_table.h"

#include "base/mem.h"
#include "cli/cli_json.h"
#include "cli/cli_table.h"
#include "cli/cli_text.h"

#include <stdlib.h>
#include <string.h>

void sn_peers_add(struct sn_peers *peers, const Wire__Answer *answer)
{
    peers->items =
        mem_grow(peers->items, peers->count + answer->n_peers + 1, sizeof peers->items[0]);
    for (size_t i = 0; i < answer->n_peers; i++)
        peers->items[peers->count++] = message_copy(&answer->peers[i]->base);
}

void sn_peers_clear(struct sn_peers *peers)
{
    for (size_t i = 0; i < peers->count; i++)
        message_free(peers->items[i]);
    free(peers->items);
    *peers = (struct sn_peers){NULL, 0};
}

static int by_name(const void *a, const void *b)
{
    const Wire__Peer *left = *(Wire__Peer *const *)a, *right = *(Wire__Peer *const *)b;
    int order = strcmp(left->name, right->name);

    return order != 0 ? order : memcmp(left->id.data, right->id.data, left->id.len);
}

static void sort(struct sn_peers *peers)
{
    if (peers->count > 0)
        qsort(peers->items, peers->count, sizeof peers->items[0], by_name);
}

static void add_row(struct table *table, const Wire__Peer *peer, uint64_t now_s)
{
    const Wire__Addr *addr = peer->n_addrs > 0 ? peer->addrs[0] : NULL;
    const Wire__LoadInfo *load = peer->load;
    const Wire__HostInfo *host = peer->host;
    char text[TEXT_SIZE];

    table_add(table, peer->name);
    if (addr != NULL)
        table_addf(table, strchr(addr->host, ':') != NULL ? "[%s]:%u" : "%s:%u", addr->host,
                   addr->port);
    else
        table_add(table, "-");
    if (load != NULL) {
        table_addf(table, "%u/%u", load->slots_free, load->slots);
        table_addf(table, "%.2f", load->load_milli / 1000.0);
    } else {
        table_add(table, "-");
        table_add(table, "-");
    }
    text_bytes(host != NULL ? host->memory : 0, text);
    table_add(table, host != NULL ? text : "-");
    table_add(table, host != NULL && host->arch[0] != '\0' ? host->arch : "-");
    table_add(table, host != NULL && host->mpi[0] != '\0' ? host->mpi : "-");
    text_age(now_s > peer->seen_s ? now_s - peer->seen_s : 0, text);
    table_add(table, text);
}

void sn_peers_print(struct sn_peers *peers, uint64_t now_s)
{
    static const struct table_column columns[] = {{"NAME", 0, 8},
                                                  {"ADDRESS", 0, 10},
                                                  {"FREE", TABLE_RIGHT, 0},
                                                  {"LOAD", TABLE_RIGHT, 0},
                                                  {"MEMORY", TABLE_RIGHT | TABLE_SPARE, 0},
                                                  {"ARCH", TABLE_SPARE, 4},
                                                  {"OPEN MPI", TABLE_SPARE, 0},
                                                  {"SEEN", TABLE_RIGHT, 0}};

    if (peers->count == 0) {
        puts("no peer is registered");
        return;
    }
    struct table *table = table_create(columns, sizeof columns / sizeof columns[0]);
    sort(peers);
    for (size_t i = 0; i < peers->count; i++)
        add_row(table, peers->items[i], now_s);
    table_print(table, stdout);
    table_destroy(table);
}

void sn_peers_print_json(struct sn_peers *peers)
{
    json_t *list = json_array();

    sort(peers);
    for (size_t i = 0; i < peers->count; i++)
        json_array_append_new(list, json_peer(peers->items[i]));
    json_print_take(list);
}
