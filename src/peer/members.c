/* SPDX-License-Identifier: BSD-3-Clause */
/* members.c - the grid around this daemon: supernodes, the peer cache, round-trip times */
#include "config.h"
#include "peer/members.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "member/directory.h"
#include "member/peers.h"
#include "member/probe.h"
#include "net/grid.h"
#include "net/hostport.h"
#include "net/identity.h"
#include "net/join.h"
#include "net/tls.h"
#include "peer/homes.h"
#include "peer/mesh.h"
#include "peer/step.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_MS     5000
#define SAVE_MS        60000
#define LIST_CHUNK     100 /* peers in one Answer to a tool */
#define QUERY_LIMIT    500 /* candidates asked for when a job searches */
#define REFRESH_AGE_MS 1000
#define ADDRS_MAX      8

struct lister { /* a tool that waits for fresh round-trip times */
    struct lister *next;
    struct link *tool;
    uint64_t question;
};

struct members {
    struct daemon *daemon;
    struct identity *identity;
    bool has_grid;
    struct grid grid;
    struct tls *tls;
    struct listener *listener;
    struct directory *directory;
    struct peers *peers;
    struct probes *probes;
    struct link *supernode; /* NULL: none connected or tried */
    struct join *join;      /* under way */
    char *cache_path, *chain_path;
    char trouble[ERR_TEXT_MAX];
    int64_t save_ms;
    struct lister *listers;
};

/* ---- the link to a supernode */

static void supernode_ready(struct link *link, const Wire__Hello *hello, void *arg)
{
    struct members *members = arg;

    (void)link;
    (void)hello;
    directory_connected(members->directory, clock_now_ms());
}

static void supernode_frame(struct link *link, Wire__Frame *frame, void *arg)
{
    struct members *members = arg;

    (void)link;
    directory_frame(members->directory, frame, clock_now_ms());
}

static void supernode_closed(struct link *link, enum link_end end, const char *why, void *arg)
{
    struct members *members = arg;
    char text[ERR_TEXT_MAX];

    (void)end;
    snprintf(text, sizeof text, "%s", why);
    link_destroy(link);
    members->supernode = NULL;
    directory_closed(members->directory, text, clock_now_ms());
}

static const struct link_ops supernode_ops = {supernode_ready, supernode_frame, NULL,
                                              supernode_closed};

static void supernode_link(struct members *members, const char *host, uint16_t port)
{
    struct err err;

    members->supernode =
        link_connect_tls(members->daemon->base, members->tls, host, port, NULL,
                         members->daemon->hello, CONNECT_MS, &supernode_ops, members, &err);
    if (members->supernode == NULL)
        directory_closed(members->directory, err.text, clock_now_ms());
}

static void certificate_times(struct members *members)
{
    int64_t now_ms = clock_now_ms(), now_s = clock_wall_s();
    int64_t until_s = tls_expires_s(members->tls);
    int64_t from_s = until_s - 2 * (until_s - tls_renew_s(members->tls));

    directory_set_certificate(members->directory, now_ms + (from_s - now_s) * 1000,
                              now_ms + (until_s - now_s) * 1000);
}

/* The certificate in use is to be there after a restart. */
static void keep_chain(struct members *members, const uint8_t *chain, size_t size)
{
    struct err err;

    if (chain_save(members->chain_path, chain, size, &err) < 0)
        log_warning("certificate not kept why=\"%s\"", err.text);
    certificate_times(members);
    log_info("certificate taken grid=%s", members->grid.name);
}

static void joined(struct join *join, enum link_end end, const char *why, const uint8_t *chain,
                   size_t size, void *arg)
{
    struct members *members = arg;
    struct hostport at;
    struct err err = {""};
    unsigned i = directory_supernode(members->directory);

    (void)end;
    if (why != NULL)
        err_set(&err, "%s", why);
    else
        keep_chain(members, chain, size);
    join_destroy(join);
    members->join = NULL;
    if (why == NULL &&
        hostport_parse(members->grid.supernodes.items[i], PORT_SUPERNODE, &at, &err) == 0)
        supernode_link(members, at.host, at.port);
    else
        directory_closed(members->directory, err.text, clock_now_ms());
}

