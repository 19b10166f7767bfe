/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_tcp_dial.c - how connections come about: listening, dialling, hello and welcome */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "mca-component/pml_p2prep/pml_p2prep_tcp.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define ACCEPT_BURST 16

static int listen_on(int family, struct err *err)
{
    struct sockaddr_in6 any6 = {.sin6_family = AF_INET6};
    struct sockaddr_in any4 = {.sin_family = AF_INET};
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), off = 0, rc;

    if (fd < 0)
        return err_sys(err, "cannot make a socket");
    if (family == AF_INET6)
        rc = setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) != 0
                 ? -1
                 : bind(fd, (struct sockaddr *)&any6, sizeof any6);
    else
        rc = bind(fd, (struct sockaddr *)&any4, sizeof any4);
    if (rc != 0 || listen(fd, SOMAXCONN) != 0) {
        err_sys(err, "cannot listen");
        close(fd);
        return -1;
    }
    return fd;
}

int tcp_listen(struct tcp_transport *tp, struct err *err)
{
    struct sockaddr_storage name;
    socklen_t size = sizeof name;

    tp->listener = listen_on(AF_INET6, err);
    if (tp->listener < 0)
        tp->listener = listen_on(AF_INET, err);
    if (tp->listener < 0)
        return -1;
    if (getsockname(tp->listener, (struct sockaddr *)&name, &size) != 0)
        return err_sys(err, "getsockname");
    tp->card.port =
        ntohs(name.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)(void *)&name)->sin6_port
                                         : ((struct sockaddr_in *)(void *)&name)->sin_port);
    tcp_watch(tp, tp->listener, &tp->watch, false, true);
    return 0;
}

void tcp_watch(struct tcp_transport *tp, int fd, void *what, bool wants_write, bool is_new)
{
    struct epoll_event event = {.events = EPOLLIN | (wants_write ? EPOLLOUT : 0), .data.ptr = what};

    if (is_new || (epoll_ctl(tp->epoll, EPOLL_CTL_MOD, fd, &event) != 0 && errno == ENOENT))
        epoll_ctl(tp->epoll, EPOLL_CTL_ADD, fd, &event);
}

static bool is_within_host(int fd)
{
    struct sockaddr_storage mine, theirs;
    socklen_t mine_size = sizeof mine, theirs_size = sizeof theirs;
    struct tcp_addr here, there;

    return getsockname(fd, (struct sockaddr *)&mine, &mine_size) == 0 &&
           getpeername(fd, (struct sockaddr *)&theirs, &theirs_size) == 0 &&
           tcp_addr_of((struct sockaddr *)&mine, here.bytes) &&
           tcp_addr_of((struct sockaddr *)&theirs, there.bytes) &&
           memcmp(here.bytes, there.bytes, sizeof here.bytes) == 0;
}

/* Within a host there is no congestion, but an algorithm that paces (BBR) makes large messages wait
 * all the same. Reno is in every kernel and allowed to everybody. */
static void set_options(int fd)
{
    static const char reno[] = "reno";
    int on = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (is_within_host(fd))
        setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, reno, sizeof reno - 1);
}

static void link_watch(struct tcp_link *link, bool wants_write, bool is_new)
{
    tcp_watch(link->tp, link->fd, &link->watch, wants_write, is_new);
    link->wants_write = wants_write;
}

static void go_up(struct tcp_link *link)
{
    link->state = TCP_UP;
    link->tp->hot = link;
    tcp_flush(link);
}

/* ---- dialling ---- */

/* All addresses tried: what the last said counts. */
static void dial_failed(struct tcp_link *link, int error)
{
    const struct tcp_card *card = &link->card;
    char text[64] = "";

    tcp_addr_text(&card->addrs[card->count - 1], text);
    errno = error;
    tcp_break(link, error == ECONNREFUSED ? P2PREP_LOSS_REFUSED : P2PREP_LOSS_EOF,
              "cannot connect to %s port %u: %s", text, card->port, strerror(error));
}

