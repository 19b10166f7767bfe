/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_replica.c - with replicas: sends and receives go through the engine of src/replica
 *
 * The engine speaks of logical ranks of the world and numbers messages; here communicators' ranks
 * become those, requests become its tokens, and its headers stand where those of pml_p2prep_head.h
 * stand otherwise. In the queues of unexpected messages an envelope's address is the engine's body,
 * which is pulled after the match (0: the bytes are here). */
#include "mca-component/pml_p2prep/pml_p2prep_replica.h"

#include "mca-component/pml_p2prep/pml_p2prep_falling.h"
#include "mca-component/pml_p2prep/pml_p2prep_order.h"
#include "mca-component/pml_p2prep/pml_p2prep_stats.h"
#include "mca-component/pml_p2prep/pml_p2prep_verify.h"
#include "mca-component/pml_p2prep/pml_p2prep_watch.h"
#include "mca-component/pml_p2prep/pml_p2prep_wire.h"
#include "replica/replica.h"

#include <opal/util/show_help.h>

#include <time.h>
#include <unistd.h>

#define HELP "help-mpi-pml-p2prep.txt"

enum {
    ROOM = 128 << 10,  /* bytes of bodies that a link's queue likes at a time */
    LOOK_EVERY = 16,   /* calls of progress between two looks at the clock or the control sockets */
    IDLE_TELL = 2,     /* ... after which decisions do */
    DRAIN_MAX = 10000, /* calls of progress, at most, to read what the dead left */
};

static struct replica *engine; /* this process's */
static unsigned calls, idle_calls, n_doomed;
static int64_t last_ms; /* of the last tick */

static int64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void op_send(void *arg, int dst, const struct replica_msg *msg,
                    const struct replica_bytes *bytes)
{
    struct p2prep_peer *peer = &mca_pml_p2prep.peers[dst];
    (void)arg;
    if (peer->is_dead)
        return;
    const void *data = bytes ? bytes->data : NULL;
    if (bytes && !data && bytes->size > 0)
        data = (const char *)p2prep_send_bytes(bytes->token) + bytes->offset;
    if (p2prep_peer_put(peer, msg, sizeof *msg, data, bytes ? bytes->size : 0, NULL) !=
        OMPI_SUCCESS)
        p2prep_no_memory(bytes ? bytes->size : sizeof *msg);
}

static size_t op_room(void *arg, int dst)
{
    struct p2prep_peer *peer = &mca_pml_p2prep.peers[dst];
    (void)arg;
    return !peer->is_dead && STAILQ_EMPTY(&peer->waiting) ? ROOM : 0;
}

static void op_pack(void *arg, void *token, uint64_t offset, void *to, size_t size)
{
    (void)arg;
    memcpy(to, (const char *)p2prep_send_bytes(token) + offset, size);
}

static void op_complete(void *arg, void *token)
{
    (void)arg;
    p2prep_send_complete(token);
}

static void op_deliver(void *arg, const struct replica_envelope *envelope)
{
    struct p2prep_envelope_head env = {
        .head = {.kind = envelope->is_sync ? P2PREP_SYNC : P2PREP_EAGER,
                 .context = envelope->cid,
                 .source = envelope->source,
                 .tag = envelope->tag},
        .length = envelope->length,
        .send_id = envelope->seq,
        .address = (uint64_t)(uintptr_t)envelope->body,
    };
    (void)arg;
    p2prep_match_message(NULL, &env, envelope->data, envelope->data ? envelope->length : 0);
}

static void op_fill(void *arg, void *token, uint64_t offset, const void *bytes, size_t size)
{
    (void)arg;
    p2prep_recv_fill(token, offset, bytes, size);
}

static void op_filled(void *arg, void *token)
{
    (void)arg;
    p2prep_recv_placed(token, true);
}

static bool op_get(void *arg, int src, void *token, uint64_t address, uint64_t length)
{
    struct p2prep_peer *peer = &mca_pml_p2prep.peers[src];
    (void)arg;
    return !peer->is_dead && p2prep_recv_get(token, peer, address, length);
}

void p2prep_replica_refused(void)
{
    if (p2prep_watch_is_over())
        return;
    p2prep_say("refused", OMPI_PROC_MY_NAME->vpid, ompi_process_info.nodename);
    _exit(1);
}

static void op_end(void *arg, enum replica_end why, int rank, const char *sentence)
{
    char hosts[512];
    (void)arg;
    if (p2prep_watch_is_over()) /* nothing is wanted any more */
        return;
    if (why == REPLICA_END_REFUSED)
        p2prep_replica_refused();
    p2prep_watch_hosts(rank, hosts, sizeof hosts);
    if (why == REPLICA_END_DIFFERS) {
        p2prep_say("differs", OMPI_PROC_MY_NAME->vpid, ompi_process_info.nodename, sentence, rank,
                   hosts);
    } else if (why == REPLICA_END_GONE) {
        p2prep_say("gone", rank, hosts, OMPI_PROC_MY_NAME->vpid, ompi_process_info.nodename);
        _exit(1); /* as everybody will; 5.0's prterun locks itself up when several abort at once */
    }
    p2prep_say("end", OMPI_PROC_MY_NAME->vpid, ompi_process_info.nodename, sentence);
    ompi_rte_abort(1, NULL);
}

