/* SPDX-License-Identifier: BSD-3-Clause */
/* listener.c - takes connections on a Unix socket and hands them on as links */
#include "config.h"
#include "net/link.h"

#include "base/mem.h"
#include "net/link_unix.h"
#include "net/listener_inner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { UNIX_BACKLOG = 128, UNIX_HELLO_MS = 30000, ACCEPT_REST_MS = 100 };

struct listener *listener_create(struct event_base *base, const Wire__Hello *hello,
                                 const struct listener_ops *ops, void *arg)
{
    struct listener *listener = mem_alloc(sizeof *listener);

    listener->base = base;
    listener->hello = message_copy(&hello->base);
    listener->ops = ops;
    listener->arg = arg;
    return listener;
}

void listener_give(struct listener *listener, struct link *link)
{
    listener->ops->accept(listener, link, listener->arg);
}

static void on_rested(evutil_socket_t fd, short what, void *arg)
{
    struct evconnlistener *socket = arg;

    (void)fd;
    (void)what;
    evconnlistener_enable(socket);
}

/* accept() failed, most often because no file descriptor is left: a loop that tried again at once
 * would do nothing else. */
static void on_accept_error(struct evconnlistener *socket, void *arg)
{
    struct timeval wait = {0, ACCEPT_REST_MS * 1000};
    struct listener *listener = arg;
    int i = socket == listener->sockets[0] ? 0 : 1;

    if (listener->rest[i] == NULL)
        listener->rest[i] = event_new(listener->base, -1, 0, on_rested, socket);
    if (listener->rest[i] == NULL)
        return;
    evconnlistener_disable(socket);
    event_add(listener->rest[i], &wait);
}

void listener_add_take(struct listener *listener, struct evconnlistener *socket)
{
    listener->sockets[listener->sockets[0] == NULL ? 0 : 1] = socket;
    evconnlistener_set_error_cb(socket, on_accept_error);
}

static void on_unix(struct evconnlistener *socket, evutil_socket_t fd, struct sockaddr *addr,
                    int size, void *arg)
{
    struct listener *listener = arg;
    struct ucred who;
    socklen_t who_size = sizeof who;

    (void)socket;
    (void)addr;
    (void)size;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &who_size) < 0 || who.uid != geteuid()) {
        close(fd);
        return;
    }
    listener_give(listener,
                  link_accepted_unix_take(listener->base, fd, listener->hello, UNIX_HELLO_MS));
}

/* Is somebody behind the socket that lies at addr? */
static bool is_answered(const struct sockaddr_un *addr)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return true;
    int result = connect(fd, (const struct sockaddr *)addr, sizeof *addr);
    int error = errno;
    close(fd);
    return result == 0 || error == EAGAIN;
}

/* Removes what a daemon that died left behind; never a file that is no socket, never one that
 * answers. */
static int remove_stale(const struct sockaddr_un *addr, struct err *err)
{
    struct stat st;

    if (lstat(addr->sun_path, &st) < 0)
        return errno == ENOENT ? 0 : err_sys(err, "cannot look at %s", addr->sun_path);
    if (!S_ISSOCK(st.st_mode)) {
        errno = EEXIST;
        return err_set(err, "%s is in the way and is no socket: remove it", addr->sun_path);
    }
    if (is_answered(addr)) {
        errno = EADDRINUSE;
        return err_set(err, "another program listens on %s", addr->sun_path);
    }
    if (unlink(addr->sun_path) < 0 && errno != ENOENT)
        return err_sys(err, "cannot remove the stale socket %s", addr->sun_path);
    return 0;
}

static int bind_unix(const struct sockaddr_un *addr, struct err *err)
{
    if (remove_stale(addr, err) < 0)
        return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_sys(err, "cannot make a socket");
    mode_t old = umask(0177); /* the socket is never open to others, not even for a moment */
    int result = bind(fd, (const struct sockaddr *)addr, sizeof *addr);
    int error = errno;
    umask(old);
    errno = error;
    if (result == 0)
        result = listen(fd, UNIX_BACKLOG);
    if (result < 0) {
        err_sys(err, "cannot listen on %s", addr->sun_path);
        close(fd);
        return -1;
    }
    return fd;
}

struct listener *listener_unix(struct event_base *base, const char *path, const Wire__Hello *hello,
                               const struct listener_ops *ops, void *arg, struct err *err)
{
    struct sockaddr_un addr;

    if (unix_address(path, &addr, err) < 0)
        return NULL;
    int fd = bind_unix(&addr, err);
    if (fd < 0)
        return NULL;
    struct listener *listener = listener_from_fd_take(base, fd, hello, ops, arg);
    struct stat st;
    listener->path = mem_string(path);
    if (stat(path, &st) == 0) {
        listener->path_dev = st.st_dev;
        listener->path_ino = st.st_ino;
    }
    return listener;
}

struct listener *listener_from_fd_take(struct event_base *base, int fd, const Wire__Hello *hello,
                                       const struct listener_ops *ops, void *arg)
{
    struct listener *listener = listener_create(base, hello, ops, arg);

    evutil_make_socket_nonblocking(fd);
    evutil_make_socket_closeonexec(fd);
    struct evconnlistener *socket = evconnlistener_new(
        base, on_unix, listener, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
    if (socket == NULL)
        abort();
    listener_add_take(listener, socket);
    return listener;
}

void listener_set_hello(struct listener *listener, const Wire__Hello *hello)
{
    message_free(listener->hello);
    listener->hello = message_copy(&hello->base);
}

uint16_t listener_port(const struct listener *listener)
{
    return listener->port;
}

/* The path goes too, unless another listener has taken it over. */
static void remove_path(const struct listener *listener)
{
    struct stat st;

    if (stat(listener->path, &st) == 0 && st.st_dev == listener->path_dev &&
        st.st_ino == listener->path_ino)
        unlink(listener->path);
}

void listener_destroy(struct listener *listener)
{
    if (listener == NULL)
        return;
    if (listener->tls_free != NULL)
        listener->tls_free(listener);
    if (listener->path != NULL)
        remove_path(listener);
    for (int i = 0; i < 2; i++) {
        if (listener->rest[i] != NULL)
            event_free(listener->rest[i]);
        if (listener->sockets[i] != NULL)
            evconnlistener_free(listener->sockets[i]);
    }
    message_free(listener->hello);
    free(listener->path);
    free(listener);
}
