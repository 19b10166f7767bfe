/* SPDX-License-Identifier: BSD-3-Clause */
/* px_peers.c - the grid's peers as JSON text */
#include "config.h"
#include "pmix-server/px_peers.h"

#include "base/hex.h"
#include "base/id.h"
#include "base/mem.h"

#include <jansson.h>
#include <stdlib.h>

struct peers_json {
    json_t *list;
};

struct peers_json *peers_json_create(void)
{
    struct peers_json *peers = mem_alloc(sizeof *peers);

    peers->list = json_array();
    return peers;
}

void peers_json_destroy(struct peers_json *peers)
{
    if (peers == NULL)
        return;
    json_decref(peers->list);
    free(peers);
}

static void add_host(json_t *object, const Wire__HostInfo *host)
{
    json_object_set_new(object, "arch", json_string(host->arch));
    json_object_set_new(object, "os", json_string(host->os));
    json_object_set_new(object, "cpu", json_string(host->cpu_model));
    json_object_set_new(object, "cores", json_integer(host->cores));
    json_object_set_new(object, "memory", json_integer((json_int_t)host->memory));
    json_object_set_new(object, "mpi", json_string(host->mpi));
}

static void add_load(json_t *object, const Wire__LoadInfo *load)
{
    json_object_set_new(object, "slots", json_integer(load->slots));
    json_object_set_new(object, "slots_free", json_integer(load->slots_free));
    json_object_set_new(object, "load", json_real(load->load_milli / 1000.0));
    json_object_set_new(object, "memory_free", json_integer((json_int_t)load->memory_free));
}

static json_t *peer_object(const Wire__Peer *peer)
{
    json_t *object = json_object();
    char id[ID_TEXT_SIZE] = "";

    if (peer->id.len == ID_SIZE)
        hex_encode(peer->id.data, ID_SIZE, id);
    json_object_set_new(object, "id", json_string(id));
    json_object_set_new(object, "name", json_string(peer->name));
    if (peer->n_addrs > 0) {
        json_object_set_new(object, "address", json_string(peer->addrs[0]->host));
        json_object_set_new(object, "port", json_integer(peer->addrs[0]->port));
    }
    json_object_set_new(object, "rtt_us", json_integer(peer->rtt_us));
    json_object_set_new(object, "alive", json_boolean(peer->alive));
    json_object_set_new(object, "seen", json_integer((json_int_t)peer->seen_s));
    if (peer->host != NULL)
        add_host(object, peer->host);
    if (peer->load != NULL)
        add_load(object, peer->load);
    return object;
}

size_t peers_json_add(struct peers_json *peers, const Wire__Answer *answer)
{
    for (size_t i = 0; i < answer->n_peers; i++)
        json_array_append_new(peers->list, peer_object(answer->peers[i]));
    return json_array_size(peers->list);
}

char *peers_json_text(const struct peers_json *peers)
{
    return json_dumps(peers->list, JSON_COMPACT);
}
