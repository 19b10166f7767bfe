/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_watch.c - with replicas: who is dead, who has come to the end
 *
 * Each process listens on a port of its own and keeps one connection with every other. An end of
 * file makes one look: dial anew. Refused: its kernel has closed the port, it is dead, and all are
 * told. Connected: it lives, and the new connection takes the old one's place. No answer is no
 * verdict: dialled again later. Sockets are closed in forked children, for a child that holds one
 * hides the end of file. */
#include "mca-component/pml_p2prep/pml_p2prep_watch.h"

#include "mca-component/pml_p2prep/pml_p2prep_replica.h"
#include "mca-component/pml_p2prep/pml_p2prep_tcp.h"
#include "mca-component/pml_p2prep/pml_p2prep_wire.h"

#include <opal/mca/pmix/pmix.h>
#include <opal/util/show_help.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define HELP  "help-mpi-pml-p2prep.txt"
#define KEY   (char *)"pml.p2prep.watch"
#define MAGIC 0x70327077u

enum {
    DIAL_MS = 200,      /* how long a connection may take */
    AGAIN_CALLS = 1000, /* polls between two looks at somebody who does not answer */
    GUEST = 1 << 30,    /* in an event: an accepted socket of nobody yet, plus its descriptor */
    DOOR = -1,          /* in an event: the listening socket */
};

enum frame_kind { HELLO = 1, DEAD, GOODBYE, REFUSED };

struct frame {
    uint32_t magic;
    uint32_t kind;
    uint32_t process; /* HELLO: the sender; DEAD: who */
    uint32_t spare;
    unsigned char cookie[16]; /* HELLO: the receiver's */
};

struct watched {
    struct tcp_card card;
    int fd; /* -1: none */
    bool is_dead, is_gone /* said goodbye */, is_silent /* dial again */;
};

static struct {
    int door, epoll;
    struct tcp_card card;
    struct watched *peers;
    bool is_over;
    unsigned polls;
} watch = {.door = -1, .epoll = -1}; /* this process's; fork handlers have no argument */

static void close_all(void)
{
    for (uint32_t i = 0; watch.peers && i < mca_pml_p2prep.n_peers; i++) {
        if (watch.peers[i].fd >= 0)
            close(watch.peers[i].fd);
        watch.peers[i].fd = -1;
    }
    if (watch.door >= 0)
        close(watch.door);
    if (watch.epoll >= 0)
        close(watch.epoll);
    watch.door = watch.epoll = -1;
}

static void events_of(int fd, int data)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.fd = data};
    (void)epoll_ctl(watch.epoll, EPOLL_CTL_ADD, fd, &event);
}

static int door_open(void)
{
    struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_addr = in6addr_any};
    struct sockaddr_in any4 = {.sin_family = AF_INET};
    socklen_t len = sizeof any;
    int off = 0;
    watch.door = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (watch.door >= 0) {
        (void)setsockopt(watch.door, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
        if (bind(watch.door, (struct sockaddr *)&any, sizeof any) || listen(watch.door, 4096) ||
            getsockname(watch.door, (struct sockaddr *)&any, &len))
            return -1;
        watch.card.port = ntohs(any.sin6_port);
        return 0;
    }
    len = sizeof any4;
    watch.door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (watch.door < 0 || bind(watch.door, (struct sockaddr *)&any4, sizeof any4) ||
        listen(watch.door, 4096) || getsockname(watch.door, (struct sockaddr *)&any4, &len))
        return -1;
    watch.card.port = ntohs(any4.sin_port);
    return 0;
}

int p2prep_watch_open(void)
{
    struct err err = {{0}};
    int count =
            tcp_addr_list(watch.card.addrs, TCP_ADDRS_MAX, p2prep_wire_interfaces(), NULL, &err),
        rc;
    if (count < 0 || door_open()) {
        if (count >= 0)
            err_sys(&err, "cannot listen");
        opal_show_help(HELP, "no watch", true, ompi_process_info.nodename, err.text);
        return OMPI_ERR_NOT_AVAILABLE;
    }
    watch.card.magic = MAGIC;
    watch.card.count = (uint16_t)count;
    watch.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (watch.epoll < 0 ||
        getrandom(watch.card.cookie, sizeof watch.card.cookie, 0) != sizeof watch.card.cookie)
        return OMPI_ERROR;
    events_of(watch.door, DOOR);
    (void)pthread_atfork(NULL, NULL, close_all);
    OPAL_MODEX_SEND_STRING(rc, OPAL_PMIX_GLOBAL, KEY, &watch.card, sizeof watch.card);
    return rc;
}