static void op_failover(void *arg, int rank, int server, bool is_over)
{
    (void)arg;
    (void)server;
    p2prep_stats_failover(rank, is_over);
}

static void op_lag(void *arg, int process, int64_t for_ms, size_t bytes)
{
    const struct world *world = mca_pml_p2prep.world;
    bool is_evicted = mca_pml_p2prep.lag_evict && p2prep_watch_evict((uint32_t)process);
    (void)arg;
    p2prep_say(is_evicted ? "lag evict" : "lag", world->set[process], world->rank[process], process,
               p2prep_watch_host(process), (long)(for_ms / 1000), OMPI_PROC_MY_NAME->vpid, bytes);
}

int p2prep_replica_open(void)
{
    static const struct replica_ops ops = {.send = op_send,
                                           .room = op_room,
                                           .pack = op_pack,
                                           .complete = op_complete,
                                           .deliver = op_deliver,
                                           .fill = op_fill,
                                           .filled = op_filled,
                                           .get = op_get,
                                           .end = op_end,
                                           .failover = op_failover,
                                           .lag = op_lag};
    mca_pml_p2prep_t *pml = &mca_pml_p2prep;
    struct replica_settings settings;
    replica_settings_default(&settings);
    settings.eager = p2prep_wire_eager_replicas();
    settings.retain_max = pml->retain_max;
    settings.verify = pml->verify;
    settings.lag_max_ms = (int64_t)pml->lag_max * 1000;
    for (uint32_t i = 0; i < pml->n_peers; i++) {
        struct p2prep_peer *peer = &pml->peers[i];
        size_t most = peer->wire
                          ? peer->wire->medium->send_max(peer->wire) - sizeof(struct replica_msg)
                          : SIZE_MAX;
        if (settings.piece > most)
            settings.piece = most;
        if (settings.eager > most)
            settings.eager = most;
    }
    pml->eager = (unsigned)settings.eager;
    engine = replica_create(pml->world, (int)OMPI_PROC_MY_NAME->vpid, &settings, &ops, NULL);
    return engine ? p2prep_order_open() : OMPI_ERR_OUT_OF_RESOURCE;
}

/* What leaves or is matched now depends on all that was decided so far. */
static void gate(void)
{
    replica_gate(engine, p2prep_order_gate());
}

static void doomed_bury(void);

void p2prep_replica_start(void)
{
    doomed_bury();
    replica_tick(engine, clock_ms());
    replica_start(engine);
    p2prep_order_start();
}

void p2prep_replica_stats(struct replica_stats *stats_out)
{
    *stats_out = (struct replica_stats){0};
    if (engine)
        replica_stats(engine, stats_out);
}

void p2prep_replica_close(void)
{
    p2prep_order_close();
    replica_destroy(engine);
    engine = NULL;
}

int p2prep_replica_send(mca_pml_p2prep_send_request_t *send)
{
    mca_pml_p2prep_t *pml = &mca_pml_p2prep;
    mca_pml_base_request_t *base = &send->req_send.req_base;
    unsigned flags = 0;
    if (send->req_send.req_send_mode == MCA_PML_BASE_SEND_SYNCHRONOUS)
        flags |= REPLICA_SYNC;
    if (send->req_send.req_send_mode == MCA_PML_BASE_SEND_BUFFERED)
        flags |= REPLICA_COPY;
    if (send->is_nonblocking && base->req_tag >= 0 && p2prep_order_may_be_told())
        flags |= REPLICA_HIDE;
    const void *bytes = p2prep_send_bytes(send);
    if (OPAL_UNLIKELY(p2prep_verify_is_own(bytes, send->req_send.req_bytes_packed)))
        flags |= REPLICA_OWN;
    if (!bytes && send->req_send.req_bytes_packed > 0)
        return OMPI_ERR_OUT_OF_RESOURCE;
    bool outer = pml->in_progress;
    pml->in_progress =
        true; /* callbacks of requests that complete inside wait until the engine returned */
    gate();
    bool is_complete = replica_send(engine, pml->world->rank[send->peer->vpid],
                                    p2prep_name(base->req_comm), base->req_tag, flags, bytes,
                                    send->req_send.req_bytes_packed, send, &send->held);
    if (is_complete)
        p2prep_send_complete(send);
    pml->in_progress = outer;
    return OMPI_SUCCESS;
}

