/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_tcp.c - the transport over TCP: links, their ends, progress */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "mca-component/pml_p2prep/pml_p2prep_tcp.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>

#define EVENTS_MAX 64
#define HOT_TRIES  2   /* looks at the hot link alone between looks at all */
#define KEEN_LOOKS 512 /* after bytes came, so many calls of progress() look at once */

/* ---- opening ---- */

static int fill(struct tcp_transport *tp, const struct p2prep_setup *setup, struct err *err)
{
    int count =
        tcp_addr_list(tp->card.addrs, TCP_ADDRS_MAX, setup->interfaces, setup->address, err);

    if (count < 0)
        return -1;
    if (getrandom(tp->cookie, sizeof tp->cookie, 0) != (ssize_t)sizeof tp->cookie)
        return err_sys(err, "no random bytes");
    tp->card.magic = TCP_MAGIC;
    tp->card.count = (uint16_t)count;
    memcpy(tp->card.cookie, tp->cookie, sizeof tp->cookie);
    tp->buffer = aligned_alloc(4096, TCP_BUFFER);
    tp->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (tp->buffer == NULL || tp->epoll < 0)
        return err_sys(err, "cannot prepare TCP");
    return tcp_listen(tp, err);
}

static struct p2prep_transport *tcp_open(const struct p2prep_setup *setup, struct err *err)
{
    struct tcp_transport *tp = calloc(1, sizeof *tp);

    if (tp == NULL) {
        err_sys(err, "TCP");
        return NULL;
    }
    tp->base = (struct p2prep_transport){&p2prep_tcp, setup->up};
    tp->watch = TCP_WATCH_LISTENER;
    tp->self = setup->self;
    tp->queue_max = setup->queue_max != 0 ? setup->queue_max : 1u << 20;
    tp->listener = tp->epoll = -1;
    tp->sent_end = &tp->sent;
    if (fill(tp, setup, err) != 0) {
        p2prep_tcp.close(&tp->base);
        return NULL;
    }
    return &tp->base;
}

static void sent_free(struct tcp_transport *tp)
{
    while (tp->sent != NULL) {
        struct tcp_parcel *parcel = tp->sent;

        tp->sent = parcel->next;
        free(parcel);
    }
}

static void link_free(struct tcp_link *link)
{
    if (link->fd >= 0)
        close(link->fd);
    tcp_drop(link);
    while (link->arrivals != NULL) {
        struct tcp_arrival *arrival = link->arrivals;

        link->arrivals = arrival->next;
        free(arrival);
    }
    free(link->partial);
    free(link);
}

static void tcp_close(struct p2prep_transport *base)
{
    struct tcp_transport *tp = (struct tcp_transport *)base;
    struct tcp_link *link;

    if (tp == NULL)
        return;
    if (tp->epoll >= 0)
        close(tp->epoll); /* first: in a forked child it is the parent's, too */
    tp->epoll = -1;
    while ((link = tp->links) != NULL) {
        tp->links = link->next;
        link_free(link);
    }
    sent_free(tp);
    tcp_guests_close(tp);
    if (tp->listener >= 0)
        close(tp->listener);
    free(tp->buffer);
    free(tp);
}

static const void *tcp_card_of(struct p2prep_transport *base, size_t *size_out)
{
    *size_out = sizeof(struct tcp_card);
    return &((struct tcp_transport *)base)->card;
}

static struct p2prep_link *tcp_add_peer(struct p2prep_transport *base, uint64_t name,
                                        const void *card, size_t size, void *owner, struct err *err)
{
    struct tcp_transport *tp = (struct tcp_transport *)base;
    struct tcp_link *link = calloc(1, sizeof *link);

    if (link == NULL)
        return NULL;
    memcpy(&link->card, card, size < sizeof link->card ? size : sizeof link->card);
    if (size != sizeof link->card || link->card.magic != TCP_MAGIC || link->card.count == 0 ||
        link->card.count > TCP_ADDRS_MAX) {
        free(link);
        err_set(err, "its address is of another kind");
        errno = EHOSTUNREACH;
        return NULL;
    }
    link->watch = TCP_WATCH_LINK;
    link->base = (struct p2prep_link){&p2prep_tcp, base, owner};
    link->tp = tp;
    link->name = name;
    link->fd = -1;
    link->next = tp->links;
    tcp_addr_sort(link->card.addrs, link->card.count, tp->card.addrs, tp->card.count);
    tp->links = link;
    tcp_guest_settle(tp, link);
    return &link->base;
}