/* ---- directory's wishes */

static void want_connect(unsigned i, void *arg)
{
    struct members *members = arg;
    struct hostport at;
    struct err err;

    if (hostport_parse(members->grid.supernodes.items[i], PORT_SUPERNODE, &at, &err) < 0) {
        directory_closed(members->directory, err.text, clock_now_ms());
        return;
    }
    if (tls_is_member(members->tls)) {
        supernode_link(members, at.host, at.port);
        return;
    }
    members->join = join_start(members->daemon->base, members->tls, at.host, at.port, CONNECT_MS,
                               joined, members);
}

static void want_send(const Wire__Frame *frame, void *arg)
{
    struct members *members = arg;

    if (members->supernode != NULL)
        link_send(members->supernode, frame);
}

static void want_close(void *arg)
{
    struct members *members = arg;

    join_destroy(members->join);
    members->join = NULL;
    link_destroy(members->supernode);
    members->supernode = NULL;
}

static void answer_came(uint64_t query, const Wire__Answer *answer, void *arg)
{
    struct members *members = arg;
    int64_t now_ms = clock_now_ms(), wall_s = clock_wall_s();

    for (size_t i = 0; answer != NULL && i < answer->n_peers; i++)
        peers_merge(members->peers, answer->peers[i], now_ms, wall_s);
    probes_tick(members->probes, now_ms);
    if (query != 0)
        homes_candidates(members->daemon->homes, answer);
}

static void state_changed(enum directory_state state, const char *why, void *arg)
{
    struct members *members = arg;

    log_info("supernode state=%s number=%u why=\"%s\"", directory_state_name(state),
             directory_supernode(members->directory), why != NULL ? why : "");
    if (why != NULL)
        snprintf(members->trouble, sizeof members->trouble, "%s", why);
    if (state == DIRECTORY_MEMBER)
        members->trouble[0] = '\0';
}

static void certificate_came(const uint8_t *chain, size_t size, void *arg)
{
    struct members *members = arg;
    struct err err;

    if (tls_use_chain(members->tls, chain, size, &err) == 0)
        keep_chain(members, chain, size);
    else
        log_warning("certificate not taken why=\"%s\"", err.text);
}

/* ---- addresses of this host */

static void self_add_addr(Wire__Peer *self, const char *host, uint16_t port)
{
    for (size_t i = 0; i < self->n_addrs; i++)
        if (strcmp(self->addrs[i]->host, host) == 0)
            return;
    if (self->n_addrs >= ADDRS_MAX)
        return;
    Wire__Addr *addr = mem_alloc(sizeof *addr);
    wire__addr__init(addr);
    addr->host = mem_string(host);
    addr->port = port;
    self->addrs = mem_grow(self->addrs, self->n_addrs + 1, sizeof *self->addrs);
    self->addrs[self->n_addrs++] = addr;
}

static void observed(const Wire__Addr *addr, void *arg)
{
    struct members *members = arg;

    self_add_addr(members->daemon->hello->self, addr->host, listener_port(members->listener));
    listener_set_hello(members->listener, members->daemon->hello);
}

/* Addresses of interfaces that are up, loopback and link-local ones left out. */
static void self_find_addrs(Wire__Peer *self, uint16_t port)
{
    struct ifaddrs *list;
    char text[NI_MAXHOST];

    if (getifaddrs(&list) < 0)
        return;
    for (struct ifaddrs *each = list; each != NULL; each = each->ifa_next) {
        if (each->ifa_addr == NULL || (each->ifa_flags & IFF_UP) == 0 ||
            (each->ifa_flags & IFF_LOOPBACK) != 0)
            continue;
        int family = each->ifa_addr->sa_family;
        if (family != AF_INET && family != AF_INET6)
            continue;
        if (family == AF_INET6 &&
            IN6_IS_ADDR_LINKLOCAL(&((struct sockaddr_in6 *)each->ifa_addr)->sin6_addr))
            continue;
        socklen_t size =
            family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
        if (getnameinfo(each->ifa_addr, size, text, sizeof text, NULL, 0, NI_NUMERICHOST) == 0)
            self_add_addr(self, text, port);
    }
    freeifaddrs(list);
}