void p2prep_watch_close(void)
{
    close_all();
    free(watch.peers);
    watch.peers = NULL;
}

static void frame_send(int fd, enum frame_kind kind, uint32_t process, const unsigned char *cookie)
{
    struct frame frame = {.magic = MAGIC, .kind = kind, .process = process};
    if (cookie)
        memcpy(frame.cookie, cookie, sizeof frame.cookie);
    (void)!send(fd, &frame, sizeof frame, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void tell_all(enum frame_kind kind, uint32_t process)
{
    for (uint32_t i = 0; i < mca_pml_p2prep.n_peers; i++) {
        if (watch.peers[i].fd >= 0)
            frame_send(watch.peers[i].fd, kind, process, NULL);
    }
}

static void connection_close(struct watched *peer)
{
    if (peer->fd >= 0)
        close(peer->fd);
    peer->fd = -1;
}

static void connection_set(uint32_t process, int fd)
{
    connection_close(&watch.peers[process]);
    watch.peers[process].fd = fd;
    watch.peers[process].is_silent = false;
    if (watch.is_over)
        frame_send(fd, GOODBYE, 0, NULL);
}

static void dead(uint32_t process)
{
    struct watched *peer = &watch.peers[process];
    if (process == OMPI_PROC_MY_NAME->vpid) {
        p2prep_replica_refused();
        return;
    }
    if (peer->is_dead)
        return;
    peer->is_dead = true;
    connection_close(peer);
    tell_all(DEAD, process);
    (void)p2prep_replica_dead(process);
}

/* A connected socket, or -1 with errno. */
static int dial(const struct tcp_card *card)
{
    int saved = EHOSTUNREACH;
    for (int i = 0; i < card->count && i < TCP_ADDRS_MAX; i++) {
        struct sockaddr_storage to;
        socklen_t len = tcp_addr_socket(&card->addrs[i], card->port, &to), size = sizeof saved;
        int fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
            continue;
        if (connect(fd, (struct sockaddr *)&to, len) == 0)
            return fd;
        struct pollfd wait = {.fd = fd, .events = POLLOUT};
        saved = errno;
        if (errno == EINPROGRESS) {
            saved = ETIMEDOUT;
            if (poll(&wait, 1, DIAL_MS) == 1)
                (void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &saved, &size);
            if (saved == 0)
                return fd;
        }
        close(fd);
        if (saved == ECONNREFUSED)
            break;
    }
    errno = saved;
    return -1;
}

void p2prep_watch_look(uint32_t process)
{
    struct watched *peer = &watch.peers[process];
    if (!watch.peers || peer->is_dead || peer->is_gone)
        return;
    connection_close(peer);
    int fd = dial(&peer->card);
    if (fd < 0 && errno == ECONNREFUSED) {
        dead(process);
        return;
    }
    peer->is_silent = fd < 0;
    if (fd < 0)
        return;
    frame_send(fd, HELLO, OMPI_PROC_MY_NAME->vpid, peer->card.cookie);
    connection_set(process, fd);
    events_of(fd, (int)process);
}

int p2prep_watch_connect(void)
{
    uint32_t me = OMPI_PROC_MY_NAME->vpid, n = mca_pml_p2prep.n_peers;
    watch.peers = calloc(n, sizeof *watch.peers);
    if (!watch.peers)
        return OMPI_ERR_OUT_OF_RESOURCE;
    for (uint32_t i = 0; i < n; i++)
        watch.peers[i].fd = -1;
    for (uint32_t i = 0; i < n; i++) {
        opal_process_name_t name = {.jobid = OMPI_PROC_MY_NAME->jobid, .vpid = i};
        struct tcp_card *card = &watch.peers[i].card;
        uint8_t *bytes = NULL;
        size_t size = 0;
        int rc;
        if (i == me)
            continue;
        OPAL_MODEX_RECV_STRING(rc, KEY, &name, &bytes, &size);
        if (rc == OPAL_SUCCESS && size == sizeof *card)
            memcpy(card, bytes, sizeof *card);
        free(bytes);
        if (card->magic != MAGIC) {
            opal_show_help(HELP, "no card", true, i);
            return OMPI_ERR_UNREACH;
        }
        tcp_addr_sort(card->addrs, card->count, watch.card.addrs, watch.card.count);
        if (i < me)
            p2prep_watch_look(i);
        else
            watch.peers[i].is_silent = true; /* until it dials us */
    }
    return OMPI_SUCCESS;
}

static void guests_come(void)
{
    int fd;
    while ((fd = accept4(watch.door, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0)
        events_of(fd, GUEST + fd);
}

/* An accepted socket says who it is, or goes. */
static void guest_read(int fd)
{
    struct frame frame;
    ssize_t n = recv(fd, &frame, sizeof frame, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return;
    (void)epoll_ctl(watch.epoll, EPOLL_CTL_DEL, fd, NULL);
    if (n != sizeof frame || frame.magic != MAGIC || frame.kind != HELLO ||
        frame.process >= mca_pml_p2prep.n_peers ||
        memcmp(frame.cookie, watch.card.cookie, sizeof frame.cookie) != 0) {
        close(fd);
        return;
    }
    if (watch.peers[frame.process].is_dead) {
        frame_send(fd, REFUSED, 0, NULL);
        close(fd);
        return;
    }
    connection_set(frame.process, fd);
    events_of(fd, (int)frame.process);
}

static void frame_take(uint32_t process, const struct frame *frame)
{
    if (frame->kind == DEAD && frame->process < mca_pml_p2prep.n_peers)
        dead(frame->process);
    else if (frame->kind == GOODBYE)
        watch.peers[process].is_gone = true;
    else if (frame->kind == REFUSED)
        p2prep_replica_refused();
}

static void connection_read(uint32_t process)
{
    struct watched *peer = &watch.peers[process];
    struct frame frame;
    ssize_t n = 0;
    int fd = peer->fd;
    while (peer->fd >= 0 && peer->fd == fd &&
           (n = recv(fd, &frame, sizeof frame, MSG_DONTWAIT)) == sizeof frame) {
        if (frame.magic == MAGIC)
            frame_take(process, &frame);
    }
    if (peer->fd != fd || (n < 0 && (errno == EAGAIN || errno == EINTR)))
        return;
    if (peer->is_gone)
        connection_close(peer);
    else
        p2prep_watch_look(process);
}

void p2prep_watch_poll(void)
{
    struct epoll_event events[16];
    if (!watch.peers)
        return;
    int n = epoll_wait(watch.epoll, events, sizeof events / sizeof events[0], 0);
    for (int i = 0; i < n; i++) {
        int data = events[i].data.fd;
        if (data == DOOR)
            guests_come();
        else if (data >= GUEST)
            guest_read(data - GUEST);
        else
            connection_read((uint32_t)data);
    }
    if (++watch.polls % AGAIN_CALLS != 0)
        return;
    for (uint32_t i = 0; i < mca_pml_p2prep.n_peers; i++) {
        if (watch.peers[i].is_silent)
            p2prep_watch_look(i);
    }
}

void p2prep_watch_goodbye(void)
{
    watch.is_over = true;
    tell_all(GOODBYE, 0);
}

bool p2prep_watch_is_over(void)
{
    return watch.is_over;
}

bool p2prep_watch_is_alone(void)
{
    for (uint32_t i = 0; i < mca_pml_p2prep.n_peers; i++) {
        if (i != OMPI_PROC_MY_NAME->vpid && !watch.peers[i].is_dead && !watch.peers[i].is_gone)
            return false;
    }
    return true;
}
