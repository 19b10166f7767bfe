/* SPDX-License-Identifier: BSD-3-Clause */
/* watches.c - the jobs that are watched here: begun, told, ended; what comes in for them */
#include "config.h"
#include "peer/watches.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "peer/hosting.h"
#include "peer/vigil.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

static struct vigil *find(struct watches *watches, const char *job)
{
    for (struct vigil *vigil = watches != NULL ? watches->list : NULL; vigil != NULL;
         vigil = vigil->next)
        if (strcmp(vigil->message->job, job) == 0)
            return vigil;
    return NULL;
}

static void add(struct watches *watches, struct vigil *vigil)
{
    vigil->next = watches->list;
    watches->list = vigil;
}

/* It may be in use by a caller further up: freed from the loop. */
static void drop(struct watches *watches, struct vigil *vigil)
{
    struct vigil **at = &watches->list;

    while (*at != vigil)
        at = &(*at)->next;
    *at = vigil->next;
    vigil->is_doomed = true;
    event_active(vigil->timer, EV_TIMEOUT, 0);
}

void watches_end(struct watches *watches, const char *job, bool is_home)
{
    struct vigil *vigil = find(watches, job);

    if (vigil != NULL && vigil->is_home == is_home)
        drop(watches, vigil);
}

/* ---- a job's home begins */

static Wire__WatchMember *member_of(const Wire__Peer *peer)
{
    Wire__WatchMember *member = mem_alloc(sizeof *member);

    wire__watch_member__init(member);
    member->id.data = mem_copy(peer->id.data, peer->id.len);
    member->id.len = peer->id.len;
    member->addrs = mem_array(peer->n_addrs, sizeof *member->addrs);
    for (size_t i = 0; i < peer->n_addrs; i++)
        member->addrs[member->n_addrs++] = message_copy(&peer->addrs[i]->base);
    return member;
}

static const char *machine_of(const Wire__Peer *peer)
{
    return peer->host != NULL && peer->host->machine_id != NULL ? peer->host->machine_id : "";
}

static void add_member(Wire__JobWatch *message, const Wire__Peer *peers[], const Wire__Peer *peer)
{
    uint32_t number = (uint32_t)message->n_members;
    Wire__WatchMember *member = member_of(peer);

    member->machine = number;
    for (uint32_t i = 0; i < number && machine_of(peer)[0] != '\0'; i++)
        if (strcmp(machine_of(peers[i]), machine_of(peer)) == 0) {
            member->machine = i;
            break;
        }
    peers[number] = peer;
    message->members[message->n_members++] = member;
}

/* The hosts by number, then the home if it has no ranks. */
static Wire__JobWatch *message_of(struct daemon *daemon, const Wire__JobSpec *spec)
{
    Wire__JobWatch *message = mem_alloc(sizeof *message);
    const Wire__Peer **peers = mem_array(spec->n_hosts + 1, sizeof *peers);
    uint32_t most = 1;

    wire__job_watch__init(message);
    message->job = mem_string(spec->job);
    message->key.data = mem_alloc(BEATKEY_SIZE);
    message->key.len = BEATKEY_SIZE;
    rand_bytes(message->key.data, BEATKEY_SIZE);
    message->members = mem_array(spec->n_hosts + 1, sizeof *message->members);
    message->home = (uint32_t)spec->n_hosts;
    for (size_t i = 0; i < spec->n_hosts; i++) {
        if (memcmp(spec->hosts[i]->peer->id.data, daemon->self.bytes, ID_SIZE) == 0)
            message->home = (uint32_t)i;
        add_member(message, peers, spec->hosts[i]->peer);
    }
    if (message->home == spec->n_hosts)
        add_member(message, peers, daemon->hello->self);
    for (size_t i = 0; i < spec->n_degrees; i++)
        most = spec->degrees[i] > most ? spec->degrees[i] : most;
    message->five_from = most >= 3 ? 5 : VIEW_FIVE_FROM; /* three replicas: two losses at once */
    message->rejoin_ms = spec->rejoin_ms;
    free(peers);
    return message;
}

void watches_begin(struct watches *watches, const Wire__JobSpec *spec)
{
    struct err err;

    if (watches == NULL || find(watches, spec->job) != NULL)
        return;
    Wire__JobWatch *message = message_of(watches->daemon, spec);
    struct vigil *vigil =
        message->n_members > 1 ? vigil_create(watches, message, true, &err) : NULL;
    if (vigil != NULL)
        add(watches, vigil);
    message_free(message);
}

void watches_tell(struct watches *watches, const char *job, uint32_t host)
{
    struct vigil *vigil = find(watches, job);
    Wire__Frame frame = WIRE__FRAME__INIT;

    if (vigil == NULL || !vigil->is_home || host >= vigil->count || (int)host == vigil->self)
        return;
    frame.body_case = WIRE__FRAME__BODY_JOB_WATCH;
    frame.job_watch = vigil->message;
    vigil->message->again = vigil->members[host].is_told;
    if (daemon_send(watches->daemon, &vigil->members[host].id, &frame) == 0)
        vigil->members[host].is_told = true;
}

/* ---- what comes in */

