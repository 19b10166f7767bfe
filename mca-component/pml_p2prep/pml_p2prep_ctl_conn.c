/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_ctl_conn.c - connections of the control sockets: dialled, accepted, their frames
 *
 * A dial goes to the address known to be the process's own, else to all in turn: an address of a
 * private bridge may exist on this host too, and a refusal there says nothing. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "mca-component/pml_p2prep/pml_p2prep_ctl_inner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    DIAL_MS = 1000,   /* a connection and its welcome may take so long at one address */
    AGAIN_MS = 1,     /* then dialled again after this, */
    AGAIN_MAX = 1000, /* doubled up to this */
    GUESTS_MAX = 64,  /* beside two connections with each process */
};

static void dial_next(struct ctl *ctl, int process);

void ctl_watch(struct ctl *ctl, int fd, void *what, uint32_t events, bool is_new)
{
    struct epoll_event event = {.events = events, .data.ptr = what};
    (void)epoll_ctl(ctl->epoll, is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event);
}

static int door_listen(int family, const struct sockaddr *any, socklen_t size, uint16_t *port_out)
{
    struct sockaddr_storage got;
    socklen_t len = sizeof got;
    int off = 0, fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if (family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(fd, any, size) || listen(fd, 4096) || getsockname(fd, (struct sockaddr *)&got, &len)) {
        close(fd);
        return -1;
    }
    *port_out = ntohs(family == AF_INET6 ? ((struct sockaddr_in6 *)&got)->sin6_port
                                         : ((struct sockaddr_in *)&got)->sin_port);
    return fd;
}

int ctl_door_open(struct ctl *ctl, struct err *err)
{
    struct sockaddr_in6 any6 = {.sin6_family = AF_INET6};
    struct sockaddr_in any4 = {.sin_family = AF_INET};
    ctl->door = door_listen(AF_INET6, (struct sockaddr *)&any6, sizeof any6, &ctl->card.tcp.port);
    if (ctl->door < 0)
        ctl->door =
            door_listen(AF_INET, (struct sockaddr *)&any4, sizeof any4, &ctl->card.tcp.port);
    return ctl->door < 0 ? err_sys(err, "cannot listen for other processes") : 0;
}

static struct conn *conn_make(struct ctl *ctl, int fd, enum conn_state state, int process)
{
    struct conn *conn = calloc(1, sizeof *conn);
    if (!conn) {
        close(fd);
        return NULL;
    }
    conn->fd = fd;
    conn->state = state;
    conn->process = process;
    conn->since_ms = ctl->now_ms;
    conn->next = ctl->conns;
    ctl->conns = conn;
    ctl->conn_count++;
    return conn;
}

static bool is_under_way(const struct conn *conn)
{
    return conn && (conn->state == CONN_DIALLING || conn->state == CONN_GREETING);
}

void ctl_conn_close(struct ctl *ctl, struct conn *conn)
{
    if (conn->state == CONN_CLOSED)
        return;
    if (is_under_way(conn))
        ctl->dials--;
    if (conn->process >= 0) {
        struct ctl_process *peer = &ctl->processes[conn->process];
        if (peer->out == conn)
            peer->out = NULL;
        if (peer->in == conn)
            peer->in = NULL;
    }
    close(conn->fd);
    conn->fd = -1;
    conn->state = CONN_CLOSED;
    ctl->conn_count--;
}

void ctl_conns_sweep(struct ctl *ctl)
{
    for (struct conn **at = &ctl->conns; *at;) {
        struct conn *conn = *at;
        if (conn->state == CONN_CLOSED) {
            *at = conn->next;
            free(conn);
        } else {
            at = &conn->next;
        }
    }
}

static void again_later(struct ctl *ctl, int process)
{
    struct ctl_process *peer = &ctl->processes[process];
    if (peer->is_dead || peer->again_ms)
        return;
    peer->delay_ms = peer->delay_ms ? peer->delay_ms * 2 : AGAIN_MS;
    if (peer->delay_ms > AGAIN_MAX)
        peer->delay_ms = AGAIN_MAX;
    peer->again_ms = ctl->now_ms + peer->delay_ms;
    ctl->dials++;
}

/* Closed without a word from it: if nothing else connects us, have a look. */
static void conn_lost(struct ctl *ctl, struct conn *conn)
{
    int process = conn->process;
    bool was_up = conn->state == CONN_UP, was_greeting = conn->state == CONN_GREETING;
    ctl_conn_close(ctl, conn);
    if (process < 0 || ctl->processes[process].is_dead)
        return;
    struct ctl_process *peer = &ctl->processes[process];
    if (was_greeting)
        again_later(ctl, process);
    else if (was_up && !peer->out && !peer->in)
        ctl_dial(ctl, process);
}

