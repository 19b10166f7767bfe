/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_ctl.c - the dead and the done: two sets that grow, and whom to connect with */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "mca-component/pml_p2prep/pml_p2prep_ctl.h"

#include "mca-component/pml_p2prep/pml_p2prep_ctl_inner.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>

enum {
    MESH_MAX = 64,
    EVENTS = 32,
    PATIENCE_MS = 100,
    CUT_MS = 50, /* a broken link's neighbours may be heard of, too, before one must leave */
};

static struct ctl *all; /* of this process: fork handlers have no argument */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fd_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void fds_close(struct ctl *ctl)
{
    for (struct conn *conn = ctl->conns; conn; conn = conn->next)
        fd_close(&conn->fd);
    fd_close(&ctl->door);
    fd_close(&ctl->epoll);
    fd_close(&ctl->pipe[0]);
    fd_close(&ctl->pipe[1]);
}

static void forked(void)
{
    for (struct ctl *ctl = all; ctl; ctl = ctl->next) {
        fds_close(ctl);
        ctl->is_forked = true;
    }
}

static void fork_watch(void)
{
    (void)pthread_atfork(NULL, NULL, forked);
}

static int card_make(struct ctl *ctl, const struct ctl_setup *setup, struct err *err)
{
    struct tcp_card *card = &ctl->card.tcp;
    int count = tcp_addr_list(card->addrs, TCP_ADDRS_MAX, setup->interfaces, NULL, err);
    if (count < 0)
        return -1;
    card->magic = CTL_MAGIC;
    card->count = (uint16_t)count;
    if (setup->host)
        strncpy(ctl->card.host, setup->host, sizeof ctl->card.host - 1);
    if (getrandom(card->cookie, sizeof card->cookie, 0) != (ssize_t)sizeof card->cookie)
        return err_sys(err, "no random bytes");
    return 0;
}

struct ctl *ctl_create(const struct ctl_setup *setup, struct err *err)
{
    struct ctl *ctl = calloc(1, sizeof *ctl);
    if (!ctl) {
        err_set(err, "out of memory");
        return NULL;
    }
    ctl->self = setup->self;
    ctl->count = setup->count;
    ctl->mesh_max = setup->mesh_max > 0 ? setup->mesh_max : MESH_MAX;
    ctl->up = setup->up;
    ctl->door = ctl->epoll = ctl->pipe[0] = ctl->pipe[1] = -1;
    ctl->processes = calloc((size_t)setup->count, sizeof *ctl->processes);
    ctl->dead = calloc((size_t)setup->count, sizeof *ctl->dead);
    if (!ctl->processes || !ctl->dead) {
        err_set(err, "out of memory");
        goto error;
    }
    for (int i = 0; i < ctl->count; i++)
        ctl->processes[i].good = -1;
    if (card_make(ctl, setup, err))
        goto error;
    ctl->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (ctl->epoll < 0 || pipe2(ctl->pipe, O_CLOEXEC | O_NONBLOCK)) {
        err_sys(err, "no descriptors for control sockets");
        goto error;
    }
    if (ctl_door_open(ctl, err))
        goto error;
    ctl_watch(ctl, ctl->door, &ctl->door, EPOLLIN, true);
    ctl_watch(ctl, ctl->pipe[0], &ctl->pipe, EPOLLIN, true);
    (void)pthread_once(&once, fork_watch);
    ctl->next = all;
    all = ctl;
    return ctl;
error:
    ctl_destroy(ctl);
    return NULL;
}

void ctl_destroy(struct ctl *ctl)
{
    if (!ctl)
        return;
    for (struct ctl **at = &all; *at; at = &(*at)->next) {
        if (*at == ctl) {
            *at = ctl->next;
            break;
        }
    }
    fds_close(ctl);
    for (struct conn *conn; (conn = ctl->conns);) {
        ctl->conns = conn->next;
        free(conn);
    }
    free(ctl->processes);
    free(ctl->dead);
    free(ctl->cuts);
    free(ctl);
}

const void *ctl_card(const struct ctl *ctl, size_t *size_out)
{
    *size_out = sizeof ctl->card;
    return &ctl->card;
}

