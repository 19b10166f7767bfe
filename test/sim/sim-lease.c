/* SPDX-License-Identifier: BSD-3-Clause */
/* sim-lease.c - 100 submitters fight for the slots of 50 hosts: messages get lost, hosts and
 * submitters die
 *
 * Each submitter has some jobs to run, one after the other: it books, trims, starts ranks, renews,
 * releases. What a submitter knows of free slots is old. Claims: no host ever runs more ranks than
 * it has slots; every job of a submitter that lives finds its place; in the end every lease has
 * come back. */
#include "config.h"
#include "plan/book.h"
#include "plan/lease.h"

#include "test/lib/prelude.h"
#include "test/lib/sim.h"
#include "wire/frame.h"

#include <stdio.h>
#include <string.h>

#define HOSTS        50
#define SUBMITTERS   100
#define JOBS         3 /* of each submitter */
#define RENEW_MS     2000
#define RUN_LEASE_MS 15000

struct world;

struct host {
    struct world *world;
    int node;
    uint32_t slots;
    struct leases *leases;
};

struct submitter {
    struct world *world;
    int node, jobs_done, jobs_failed;
    char job[32];
    struct book *book;
    uint64_t
        latest[HOSTS]; /* id of the last request to each host: answers to others mean nothing */
    uint64_t next_id;
    uint32_t ranks[HOSTS];    /* of the running job, on each host */
    int64_t end_ms, renew_ms; /* of the running job; 0: none */
    int64_t start_ms;         /* of the next job */
};

struct world {
    struct sim *sim;
    struct host host[HOSTS];
    struct submitter submitter[SUBMITTERS];
    uint32_t peak;
};

static struct id id_of(int node)
{
    struct id id = {{0}};

    id.bytes[0] = (uint8_t)(node + 1);
    return id;
}

static void post(struct world *world, int src, int dst, Wire__Frame *frame)
{
    size_t size;
    uint8_t *bytes = frame_pack(frame, &size);

    sim_send(world->sim, src, dst, bytes, size);
    free(bytes);
}

/* ---------------------------------------------------------------- a host */

static void check_slots(struct host *host)
{
    uint64_t running = 0, held = 0;

    for (const struct lease *lease = leases_walk(host->leases, NULL); lease != NULL;
         lease = leases_walk(host->leases, lease)) {
        held += lease->held;
        if (lease->state == LEASE_RUNNING)
            running += lease->slots;
    }
    SIM_CHECK(host->world->sim, held <= host->slots && running <= host->slots,
              "host %d: %llu of %u slots are used", host->node, (unsigned long long)held,
              host->slots);
    SIM_CHECK(host->world->sim, leases_free(host->leases) == host->slots - held,
              "host %d counts wrong", host->node);
}

static void host_rearm(struct host *host, int64_t now_ms)
{
    int64_t next_ms = leases_next_ms(host->leases);

    check_slots(host);
    sim_wake(host->world->sim, host->node,
             next_ms == INT64_MAX ? -1
             : next_ms > now_ms   ? next_ms - now_ms
                                  : 0);
}

static void host_request(struct host *host, int src, const Wire__Frame *frame, int64_t now_ms)
{
    struct lease_ask ask = {.job = frame->lease_request->job,
                            .home = id_of(src),
                            .slots = frame->lease_request->slots,
                            .duration_ms = frame->lease_request->duration_ms};
    Wire__Frame answer = WIRE__FRAME__INIT;
    Wire__LeaseGrant grant = WIRE__LEASE_GRANT__INIT;
    Wire__Refused refused = WIRE__REFUSED__INIT;
    const struct lease *lease;

    answer.re = frame->id;
    refused.code = leases_request(host->leases, &ask, now_ms, &lease, NULL);
    if (refused.code == WIRE__CODE__OK) {
        grant.job = frame->lease_request->job;
        grant.slots = lease->slots;
        answer.body_case = WIRE__FRAME__BODY_LEASE_GRANT;
        answer.lease_grant = &grant;
    } else {
        refused.job = frame->lease_request->job;
        answer.body_case = WIRE__FRAME__BODY_REFUSED;
        answer.refused = &refused;
    }
    post(host->world, host->node, src, &answer);
}