static void frame_put(struct ctl *ctl, struct conn *conn, enum ctl_kind kind, int process,
                      const unsigned char *cookie)
{
    struct ctl_frame frame = {
        .magic = CTL_MAGIC, .kind = (uint32_t)kind, .process = (uint32_t)process};
    if (conn->fd < 0)
        return;
    if (cookie)
        memcpy(frame.cookie, cookie, sizeof frame.cookie);
    if (send(conn->fd, &frame, sizeof frame, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof frame)
        return;
    if (errno == EPIPE || errno == ECONNRESET) /* read first what it said before it went */
        return;
    /* Its queue is full. A later connection is told everything. */
    int whom = conn->process;
    ctl_conn_close(ctl, conn);
    if (whom >= 0)
        again_later(ctl, whom);
}

void ctl_tell(struct ctl *ctl, struct conn *conn, enum ctl_kind kind, int process)
{
    frame_put(ctl, conn, kind, process, NULL);
}

void ctl_tell_all(struct ctl *ctl, enum ctl_kind kind, int process)
{
    for (int i = 0; i < ctl->count; i++) {
        struct ctl_process *peer = &ctl->processes[i];
        struct conn *conn = peer->in ? peer->in : peer->out;
        if (conn && conn->state == CONN_UP)
            ctl_tell(ctl, conn, kind, process);
    }
}

/* ---- dialling */

/* All are done or dead: who is gone has left, and nobody needs to know more. */
static bool is_at_end(const struct ctl *ctl)
{
    return ctl->is_done && ctl_is_over(ctl);
}

static void dial_failed(struct ctl *ctl, int process, int error)
{
    struct ctl_process *peer = &ctl->processes[process];
    if (peer->out)
        ctl_conn_close(ctl, peer->out);
    if (is_at_end(ctl))
        return;
    if (error == ECONNREFUSED)
        peer->nays++;
    if (error == ECONNREFUSED && peer->good >= 0)
        ctl_dead(ctl, process);
    else if (peer->good < 0 && peer->tried < peer->card.tcp.count)
        dial_next(ctl, process);
    else if (peer->good < 0 && peer->nays == peer->card.tcp.count)
        ctl_dead(ctl, process);
    else
        again_later(ctl, process);
}

static void dial_connected(struct ctl *ctl, struct conn *conn)
{
    conn->state = CONN_GREETING;
    ctl_watch(ctl, conn->fd, conn, EPOLLIN, false);
    frame_put(ctl, conn, CTL_HELLO, ctl->self, ctl->processes[conn->process].card.tcp.cookie);
}

static void dial_next(struct ctl *ctl, int process)
{
    struct ctl_process *peer = &ctl->processes[process];
    struct sockaddr_storage to;
    int addr = peer->good >= 0 ? peer->good : peer->tried;
    peer->tried++;
    socklen_t len = tcp_addr_socket(&peer->card.tcp.addrs[addr], peer->card.tcp.port, &to);
    int fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        dial_failed(ctl, process, errno);
        return;
    }
    int rc = connect(fd, (struct sockaddr *)&to, len);
    if (rc < 0 && errno != EINPROGRESS) {
        int error = errno;
        close(fd);
        dial_failed(ctl, process, error);
        return;
    }
    struct conn *conn = conn_make(ctl, fd, CONN_DIALLING, process);
    if (!conn) {
        again_later(ctl, process);
        return;
    }
    conn->is_out = true;
    conn->addr = addr;
    peer->out = conn;
    ctl->dials++;
    ctl_watch(ctl, fd, conn, EPOLLOUT, true);
    if (rc == 0)
        dial_connected(ctl, conn);
}

void ctl_dial(struct ctl *ctl, int process)
{
    struct ctl_process *peer = &ctl->processes[process];
    if (is_under_way(peer->out) || !peer->has_card || is_at_end(ctl))
        return;
    if (peer->again_ms) {
        peer->again_ms = 0;
        ctl->dials--;
    }
    if (peer->out)
        ctl_conn_close(ctl, peer->out);
    peer->tried = peer->nays = 0;
    dial_next(ctl, process);
}

void ctl_dials_tick(struct ctl *ctl)
{
    for (int i = 0; i < ctl->count; i++) {
        struct ctl_process *peer = &ctl->processes[i];
        if (is_under_way(peer->out) && ctl->now_ms - peer->out->since_ms > DIAL_MS &&
            peer->out->state == CONN_DIALLING)
            dial_failed(ctl, i, ETIMEDOUT);
        if (!peer->again_ms || ctl->now_ms < peer->again_ms)
            continue;
        peer->again_ms = 0;
        ctl->dials--;
        if (!peer->in) /* else it lives, and that connection tells when it does not */
            ctl_dial(ctl, i);
    }
}

/* ---- accepting */

/* Strangers that only hold their connection must not keep others out: the oldest goes. */
static void guests_limit(struct ctl *ctl)
{
    struct conn *oldest = NULL;
    if (ctl->conn_count < ctl->count * 2 + GUESTS_MAX)
        return;
    for (struct conn *conn = ctl->conns; conn; conn = conn->next) { /* newest first */
        if (conn->state == CONN_GUEST)
            oldest = conn;
    }
    if (oldest)
        ctl_conn_close(ctl, oldest);
}