int ctl_peer(struct ctl *ctl, int process, const void *card, size_t size)
{
    struct ctl_process *peer = &ctl->processes[process];
    if (size != sizeof peer->card)
        return -1;
    memcpy(&peer->card, card, sizeof peer->card);
    if (peer->card.tcp.magic != CTL_MAGIC || peer->card.tcp.count == 0 ||
        peer->card.tcp.count > TCP_ADDRS_MAX)
        return -1;
    peer->card.host[sizeof peer->card.host - 1] = '\0';
    tcp_addr_sort(peer->card.tcp.addrs, peer->card.tcp.count, ctl->card.tcp.addrs,
                  ctl->card.tcp.count);
    peer->has_card = true;
    return 0;
}

void ctl_friend(struct ctl *ctl, int process)
{
    ctl->processes[process].is_friend = true;
}

static void meet(struct ctl *ctl, int process)
{
    struct ctl_process *peer = &ctl->processes[process];
    if (!peer->is_dead && !peer->out && !peer->in && peer->again_ms == 0)
        ctl_dial(ctl, process);
}

/* The rings: with d = 1 all the living stay one piece, whoever dies. */
static void meet_rings(struct ctl *ctl)
{
    for (int d = 1; d < ctl->count; d *= 2) {
        int process = (ctl->self + d) % ctl->count;
        while (ctl->processes[process].is_dead && process != ctl->self)
            process = (process + 1) % ctl->count;
        if (process != ctl->self)
            meet(ctl, process);
    }
}

static void meet_all(struct ctl *ctl)
{
    bool is_mesh = ctl->count <= ctl->mesh_max;
    for (int i = 0; i < ctl->self; i++) {
        if (is_mesh || ctl->processes[i].is_friend)
            meet(ctl, i);
    }
    if (!is_mesh)
        meet_rings(ctl);
}

/* In the mesh the higher dials. One that died before it did is found by dialling it. */
static void wait_for_higher(struct ctl *ctl)
{
    for (int i = ctl->self + 1; i < ctl->count && ctl->count <= ctl->mesh_max; i++) {
        if (!ctl->processes[i].is_dead && ctl->processes[i].again_ms == 0) {
            ctl->processes[i].again_ms = ctl->now_ms + PATIENCE_MS;
            ctl->dials++;
        }
    }
}

void ctl_start(struct ctl *ctl, int64_t now_ms)
{
    ctl->now_ms = now_ms;
    ctl->is_started = true;
    meet_all(ctl);
    wait_for_higher(ctl);
}

void ctl_dead(struct ctl *ctl, int process)
{
    struct ctl_process *peer = &ctl->processes[process];
    if (process == ctl->self) {
        ctl_refused(ctl);
        return;
    }
    if (peer->is_dead)
        return;
    peer->is_dead = true;
    if (peer->again_ms) {
        peer->again_ms = 0;
        ctl->dials--;
    }
    /* It may live, and then must learn that it is given up. */
    if (peer->in)
        ctl_tell(ctl, peer->in, CTL_REFUSED, process);
    if (peer->out)
        ctl_tell(ctl, peer->out, CTL_REFUSED, process);
    if (peer->in)
        ctl_conn_close(ctl, peer->in);
    if (peer->out)
        ctl_conn_close(ctl, peer->out);
    ctl->dead[ctl->dead_count++] = process;
    ctl_tell_all(ctl, CTL_DEAD, process);
    if (ctl->is_started && ctl->count > ctl->mesh_max)
        meet_rings(ctl);
}

void ctl_refused(struct ctl *ctl)
{
    ctl->is_refused = true;
}

void ctl_news(struct ctl *ctl, int process)
{
    (void)!write(ctl->pipe[1], &process, sizeof process);
}

static void news_read(struct ctl *ctl)
{
    int process;
    while (read(ctl->pipe[0], &process, sizeof process) == (ssize_t)sizeof process) {
        if (process >= 0 && process < ctl->count)
            ctl_dead(ctl, process);
    }
}

bool ctl_hear(struct ctl *ctl)
{
    news_read(ctl);
    return ctl->dead_count > 0;
}

void ctl_look(struct ctl *ctl, int process)
{
    if (ctl->is_started && !ctl->is_forked && process != ctl->self &&
        !ctl->processes[process].is_dead)
        ctl_dial(ctl, process);
}

/* ---- links that broke between the living */

