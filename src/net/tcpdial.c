/* SPDX-License-Identifier: BSD-3-Clause */
/* tcpdial.c - a TCP connection to a host, over whichever of its addresses answers */
#include "config.h"
#include "net/tcpdial.h"

#include "base/clock.h"
#include "base/mem.h"
#include "net/link_inner.h"
#include "net/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct tcpdial {
    struct event_base *base; /* borrowed */
    struct resolve *resolve;
    struct resolved addrs;
    size_t next;
    struct event *event; /* of the attempt under way */
    int fd;
    int64_t deadline_ms;
    int error; /* errno of the last attempt */
    char *host;
    uint16_t port;
    tcpdial_fn fn;
    void *arg;
};

static void try_next(struct tcpdial *dial);

void tcp_tune(int fd)
{
    static const struct {
        int level, name, value;
    } options[] = {
        {IPPROTO_TCP, TCP_NODELAY, 1},   {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, 15}, {IPPROTO_TCP, TCP_KEEPINTVL, 5},
        {IPPROTO_TCP, TCP_KEEPCNT, 4},   {IPPROTO_TCP, TCP_USER_TIMEOUT, 35000},
    };

    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        setsockopt(fd, options[i].level, options[i].name, &options[i].value,
                   sizeof options[i].value);
}

static void close_attempt(struct tcpdial *dial)
{
    if (dial->event != NULL)
        event_free(dial->event);
    dial->event = NULL;
    if (dial->fd >= 0)
        close(dial->fd);
    dial->fd = -1;
}

static void give_up(struct tcpdial *dial)
{
    char why[LINK_WHY_SIZE];

    if (dial->error == ECONNREFUSED)
        snprintf(why, sizeof why,
                 "%s port %u refuses the connection: no P2P-MPI program listens there", dial->host,
                 dial->port);
    else
        snprintf(why, sizeof why, "cannot connect to %s port %u: %s", dial->host, dial->port,
                 strerror(dial->error));
    dial->fn(-1, link_end_of_errno(dial->error), why, dial->arg);
}

static void on_attempt(evutil_socket_t fd, short what, void *arg)
{
    struct tcpdial *dial = arg;
    int error = ETIMEDOUT;
    socklen_t size = sizeof error;

    if ((what & EV_WRITE) != 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
        error = errno;
    if (error == 0) {
        dial->fd = -1; /* the callee's from here on */
        event_free(dial->event);
        dial->event = NULL;
        tcp_tune(fd);
        dial->fn(fd, LINK_END_CLOSED, "", dial->arg);
        return;
    }
    dial->error = error;
    try_next(dial);
}

/* Time for this attempt: an equal share of what is left, unless it is the last. */
static const struct timeval *share(const struct tcpdial *dial, struct timeval *room)
{
    int64_t left = dial->deadline_ms - clock_now_ms();
    int64_t others = (int64_t)(dial->addrs.count - dial->next) + 1;

    if (others == 1)
        return NULL;
    left = left > 0 ? left / others : 0;
    *room = (struct timeval){left / 1000, (left % 1000) * 1000};
    return room;
}

static int start_attempt(struct tcpdial *dial, const struct sockaddr_storage *addr)
{
    struct timeval room;
    socklen_t size =
        addr->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);

    dial->fd = socket(addr->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (dial->fd < 0)
        return -1;
    if (connect(dial->fd, (const struct sockaddr *)addr, size) < 0 && errno != EINPROGRESS)
        return -1;
    dial->event = event_new(dial->base, dial->fd, EV_WRITE, on_attempt, dial);
    return dial->event != NULL ? event_add(dial->event, share(dial, &room)) : -1;
}

static void try_next(struct tcpdial *dial)
{
    close_attempt(dial);
    while (dial->next < dial->addrs.count) {
        if (start_attempt(dial, &dial->addrs.addrs[dial->next++]) == 0)
            return;
        dial->error = errno;
        close_attempt(dial);
    }
    give_up(dial);
}

static void on_resolved(const struct resolved *resolved, void *arg)
{
    struct tcpdial *dial = arg;
    char why[LINK_WHY_SIZE];

    if (resolved->error != 0 || resolved->count == 0) {
        snprintf(why, sizeof why, "the address of %s is not known: %s", dial->host,
                 gai_strerror(resolved->error != 0 ? resolved->error : EAI_NONAME));
        dial->fn(-1, LINK_END_UNREACHABLE, why, dial->arg);
        return;
    }
    dial->addrs = *resolved;
    try_next(dial);
}

struct tcpdial *tcpdial_start(struct event_base *base, const char *host, uint16_t port,
                              unsigned timeout_ms, tcpdial_fn fn, void *arg)
{
    struct tcpdial *dial = mem_alloc(sizeof *dial);

    dial->base = base;
    dial->fd = -1;
    dial->deadline_ms = clock_now_ms() + timeout_ms;
    dial->host = mem_string(host);
    dial->port = port;
    dial->fn = fn;
    dial->arg = arg;
    dial->resolve = resolve_start(base, host, port, on_resolved, dial);
    return dial;
}

void tcpdial_destroy(struct tcpdial *dial)
{
    if (dial == NULL)
        return;
    close_attempt(dial);
    resolve_destroy(dial->resolve);
    free(dial->host);
    free(dial);
}