void ctl_guests_come(struct ctl *ctl)
{
    int fd;
    while ((fd = accept4(ctl->door, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
        guests_limit(ctl);
        struct conn *conn = conn_make(ctl, fd, CONN_GUEST, -1);
        if (conn)
            ctl_watch(ctl, fd, conn, EPOLLIN, true);
    }
}

/* The guest's address is one that process answers at. */
static void good_from_guest(struct ctl_process *peer, int fd)
{
    struct sockaddr_storage from, to;
    socklen_t len = sizeof from;
    if (peer->good >= 0 || getpeername(fd, (struct sockaddr *)&from, &len))
        return;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&from;
    for (int i = 0; i < peer->card.tcp.count; i++) {
        const unsigned char *bytes = peer->card.tcp.addrs[i].bytes; /* IPv4 as ::ffff:a.b.c.d */
        (void)tcp_addr_socket(&peer->card.tcp.addrs[i], peer->card.tcp.port, &to);
        if ((from.ss_family == AF_INET6 && memcmp(&six->sin6_addr, bytes, 16) == 0) ||
            (from.ss_family == AF_INET && to.ss_family == AF_INET &&
             memcmp(&((struct sockaddr_in *)&from)->sin_addr, bytes + 12, 4) == 0))
            peer->good = i;
    }
}

static void guest_hello(struct ctl *ctl, struct conn *conn, const struct ctl_frame *frame)
{
    if (frame->kind != CTL_HELLO || frame->process >= (uint32_t)ctl->count ||
        memcmp(frame->cookie, ctl->card.tcp.cookie, sizeof frame->cookie) != 0) {
        frame_put(ctl, conn, CTL_STRANGER, ctl->self, NULL);
        ctl_conn_close(ctl, conn);
        return;
    }
    struct ctl_process *peer = &ctl->processes[frame->process];
    if (peer->is_dead) {
        frame_put(ctl, conn, CTL_REFUSED, (int)frame->process, peer->card.tcp.cookie);
        ctl_conn_close(ctl, conn);
        return;
    }
    if (peer->in) /* it dialled anew: it has lost that one */
        ctl_conn_close(ctl, peer->in);
    conn->process = (int)frame->process;
    conn->state = CONN_UP;
    peer->is_met = true;
    peer->in = conn;
    good_from_guest(peer, conn->fd);
    frame_put(ctl, conn, CTL_WELCOME, ctl->self, peer->card.tcp.cookie);
    ctl_tell_sets(ctl, conn);
}

static void answer(struct ctl *ctl, struct conn *conn, const struct ctl_frame *frame)
{
    struct ctl_process *peer = &ctl->processes[conn->process];
    int process = conn->process;
    bool knows_us = memcmp(frame->cookie, ctl->card.tcp.cookie, sizeof frame->cookie) == 0;
    if (frame->kind == CTL_WELCOME && frame->process == (uint32_t)process && knows_us) {
        conn->state = CONN_UP;
        peer->is_met = true;
        ctl->dials--;
        peer->good = conn->addr;
        peer->delay_ms = 0;
        ctl_tell_sets(ctl, conn);
        ctl_lives(ctl, process);
    } else if (frame->kind == CTL_STRANGER) {
        /* At its own address another process has its port now; elsewhere that proves nothing. */
        dial_failed(ctl, process, ECONNREFUSED);
    } else if (frame->kind == CTL_REFUSED && knows_us) {
        ctl_refused(ctl);
        ctl_conn_close(ctl, conn);
    } else {
        /* Our own hello: the kernel gave this dial the very port that it dials. Or nonsense. */
        ctl_conn_close(ctl, conn);
        again_later(ctl, process);
    }
}

static void frame_take(struct ctl *ctl, struct conn *conn)
{
    struct ctl_frame frame = conn->in;
    conn->got = 0;
    if (frame.magic != CTL_MAGIC)
        conn_lost(ctl, conn);
    else if (conn->state == CONN_GUEST)
        guest_hello(ctl, conn, &frame);
    else if (conn->state == CONN_GREETING)
        answer(ctl, conn, &frame);
    else
        ctl_take(ctl, &frame);
}

static void conn_read(struct ctl *ctl, struct conn *conn)
{
    while (conn->state != CONN_CLOSED) {
        ssize_t n = recv(conn->fd, (char *)&conn->in + conn->got, sizeof conn->in - conn->got,
                         MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            conn_lost(ctl, conn);
            return;
        }
        conn->got += (size_t)n;
        if (conn->got == sizeof conn->in)
            frame_take(ctl, conn);
    }
}

void ctl_conn_event(struct ctl *ctl, struct conn *conn)
{
    if (conn->state == CONN_CLOSED)
        return;
    if (conn->state != CONN_DIALLING) {
        conn_read(ctl, conn);
        return;
    }
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &error, &size))
        error = errno;
    if (error)
        dial_failed(ctl, conn->process, error);
    else
        dial_connected(ctl, conn);
}
