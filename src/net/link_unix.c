/* SPDX-License-Identifier: BSD-3-Clause */
/* link_unix.c - links over Unix sockets: connecting, and taking a socket that is connected already
 */
#include "config.h"
#include "net/link_unix.h"

#include "base/clock.h"
#include "base/mem.h"
#include "net/link_inner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG_RETRY_MS = 20 };

/* Where a link connects to, until the other side takes it. */
struct unix_opening {
    struct link *link;
    struct event *retry;
    struct sockaddr_un addr;
};

int unix_address(const char *path, struct sockaddr_un *addr_out, struct err *err)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    size_t size = strlen(path) + 1;

    if (size > sizeof addr.sun_path) {
        errno = ENAMETOOLONG;
        return err_set(err,
                       "the path of the socket %s is too long (%zu bytes at most): set P2PMPI_DIR "
                       "to a shorter one",
                       path, sizeof addr.sun_path - 1);
    }
    memcpy(addr.sun_path, path, size);
    *addr_out = addr;
    return 0;
}

/* The kernel's word on who is at the other end. */
static void note_other_side(struct link *link, int fd)
{
    struct ucred who;
    socklen_t size = sizeof who;

    snprintf(link->remote_host, sizeof link->remote_host, "unix");
    snprintf(link->local_host, sizeof link->local_host, "unix");
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0)
        return;
    link->uid = who.uid;
    link->pid = who.pid;
    if (link->name[0] == '\0')
        snprintf(link->name, sizeof link->name, "process %d", (int)who.pid);
}

static void attach_fd(struct link *link, int fd)
{
    evutil_make_socket_nonblocking(fd);
    evutil_make_socket_closeonexec(fd);
    note_other_side(link, fd);
    struct bufferevent *stream =
        bufferevent_socket_new(link->base, fd, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
    if (stream == NULL) {
        close(fd);
        link_fail(link, LINK_END_RESET, "out of memory for a connection to %s", link->name);
        return;
    }
    link_attach_take(link, stream);
}

struct link *link_accepted_unix_take(struct event_base *base, int fd, const Wire__Hello *hello,
                                     unsigned timeout_ms)
{
    struct link *link = link_create(base, hello, timeout_ms, NULL, NULL);

    attach_fd(link, fd);
    return link;
}

struct link *link_from_fd_take(struct event_base *base, int fd, const Wire__Hello *hello,
                               const struct link_ops *ops, void *arg)
{
    struct link *link = link_create(base, hello, 0, ops, arg);

    attach_fd(link, fd);
    return link;
}

static void opening_free(void *arg)
{
    struct unix_opening *opening = arg;

    event_free(opening->retry);
    free(opening);
}

static void say_refusal(struct link *link, int error)
{
    if (error == ENOENT || error == ECONNREFUSED)
        link_fail(link, LINK_END_REFUSED, "nobody listens on %s", link->name);
    else
        link_fail(link, link_end_of_errno(error), "cannot connect to %s: %s", link->name,
                  strerror(error));
}

/* A Unix socket connects at once or not at all; EAGAIN: the listener's queue is full just now. */
static void try_to_connect(struct unix_opening *opening)
{
    struct timeval wait = {0, BACKLOG_RETRY_MS * 1000};
    struct link *link = opening->link;

    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        say_refusal(link, errno);
        return;
    }
    if (connect(fd, (struct sockaddr *)&opening->addr, sizeof opening->addr) == 0) {
        attach_fd(link, fd);
        return;
    }
    int error = errno;
    close(fd);
    if (error == EAGAIN)
        event_add(opening->retry, &wait);
    else
        say_refusal(link, error);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct unix_opening *opening = arg;
    if (opening->link->state == LINK_CONNECTING)
        try_to_connect(opening);
}

struct link *link_connect_unix(struct event_base *base, const char *path, const Wire__Hello *hello,
                               unsigned timeout_ms, const struct link_ops *ops, void *arg,
                               struct err *err)
{
    struct sockaddr_un addr;

    if (unix_address(path, &addr, err) < 0)
        return NULL;
    struct link *link = link_create(base, hello, timeout_ms, ops, arg);
    struct unix_opening *opening = mem_alloc(sizeof *opening);
    snprintf(link->name, sizeof link->name, "%s", path);
    opening->link = link;
    opening->addr = addr;
    opening->retry = event_new(base, -1, 0, on_retry, opening);
    if (opening->retry == NULL)
        abort();
    link->opening = opening;
    link->opening_free = opening_free;
    try_to_connect(opening);
    return link;
}