static void say_hello(struct tcp_link *link)
{
    struct tcp_hello hello = {.magic = TCP_MAGIC, .from = link->tp->self, .to = link->name};

    memcpy(hello.cookie, link->card.cookie, sizeof hello.cookie);
    set_options(link->fd);
    if (send(link->fd, &hello, sizeof hello, MSG_NOSIGNAL) != (ssize_t)sizeof hello) {
        tcp_break(link, P2PREP_LOSS_EOF, "cannot say hello: %s", strerror(errno));
        return;
    }
    link->state = TCP_GREETING;
    link_watch(link, false, false);
}

static int dial_one(struct tcp_link *link, const struct tcp_addr *addr)
{
    struct sockaddr_storage to;
    socklen_t size = tcp_addr_socket(addr, link->card.port, &to);

    link->fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (link->fd < 0)
        return errno;
    link->tp->open_fds++;
    if (connect(link->fd, (struct sockaddr *)&to, size) != 0 && errno != EINPROGRESS) {
        int error = errno;

        tcp_hang_up(link);
        return error;
    }
    link->state = TCP_DIALLING;
    link_watch(link, true, true);
    return 0;
}

static void dial_next(struct tcp_link *link, int error)
{
    while (link->dialled < link->card.count) {
        error = dial_one(link, &link->card.addrs[link->dialled++]);
        if (error == 0)
            return;
    }
    dial_failed(link, error);
}

void tcp_dial(struct tcp_link *link)
{
    dial_next(link, ECONNREFUSED);
}

static void on_connected(struct tcp_link *link)
{
    int error = 0;
    socklen_t size = sizeof error;

    if (getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        error = errno;
    if (error != 0) {
        tcp_hang_up(link);
        dial_next(link, error);
        return;
    }
    say_hello(link);
}

static void on_answer(struct tcp_link *link, uint32_t answer)
{
    switch (answer) {
    case TCP_WELCOME:
        go_up(link);
        return;
    case TCP_CROSSED:
        tcp_hang_up(link);
        link->state = TCP_WAITING;
        return;
    case TCP_DENIED:
        tcp_break(link, P2PREP_LOSS_DENIED, "refused: the peer takes this process for dead");
        return;
    default:
        tcp_break(link, P2PREP_LOSS_EOF, "the peer has lost this connection");
    }
}

/* The answer only: what follows it are frames. An end-of-file instead: the peer died, or closed
 * this connection for its own that crossed; then that one is there already or comes. */
static void on_greeted(struct tcp_link *link)
{
    struct tcp_welcome welcome;
    ssize_t n = recv(link->fd, &welcome, sizeof welcome, MSG_PEEK);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0)
        tcp_break(link, P2PREP_LOSS_EOF, "the connection closed before it was welcome");
    else if (n == (ssize_t)sizeof welcome && recv(link->fd, &welcome, sizeof welcome, 0) == n &&
             welcome.magic == TCP_MAGIC)
        on_answer(link, welcome.answer);
    else if (n == (ssize_t)sizeof welcome)
        tcp_break(link, P2PREP_LOSS_FAULT, "the answer to the hello makes no sense");
}

void tcp_dial_event(struct tcp_link *link)
{
    if (link->state == TCP_DIALLING)
        on_connected(link);
    else if (link->state == TCP_GREETING)
        on_greeted(link);
}

/* ---- listening ---- */

static void guest_free(struct tcp_transport *tp, struct tcp_guest *guest, bool close_fd)
{
    struct tcp_guest **at = &tp->guests;

    while (*at != guest)
        at = &(*at)->next;
    *at = guest->next;
    tp->guest_count--;
    if (close_fd) {
        epoll_ctl(tp->epoll, EPOLL_CTL_DEL, guest->fd, NULL);
        close(guest->fd);
        tp->open_fds--;
    }
    free(guest);
}

void tcp_guests_close(struct tcp_transport *tp)
{
    while (tp->guests != NULL)
        guest_free(tp, tp->guests, true);
}

/* The oldest that has not said who it is makes room. */
static void make_room(struct tcp_transport *tp)
{
    struct tcp_guest *oldest = NULL;

    for (struct tcp_guest *guest = tp->guests; guest != NULL; guest = guest->next)
        if (!guest->is_whole)
            oldest = guest; /* new ones come first in the list */
    if (oldest != NULL)
        guest_free(tp, oldest, true);
}