static void on_job_watch(struct watches *watches, const struct id *from,
                         const Wire__JobWatch *message)
{
    struct vigil *vigil = find(watches, message->job);
    struct err err;

    if (!hosting_has_part(watches->daemon->hosting, message->job, from) ||
        (vigil != NULL &&
         (vigil->is_home || (message->key.len == BEATKEY_SIZE &&
                             memcmp(message->key.data, vigil->key.bytes, BEATKEY_SIZE) == 0))))
        return;
    if (vigil != NULL) /* its home was restarted, and begins anew */
        drop(watches, vigil);
    vigil = vigil_create(watches, message, false, &err);
    if (vigil == NULL)
        log_warning("job not watched job=%s why=\"%s\"", message->job, err.text);
    else
        add(watches, vigil);
}

static void on_view_vote(struct watches *watches, const struct id *from, const Wire__ViewVote *vote)
{
    struct vigil *vigil = find(watches, vote->job);
    int member = vigil != NULL ? vigil_find(vigil, from) : -1;
    struct err err;

    if (member < 0)
        return;
    if (views_receive(vigil->views, member, vote, clock_now_ms(), &err) < 0)
        log_debug("vote refused job=%s member=%d why=\"%s\"", vote->job, member, err.text);
    vigil_settle(vigil);
}

bool watches_frame(struct watches *watches, const struct id *from, const Wire__Frame *frame)
{
    if (watches == NULL)
        return false;
    if (frame->body_case == WIRE__FRAME__BODY_JOB_WATCH)
        on_job_watch(watches, from, frame->job_watch);
    else if (frame->body_case == WIRE__FRAME__BODY_VIEW_VOTE)
        on_view_vote(watches, from, frame->view_vote);
    else
        return false;
    return true;
}

static void on_datagram(const struct sockaddr_storage *from, const uint8_t *bytes, size_t size,
                        void *arg)
{
    struct watches *watches = arg;
    const uint8_t *job = beat_job(bytes, size);
    struct beat beat;

    for (struct vigil *vigil = watches->list; job != NULL && vigil != NULL; vigil = vigil->next) {
        if (memcmp(vigil->tag, job, BEAT_JOB_SIZE) != 0 || !beatkey_is_right(&vigil->key, bytes))
            continue;
        if (beat_decode(bytes, size, &beat) < 0 || beat.from >= vigil->count)
            return;
        if (watch_receive(vigil->watch, &beat, clock_now_ms()))
            vigil->members[beat.from].addr = *from;
        vigil_settle(vigil);
        return;
    }
}

static bool is_address(const struct vigil_member *member, const struct sockaddr_storage *addr)
{
    size_t size =
        addr->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);

    return member->addr.ss_family != 0 && memcmp(&member->addr, addr, size) == 0;
}

static void on_refused(const struct sockaddr_storage *to, void *arg)
{
    struct watches *watches = arg;

    for (struct vigil *vigil = watches->list, *next; vigil != NULL; vigil = next) {
        next = vigil->next;
        for (size_t i = 0; i < vigil->count; i++)
            if (is_address(&vigil->members[i], to))
                watch_refused(vigil->watch, (int)i, clock_now_ms());
        vigil_settle(vigil);
    }
}

void watches_heard(struct watches *watches, const struct id *peer)
{
    for (struct vigil *vigil = watches != NULL ? watches->list : NULL, *next; vigil != NULL;
         vigil = next) {
        int member = vigil_find(vigil, peer);
        next = vigil->next;
        if (member < 0)
            continue;
        watch_heard(vigil->watch, member, clock_now_ms());
        vigil_settle(vigil);
    }
}

void watches_down(struct watches *watches, const struct id *peer, enum link_end end)
{
    for (struct vigil *vigil = watches != NULL ? watches->list : NULL, *next; vigil != NULL;
         vigil = next) {
        int member = vigil_find(vigil, peer);
        next = vigil->next;
        if (member < 0)
            continue;
        if (end == LINK_END_REFUSED)
            watch_refused(vigil->watch, member, clock_now_ms());
        else
            watch_broken(vigil->watch, member, clock_now_ms());
        vigil_settle(vigil);
    }
}

bool watches_may_go_on(struct watches *watches, const char *job)
{
    struct vigil *vigil = find(watches, job);

    return vigil == NULL || view_voter(views_current(vigil->views), vigil->self) < 0 ||
           watch_has_majority(vigil->watch, clock_now_ms());
}

bool watches_is_lost(struct watches *watches, const char *job, int host)
{
    struct vigil *vigil = find(watches, job);

    return vigil != NULL && view_is_lost(views_current(vigil->views),
                                         host == HOME_HOST ? (int)vigil->message->home : host);
}

unsigned watches_voters(struct watches *watches, const char *job)
{
    struct vigil *vigil = find(watches, job);

    return vigil != NULL ? views_current(vigil->views)->voter_count : 0;
}

/* ---- life */

struct watches *watches_create(struct daemon *daemon, uint16_t port, struct err *err)
{
    static const struct datagram_ops ops = {on_datagram, on_refused};
    struct watches *watches = mem_alloc(sizeof *watches);

    watches->daemon = daemon;
    watches->datagram =
        datagram_open(daemon->base, daemon->settings.listen, port, &ops, watches, err);
    if (watches->datagram != NULL)
        return watches;
    free(watches);
    return NULL;
}

void watches_destroy(struct watches *watches)
{
    if (watches == NULL)
        return;
    while (watches->list != NULL) {
        struct vigil *vigil = watches->list;
        watches->list = vigil->next;
        vigil_destroy(vigil);
    }
    datagram_close(watches->datagram);
    free(watches);
}