static void cut_add(struct ctl *ctl, int a, int b)
{
    for (int i = 0; i < ctl->cut_count; i++) {
        if (ctl->cuts[i].a == a && ctl->cuts[i].b == b)
            return;
    }
    if (ctl->cut_count == ctl->cut_room) {
        int room = ctl->cut_room * 2 + 8;
        struct ctl_cut *cuts = realloc(ctl->cuts, (size_t)room * sizeof *cuts);
        if (!cuts)
            return;
        ctl->cuts = cuts;
        ctl->cut_room = room;
    }
    ctl->cuts[ctl->cut_count++] = (struct ctl_cut){a, b, ctl->now_ms};
    ctl_tell_all(ctl, CTL_CUT, a * ctl->count + b);
}

void ctl_cut(struct ctl *ctl, int process)
{
    ctl->processes[process].is_cut = true;
    ctl_look(ctl, process);
}

void ctl_lives(struct ctl *ctl, int process)
{
    if (ctl->processes[process].is_cut)
        cut_add(ctl, ctl->self < process ? ctl->self : process,
                ctl->self < process ? process : ctl->self);
}

static bool is_open(const struct ctl *ctl, const struct ctl_cut *cut)
{
    return !ctl->processes[cut->a].is_dead && !ctl->processes[cut->b].is_dead;
}

static int cuts_of(const struct ctl *ctl, int process)
{
    int n = 0;
    for (int i = 0; i < ctl->cut_count; i++) {
        const struct ctl_cut *cut = &ctl->cuts[i];
        n += is_open(ctl, cut) && (cut->a == process || cut->b == process);
    }
    return n;
}

static bool can_leave(const struct ctl *ctl, int process)
{
    return !ctl->up.can_leave || ctl->up.can_leave(ctl->up.arg, process);
}

/* Of the two the one with more broken links, if others can do its work. */
static int loser(const struct ctl *ctl, const struct ctl_cut *cut)
{
    int first = cuts_of(ctl, cut->a) > cuts_of(ctl, cut->b) ? cut->a : cut->b;
    int second = first == cut->a ? cut->b : cut->a;
    return !can_leave(ctl, first) && can_leave(ctl, second) ? second : first;
}

/* The one that decides for all: who lags may have stopped. */
static bool is_lowest(const struct ctl *ctl)
{
    for (int i = 0; i < ctl->self; i++) {
        if (!ctl->processes[i].is_dead && !ctl->processes[i].is_lagging)
            return false;
    }
    return !ctl->processes[ctl->self].is_lagging;
}

/* The one process with most broken links first: that may be all of the trouble. */
static void cuts_decide(struct ctl *ctl)
{
    const struct ctl_cut *worst = NULL;
    int most = 0;
    for (int i = 0; i < ctl->cut_count; i++) {
        const struct ctl_cut *cut = &ctl->cuts[i];
        int n = cuts_of(ctl, cut->a) + cuts_of(ctl, cut->b);
        if (is_open(ctl, cut) && ctl->now_ms - cut->since_ms >= CUT_MS && n > most) {
            worst = cut;
            most = n;
        }
    }
    if (worst)
        ctl_dead(ctl, loser(ctl, worst));
}

/* ---- who keeps others waiting */

void ctl_lags(struct ctl *ctl, int process)
{
    struct ctl_process *peer = &ctl->processes[process];
    if (peer->is_dead || peer->is_lagging || !can_leave(ctl, process))
        return;
    peer->is_lagging = true;
    ctl->lag_count++;
    ctl_tell_all(ctl, CTL_LAGS, process);
}

/* One after the other: the last replica of a rank stays. */
static void lags_decide(struct ctl *ctl)
{
    for (int i = 0; i < ctl->count; i++) {
        if (ctl->processes[i].is_lagging && !ctl->processes[i].is_dead && can_leave(ctl, i))
            ctl_dead(ctl, i);
    }
}

/* ---- */