static void host_receive(void *self, int src, const uint8_t *bytes, size_t size, int64_t now_ms)
{
    struct host *host = self;
    struct id home = id_of(src);
    Wire__Frame *frame = frame_unpack(bytes + FRAME_HEAD, size - FRAME_HEAD, NULL);

    if (frame->body_case == WIRE__FRAME__BODY_LEASE_REQUEST)
        host_request(host, src, frame, now_ms);
    else if (frame->body_case == WIRE__FRAME__BODY_LEASE_RENEW)
        leases_renew(host->leases, frame->lease_renew->job, &home, frame->lease_renew->slots,
                     frame->lease_renew->duration_ms, now_ms);
    else if (frame->body_case == WIRE__FRAME__BODY_LEASE_RELEASE)
        leases_release(host->leases, frame->lease_release->job, &home);
    else if (frame->body_case == WIRE__FRAME__BODY_JOB_START)
        leases_run(host->leases, frame->job_start->spec->job, &home, frame->job_start->spec->ranks,
                   RUN_LEASE_MS, now_ms);
    frame_free(frame);
    host_rearm(host, now_ms);
}

static void host_tick(void *self, int64_t now_ms)
{
    struct host *host = self;

    leases_tick(host->leases, now_ms);
    host_rearm(host, now_ms);
}

static void host_died(void *self)
{
    struct host *host = self;

    leases_destroy(host->leases);
    host->leases = leases_create(host->slots, NULL, NULL);
}

static const struct sim_node host_type = {host_receive, host_tick, host_died, NULL};

/* ---------------------------------------------------------------- a submitter */

static void submitter_rearm(struct submitter *submitter);

static void on_ask(const struct id *id, uint32_t slots, void *arg)
{
    struct submitter *submitter = arg;
    int host = id->bytes[0] - 1;
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__LeaseRequest request = WIRE__LEASE_REQUEST__INIT;

    request.job = submitter->job;
    request.slots = slots;
    request.duration_ms = BOOK_LEASE_MS;
    frame.id = submitter->latest[host] = ++submitter->next_id;
    frame.body_case = WIRE__FRAME__BODY_LEASE_REQUEST;
    frame.lease_request = &request;
    post(submitter->world, submitter->node, host, &frame);
}

static void on_release(const struct id *id, void *arg)
{
    struct submitter *submitter = arg;
    int host = id->bytes[0] - 1;
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__LeaseRelease release = WIRE__LEASE_RELEASE__INIT;

    submitter->latest[host] = 0;
    release.job = submitter->job;
    frame.body_case = WIRE__FRAME__BODY_LEASE_RELEASE;
    frame.lease_release = &release;
    post(submitter->world, submitter->node, host, &frame);
}

static void start_ranks(struct submitter *submitter, int host)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__JobStart start = WIRE__JOB_START__INIT;
    Wire__JobSpec spec = WIRE__JOB_SPEC__INIT;

    spec.job = submitter->job;
    spec.ranks = submitter->ranks[host];
    start.spec = &spec;
    frame.body_case = WIRE__FRAME__BODY_JOB_START;
    frame.job_start = &start;
    post(submitter->world, submitter->node, host, &frame);
}

static void on_done(const struct book_result *result, void *arg)
{
    struct submitter *submitter = arg;
    struct world *world = submitter->world;
    int64_t now_ms = sim_now(world->sim);
    uint32_t ranks = 0;

    sim_trace(world->sim, "%s: %s", submitter->job, result->ok ? "placed" : result->err.text);
    if (!result->ok) {
        submitter->jobs_failed++;
        submitter->start_ms = now_ms + 100;
    }
    for (size_t i = 0; result->ok && i < result->count; i++) {
        int host = result->grants[i].id.bytes[0] - 1;
        SIM_CHECK(world->sim, result->grants[i].ranks <= result->grants[i].granted,
                  "more ranks than slots");
        submitter->ranks[host] = result->grants[i].ranks;
        ranks += result->grants[i].ranks;
        start_ranks(submitter, host);
        submitter->end_ms = now_ms + 300 + sim_below(world->sim, 1500);
        submitter->renew_ms = now_ms + RENEW_MS;
    }
    SIM_CHECK(world->sim, !result->ok || ranks == result->ranks, "%u ranks instead of %u", ranks,
              result->ranks);
    book_destroy(submitter->book);
    submitter->book = NULL;
}

