/* SPDX-License-Identifier: BSD-3-Clause */
/* members.c - the grid around this daemon: supernodes, the peer cache, round-trip times */
#include "config.h"
#include "peer/members_inner.h"
#include "peer/watches.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "peer/mesh.h"
#include "peer/selfaddr.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAVE_MS 60000

/* ---- addresses of this host */

static void self_addrs(struct members *members)
{
    const struct settings *settings = &members->daemon->settings;
    Wire__Peer *self = members->daemon->hello->self;
    uint16_t port = listener_port(members->listener);

    if (settings->advertise != NULL)
        selfaddr_add(self, settings->advertise, port);
    else if (settings->listen != NULL && strcmp(settings->listen, "0.0.0.0") != 0 &&
             strcmp(settings->listen, "::") != 0)
        selfaddr_add(self, settings->listen, port);
    else
        selfaddr_find(self, port);
}

/* ---- probes */

static void want_probe(const struct peer *peer, void *arg)
{
    struct members *members = arg;

    mesh_locate(members->daemon->mesh, &peer->id, peer->info->addrs, peer->info->n_addrs);
    mesh_ping(members->daemon->mesh, &peer->id);
}

/* ---- from the mesh */

void members_up(struct members *members, const struct id *peer, const Wire__Hello *hello)
{
    if (members->peers == NULL || hello->self == NULL)
        return;
    Wire__Peer *told = message_copy(&hello->self->base);
    free(told->id.data);
    told->id.data = mem_copy(peer->bytes, ID_SIZE);
    told->id.len = ID_SIZE;
    peers_hello(members->peers, told, clock_now_ms(), clock_wall_s());
    if (told->load == NULL) /* it may have begun anew, with other slots: its Pong tells */
        mesh_ping(members->daemon->mesh, peer);
    message_free(told);
}

void members_down(struct members *members, const struct id *peer)
{
    if (members->probes != NULL)
        probes_failed(members->probes, peer, clock_now_ms());
}

void members_pong(struct members *members, const struct id *peer, int64_t rtt_us,
                  const Wire__LoadInfo *load)
{
    if (members->probes != NULL)
        probes_answered(members->probes, peer, (uint32_t)rtt_us, load, clock_now_ms(),
                        clock_wall_s());
}

/* ---- life */

void members_tick(struct members *members, int64_t now_ms)
{
    Wire__LoadInfo load = WIRE__LOAD_INFO__INIT;
    struct err err;

    if (!members->has_grid)
        return;
    daemon_load(members->daemon, &load);
    directory_set_load(members->directory, &load, now_ms);
    directory_tick(members->directory, now_ms);
    probes_tick(members->probes, now_ms);
    peers_tick(members->peers, now_ms);
    if (now_ms >= members->save_ms) {
        members->save_ms = now_ms + SAVE_MS;
        if (peers_save(members->peers, members->cache_path, &err) < 0)
            log_warning("peer cache not saved why=\"%s\"", err.text);
    }
}

static void on_accept(struct listener *listener, struct link *link, void *arg)
{
    struct members *members = arg;

    (void)listener;
    mesh_adopt_take(members->daemon->mesh, link);
}

static void on_refused(struct listener *listener, const char *host, const char *why, void *arg)
{
    static struct log_limit limit;

    (void)listener;
    (void)arg;
    if (log_allowed(&limit, 10, 60000, clock_now_ms()))
        log_warning("stranger turned away host=%s why=\"%s\"", host, why);
}

static void engines_create(struct members *members)
{
    static const struct probe_ops probe_ops = {want_probe, NULL, members_refreshed};
    struct directory_config config = {.supernodes = (unsigned)members->grid.supernodes.count,
                                      .seed = rand_u64()};
    struct probe_config probe_config = {.seed = rand_u64()};
    struct err warning;

    members->directory = directory_create(&config, &members_directory_ops, members);
    members->peers = peers_create(PEERS_MAX, &members->daemon->self);
    members->probes = probes_create(members->peers, &probe_config, &probe_ops, members);
    if (peers_read(members->peers, members->cache_path, clock_now_ms(), clock_wall_s(), &warning) <
        0)
        log_warning("peer cache not read why=\"%s\"", warning.text);
}