void ctl_take(struct ctl *ctl, const struct ctl_frame *frame)
{
    if (frame->kind == CTL_REFUSED)
        ctl_refused(ctl);
    if (frame->kind == CTL_CUT && frame->process / (uint32_t)ctl->count < (uint32_t)ctl->count)
        cut_add(ctl, (int)frame->process / ctl->count, (int)frame->process % ctl->count);
    if (frame->process >= (uint32_t)ctl->count || frame->kind == CTL_CUT)
        return;
    struct ctl_process *about = &ctl->processes[frame->process];
    if (frame->kind == CTL_DEAD)
        ctl_dead(ctl, (int)frame->process);
    if (frame->kind == CTL_LAGS)
        ctl_lags(ctl, (int)frame->process);
    if (frame->kind != CTL_DONE || about->is_done)
        return;
    about->is_done = true;
    ctl_tell_all(ctl, CTL_DONE, (int)frame->process);
}

void ctl_tell_sets(struct ctl *ctl, struct conn *conn)
{
    for (int i = 0; i < ctl->dead_count && conn->state == CONN_UP; i++)
        ctl_tell(ctl, conn, CTL_DEAD, ctl->dead[i]);
    for (int i = 0; i < ctl->count && conn->state == CONN_UP; i++) {
        if (ctl->processes[i].is_done)
            ctl_tell(ctl, conn, CTL_DONE, i);
        if (ctl->processes[i].is_lagging && !ctl->processes[i].is_dead)
            ctl_tell(ctl, conn, CTL_LAGS, i);
    }
    for (int i = 0; i < ctl->cut_count && conn->state == CONN_UP; i++) {
        if (is_open(ctl, &ctl->cuts[i]))
            ctl_tell(ctl, conn, CTL_CUT, ctl->cuts[i].a * ctl->count + ctl->cuts[i].b);
    }
}

static void upcalls(struct ctl *ctl)
{
    while (ctl->told < ctl->dead_count)
        ctl->up.dead(ctl->up.arg, ctl->dead[ctl->told++]);
    if (ctl->is_refused && !ctl->is_refused_told) {
        ctl->is_refused_told = true;
        ctl->up.refused(ctl->up.arg);
    }
}

void ctl_poll(struct ctl *ctl, int64_t now_ms)
{
    struct epoll_event events[EVENTS];
    if (ctl->is_forked || !ctl->is_started)
        return;
    ctl->now_ms = now_ms;
    int n = epoll_wait(ctl->epoll, events, EVENTS, 0);
    for (int i = 0; i < n; i++) {
        void *what = events[i].data.ptr;
        if (what == &ctl->door)
            ctl_guests_come(ctl);
        else if (what == &ctl->pipe)
            news_read(ctl);
        else
            ctl_conn_event(ctl, what);
    }
    if (ctl->dials > 0)
        ctl_dials_tick(ctl);
    if (ctl->cut_count + ctl->lag_count > 0 && !ctl->is_refused && is_lowest(ctl)) {
        cuts_decide(ctl);
        lags_decide(ctl);
    }
    if (n > 0)
        ctl_conns_sweep(ctl);
    upcalls(ctl);
}

int ctl_fd(const struct ctl *ctl)
{
    return ctl->epoll;
}

bool ctl_is_dead(const struct ctl *ctl, int process)
{
    return ctl->processes[process].is_dead;
}

bool ctl_is_up(const struct ctl *ctl, int process)
{
    const struct ctl_process *peer = &ctl->processes[process];
    return (peer->in && peer->in->state == CONN_UP) || (peer->out && peer->out->state == CONN_UP);
}

const char *ctl_host(const struct ctl *ctl, int process)
{
    const struct ctl_card *card = process == ctl->self ? &ctl->card : &ctl->processes[process].card;
    return card->host[0] ? card->host : "?";
}

void ctl_done(struct ctl *ctl)
{
    if (ctl->is_done)
        return;
    ctl->is_done = ctl->processes[ctl->self].is_done = true;
    ctl_tell_all(ctl, CTL_DONE, ctl->self);
}

bool ctl_is_done(const struct ctl *ctl)
{
    return ctl->is_done;
}

/* In the mesh whoever leaves has told everybody itself: else its closed port is found before others
 * pass on its goodbye. */
bool ctl_is_over(const struct ctl *ctl)
{
    bool is_mesh = ctl->count <= ctl->mesh_max;
    for (int i = 0; i < ctl->count; i++) {
        const struct ctl_process *peer = &ctl->processes[i];
        bool is_done = peer->is_done && (peer->is_met || !is_mesh);
        if (i != ctl->self && !peer->is_dead && !is_done)
            return false;
    }
    return true;
}
