/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_peer.c - the table of processes, what waits for room to them, and what comes from them
 */
#include "mca-component/pml_p2prep/pml_p2prep.h"
#include "mca-component/pml_p2prep/pml_p2prep_idle.h"
#include "mca-component/pml_p2prep/pml_p2prep_replica.h"
#include "mca-component/pml_p2prep/pml_p2prep_watch.h"
#include "mca-component/pml_p2prep/pml_p2prep_wire.h"

static void peer_init(struct p2prep_peer *peer, ompi_proc_t *proc)
{
    peer->vpid = proc->super.proc_name.vpid;
    peer->proc = proc;
    OBJ_RETAIN(proc);
    STAILQ_INIT(&peer->waiting);
    TAILQ_INIT(&peer->bodies);
}

/* Processes of other jobs come by MPI_Comm_spawn and MPI_Comm_connect, few and late. */
static struct p2prep_peer *foreigner_of(ompi_proc_t *proc)
{
    struct p2prep_peer *peer;
    SLIST_FOREACH(peer, &mca_pml_p2prep.foreigners, foreign_link)
    {
        if (peer->proc == proc)
            return peer;
    }
    if (!(peer = calloc(1, sizeof *peer)))
        return NULL;
    peer_init(peer, proc);
    SLIST_INSERT_HEAD(&mca_pml_p2prep.foreigners, peer, foreign_link);
    (void)p2prep_wire_add(peer, true); /* without a link, sends fail */
    return peer;
}

struct p2prep_peer *p2prep_peer_of(ompi_proc_t *proc)
{
    mca_pml_p2prep_t *pml = &mca_pml_p2prep;
    if (!proc)
        return NULL;
    if (proc->super.proc_name.jobid != OMPI_PROC_MY_NAME->jobid)
        return foreigner_of(proc);
    uint32_t vpid = proc->super.proc_name.vpid;
    return vpid < pml->n_peers ? &pml->peers[vpid] : NULL;
}

static void busy_set(struct p2prep_peer *peer)
{
    if (!peer->is_busy)
        TAILQ_INSERT_TAIL(&mca_pml_p2prep.busy, peer, busy_link);
    peer->is_busy = true;
}

int p2prep_peer_try(struct p2prep_peer *peer, const void *head, size_t head_size, const void *body,
                    size_t body_size)
{
    if (OPAL_UNLIKELY(!peer->wire || !STAILQ_EMPTY(&peer->waiting)))
        return -1;
    return peer->wire->medium->send(peer->wire, head, head_size, body, body_size) == P2PREP_SENT
               ? 0
               : -1;
}

/* Of a record with the transport's own head and what fills it up. */
static uint64_t record_size_most(const struct p2prep_record *record)
{
    return record->head_size + record->body_size + 256;
}

int p2prep_peer_put(struct p2prep_peer *peer, const void *head, size_t head_size, const void *body,
                    size_t body_size, mca_pml_p2prep_send_request_t *send)
{
    if (!peer->wire)
        return OMPI_ERR_UNREACH;
    if (OPAL_UNLIKELY(peer->is_dead))
        return OMPI_SUCCESS;
    if (p2prep_peer_try(peer, head, head_size, body, body_size) == 0) {
        if (send)
            p2prep_send_complete(send);
        return OMPI_SUCCESS;
    }
    struct p2prep_record *record = malloc(sizeof *record + head_size + body_size);
    if (!record)
        return OMPI_ERR_OUT_OF_RESOURCE;
    record->send = send;
    record->head_size = head_size;
    record->body_size = body_size;
    memcpy(record->bytes, head, head_size);
    if (body_size > 0)
        memcpy(record->bytes + head_size, body, body_size);
    STAILQ_INSERT_TAIL(&peer->waiting, record, link);
    peer->waiting_size += record_size_most(record);
    busy_set(peer);
    return OMPI_SUCCESS;
}

/* 0: it is on its way, -1: no room. */
static int body_try(struct p2prep_peer *peer, mca_pml_p2prep_send_request_t *send)
{
    struct p2prep_body_head head = {.kind = P2PREP_BODY, .recv_id = send->recv_id};
    enum p2prep_sent sent = peer->wire->medium->send_body(
        peer->wire, &head, sizeof head, p2prep_send_bytes(send), send->wanted, send);
    if (sent == P2PREP_DONE)
        p2prep_send_complete(send);
    return sent == P2PREP_FULL ? -1 : 0;
}

void p2prep_peer_put_body(struct p2prep_peer *peer, mca_pml_p2prep_send_request_t *send)
{
    if (TAILQ_EMPTY(&peer->bodies) && body_try(peer, send) == 0)
        return;
    TAILQ_INSERT_TAIL(&peer->bodies, send, link);
    busy_set(peer);
}

