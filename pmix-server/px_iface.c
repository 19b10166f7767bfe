/* SPDX-License-Identifier: BSD-3-Clause */
/* px_iface.c - which network interface has an address */
#include "config.h"
#include "pmix-server/px_iface.h"

#include "base/mem.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

struct address {
    int family;
    size_t size;
    unsigned char bytes[16];
};

static bool parse(const char *text, struct address *out)
{
    char numeric[INET6_ADDRSTRLEN];

    if (text == NULL)
        return false;
    snprintf(numeric, sizeof numeric, "%.*s", (int)strcspn(text, "%"), text);
    out->family = strchr(numeric, ':') != NULL ? AF_INET6 : AF_INET;
    out->size = out->family == AF_INET6 ? 16 : 4;
    if (inet_pton(out->family, numeric, out->bytes) != 1)
        return false;
    if (out->family == AF_INET6 && IN6_IS_ADDR_V4MAPPED((struct in6_addr *)out->bytes)) {
        memmove(out->bytes, out->bytes + 12, 4);
        out->family = AF_INET;
        out->size = 4;
    }
    return true;
}

static const void *bytes_of(const struct sockaddr *address)
{
    return address->sa_family == AF_INET6
               ? (const void *)&((const struct sockaddr_in6 *)address)->sin6_addr
               : (const void *)&((const struct sockaddr_in *)address)->sin_addr;
}

char *px_iface_of(const char *address)
{
    struct address wanted;
    struct ifaddrs *all;
    char *name = NULL;

    if (!parse(address, &wanted) || getifaddrs(&all) != 0)
        return NULL;
    for (struct ifaddrs *one = all; one != NULL && name == NULL; one = one->ifa_next)
        if (one->ifa_addr != NULL && one->ifa_addr->sa_family == wanted.family &&
            memcmp(bytes_of(one->ifa_addr), wanted.bytes, wanted.size) == 0)
            name = mem_string(one->ifa_name);
    freeifaddrs(all);
    return name;
}
