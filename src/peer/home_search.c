/* SPDX-License-Identifier: BSD-3-Clause */
/* home_search.c - a job looks for its hosts: candidates, leases, placement, and the spec that comes
 * of it */
#include "config.h"
#include "peer/home.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "peer/members.h"
#include "peer/mesh.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uthash.h>

struct asked {
    struct id id;
    uint64_t number; /* Frame.id of the latest request */
    UT_hash_handle hh;
};

static struct asked *asked_find(const struct home *home, const struct id *host)
{
    struct asked *asked;

    HASH_FIND(hh, home->asked, host, sizeof *host, asked);
    return asked;
}

static uint64_t asked_note(struct home *home, const struct id *host)
{
    struct asked *asked = asked_find(home, host);

    if (asked == NULL) {
        asked = mem_alloc(sizeof *asked);
        asked->id = *host;
        HASH_ADD(hh, home->asked, id, sizeof asked->id, asked);
    }
    asked->number = ++home->ask_count;
    return asked->number;
}

static void asked_clear(struct home *home)
{
    struct asked *asked, *next;

    HASH_ITER(hh, home->asked, asked, next)
    {
        HASH_DEL(home->asked, asked);
        free(asked);
    }
}

static void ask(const struct id *host, uint32_t slots, void *arg)
{
    struct home *home = arg;
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__LeaseRequest request = WIRE__LEASE_REQUEST__INIT;

    request.job = home->job;
    request.slots = slots;
    request.oversubscribe = home->submit->oversubscribe || home->daemon->is_private;
    request.duration_ms = BOOK_LEASE_MS;
    request.user = home->daemon->hello->self->name;
    frame.body_case = WIRE__FRAME__BODY_LEASE_REQUEST;
    frame.lease_request = &request;
    frame.id = asked_note(home, host);
    if (daemon_send(home->daemon, host, &frame) < 0)
        book_lost(home->book, host, "no address of it is known", clock_now_ms());
}

static void release(const struct id *host, void *arg)
{
    struct home *home = arg;
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__LeaseRelease message = WIRE__LEASE_RELEASE__INIT;

    message.job = home->job;
    frame.body_case = WIRE__FRAME__BODY_LEASE_RELEASE;
    frame.lease_release = &message;
    daemon_send(home->daemon, host, &frame);
    mesh_ping(home->daemon->mesh, host);
}

static void add(struct home *home, const Wire__Peer *peer, bool is_self)
{
    struct id id;

    if (id_from_bytes(peer->id.data, peer->id.len, &id) < 0)
        return;
    if (!is_self)
        mesh_locate(home->daemon->mesh, &id, peer->addrs, peer->n_addrs);
    book_add(home->book, peer, is_self);
}

static void add_known(struct home *home)
{
    Wire__Peer **peers;
    Wire__Peer *self = daemon_self(home->daemon);

    add(home, self, true);
    message_free(self);
    size_t count = members_known(home->daemon, &peers);
    for (size_t i = 0; i < count; i++)
        add(home, peers[i], false);
    free(peers);
}

static void more(void *arg)
{
    struct home *home = arg;

    add_known(home);
    if (!members_query(home->daemon))
        book_added(home->book, clock_now_ms());
}

void home_search_candidates(struct home *home, const Wire__Answer *answer)
{
    if (home->book == NULL)
        return;
    for (size_t i = 0; answer != NULL && i < answer->n_peers; i++) {
        struct id id;
        if (id_from_bytes(answer->peers[i]->id.data, answer->peers[i]->id.len, &id) == 0 &&
            !id_equal(&id, &home->daemon->self))
            add(home, answer->peers[i], false);
    }
    book_added(home->book, clock_now_ms());
    home_schedule(home);
}

/* Gives back what was leased above the ranks placed there. */
static void trim_lease(struct home *home, const struct book_grant *grant)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__LeaseRenew renew = WIRE__LEASE_RENEW__INIT;

    renew.job = home->job;
    renew.slots = grant->ranks;
    renew.duration_ms = BOOK_LEASE_MS;
    frame.body_case = WIRE__FRAME__BODY_LEASE_RENEW;
    frame.lease_renew = &renew;
    daemon_send(home->daemon, &grant->id, &frame);
}

static bool is_oversubscribed(const struct book_result *result)
{
    for (size_t i = 0; i < result->count; i++) {
        const Wire__HostInfo *host = result->grants[i].peer->host;
        if (host != NULL && host->threads > 0 && result->grants[i].ranks > host->threads)
            return true;
    }
    return false;
}