bool p2prep_replica_send_at_once(const struct p2prep_peer *peer, const void *bytes, size_t size,
                                 int tag, uint32_t context)
{
    mca_pml_p2prep_t *pml = &mca_pml_p2prep;
    bool outer = pml->in_progress;
    if (!replica_takes(engine, size))
        return false;
    pml->in_progress = true; /* as above */
    gate();
    (void)replica_send(engine, pml->world->rank[peer->vpid], context, tag,
                       OPAL_UNLIKELY(p2prep_verify_is_own(bytes, size)) ? REPLICA_OWN : 0, bytes,
                       size, NULL, NULL);
    pml->in_progress = outer;
    return true;
}

void p2prep_replica_posted_all(void)
{
    replica_verify_end(engine);
    while (!replica_is_verified(engine))
        opal_progress();
}

void p2prep_replica_detach(mca_pml_p2prep_send_request_t *send)
{
    if (replica_detach(engine, send->held))
        p2prep_send_complete(send);
}

void p2prep_replica_message(struct p2prep_peer *peer, const void *head, size_t head_size,
                            const void *bytes, size_t size)
{
    if (peer->is_dead || head_size != sizeof(struct replica_msg))
        return;
    const struct replica_msg *msg = head;
    if (OPAL_UNLIKELY(msg->kind >= DECIDE_LOG))
        p2prep_order_message(peer->vpid, msg, bytes, size);
    else
        (void)replica_receive(engine, (int)peer->vpid, msg, bytes, size);
}

void p2prep_replica_take(mca_pml_p2prep_recv_request_t *recv,
                         const struct p2prep_envelope_head *env)
{
    if (!env->address)
        return;
    gate();
    replica_pull(engine, (struct replica_body *)(uintptr_t)env->address, recv);
}

void p2prep_replica_untake(const struct p2prep_envelope_head *env, void *bytes_take)
{
    replica_unpull(engine, (struct replica_body *)(uintptr_t)env->address, bytes_take);
}

void p2prep_replica_stable(uint64_t number)
{
    replica_stable(engine, number);
}

void p2prep_replica_dead(uint32_t process)
{
    struct p2prep_peer *peer = &mca_pml_p2prep.peers[process];
    if (peer->is_dead || peer->is_doomed || !engine)
        return;
    peer->is_doomed = true;
    n_doomed++;
}

/* What a sibling's kernel or ring has for us may be decisions that others know: it is read first.
 */
static void bury(struct p2prep_peer *peer)
{
    const struct world *world = mca_pml_p2prep.world;
    if (world->rank[peer->vpid] == world->rank[OMPI_PROC_MY_NAME->vpid])
        for (int rounds = 0; rounds < DRAIN_MAX && p2prep_wire_progress() > 0; rounds++)
            continue;
    p2prep_peer_purge(peer);
    p2prep_stats_dead();
    (void)replica_dead(engine, (int)peer->vpid);
    p2prep_order_dead(peer->vpid);
}

static void doomed_bury(void)
{
    mca_pml_p2prep_t *pml = &mca_pml_p2prep;
    for (uint32_t i = 0; i < pml->n_peers && n_doomed > 0; i++) {
        if (!pml->peers[i].is_doomed || pml->peers[i].is_dead)
            continue;
        n_doomed--;
        bury(&pml->peers[i]);
    }
}

bool p2prep_replica_tag_falls(int tag)
{
    return engine && replica_tag_falls(engine, tag);
}

int p2prep_replica_falling_first(void)
{
    struct replica_settings settings;
    replica_settings_default(&settings);
    return settings.falling.first;
}

void p2prep_replica_over(uint32_t context, int tag)
{
    replica_close(engine, context, tag);
}

void p2prep_replica_tag_again(int tag, uint32_t context)
{
    char sentence[160];
    snprintf(sentence, sizeof sentence,
             "a collective with tag %d of communicator %u begins again; persistent collectives are "
             "not supported with replicas",
             tag, context);
    op_end(NULL, REPLICA_END_BROKEN, 0, sentence);
}

void p2prep_replica_progress(int n)
{
    if (OPAL_UNLIKELY(n_doomed > 0))
        doomed_bury();
    p2prep_order_poll();
    (void)replica_progress(engine);
    idle_calls = n == 0 ? idle_calls + 1 : 0;
    if (idle_calls == IDLE_TELL)
        p2prep_order_flush();
    if (OPAL_LIKELY(++calls % LOOK_EVERY != 0))
        return;
    int64_t now_ms = clock_ms();
    if (now_ms == last_ms && idle_calls < LOOK_EVERY)
        return; /* busy: news of deaths have time until the clock moves */
    if (now_ms != last_ms) {
        p2prep_order_flush();
        replica_tick(engine, now_ms);
        p2prep_falling_look();
    }
    last_ms = now_ms;
    p2prep_watch_poll();
}
