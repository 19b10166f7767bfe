/* SPDX-License-Identifier: BSD-3-Clause */
/* vigil.c - one watched job: its engines, members and timer */
#include "config.h"
#include "peer/vigil.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "job/jobid.h"
#include "peer/homes.h"
#include "peer/hosting.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int vigil_find(const struct vigil *vigil, const struct id *id)
{
    for (size_t i = 0; i < vigil->count; i++)
        if (id_equal(&vigil->members[i].id, id))
            return (int)i;
    return -1;
}

/* ---- what the engines ask for */

/* Where to reach a member: where it was heard from; else its addresses in turn. */
static bool address_of(struct vigil_member *member, struct sockaddr_storage *addr_out)
{
    if (member->addr.ss_family != 0) {
        *addr_out = member->addr;
        return true;
    }
    if (member->addr_count == 0)
        return false;
    const Wire__Addr *addr = member->addrs[member->addr_next++ % member->addr_count];
    return datagram_address(addr->host, (uint16_t)addr->port, addr_out) == 0;
}

static void send_beat(void *arg, const struct beat *beat)
{
    struct vigil *vigil = arg;
    struct beat whole = *beat;
    uint8_t bytes[BEAT_SIZE];
    struct sockaddr_storage to;

    if (!address_of(&vigil->members[beat->to], &to))
        return;
    memcpy(whole.job, vigil->tag, sizeof whole.job);
    beat_encode(&whole, bytes);
    beatkey_seal(&vigil->key, bytes);
    datagram_send(vigil->watches->datagram, &to, bytes, sizeof bytes);
}

static void on_verdict(void *arg, int member, bool is_dead)
{
    struct vigil *vigil = arg;

    log_debug("verdict job=%s member=%d dead=%d", vigil->message->job, member, is_dead);
    views_accuse(vigil->views, member, is_dead, clock_now_ms());
}

static void on_behind(void *arg, int member)
{
    struct vigil *vigil = arg;

    views_ask(vigil->views, member, clock_now_ms());
}

static void send_vote(void *arg, int member, const Wire__ViewVote *vote)
{
    struct vigil *vigil = arg;
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__ViewVote whole = *vote;

    whole.job = vigil->message->job;
    frame.body_case = WIRE__FRAME__BODY_VIEW_VOTE;
    frame.view_vote = &whole;
    daemon_send(vigil->watches->daemon, &vigil->members[member].id, &frame);
}

/* A daemon that is restarted does not vote again (JobWatch.again), so nothing need be remembered.
 */
static void on_keep(void *arg, const Wire__ViewMemory *memory)
{
    (void)arg;
    (void)memory;
}

static enum view_trust trust_of(void *arg, int member)
{
    struct vigil *vigil = arg;

    return watch_trust(vigil->watch, member, clock_now_ms());
}

static void on_changed(void *arg, const struct view *before, const struct view *after)
{
    struct vigil *vigil = arg;

    (void)before;
    log_info("view job=%s number=%llu home=%d voters=%u", vigil->message->job,
             (unsigned long long)after->number, after->home, after->voter_count);
    watch_view(vigil->watch, after, clock_now_ms());
}

static const struct watch_ops watch_ops = {send_beat, on_verdict, on_behind};
static const struct views_ops views_ops = {send_vote, on_keep, trust_of, on_changed};

/* ---- acting */

static void act_on(struct vigil *vigil, int member)
{
    struct daemon *daemon = vigil->watches->daemon;
    const struct view *view = views_current(vigil->views);
    char why[128];

    if (member == vigil->self) {
        snprintf(why, sizeof why, "it was lost to the job (view %llu)",
                 (unsigned long long)view->number);
        hosting_void(daemon->hosting, vigil->message->job, why);
    } else if (vigil->is_home && !view->lost[vigil->self]) {
        homes_host_lost(daemon->homes, vigil->message->job, &vigil->members[member].id,
                        "it does not answer any more");
    }
}

/* What follows from a verdict may end the job, and this vigil with it: it is then freed later. */
static void act(struct vigil *vigil)
{
    for (size_t i = 0; i < vigil->count && !vigil->is_doomed; i++) {
        if (!views_current(vigil->views)->lost[i] || vigil->members[i].was_lost)
            continue;
        vigil->members[i].was_lost = true;
        act_on(vigil, (int)i);
    }
}