static int peer_flush(struct p2prep_peer *peer)
{
    struct p2prep_record *record;
    mca_pml_p2prep_send_request_t *send;
    int n = 0;
    while ((record = STAILQ_FIRST(&peer->waiting))) {
        enum p2prep_sent sent =
            peer->wire->medium->send(peer->wire, record->bytes, record->head_size,
                                     record->bytes + record->head_size, record->body_size);
        if (sent == P2PREP_FULL)
            return n;
        STAILQ_REMOVE_HEAD(&peer->waiting, link);
        peer->waiting_size -= record_size_most(record);
        if (record->send)
            p2prep_send_complete(record->send);
        free(record);
        n++;
    }
    while ((send = TAILQ_FIRST(&peer->bodies))) {
        TAILQ_REMOVE(&peer->bodies, send, link);
        if (body_try(peer, send)) {
            TAILQ_INSERT_HEAD(&peer->bodies, send, link);
            return n;
        }
        n++;
    }
    TAILQ_REMOVE(&mca_pml_p2prep.busy, peer, busy_link);
    peer->is_busy = false;
    return n;
}

static void waiting_drop(struct p2prep_peer *peer)
{
    struct p2prep_record *record;
    while ((record = STAILQ_FIRST(&peer->waiting))) {
        STAILQ_REMOVE_HEAD(&peer->waiting, link);
        free(record);
    }
    peer->waiting_size = 0;
}

void p2prep_peer_purge(struct p2prep_peer *peer)
{
    peer->is_dead = true;
    if (peer->wire)
        peer->wire->medium->purge(peer->wire);
    waiting_drop(peer);
}

int mca_pml_p2prep_progress(void)
{
    mca_pml_p2prep_t *pml = &mca_pml_p2prep;
    int n = 0;
    if (OPAL_UNLIKELY(!pml->is_enabled))
        return 0;
    if (OPAL_UNLIKELY(opal_using_threads()) && pthread_mutex_trylock(&pml->lock))
        return 0;
    if (!pml->in_progress) {
        pml->in_progress = true;
        n = p2prep_wire_progress();
        struct p2prep_peer *peer, *next;
        for (peer = TAILQ_FIRST(&pml->busy); peer; peer = next) {
            next = TAILQ_NEXT(peer, busy_link);
            n += peer_flush(peer);
        }
        if (OPAL_UNLIKELY(pml->world != NULL))
            p2prep_replica_progress(n);
        pml->in_progress = false;
        if (OPAL_UNLIKELY(pml->n_done > 0))
            p2prep_request_callbacks();
    }
    p2prep_unlock();
    if (OPAL_UNLIKELY(opal_progress_yield_when_idle))
        p2prep_idle(n);
    return n;
}

int p2prep_peers_open(void)
{
    mca_pml_p2prep_t *pml = &mca_pml_p2prep;
    pml->n_peers = pml->n_processes;
    pml->peers = calloc(pml->n_peers, sizeof *pml->peers);
    if (!pml->peers)
        return OMPI_ERR_OUT_OF_RESOURCE;
    for (uint32_t vpid = 0; vpid < pml->n_peers; vpid++) {
        struct p2prep_peer *peer = &pml->peers[vpid];
        opal_process_name_t name = {.jobid = OMPI_PROC_MY_NAME->jobid, .vpid = vpid};
        ompi_proc_t *proc = (ompi_proc_t *)ompi_proc_for_name(name);
        if (!proc)
            return OMPI_ERR_OUT_OF_RESOURCE;
        peer_init(peer, proc);
        if (peer->proc == ompi_proc_local()) {
            pml->self = peer;
            continue;
        }
        if (pml->world && !p2prep_watch_await(vpid))
            continue; /* dead from the start: no link */
        int rc = p2prep_wire_add(peer, !pml->world);
        if (rc != OMPI_SUCCESS && !pml->world)
            return rc;
    }
    return OMPI_SUCCESS;
}

int p2prep_peers_check(void)
{
    mca_pml_p2prep_t *pml = &mca_pml_p2prep;
    for (uint32_t vpid = 0; vpid < pml->n_peers; vpid++) {
        struct p2prep_peer *peer = &pml->peers[vpid];
        if (peer->wire || peer == pml->self || p2prep_watch_is_dead(vpid))
            continue;
        return p2prep_wire_add(peer, true);
    }
    return OMPI_SUCCESS;
}

static void peer_fini(struct p2prep_peer *peer)
{
    if (!peer->proc)
        return;
    waiting_drop(peer);
    OBJ_RELEASE(peer->proc);
}

void p2prep_peers_close(void)
{
    mca_pml_p2prep_t *pml = &mca_pml_p2prep;
    struct p2prep_peer *foreigner;
    for (uint32_t vpid = 0; pml->peers && vpid < pml->n_peers; vpid++)
        peer_fini(&pml->peers[vpid]);
    while ((foreigner = SLIST_FIRST(&pml->foreigners))) {
        SLIST_REMOVE_HEAD(&pml->foreigners, foreign_link);
        peer_fini(foreigner);
        free(foreigner);
    }
    free(pml->peers);
    pml->peers = NULL;
    pml->n_peers = 0;
}
