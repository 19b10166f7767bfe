/* SPDX-License-Identifier: BSD-3-Clause */
/* hosts_main.c - p2pmpi-hosts: the peers known here, nearest first */
#include "config.h"

#include "base/clock.h"
#include "base/mem.h"
#include "tools/hosts_table.h"
#include "tools/tool_asker.h"
#include "cli/cli_json.h"
#include "cli/cli_main.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#define ASK_MS     5000
#define REFRESH_MS 20000 /* peers are probed side by side; each has seconds to answer */

static const char usage[] =
    "usage: p2pmpi-hosts [OPTION]...\n"
    "Lists the peers that this machine's p2pmpid knows, by round-trip time.\n"
    "\n"
    "  -n, --numeric   addresses instead of names\n"
    "  -d, --details   tell more of every host: processor, caches, system, Open MPI\n"
    "      --refresh   ask the supernodes and measure all peers first\n"
    "      --json      as JSON\n"
    "      --hostfile  as lines \"name slots=N\" for p2pmpirun --hostfile\n"
    "  -V, --version   tell the version\n"
    "  -h, --help      tell this\n";

struct peers {
    Wire__Peer **items; /* owned copies */
    size_t count;
};

static bool take_peers(const Wire__Frame *frame, void *arg)
{
    struct peers *peers = arg;

    if (frame->body_case == WIRE__FRAME__BODY_LIST_END)
        return false;
    if (frame->body_case != WIRE__FRAME__BODY_ANSWER)
        return true;
    const Wire__Answer *answer = frame->answer;
    peers->items = mem_grow(peers->items, peers->count + answer->n_peers + 1, sizeof(Wire__Peer *));
    for (size_t i = 0; i < answer->n_peers; i++)
        peers->items[peers->count++] = message_copy(&answer->peers[i]->base);
    return true;
}

static bool take_status(const Wire__Frame *frame, void *arg)
{
    if (frame->body_case != WIRE__FRAME__BODY_STATUS)
        return true;
    *(Wire__Status **)arg = message_copy(&frame->status->base);
    return false;
}

static int ask(bool numeric, bool refresh, struct peers *peers, Wire__Status **status,
               struct err *err)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__PeersQuery query = WIRE__PEERS_QUERY__INIT;
    Wire__StatusQuery who = WIRE__STATUS_QUERY__INIT;
    struct asker *asker = asker_create("p2pmpi-hosts", ASK_MS, err);

    if (asker == NULL)
        return -1;
    frame.body_case = WIRE__FRAME__BODY_STATUS_QUERY;
    frame.status_query = &who;
    int failed = asker_ask(asker, &frame, ASK_MS, take_status, status, err);
    query.numeric = numeric;
    query.refresh = refresh;
    frame.body_case = WIRE__FRAME__BODY_PEERS_QUERY;
    frame.peers_query = &query;
    if (failed == 0)
        failed = asker_ask(asker, &frame, refresh ? REFRESH_MS : ASK_MS, take_peers, peers, err);
    asker_destroy(asker);
    return failed;
}

static int print_json(const struct peers *peers)
{
    json_t *list = json_array();

    for (size_t i = 0; i < peers->count; i++)
        json_array_append_new(list, json_peer(peers->items[i]));
    return json_print_take(list);
}

int main(int argc, char **argv)
{
    static const struct option longs[] = {{"numeric", no_argument, NULL, 'n'},
                                          {"details", no_argument, NULL, 'd'},
                                          {"refresh", no_argument, NULL, 'r'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"hostfile", no_argument, NULL, 'f'},
                                          TOOL_OPTIONS,
                                          {0}};
    struct peers peers = {NULL, 0};
    Wire__Status *status = NULL;
    struct hosts_how how = {.now_s = (uint64_t)clock_wall_s()};
    bool refresh = false, json = false, hostfile = false;
    struct err err;
    int code;

    tool_begin();
    while ((code = tool_option(argc, argv, "nd", longs, usage)) != -1) {
        how.numeric = how.numeric || code == 'n';
        how.details = how.details || code == 'd';
        refresh = refresh || code == 'r';
        json = json || code == 'j';
        hostfile = hostfile || code == 'f';
    }
    if (json && hostfile) {
        err_set(&err, "--json and --hostfile are two ways to list the same; choose one");
        return tool_fail("p2pmpi-hosts", &err);
    }
    if (ask(how.numeric, refresh, &peers, &status, &err) < 0)
        return tool_fail("p2pmpi-hosts", &err);
    how.self = status != NULL && status->self != NULL ? &status->self->id : NULL;
    hosts_sort(peers.items, peers.count, how.self);
    if (json)
        print_json(&peers);
    else if (hostfile)
        hosts_print_hostfile(peers.items, peers.count, how.numeric, stdout);
    else
        hosts_print(peers.items, peers.count, &how, stdout);
    if (status != NULL && status->warning[0] != '\0') {
        fflush(stdout);
        fprintf(stderr, "p2pmpi-hosts: warning: %s\n", status->warning);
    }
    for (size_t i = 0; i < peers.count; i++)
        message_free(peers.items[i]);
    free(peers.items);
    message_free(status);
    return tool_end("p2pmpi-hosts");
}