/* ---- ends ---- */

void tcp_hang_up(struct tcp_link *link)
{
    if (link->fd < 0)
        return;
    epoll_ctl(link->tp->epoll, EPOLL_CTL_DEL, link->fd, NULL); /* a forked child may hold it open */
    close(link->fd);
    link->fd = -1;
    link->tp->open_fds--;
    link->wants_write = false;
    if (link->tp->hot == link)
        link->tp->hot = NULL;
}

void tcp_break(struct tcp_link *link, enum p2prep_loss loss, const char *format, ...)
{
    va_list args;

    if (link->state == TCP_LOST || link->state == TCP_PURGED)
        return;
    va_start(args, format);
    vsnprintf(link->why.text, sizeof link->why.text, format, args);
    va_end(args);
    link->state = TCP_LOST;
    link->loss = loss;
    link->tp->news++;
    link->has_news = true;
    tcp_drop(link);
    tcp_hang_up(link);
}

static int tell_sent(struct tcp_transport *tp)
{
    int events = 0;

    for (; tp->sent != NULL; events++) {
        struct tcp_parcel parcel = *tp->sent;

        free(tp->sent);
        tp->sent = parcel.next;
        if (tp->sent == NULL)
            tp->sent_end = &tp->sent;
        tp->base.up.sent(tp->base.up.arg, parcel.link->base.owner, parcel.token, parcel.is_ok);
    }
    return events;
}

static int tell_news(struct tcp_transport *tp)
{
    int events = 0;

    for (struct tcp_link *link = tp->links; link != NULL && tp->news > 0; link = link->next) {
        if (!link->has_news)
            continue;
        link->has_news = false;
        tp->news--;
        events += tcp_arrivals_drop(link) + tell_sent(tp);
        if (link->state == TCP_PURGED)
            continue;
        tp->base.up.lost(tp->base.up.arg, link->base.owner, link->loss, link->why.text);
        events++;
    }
    return events;
}

/* Only this link's: others' bodies are told by progress(). */
static void tell_sent_of(struct tcp_link *link)
{
    struct tcp_transport *tp = link->tp;
    struct tcp_parcel **at = &tp->sent, *mine = NULL, **mine_end = &mine;

    while (*at != NULL) {
        struct tcp_parcel *parcel = *at;

        if (parcel->link != link) {
            at = &parcel->next;
            continue;
        }
        *at = parcel->next;
        parcel->next = NULL;
        *mine_end = parcel;
        mine_end = &parcel->next;
    }
    tp->sent_end = at;
    while (mine != NULL) {
        struct tcp_parcel parcel = *mine;

        free(mine);
        mine = parcel.next;
        tp->base.up.sent(tp->base.up.arg, link->base.owner, parcel.token, parcel.is_ok);
    }
}

static void tcp_purge(struct p2prep_link *base)
{
    struct tcp_link *link = tcp_link_of(base);

    if (link->state == TCP_PURGED)
        return;
    link->state = TCP_PURGED;
    if (link->has_news) {
        link->has_news = false;
        link->tp->news--;
    }
    tcp_drop(link);
    tcp_hang_up(link);
    tcp_arrivals_drop(link);
    tell_sent_of(link);
}

/* ---- progress ---- */

static int link_event(struct tcp_link *link, uint32_t events)
{
    bool has_read;
    int made = 0;

    if (link->state == TCP_DIALLING || link->state == TCP_GREETING)
        tcp_dial_event(link);
    if (link->state != TCP_UP)
        return 0;
    if (events & EPOLLOUT)
        tcp_flush(link);
    if (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) {
        made = tcp_read(link, &has_read);
        if (has_read && link->state == TCP_UP)
            link->tp->hot = link;
        if (has_read)
            link->tp->keen = KEEN_LOOKS;
    }
    return made;
}