static void submitter_begin(struct submitter *submitter, int64_t now_ms)
{
    static const struct book_ops ops = {on_ask, on_release, NULL, on_done};
    struct world *world = submitter->world;
    struct book_request request = {
        .ranks = 1 + sim_below(world->sim, 24),
        .strategy =
            sim_chance(world->sim, 500) ? WIRE__STRATEGY__SPREAD : WIRE__STRATEGY__CONCENTRATE,
        .wait_ms = 600000,
        .seed = ((uint64_t)sim_below(world->sim, UINT32_MAX) << 8) + (unsigned)submitter->node};

    submitter->start_ms = INT64_MAX;
    snprintf(submitter->job, sizeof submitter->job, "%d.%d.%d", submitter->node,
             submitter->jobs_done, submitter->jobs_failed);
    submitter->book = book_create(&request, &ops, submitter);
    for (int i = 0; i < HOSTS; i++) {
        struct id id = id_of(i);
        Wire__Peer peer = WIRE__PEER__INIT;
        Wire__LoadInfo load = WIRE__LOAD_INFO__INIT;
        peer.id = (ProtobufCBinaryData){ID_SIZE, id.bytes};
        peer.alive = true;
        peer.rtt_us = 1 + sim_below(world->sim, 5000);
        load.slots = world->host[i].slots;
        load.slots_free = sim_below(world->sim, load.slots + 1); /* old news */
        peer.load = sim_chance(world->sim, 900) ? &load : NULL;
        book_add(submitter->book, &peer, false);
    }
    book_start(submitter->book, now_ms);
}

static void submitter_renew(struct submitter *submitter, int64_t now_ms)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__LeaseRenew renew = WIRE__LEASE_RENEW__INIT;

    submitter->renew_ms = now_ms + RENEW_MS;
    renew.job = submitter->job;
    renew.duration_ms = RUN_LEASE_MS;
    frame.body_case = WIRE__FRAME__BODY_LEASE_RENEW;
    frame.lease_renew = &renew;
    for (int i = 0; i < HOSTS; i++)
        if (submitter->ranks[i] > 0)
            post(submitter->world, submitter->node, i, &frame);
}

static void submitter_end(struct submitter *submitter, int64_t now_ms)
{
    for (int i = 0; i < HOSTS; i++) {
        struct id id = id_of(i);
        if (submitter->ranks[i] > 0)
            on_release(&id, submitter);
        submitter->ranks[i] = 0;
    }
    submitter->jobs_done++;
    submitter->end_ms = 0;
    submitter->start_ms =
        submitter->jobs_done < JOBS ? now_ms + sim_below(submitter->world->sim, 500) : INT64_MAX;
}

static void submitter_tick(void *self, int64_t now_ms)
{
    struct submitter *submitter = self;

    if (submitter->book != NULL)
        book_tick(submitter->book, now_ms);
    else if (submitter->end_ms > 0 && now_ms >= submitter->end_ms)
        submitter_end(submitter, now_ms);
    else if (submitter->end_ms > 0 && now_ms >= submitter->renew_ms)
        submitter_renew(submitter, now_ms);
    else if (now_ms >= submitter->start_ms)
        submitter_begin(submitter, now_ms);
    submitter_rearm(submitter);
}

static void submitter_rearm(struct submitter *submitter)
{
    int64_t now_ms = sim_now(submitter->world->sim), next_ms = submitter->start_ms;

    if (submitter->book != NULL)
        next_ms = book_next_ms(submitter->book);
    else if (submitter->end_ms > 0)
        next_ms = submitter->end_ms < submitter->renew_ms ? submitter->end_ms : submitter->renew_ms;
    sim_wake(submitter->world->sim, submitter->node,
             next_ms == INT64_MAX ? -1
             : next_ms > now_ms   ? next_ms - now_ms
                                  : 0);
}

static void submitter_receive(void *self, int src, const uint8_t *bytes, size_t size,
                              int64_t now_ms)
{
    struct submitter *submitter = self;
    struct id host = id_of(src);
    Wire__Frame *frame = frame_unpack(bytes + FRAME_HEAD, size - FRAME_HEAD, NULL);

    if (submitter->book != NULL && frame->re == submitter->latest[src]) {
        if (frame->body_case == WIRE__FRAME__BODY_LEASE_GRANT)
            book_granted(submitter->book, &host, frame->lease_grant->slots, NULL, now_ms);
        else
            book_refused(submitter->book, &host, frame->refused->code, "", now_ms);
    }
    frame_free(frame);
    submitter_rearm(submitter);
}

