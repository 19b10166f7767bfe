/* SPDX-License-Identifier: BSD-3-Clause */
/* resolve.c - a host's addresses without blocking the loop
 *
 * The thread owns a copy of the question and one end of a socketpair; the answer goes through it by
 * value, so neither side ever frees what the other holds, whoever ends first. */
#include "config.h"
#include "net/resolve.h"

#include "base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct resolve {
    struct event *event;
    int fd; /* -1: the answer is here already */
    struct resolved resolved;
    resolve_fn fn;
    void *arg;
};

struct question {
    int fd;
    uint16_t port;
    char *host;
};

static void look_up(const char *host, uint16_t port, int flags, struct resolved *out)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    char service[8];

    memset(out, 0, sizeof *out);
    snprintf(service, sizeof service, "%u", port);
    out->error = getaddrinfo(host, service, &hints, &list);
    if (out->error != 0)
        return;
    for (struct addrinfo *each = list; each != NULL && out->count < RESOLVE_MAX;
         each = each->ai_next)
        memcpy(&out->addrs[out->count++], each->ai_addr, each->ai_addrlen);
    freeaddrinfo(list);
}

static void *answer(void *arg)
{
    struct question *question = arg;
    struct resolved resolved;

    look_up(question->host, question->port, AI_ADDRCONFIG, &resolved);
    if (send(question->fd, &resolved, sizeof resolved, MSG_NOSIGNAL) < 0)
        (void)errno; /* nobody waits any more */
    close(question->fd);
    free(question->host);
    free(question);
    return NULL;
}

static void on_answer(evutil_socket_t fd, short what, void *arg)
{
    struct resolve *resolve = arg;

    (void)what;
    if (resolve->fd >= 0 && recv(fd, &resolve->resolved, sizeof resolve->resolved, MSG_DONTWAIT) !=
                                (ssize_t)sizeof resolve->resolved)
        resolve->resolved.error = EAI_FAIL;
    resolve->fn(&resolve->resolved, resolve->arg);
}

/* The thread takes no signals: they belong to the loop. */
static int start_thread(struct question *question)
{
    pthread_attr_t attr;
    pthread_t thread;
    sigset_t all, old;

    sigfillset(&all);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int error = pthread_create(&thread, &attr, answer, question);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    return error == 0 ? 0 : -1;
}

/* Returns the end to read the answer from, or -1. */
static int ask_thread(const char *host, uint16_t port)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return -1;
    struct question *question = mem_alloc(sizeof *question);
    question->fd = pair[1];
    question->port = port;
    question->host = mem_string(host);
    if (start_thread(question) == 0)
        return pair[0];
    close(pair[0]);
    close(pair[1]);
    free(question->host);
    free(question);
    return -1;
}

struct resolve *resolve_start(struct event_base *base, const char *host, uint16_t port,
                              resolve_fn fn, void *arg)
{
    struct resolve *resolve = mem_alloc(sizeof *resolve);

    resolve->fn = fn;
    resolve->arg = arg;
    resolve->fd = -1;
    look_up(host, port, AI_NUMERICHOST, &resolve->resolved);
    if (resolve->resolved.error == EAI_NONAME)
        resolve->fd = ask_thread(host, port);
    resolve->event =
        event_new(base, resolve->fd, resolve->fd >= 0 ? EV_READ : 0, on_answer, resolve);
    if (resolve->event == NULL)
        abort();
    if (resolve->fd >= 0)
        event_add(resolve->event, NULL);
    else
        event_active(resolve->event, 0, 0);
    return resolve;
}

void resolve_destroy(struct resolve *resolve)
{
    if (resolve == NULL)
        return;
    event_free(resolve->event);
    if (resolve->fd >= 0)
        close(resolve->fd);
    free(resolve);
}

void address_text(const struct sockaddr_storage *addr, char *host_out, size_t size,
                  uint16_t *port_out)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)addr;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)addr;

    host_out[0] = '\0';
    *port_out = 0;
    if (addr->ss_family == AF_INET) {
        inet_ntop(AF_INET, &v4->sin_addr, host_out, (socklen_t)size);
        *port_out = ntohs(v4->sin_port);
    } else if (addr->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
        inet_ntop(AF_INET, v6->sin6_addr.s6_addr + 12, host_out, (socklen_t)size);
        *port_out = ntohs(v6->sin6_port);
    } else if (addr->ss_family == AF_INET6) {
        /* With the interface of a link-local address, which is part of it. */
        getnameinfo((const struct sockaddr *)addr, sizeof *v6, host_out, (socklen_t)size, NULL, 0,
                    NI_NUMERICHOST);
        *port_out = ntohs(v6->sin6_port);
    }
}