static Wire__JobSpec *make_spec(struct home *home, const struct book_result *result)
{
    const Wire__JobSubmit *submit = home->submit;
    Wire__JobSpec spec = WIRE__JOB_SPEC__INIT;
    char *namespace = mem_format("p2pmpi-%s", home->job);
    Wire__JobHost *hosts = mem_array(result->count, sizeof *hosts);
    Wire__JobHost **host_list = mem_array(result->count, sizeof *host_list);

    for (size_t i = 0; i < result->count; i++) {
        wire__job_host__init(&hosts[i]);
        hosts[i].peer = result->grants[i].peer;
        hosts[i].ranks = result->grants[i].ranks;
        host_list[i] = &hosts[i];
    }
    spec.job = home->job;
    spec.namespace_ = namespace;
    spec.n_argv = submit->n_argv;
    spec.argv = submit->argv;
    spec.n_env = submit->n_env;
    spec.env = submit->env;
    spec.wdir = home->daemon->is_private && submit->wdir[0] == '\0' ? submit->cwd : submit->wdir;
    spec.n_hosts = result->count;
    spec.hosts = host_list;
    spec.n_rank_host = result->ranks;
    spec.rank_host = result->rank_host;
    spec.ranks = result->ranks;
    spec.embedded = home->daemon->is_private;
    spec.oversubscribed = is_oversubscribed(result);
    spec.rejoin_ms = home->daemon->is_private ? 0 : home->daemon->settings.rejoin_s * 1000;
    spec.home_id.data = home->daemon->self.bytes;
    spec.home_id.len = ID_SIZE;
    spec.slots_total = result->slots_total > result->ranks ? result->slots_total : result->ranks;
    spec.program = submit->program;
    spec.command = submit->command;
    spec.tag_output = submit->tag_output;
    spec.n_degrees = submit->n_degrees;
    spec.degrees = submit->degrees;
    Wire__JobSpec *copy = message_copy(&spec.base);
    free(host_list);
    free(hosts);
    free(namespace);
    return copy;
}

void home_hosts_make(struct home *home)
{
    home->host_count = home->spec->n_hosts;
    home->hosts = mem_array(home->host_count, sizeof *home->hosts);
    for (size_t i = 0; i < home->host_count; i++) {
        Wire__Peer *peer = home->spec->hosts[i]->peer;
        id_from_bytes(peer->id.data, peer->id.len, &home->hosts[i].id);
        home->hosts[i].name = peer->name;
        mesh_hold(home->daemon->mesh, &home->hosts[i].id);
    }
    home->roster = roster_create(home->spec->ranks, home->spec->degrees, home->spec->n_degrees);
    home_output_open(home);
}

static void send_map(struct home *home)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__JobMap map = WIRE__JOB_MAP__INIT;

    map.spec = home->spec;
    frame.body_case = WIRE__FRAME__BODY_JOB_MAP;
    frame.job_map = &map;
    home_send_tool(home, &frame);
}

static void done(const struct book_result *result, void *arg)
{
    struct home *home = arg;

    if (!result->ok) {
        home_fail(home, RESULT_FAILED, "%s", result->err.text);
        return;
    }
    for (size_t i = 0; i < result->count; i++)
        trim_lease(home, &result->grants[i]);
    home->spec = make_spec(home, result);
    home_hosts_make(home);
    send_map(home);
    log_info("job placed job=%s ranks=%u hosts=%zu", home->job, home->spec->ranks,
             home->host_count);
    home_event(home, HOME_EVENT_PLACED);
}

/* Replicas need more of a host than the program alone. */
static void need_component(Wire__JobSubmit *submit)
{
    if (submit->n_degrees == 0)
        return;
    if (submit->needs == NULL) {
        submit->needs = mem_alloc(sizeof *submit->needs);
        wire__needs__init(submit->needs);
    }
    submit->needs->p2prep = true;
}

void home_search_begin(struct home *home)
{
    static const struct book_ops ops = {ask, release, more, done};
    const Wire__JobSubmit *submit = home->submit;

    need_component(home->submit);
    struct book_request request = {
        .ranks = submit->ranks,
        .degrees = submit->n_degrees > 0 ? submit->degrees : NULL,
        .strategy = submit->strategy,
        .wishes = submit->hosts,
        .wish_count = submit->n_hosts,
        .needs = submit->needs,
        .oversubscribe = submit->oversubscribe || home->daemon->is_private,
        .wait_ms = submit->wait_ms,
        .seed = rand_u64(),
    };

    if (home->daemon->is_private && request.ranks == 0 && request.wish_count == 0)
        request.ranks = home->daemon->hello->self->host->cores;
    home_progress(home, WIRE__PHASE__PHASE_SEARCH, 0, request.ranks, "");
    home->book = book_create(&request, &ops, home);
    add_known(home);
    book_start(home->book, clock_now_ms());
}

/* An answer to a request that was taken back and asked anew since says nothing of the new one. */
void home_search_answer(struct home *home, const struct id *from, const Wire__Frame *frame)
{
    const struct asked *asked = asked_find(home, from);

    if (home->book == NULL || asked == NULL || asked->number != frame->re)
        return;
    if (frame->body_case == WIRE__FRAME__BODY_LEASE_GRANT)
        book_granted(home->book, from, frame->lease_grant->slots, frame->lease_grant->host,
                     clock_now_ms());
    else
        book_refused(home->book, from, frame->refused->code, frame->refused->text, clock_now_ms());
}

void home_search_end(struct home *home)
{
    if (home->book != NULL && home->spec == NULL)
        book_cancel(home->book);
    book_destroy(home->book);
    home->book = NULL;
    asked_clear(home);
}