/* Connections are accepted last: that may close guests whose events are still in the list. */
static int look_at_all(struct tcp_transport *tp)
{
    struct epoll_event events[EVENTS_MAX];
    int n = epoll_wait(tp->epoll, events, EVENTS_MAX, 0), made = 0;
    bool has_guests = false;

    for (int i = 0; i < n; i++) {
        enum tcp_watch *watch = events[i].data.ptr;

        if (*watch == TCP_WATCH_LINK)
            made += link_event((struct tcp_link *)(void *)watch, events[i].events);
        else if (*watch == TCP_WATCH_GUEST)
            tcp_guest_event(tp, (struct tcp_guest *)(void *)watch);
        else
            has_guests = true;
    }
    if (has_guests)
        tcp_accept(tp);
    return made;
}

/* Looking costs a system call, and other transports want their turn: where no bytes came lately, a
 * look each microsecond does; before the first connection, one in some twenty. */
static bool is_time(struct tcp_transport *tp)
{
#ifdef __x86_64__
    const uint64_t wait = tp->open_fds > 0 ? 3000 : 60000; /* cycles */
    uint64_t now;

    if (tp->keen > 0) {
        tp->keen--;
        return true;
    }
    now = __builtin_ia32_rdtsc();
    if (now - tp->last_look < wait)
        return false;
    tp->last_look = now;
    return true;
#else
    return tp->open_fds > 0 || tp->calls % 64 == 0;
#endif
}

/* Bytes mostly come from where bytes came from: that link is read without asking epoll first. */
static int look_around(struct tcp_transport *tp)
{
    bool has_read = false;
    int made;

    tp->calls++;
    if ((tp->open_fds == 0 && tp->calls % 16 != 0) || !is_time(tp))
        return 0;
    if (tp->hot == NULL || tp->hot->wants_write || tp->calls % HOT_TRIES == 0)
        return look_at_all(tp);
    made = tcp_read(tp->hot, &has_read);
    if (has_read)
        tp->keen = KEEN_LOOKS;
    return made;
}

static int tcp_progress(struct p2prep_transport *base)
{
    struct tcp_transport *tp = (struct tcp_transport *)base;
    int made = look_around(tp);

    if (tp->sent != NULL)
        made += tell_sent(tp);
    if (tp->news > 0)
        made += tell_news(tp);
    return made;
}

static bool tcp_is_idle(struct p2prep_transport *base)
{
    struct tcp_transport *tp = (struct tcp_transport *)base;

    return tp->queues == 0 && tp->sent == NULL && tp->news == 0;
}

/* ---- the rest ---- */

static size_t tcp_send_max(struct p2prep_link *base)
{
    (void)base;
    return TCP_SEND_MAX;
}

static bool tcp_has_get(struct p2prep_link *base)
{
    (void)base;
    return false;
}

static int tcp_get(struct p2prep_link *base, void *local, uint64_t remote, size_t size)
{
    (void)base;
    (void)local;
    (void)remote;
    (void)size;
    errno = EPERM;
    return -1;
}

static int tcp_fd(struct p2prep_transport *base)
{
    return ((struct tcp_transport *)base)->epoll;
}

static uint64_t tcp_taken(struct p2prep_link *base)
{
    const struct tcp_link *link = tcp_link_of(base);

    return link->written + link->behind;
}

/* A hello that is not acknowledged yet makes it less. */
static uint64_t tcp_delivered(struct p2prep_link *base)
{
    const struct tcp_link *link = tcp_link_of(base);
    int unacknowledged = 0;

    if (link->state != TCP_UP || ioctl(link->fd, SIOCOUTQ, &unacknowledged) != 0 ||
        (uint64_t)unacknowledged > link->written)
        return 0;
    return link->written - (uint64_t)unacknowledged;
}

const struct p2prep_medium p2prep_tcp = {
    .name = "tcp",
    .eager = 65536,
    .open = tcp_open,
    .close = tcp_close,
    .card = tcp_card_of,
    .add_peer = tcp_add_peer,
    .purge = tcp_purge,
    .taken = tcp_taken,
    .delivered = tcp_delivered,
    .send_max = tcp_send_max,
    .send = tcp_send,
    .send_body = tcp_send_body,
    .link_has_get = tcp_has_get,
    .get = tcp_get,
    .progress = tcp_progress,
    .is_idle = tcp_is_idle,
    .fd = tcp_fd,
    .forked = tcp_close,
};