static void welcome_guest(struct tcp_transport *tp, int fd)
{
    struct tcp_guest *guest;

    if (tp->guest_count >= TCP_GUESTS_MAX)
        make_room(tp);
    guest = tp->guest_count < TCP_GUESTS_MAX ? calloc(1, sizeof *guest) : NULL;
    if (guest == NULL) {
        close(fd);
        return;
    }
    set_options(fd);
    *guest = (struct tcp_guest){.watch = TCP_WATCH_GUEST, .next = tp->guests, .fd = fd};
    tp->guests = guest;
    tp->guest_count++;
    tp->open_fds++;
    tcp_watch(tp, fd, guest, false, true);
}

void tcp_accept(struct tcp_transport *tp)
{
    for (int n = 0; n < ACCEPT_BURST; n++) {
        int fd = accept4(tp->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0)
            return;
        welcome_guest(tp, fd);
    }
}

static void answer(int fd, enum tcp_answer text)
{
    struct tcp_welcome welcome = {TCP_MAGIC, text};

    (void)!send(fd, &welcome, sizeof welcome, MSG_NOSIGNAL);
}

static void adopt(struct tcp_link *link, struct tcp_guest *guest)
{
    struct tcp_transport *tp = link->tp;

    if (link->fd >= 0)
        tcp_hang_up(link);
    link->fd = guest->fd;
    guest_free(tp, guest, false);
    answer(link->fd, TCP_WELCOME);
    link_watch(link, false, false);
    go_up(link);
}

static void settle(struct tcp_transport *tp, struct tcp_link *link, struct tcp_guest *guest)
{
    bool is_mine_first = tp->self < link->name;

    switch (link->state) {
    case TCP_DIALLING:
    case TCP_GREETING:
        if (!is_mine_first) {
            adopt(link, guest);
            return;
        }
        answer(guest->fd, TCP_CROSSED);
        break;
    case TCP_IDLE:
    case TCP_WAITING:
        adopt(link, guest);
        return;
    case TCP_PURGED:
        answer(guest->fd, TCP_DENIED);
        break;
    case TCP_UP:
    case TCP_LOST:
        answer(guest->fd, TCP_BROKEN);
        break;
    }
    guest_free(tp, guest, true);
}

static bool is_for_us(const struct tcp_transport *tp, const struct tcp_hello *hello)
{
    return hello->magic == TCP_MAGIC && hello->to == tp->self &&
           memcmp(hello->cookie, tp->cookie, sizeof hello->cookie) == 0;
}

static void on_hello(struct tcp_transport *tp, struct tcp_guest *guest)
{
    if (!is_for_us(tp, &guest->hello)) {
        guest_free(tp, guest, true);
        return;
    }
    for (struct tcp_link *link = tp->links; link != NULL; link = link->next)
        if (link->name == guest->hello.from) {
            settle(tp, link, guest);
            return;
        }
    guest->is_whole = true; /* its bytes wait in the kernel, unwatched */
    epoll_ctl(tp->epoll, EPOLL_CTL_MOD, guest->fd, &(struct epoll_event){.data.ptr = guest});
}

void tcp_guest_event(struct tcp_transport *tp, struct tcp_guest *guest)
{
    ssize_t n;

    if (guest->is_whole) { /* only an error or a hang-up comes here: whoever is added finds it */
        epoll_ctl(tp->epoll, EPOLL_CTL_DEL, guest->fd, NULL);
        return;
    }
    n = recv(guest->fd, (char *)&guest->hello + guest->got, sizeof guest->hello - guest->got, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        guest_free(tp, guest, true);
        return;
    }
    guest->got += (size_t)n;
    if (guest->got == sizeof guest->hello)
        on_hello(tp, guest);
}

void tcp_guest_settle(struct tcp_transport *tp, struct tcp_link *link)
{
    for (struct tcp_guest *guest = tp->guests; guest != NULL; guest = guest->next)
        if (guest->is_whole && guest->hello.from == link->name) {
            settle(tp, link, guest);
            return;
        }
}