static void self_addrs(struct members *members)
{
    const struct settings *settings = &members->daemon->settings;
    Wire__Peer *self = members->daemon->hello->self;
    uint16_t port = listener_port(members->listener);

    if (settings->advertise != NULL)
        self_add_addr(self, settings->advertise, port);
    else if (settings->listen != NULL && strcmp(settings->listen, "0.0.0.0") != 0 &&
             strcmp(settings->listen, "::") != 0)
        self_add_addr(self, settings->listen, port);
    else
        self_find_addrs(self, port);
}

/* ---- probes */

static void want_probe(const struct peer *peer, void *arg)
{
    struct members *members = arg;

    mesh_locate(members->daemon->mesh, &peer->id, peer->info->addrs, peer->info->n_addrs);
    mesh_ping(members->daemon->mesh, &peer->id);
}

static void list_send(struct members *members, struct link *tool, uint64_t question);

static void refreshed(void *arg)
{
    struct members *members = arg;

    while (members->listers != NULL) {
        struct lister *lister = members->listers;
        members->listers = lister->next;
        list_send(members, lister->tool, lister->question);
        free(lister);
    }
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

/* ---- questions */

size_t members_known(struct daemon *daemon, Wire__Peer ***list_out)
{
    struct members *members = daemon->members;
    const struct peer **sorted = NULL;

    *list_out = NULL;
    if (members == NULL || members->peers == NULL)
        return 0;
    size_t count = peers_sorted(members->peers, &sorted);
    Wire__Peer **list = mem_array(count, sizeof *list);
    for (size_t i = 0; i < count; i++)
        list[i] = sorted[i]->info;
    free(sorted);
    *list_out = list;
    return count;
}

bool members_query(struct daemon *daemon)
{
    Wire__Query query = WIRE__QUERY__INIT;

    if (daemon->members == NULL || daemon->members->directory == NULL)
        return false;
    query.kind = WIRE__QUERY_KIND__QUERY_NEAREST;
    query.limit = QUERY_LIMIT;
    return directory_query(daemon->members->directory, &query, clock_now_ms()) != 0;
}

const char *members_trouble(struct daemon *daemon)
{
    struct members *members = daemon->members;
    static char text[ERR_TEXT_MAX + 128]; /* one thread, one reader */

    if (members == NULL || !members->has_grid || members->trouble[0] == '\0')
        return NULL;
    snprintf(text, sizeof text,
             "no supernode of grid %s can be reached (%s); using the %zu peers known from before",
             members->grid.name, members->trouble, peers_count(members->peers));
    return text;
}

void members_status(struct daemon *daemon, Wire__Status *status)
{
    struct members *members = daemon->members;
    const char *trouble = members_trouble(daemon);

    if (members == NULL || !members->has_grid)
        return;
    status->grid = members->grid.name;
    status->supernodes = (uint32_t)members->grid.supernodes.count;
    status->supernodes_up = directory_state(members->directory) == DIRECTORY_MEMBER;
    status->peers = (uint32_t)peers_count(members->peers);
    for (const struct peer *peer = NULL; (peer = peers_walk(members->peers, peer)) != NULL;)
        status->peers_alive += peer->state == PEER_ALIVE;
    if (trouble != NULL)
        status->warning = (char *)trouble;
}

static void answer_send(struct link *tool, uint64_t question, Wire__Peer **peers, size_t count,
                        uint32_t total)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__Answer answer = WIRE__ANSWER__INIT;

    answer.peers = peers;
    answer.n_peers = count;
    answer.total = total;
    frame.re = question;
    frame.body_case = WIRE__FRAME__BODY_ANSWER;
    frame.answer = &answer;
    link_send(tool, &frame);
}

