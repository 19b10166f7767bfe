/* SPDX-License-Identifier: BSD-3-Clause */
/* sn_admit.c - what a peer says of itself, checked and completed before it is entered
 *
 * Messages are changed in place the way protobuf-c lays them out: every part is a block of its own.
 */
#include "config.h"
#include "supernode/sn_admit.h"

#include "base/mem.h"
#include "wire/limits.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static int check_name(const char *name, struct err *err)
{
    size_t length = strlen(name);

    if (length == 0 || length > NAME_MAX_BYTES)
        return err_set(err, "a peer's name has 1 to %d characters", NAME_MAX_BYTES);
    for (size_t i = 0; i < length; i++)
        if (!isgraph((unsigned char)name[i]))
            return err_set(err, "a peer's name has printable ASCII characters only");
    return 0;
}

static bool is_address(const char *host)
{
    uint8_t bytes[16];

    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

static int check_addrs(const Wire__Peer *peer, struct err *err)
{
    if (peer->n_addrs == 0 || peer->n_addrs > SN_ADDRS_MAX)
        return err_set(err, "a peer has 1 to %d addresses, not %zu", SN_ADDRS_MAX, peer->n_addrs);
    for (size_t i = 0; i < peer->n_addrs; i++) {
        if (peer->addrs[i]->port == 0 || peer->addrs[i]->port > 65535)
            return err_set(err, "%u is no port", peer->addrs[i]->port);
        if (peer->addrs[i]->host[0] != '\0' && !is_address(peer->addrs[i]->host))
            return err_set(err, "\"%.64s\" is no numeric address", peer->addrs[i]->host);
    }
    return 0;
}

/* An address that means the same on other hosts. */
static bool is_global(const char *host)
{
    struct in6_addr v6;

    if (strncmp(host, "127.", 4) == 0 || strchr(host, '%') != NULL)
        return false;
    if (inet_pton(AF_INET6, host, &v6) == 1)
        return !IN6_IS_ADDR_LOOPBACK(&v6) && !IN6_IS_ADDR_LINKLOCAL(&v6);
    return is_address(host);
}

static void set_host(Wire__Addr *addr, const char *host)
{
    if (addr->host != protobuf_c_empty_string)
        free(addr->host);
    addr->host = mem_string(host);
}

/* Puts seen:port first; a copy of it further down goes. */
static void put_first(Wire__Peer *peer, const char *seen)
{
    Wire__Addr *first = NULL;
    size_t at = 0;

    while (at < peer->n_addrs && strcmp(peer->addrs[at]->host, seen) != 0)
        at++;
    if (at < peer->n_addrs) {
        first = peer->addrs[at];
    } else {
        first = mem_alloc(sizeof *first);
        wire__addr__init(first);
        first->port = peer->addrs[0]->port;
        set_host(first, seen);
        peer->addrs = mem_grow(peer->addrs, peer->n_addrs + 1, sizeof peer->addrs[0]);
        peer->n_addrs++;
    }
    memmove(peer->addrs + 1, peer->addrs, at * sizeof peer->addrs[0]);
    peer->addrs[0] = first;
}

static void complete_addrs(Wire__Peer *peer, bool advertised, const char *seen)
{
    for (size_t i = 0; i < peer->n_addrs; i++)
        if (peer->addrs[i]->host[0] == '\0')
            set_host(peer->addrs[i], seen);
    if (!advertised && is_global(seen))
        put_first(peer, seen);
}

static void set_id(Wire__Peer *peer, const struct id *id)
{
    free(peer->id.data);
    peer->id.data = mem_copy(id->bytes, ID_SIZE);
    peer->id.len = ID_SIZE;
}

int sn_admit(Wire__Register *request, const struct id *id, const char *seen, struct err *err)
{
    Wire__Peer *peer = request->peer;

    if (peer == NULL)
        return err_set(err, "a registration without a peer");
    if (check_name(peer->name, err) < 0 || check_addrs(peer, err) < 0)
        return -1;
    if (protobuf_c_message_get_packed_size(&peer->base) > SN_PEER_BYTES)
        return err_set(err, "a peer's description has at most %d bytes", SN_PEER_BYTES);
    set_id(peer, id);
    peer->rtt_us = 0; /* what others measured is of no use to anybody */
    complete_addrs(peer, request->advertised, seen);
    return 0;
}
