/* SPDX-License-Identifier: BSD-3-Clause */
/* tcplisten.c - listening TCP sockets, IPv6 and IPv4 side by side on one port */
#include "config.h"
#include "net/tcplisten.h"

#include "net/link.h"
#include "net/resolve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TCP_BACKLOG = 256 };

static int socket_listen(const struct sockaddr *addr, socklen_t size)
{
    int on = 1;

    int fd = socket(addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (addr->sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(fd, addr, size) == 0 && listen(fd, TCP_BACKLOG) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

uint16_t tcplisten_port(int fd)
{
    struct sockaddr_storage addr;
    socklen_t size = sizeof addr;
    char host[LINK_ADDR_SIZE];
    uint16_t port = 0;

    if (getsockname(fd, (struct sockaddr *)&addr, &size) == 0)
        address_text(&addr, host, sizeof host, &port);
    return port;
}

static void set_port(struct sockaddr_storage *addr, uint16_t port)
{
    if (addr->ss_family == AF_INET6)
        ((struct sockaddr_in6 *)addr)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)addr)->sin_port = htons(port);
}

/* Every address of the family on one fd, or -1 with errno. */
static int listen_on(int family, const char *host, uint16_t port)
{
    struct addrinfo hints = {
        .ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct sockaddr_storage addr;
    struct addrinfo *list = NULL;

    if (getaddrinfo(host, host == NULL ? "0" : NULL, &hints, &list) != 0 || list == NULL) {
        errno = EAFNOSUPPORT;
        return -1;
    }
    socklen_t size = list->ai_addrlen;
    memcpy(&addr, list->ai_addr, size);
    freeaddrinfo(list);
    set_port(&addr, port);
    return socket_listen((struct sockaddr *)&addr, size);
}

/* IPv6 and IPv4 with the same port; a machine may lack one of them. Returns how many there are, or
 * -1. */
static int open_pair(const char *host, uint16_t port, int fds[2])
{
    static const int families[] = {AF_INET6, AF_INET};
    int count = 0, error = EAFNOSUPPORT;

    for (int i = 0; i < 2; i++) {
        int fd = listen_on(families[i], host, port);
        if (fd >= 0) {
            fds[count++] = fd;
            port = port == 0 ? tcplisten_port(fd) : port;
        } else if (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL) {
            while (count > 0)
                close(fds[--count]);
            return -1;
        } else if (errno == EADDRNOTAVAIL) {
            error = errno;
        }
    }
    errno = error;
    return count > 0 ? count : -1;
}

/* With port 0 the second family may find the first one's port taken: then another one is tried. */
int tcplisten_open(const char *host, uint16_t port, int fds[2])
{
    int count = -1;

    for (int tries = port == 0 ? 10 : 1; tries > 0 && count < 0; tries--) {
        count = open_pair(host, port, fds);
        if (count < 0 && errno != EADDRINUSE)
            break;
    }
    return count;
}
