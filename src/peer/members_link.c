/* SPDX-License-Identifier: BSD-3-Clause */
/* members_link.c - the link to a supernode, as the directory engine wishes it */
#include "config.h"
#include "peer/members_inner.h"

#include "base/clock.h"
#include "base/log.h"
#include "net/hostport.h"
#include "peer/homes.h"
#include "peer/selfaddr.h"

#include <stdio.h>
#include <stdlib.h>

#define CONNECT_MS 5000

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

void members_certificate_times(struct members *members)
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
    members_certificate_times(members);
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

/* ---- directory's wishes and words */

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

static void observed(const Wire__Addr *addr, void *arg)
{
    struct members *members = arg;

    selfaddr_add(members->daemon->hello->self, addr->host, listener_port(members->listener));
    listener_set_hello(members->listener, members->daemon->hello);
}

const struct directory_ops members_directory_ops = {
    want_connect, want_send, want_close, answer_came, state_changed, certificate_came, observed};
