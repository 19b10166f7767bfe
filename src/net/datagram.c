/* SPDX-License-Identifier: BSD-3-Clause */
/* datagram.c - UDP beside a TCP port: the same number, IPv6 and IPv4 */
#include "config.h"
#include "net/datagram.h"

#include "base/mem.h"

#include <errno.h>
#include <event2/event.h>
#include <linux/errqueue.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BATCH 64 /* datagrams read in one turn */

struct datagram {
    struct datagram_ops ops;
    void *arg;
    int fds[2]; /* IPv6, IPv4; -1: none */
    struct event *events[2];
};

int datagram_address(const char *host, uint16_t port, struct sockaddr_storage *addr_out)
{
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    char service[8];

    snprintf(service, sizeof service, "%u", port);
    if (getaddrinfo(host, service, &hints, &list) != 0)
        return -1;
    memset(addr_out, 0, sizeof *addr_out);
    memcpy(addr_out, list->ai_addr, list->ai_addrlen);
    freeaddrinfo(list);
    return 0;
}

static int socket_bind(int family, const char *host, uint16_t port)
{
    struct addrinfo hints = {
        .ai_family = family, .ai_socktype = SOCK_DGRAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    char service[8];
    int on = 1;

    snprintf(service, sizeof service, "%u", port);
    if (getaddrinfo(host, service, &hints, &list) != 0)
        return -1;
    int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        if (family == AF_INET6)
            setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
        setsockopt(fd, family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP,
                   family == AF_INET6 ? IPV6_RECVERR : IP_RECVERR, &on, sizeof on);
        if (bind(fd, list->ai_addr, list->ai_addrlen) < 0) {
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(list);
    return fd;
}

/* One entry of the error queue: true when there was one. */
static bool read_error(struct datagram *datagram, int fd)
{
    uint8_t bytes[DATAGRAM_MAX], control[512];
    struct sockaddr_storage to;
    struct iovec part = {bytes, sizeof bytes};
    struct msghdr message = {.msg_name = &to,
                             .msg_namelen = sizeof to,
                             .msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};

    memset(&to, 0, sizeof to);
    if (recvmsg(fd, &message, MSG_ERRQUEUE) < 0)
        return false;
    for (struct cmsghdr *head = CMSG_FIRSTHDR(&message); head != NULL;
         head = CMSG_NXTHDR(&message, head)) {
        struct sock_extended_err error;
        bool is_error = (head->cmsg_level == IPPROTO_IP && head->cmsg_type == IP_RECVERR) ||
                        (head->cmsg_level == IPPROTO_IPV6 && head->cmsg_type == IPV6_RECVERR);
        if (!is_error || head->cmsg_len < CMSG_LEN(sizeof error))
            continue;
        memcpy(&error, CMSG_DATA(head), sizeof error);
        if (error.ee_errno == ECONNREFUSED)
            datagram->ops.refused(&to, datagram->arg);
    }
    return true;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct datagram *datagram = arg;
    uint8_t bytes[DATAGRAM_MAX];
    struct sockaddr_storage from;

    (void)what;
    for (int i = 0; i < BATCH && read_error(datagram, fd); i++)
        ;
    for (int i = 0; i < BATCH; i++) {
        socklen_t length = sizeof from;
        memset(&from, 0, sizeof from);
        ssize_t size = recvfrom(fd, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &length);
        if (size < 0)
            return; /* nothing more, or an error that waits in the queue */
        datagram->ops.receive(&from, bytes, (size_t)size, datagram->arg);
    }
}

void datagram_send(struct datagram *datagram, const struct sockaddr_storage *to,
                   const uint8_t *bytes, size_t size)
{
    int fd = datagram->fds[to->ss_family == AF_INET6 ? 0 : 1];
    socklen_t length =
        to->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);

    if (fd < 0)
        return;
    /* an error of an earlier one is reported by the next call: that one was not sent then */
    if (sendto(fd, bytes, size, 0, (const struct sockaddr *)to, length) < 0 &&
        errno == ECONNREFUSED)
        sendto(fd, bytes, size, 0, (const struct sockaddr *)to, length);
}

struct datagram *datagram_open(struct event_base *base, const char *host, uint16_t port,
                               const struct datagram_ops *ops, void *arg, struct err *err)
{
    static const int families[2] = {AF_INET6, AF_INET};
    struct datagram *datagram = mem_alloc(sizeof *datagram);

    datagram->ops = *ops;
    datagram->arg = arg;
    for (int i = 0; i < 2; i++) {
        datagram->fds[i] = socket_bind(families[i], host, port);
        if (datagram->fds[i] < 0)
            continue;
        datagram->events[i] =
            event_new(base, datagram->fds[i], EV_READ | EV_PERSIST, on_readable, datagram);
        event_add(datagram->events[i], NULL);
    }
    if (datagram->fds[0] >= 0 || datagram->fds[1] >= 0)
        return datagram;
    err_sys(err, "UDP port %u cannot be used", port);
    datagram_close(datagram);
    return NULL;
}

void datagram_close(struct datagram *datagram)
{
    if (datagram == NULL)
        return;
    for (int i = 0; i < 2; i++) {
        if (datagram->events[i] != NULL)
            event_free(datagram->events[i]);
        if (datagram->fds[i] >= 0)
            close(datagram->fds[i]);
    }
    free(datagram);
}