/* This host first, then the others, nearest first. *self_out is the first element: to be freed. */
static size_t list_all(struct daemon *daemon, Wire__Peer ***list_out, Wire__Peer **self_out)
{
    Wire__Peer **known;
    size_t count = members_known(daemon, &known);
    Wire__Peer **all = mem_array(count + 1, sizeof *all);

    *self_out = daemon_self(daemon);
    (*self_out)->self = true;
    all[0] = *self_out;
    for (size_t i = 0; i < count; i++)
        all[i + 1] = known[i];
    free(known);
    *list_out = all;
    return count + 1;
}

static void list_send(struct members *members, struct link *tool, uint64_t question)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__ListEnd end = WIRE__LIST_END__INIT;
    Wire__Peer **all, *self;
    size_t count = list_all(members->daemon, &all, &self);

    for (size_t at = 0; at < count; at += LIST_CHUNK)
        answer_send(tool, question, all + at, count - at < LIST_CHUNK ? count - at : LIST_CHUNK,
                    (uint32_t)count);
    frame.re = question;
    frame.body_case = WIRE__FRAME__BODY_LIST_END;
    frame.list_end = &end;
    link_send(tool, &frame);
    free(all);
    message_free(self);
}

void members_list(struct daemon *daemon, struct link *tool, const Wire__Frame *question,
                  bool refresh)
{
    struct members *members = daemon->members;

    if (members == NULL) {
        link_answer_error(tool, question, WIRE__CODE__ERR_FAILED,
                          "this p2pmpid serves one job only");
    } else if (refresh && members->probes != NULL) {
        struct lister *lister = mem_alloc(sizeof *lister);
        lister->tool = tool;
        lister->question = question->id;
        lister->next = members->listers;
        members->listers = lister;
        probes_refresh(members->probes, REFRESH_AGE_MS, clock_now_ms());
    } else {
        list_send(members, tool, question->id);
    }
}

void members_forget_tool(struct daemon *daemon, struct link *tool)
{
    if (daemon->members == NULL)
        return;
    for (struct lister **at = &daemon->members->listers; *at != NULL;)
        if ((*at)->tool == tool) {
            struct lister *gone = *at;
            *at = gone->next;
            free(gone);
        } else {
            at = &(*at)->next;
        }
}

void members_tell_step(struct daemon *daemon, struct step *step, const Wire__Frame *question)
{
    uint32_t limit = question->grid_peers->limit;
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__Answer answer = WIRE__ANSWER__INIT;
    Wire__Peer **all, *self;
    size_t count = list_all(daemon, &all, &self);

    answer.peers = all;
    answer.n_peers = limit != 0 && limit < count ? limit : count;
    if (answer.n_peers > QUERY_LIMIT)
        answer.n_peers = QUERY_LIMIT;
    answer.total = (uint32_t)answer.n_peers; /* so much is sent: more than one Answer never is */
    frame.re = question->id;
    frame.body_case = WIRE__FRAME__BODY_ANSWER;
    frame.answer = &answer;
    step_send(step, &frame);
    free(all);
    message_free(self);
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
    static const struct directory_ops directory_ops = {
        want_connect,  want_send,        want_close, answer_came,
        state_changed, certificate_came, observed};
    static const struct probe_ops probe_ops = {want_probe, NULL, refreshed};
    struct directory_config config = {.supernodes = (unsigned)members->grid.supernodes.count,
                                      .seed = rand_u64()};
    struct probe_config probe_config = {.seed = rand_u64()};
    struct err warning;

    members->directory = directory_create(&config, &directory_ops, members);
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
    } else {
        log_warning("no grid file: only this host is used path=%s", grid_path);
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

    if (!members->has_grid)
        return;
    Wire__Peer *self = daemon_self(daemon);
    directory_set_advertised(members->directory, daemon->settings.advertise != NULL);
    directory_set_self(members->directory, self, clock_now_ms());
    message_free(self);
    if (tls_is_member(members->tls))
        certificate_times(members);
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