static int grid_join(struct members *members, struct err *err)
{
    static const struct listener_ops listener_ops = {on_accept, on_refused, NULL};
    struct daemon *daemon = members->daemon;
    const struct settings *settings = &daemon->settings;
    struct err warning;

    members->tls = tls_create(members->identity, &members->grid, err);
    if (members->tls == NULL)
        return -1;
    if (tls_load_chain(members->tls, members->chain_path, &warning) < 0)
        log_debug("no certificate yet why=\"%s\"", warning.text);
    members->listener =
        listener_tls(daemon->base, members->tls, settings->listen, (uint16_t)settings->port,
                     daemon->hello, &listener_ops, members, err);
    if (members->listener == NULL)
        return -1;
    daemon->watches = watches_create(daemon, listener_port(members->listener), &warning);
    if (daemon->watches == NULL)
        log_warning("lost hosts will be noticed late why=\"%s\"", warning.text);
    self_addrs(members);
    listener_set_hello(members->listener, members->daemon->hello);
    engines_create(members);
    return 0;
}

struct members *members_create(struct daemon *daemon, const char *grid_path, struct err *err)
{
    struct members *members = mem_alloc(sizeof *members);
    char *key_path = mem_format("%s/key.pem", daemon->dirs.state);
    Wire__Peer *self = daemon->hello->self;

    members->daemon = daemon;
    members->cache_path = mem_format("%s/peers", daemon->dirs.state);
    members->identity = identity_open(key_path, err);
    free(key_path);
    if (members->identity == NULL)
        goto error;
    daemon->self = *identity_id(members->identity);
    memcpy(self->id.data, daemon->self.bytes, ID_SIZE);
    if (grid_read(grid_path, &members->grid, err) == 0) {
        members->has_grid = true;
        members->chain_path = mem_format("%s/%s.chain", daemon->dirs.state, members->grid.name);
        if (grid_join(members, err) < 0)
            goto error;
    } else if (errno != ENOENT || daemon->settings.grid != NULL) {
        goto error;
    }
    daemon->mesh = daemon_mesh(daemon, members->tls);
    return members;
error:
    members_destroy(members);
    return NULL;
}

void members_start(struct members *members)
{
    struct daemon *daemon = members->daemon;

    if (!members->has_grid) {
        log_warning("no grid was joined: only this host is used");
        return;
    }
    Wire__Peer *self = daemon_self(daemon);
    directory_set_advertised(members->directory, daemon->settings.advertise != NULL);
    directory_set_self(members->directory, self, clock_now_ms());
    message_free(self);
    if (tls_is_member(members->tls))
        members_certificate_times(members);
    directory_start(members->directory, clock_now_ms());
    log_info("up name=%s port=%u grid=%s", daemon->hello->self->name,
             listener_port(members->listener), members->grid.name);
}

bool members_stop(struct members *members)
{
    if (!members->has_grid || directory_state(members->directory) == DIRECTORY_OFF)
        return true;
    directory_stop(members->directory, clock_now_ms());
    directory_tick(members->directory, clock_now_ms());
    return directory_state(members->directory) == DIRECTORY_OFF;
}

void members_destroy(struct members *members)
{
    if (members == NULL)
        return;
    if (members->peers != NULL)
        peers_save(members->peers, members->cache_path, NULL);
    join_destroy(members->join);
    link_destroy(members->supernode);
    listener_destroy(members->listener);
    probes_destroy(members->probes);
    directory_destroy(members->directory);
    peers_destroy(members->peers);
    while (members->listers != NULL)
        members_forget_tool(members->daemon, members->listers->tool);
    tls_destroy(members->tls);
    identity_destroy(members->identity);
    if (members->has_grid)
        grid_clear(&members->grid);
    free(members->cache_path);
    free(members->chain_path);
    free(members);
}
