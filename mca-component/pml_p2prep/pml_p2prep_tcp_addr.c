/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_tcp_addr.c - which addresses to show, which of a peer's to dial first */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "mca-component/pml_p2prep/pml_p2prep_tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool tcp_addr_of(const struct sockaddr *sa, unsigned char out[16])
{
    if (sa != NULL && sa->sa_family == AF_INET) {
        memcpy(out, mapped, sizeof mapped);
        memcpy(out + 12, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
        return true;
    }
    if (sa != NULL && sa->sa_family == AF_INET6) {
        memcpy(out, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, 16);
        return true;
    }
    return false;
}

static bool from_text(const char *text, unsigned char out[16])
{
    memcpy(out, mapped, sizeof mapped);
    return inet_pton(AF_INET, text, out + 12) == 1 || inet_pton(AF_INET6, text, out) == 1;
}

static bool is_same_network(const unsigned char a[16], const unsigned char b[16], uint32_t bits)
{
    uint32_t whole = bits / 8, rest = bits % 8;

    if (bits > 128 || memcmp(a, b, whole) != 0)
        return false;
    return rest == 0 || ((a[whole] ^ b[whole]) & (0xff00 >> rest) & 0xff) == 0;
}

static uint32_t mask_bits(const struct sockaddr *mask)
{
    unsigned char bytes[16];
    uint32_t bits = 0, start = 0;

    if (!tcp_addr_of(mask, bytes))
        return 128;
    if (mask->sa_family == AF_INET)
        start = bits = 96;
    for (uint32_t i = start / 8; i < 16 && bytes[i] != 0; i++)
        bits += (uint32_t)__builtin_popcount(bytes[i]);
    return bits;
}

/* Does one entry of btl_tcp_if_include, a name or a network, mean this address? */
static bool is_named(const char *entry, const char *interface, const unsigned char bytes[16])
{
    char text[64], *slash, *end;
    unsigned char network[16];
    unsigned long bits;

    if (strcmp(entry, interface) == 0)
        return true;
    snprintf(text, sizeof text, "%s", entry);
    slash = strchr(text, '/');
    if (slash != NULL)
        *slash = '\0';
    if (!from_text(text, network))
        return false;
    if (slash == NULL)
        return memcmp(network, bytes, 16) == 0;
    bits = strtoul(slash + 1, &end, 10);
    if (*end != '\0' || bits > 128)
        return false;
    if (memcmp(network, mapped, sizeof mapped) == 0)
        bits += 96;
    return is_same_network(network, bytes, (uint32_t)bits);
}

static bool is_in_list(const char *list, const char *interface, const unsigned char bytes[16])
{
    char *copy = strdup(list), *at = copy, *entry;
    bool found = false;

    while (copy != NULL && !found && (entry = strsep(&at, ", ")) != NULL)
        found = *entry != '\0' && is_named(entry, interface, bytes);
    free(copy);
    return found;
}

static bool is_link_local(const unsigned char bytes[16])
{
    return bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
}

/* One pass over the interfaces: those wanted, loopback or not. */
static int collect(const struct ifaddrs *all, struct tcp_addr *out, int max, const char *list,
                   bool is_loopback)
{
    int count = 0;

    for (const struct ifaddrs *one = all; one != NULL && count < max; one = one->ifa_next) {
        struct tcp_addr addr;

        if (!tcp_addr_of(one->ifa_addr, addr.bytes) || !(one->ifa_flags & IFF_UP) ||
            is_link_local(addr.bytes))
            continue;
        if (list != NULL ? !is_in_list(list, one->ifa_name, addr.bytes)
                         : !(one->ifa_flags & IFF_LOOPBACK) == is_loopback)
            continue;
        addr.bits = mask_bits(one->ifa_netmask);
        out[count++] = addr;
    }
    return count;
}

int tcp_addr_list(struct tcp_addr *out, int max, const char *interfaces, const char *address,
                  struct err *err)
{
    bool has_list = interfaces != NULL && *interfaces != '\0';
    struct ifaddrs *all;
    int count;

    if (!has_list && address != NULL && *address != '\0') {
        if (!from_text(address, out[0].bytes))
            return err_set(err, "\"%s\" is no numeric address", address);
        out[0].bits = 128;
        return 1;
    }
    if (getifaddrs(&all) != 0)
        return err_sys(err, "cannot list this host's interfaces");
    count = collect(all, out, max, has_list ? interfaces : NULL, false);
    if (count == 0 && !has_list)
        count = collect(all, out, max, NULL, true);
    freeifaddrs(all);
    if (count == 0)
        return err_set(err, "no interface of this host fits \"%s\"", has_list ? interfaces : "any");
    return count;
}

static bool is_near(const struct tcp_addr *theirs, const struct tcp_addr *mine, int count)
{
    for (int i = 0; i < count; i++)
        if (is_same_network(theirs->bytes, mine[i].bytes, mine[i].bits))
            return true;
    return false;
}

void tcp_addr_sort(struct tcp_addr *theirs, int count, const struct tcp_addr *mine, int mine_count)
{
    int near = 0;

    for (int i = 0; i < count; i++)
        if (is_near(&theirs[i], mine, mine_count)) {
            struct tcp_addr moved = theirs[i];

            memmove(&theirs[near + 1], &theirs[near], (size_t)(i - near) * sizeof *theirs);
            theirs[near++] = moved;
        }
}

socklen_t tcp_addr_socket(const struct tcp_addr *addr, uint16_t port, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof *out);
    if (memcmp(addr->bytes, mapped, sizeof mapped) == 0) {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};

        memcpy(&in.sin_addr, addr->bytes + 12, 4);
        memcpy(out, &in, sizeof in);
        return sizeof in;
    }
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

    memcpy(&in6.sin6_addr, addr->bytes, 16);
    memcpy(out, &in6, sizeof in6);
    return sizeof in6;
}

void tcp_addr_text(const struct tcp_addr *addr, char out[64])
{
    bool is_mapped = memcmp(addr->bytes, mapped, sizeof mapped) == 0;

    if (inet_ntop(is_mapped ? AF_INET : AF_INET6, addr->bytes + (is_mapped ? 12 : 0), out, 64) ==
        NULL)
        out[0] = '\0';
}