void vigil_settle(struct vigil *vigil)
{
    int64_t now_ms = clock_now_ms();

    act(vigil);
    if (vigil->is_doomed)
        return;
    int watch_ms = watch_next(vigil->watch, now_ms), views_ms = views_next(vigil->views, now_ms);
    int next_ms = views_ms >= 0 && views_ms < watch_ms ? views_ms : watch_ms;
    struct timeval when = {next_ms / 1000, next_ms % 1000 * 1000};
    event_add(vigil->timer, &when);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct vigil *vigil = arg;
    int64_t now_ms = clock_now_ms();

    (void)fd;
    (void)what;
    if (vigil->is_doomed) {
        vigil_destroy(vigil);
        return;
    }
    watch_tick(vigil->watch, now_ms);
    views_set_round(vigil->views, watch_round_ms(vigil->watch), now_ms);
    views_tick(vigil->views, now_ms);
    vigil_settle(vigil);
}

/* ---- life */

static bool is_sound(const Wire__JobWatch *message)
{
    if (!jobid_is_valid(message->job) || message->key.len != BEATKEY_SIZE ||
        message->n_members < 2 || message->n_members > VIEW_MEMBERS_MAX ||
        message->home >= message->n_members)
        return false;
    for (size_t i = 0; i < message->n_members; i++)
        if (message->members[i]->id.len != ID_SIZE ||
            message->members[i]->machine >= message->n_members)
            return false;
    return true;
}

static void members_make(struct vigil *vigil)
{
    vigil->count = vigil->message->n_members;
    vigil->members = mem_array(vigil->count, sizeof *vigil->members);
    vigil->machines = mem_array(vigil->count, sizeof *vigil->machines);
    for (size_t i = 0; i < vigil->count; i++) {
        const Wire__WatchMember *member = vigil->message->members[i];
        id_from_bytes(member->id.data, member->id.len, &vigil->members[i].id);
        vigil->members[i].addrs = member->addrs;
        vigil->members[i].addr_count = member->n_addrs;
        vigil->machines[i] = member->machine;
    }
}

static uint64_t wall_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void engines_make(struct vigil *vigil)
{
    const Wire__JobWatch *message = vigil->message;
    struct view_rules rules = {vigil->machines, message->five_from};
    struct views_config views = {vigil->self, rules, rand_u64()};
    struct watch_config watch = {vigil->self, wall_us(), message->rejoin_ms};
    struct view *first = view_first((unsigned)vigil->count, (int)message->home, &rules);

    vigil->views = views_create(&views, first, NULL, message->again, &views_ops, vigil, NULL);
    view_destroy(first);
    vigil->watch =
        watch_create(&watch, views_current(vigil->views), &watch_ops, vigil, clock_now_ms());
}

struct vigil *vigil_create(struct watches *watches, const Wire__JobWatch *message, bool is_home,
                           struct err *err)
{
    static const struct timeval now = {0, 0};
    struct daemon *daemon = watches->daemon;

    if (!is_sound(message)) {
        err_set(err, "a JobWatch that is not sound");
        return NULL;
    }
    struct vigil *vigil = mem_alloc(sizeof *vigil);
    vigil->watches = watches;
    vigil->message = message_copy(&message->base);
    vigil->is_home = is_home;
    memcpy(vigil->key.bytes, message->key.data, BEATKEY_SIZE);
    for (size_t i = 0; i < BEAT_JOB_SIZE; i++) {
        unsigned byte;
        sscanf(message->job + 2 * i, "%2x", &byte);
        vigil->tag[i] = (uint8_t)byte;
    }
    members_make(vigil);
    vigil->self = vigil_find(vigil, &daemon->self);
    if (vigil->self < 0) {
        err_set(err, "a JobWatch that does not name this host");
        vigil_destroy(vigil);
        return NULL;
    }
    engines_make(vigil);
    vigil->timer = event_new(daemon->base, -1, 0, on_timer, vigil);
    event_add(vigil->timer, &now);
    return vigil;
}

void vigil_destroy(struct vigil *vigil)
{
    if (vigil == NULL)
        return;
    if (vigil->timer != NULL)
        event_free(vigil->timer);
    watch_destroy(vigil->watch);
    views_destroy(vigil->views);
    free(vigil->members);
    free(vigil->machines);
    message_free(vigil->message);
    free(vigil);
}
