/* SPDX-License-Identifier: BSD-3-Clause */
/* selfaddr.c - the addresses under which other hosts may reach this one */
#include "config.h"
#include "peer/selfaddr.h"

#include "base/mem.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <string.h>

void selfaddr_add(Wire__Peer *self, const char *host, uint16_t port)
{
    for (size_t i = 0; i < self->n_addrs; i++)
        if (strcmp(self->addrs[i]->host, host) == 0)
            return;
    if (self->n_addrs >= SELFADDR_MAX)
        return;
    Wire__Addr *addr = mem_alloc(sizeof *addr);
    wire__addr__init(addr);
    addr->host = mem_string(host);
    addr->port = port;
    self->addrs = mem_grow(self->addrs, self->n_addrs + 1, sizeof *self->addrs);
    self->addrs[self->n_addrs++] = addr;
}

void selfaddr_find(Wire__Peer *self, uint16_t port)
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
            selfaddr_add(self, text, port);
    }
    freeifaddrs(list);
}