static void submitter_died(void *self)
{
    struct submitter *submitter = self;

    book_destroy(submitter->book);
    submitter->book = NULL;
    submitter->end_ms = 0;
    submitter->start_ms = INT64_MAX;
}

static const struct sim_node submitter_type = {submitter_receive, submitter_tick, submitter_died,
                                               NULL};

/* ---------------------------------------------------------------- worlds */

static void trouble(struct sim *sim, void *arg)
{
    struct world *world = arg;

    if (sim_chance(sim, 500)) {
        int node = world->submitter[sim_below(sim, SUBMITTERS)].node;
        if (sim_is_alive(sim, node))
            sim_kill(sim, node);
    } else {
        int node = world->host[sim_below(sim, HOSTS)].node;
        if (sim_is_alive(sim, node))
            sim_kill(sim, node);
        else
            sim_start(sim, node);
    }
}

static void all_back(struct sim *sim, void *arg)
{
    struct world *world = arg;

    for (int i = 0; i < HOSTS; i++)
        if (!sim_is_alive(sim, world->host[i].node))
            sim_start(sim, world->host[i].node);
}

static bool is_done(void *arg)
{
    struct world *world = arg;

    for (int i = 0; i < SUBMITTERS; i++)
        if (sim_is_alive(world->sim, world->submitter[i].node) &&
            world->submitter[i].jobs_done < JOBS)
            return false;
    return true;
}

static struct world *world_make(struct sim *sim)
{
    struct world *world = calloc(1, sizeof *world);
    struct sim_link link = {1, 1 + sim_below(sim, 60),
                            sim_chance(sim, 500) ? sim_below(sim, 10) : 0, 0, false};

    world->sim = sim;
    sim_links(sim, &link);
    for (int i = 0; i < HOSTS; i++) {
        struct host *host = &world->host[i];
        host->world = world;
        host->slots = 1 + sim_below(sim, 8);
        host->leases = leases_create(host->slots, NULL, NULL);
        host->node = sim_node_add(sim, &host_type, host);
    }
    for (int i = 0; i < SUBMITTERS; i++) {
        struct submitter *submitter = &world->submitter[i];
        submitter->world = world;
        submitter->node = sim_node_add(sim, &submitter_type, submitter);
        submitter->start_ms = sim_now(sim) + sim_below(sim, 200);
        submitter_rearm(submitter);
    }
    return world;
}

static void world_end(struct world *world)
{
    for (int i = 0; i < SUBMITTERS; i++)
        book_destroy(world->submitter[i].book);
    for (int i = 0; i < HOSTS; i++)
        leases_destroy(world->host[i].leases);
    free(world);
}

static void run(struct sim *sim)
{
    struct world *world = world_make(sim);

    if (sim_chance(sim, 500)) {
        for (int i = 0; i < 12; i++)
            sim_after(sim, 200 + sim_below(sim, 8000), trouble, world);
        sim_after(sim, 10000, all_back, world);
    }
    bool done = sim_run(sim, 550000, is_done, world);
    SIM_CHECK(sim, done, "some jobs found no place in nine minutes");
    sim_run(sim, LEASE_MAX_MS, NULL, NULL);
    for (int i = 0; i < HOSTS; i++)
        SIM_CHECK(sim, leases_free(world->host[i].leases) == world->host[i].slots,
                  "host %d: leases have not come back", i);
    for (int i = 0; i < SUBMITTERS; i++)
        SIM_CHECK(sim, world->submitter[i].jobs_failed == 0, "submitter %d: %d jobs failed", i,
                  world->submitter[i].jobs_failed);
    world_end(world);
}

static void every_job_finds_its_place_and_every_lease_comes_back(void **state)
{
    (void)state;
    assert_int_equal(sim_seeds("100 submitters on 50 hosts", 4, run), 0);
}

UNIT_MAIN(cmocka_unit_test(every_job_finds_its_place_and_every_lease_comes_back))
