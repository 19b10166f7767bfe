/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_wire.c - the transports of this process: opened, their cards exchanged, each peer
 * given one of them
 *
 * All cards of a process are one modex entry: for each medium its name (8 bytes), the card's size
 * (4 bytes), the card. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "mca-component/pml_p2prep/pml_p2prep_wire.h"

#include "mca-component/pml_p2prep/pml_p2prep_daemon.h"
#include "mca-component/pml_p2prep/pml_p2prep_replica.h"
#include "mca-component/pml_p2prep/pml_p2prep_watch.h"

#include <ompi/mca/pml/base/base.h>
#include <opal/mca/base/mca_base_var.h>
#include <opal/util/show_help.h>

#include <poll.h>
#include <time.h>

#define HELP "help-mpi-pml-p2prep.txt"

static const struct p2prep_medium *const media[] = {&p2prep_shm, &p2prep_tcp};
enum { N_MEDIA = sizeof media / sizeof media[0] };
static struct p2prep_transport *open_ones[N_MEDIA]; /* this process's; NULL: not used */

struct card {
    char name[8];
    uint32_t size;
} __attribute__((packed));

/* Is the medium in the list that the user gave? */
static bool is_wanted(const char *name)
{
    size_t len = strlen(name);
    for (const char *at = mca_pml_p2prep.transports; at && *at;
         at += strcspn(at, ","), at += *at == ',') {
        if (strcspn(at, ",") == len && strncmp(at, name, len) == 0)
            return true;
    }
    return false;
}

static void up_message(void *arg, void *owner, const void *head, size_t head_size,
                       const void *payload, size_t payload_size)
{
    const struct p2prep_head *h = head;
    struct p2prep_envelope_head env;
    (void)arg;
    if (OPAL_UNLIKELY(mca_pml_p2prep.world != NULL)) {
        p2prep_replica_message(owner, head, head_size, payload, payload_size);
    } else if (OPAL_LIKELY(h->kind == P2PREP_EAGER && head_size == sizeof *h)) {
        env.head = *h;
        env.length = payload_size;
        env.send_id = env.address = 0;
        p2prep_match_message(owner, &env, payload, payload_size);
    } else if ((h->kind == P2PREP_SYNC || h->kind == P2PREP_ENVELOPE) && head_size == sizeof env) {
        p2prep_match_message(owner, head, payload, payload_size);
    } else if (h->kind == P2PREP_CLEAR && head_size == sizeof(struct p2prep_clear_head)) {
        p2prep_send_cleared(owner, head);
    } else if (h->kind == P2PREP_FINISHED && head_size == sizeof(struct p2prep_finished_head)) {
        p2prep_send_finished(owner, head);
    } else {
        opal_output(0, "p2prep: a message of unknown kind %d from process %u is dropped", h->kind,
                    ((struct p2prep_peer *)owner)->vpid);
    }
}

static void *up_body(void *arg, void *owner, const void *head, size_t head_size, size_t size,
                     void **token_out)
{
    mca_pml_p2prep_recv_request_t *recv = NULL;
    (void)arg;
    if (head_size != sizeof(struct p2prep_body_head))
        return NULL;
    void *place = p2prep_recv_place(owner, head, size, &recv);
    *token_out = recv;
    return place;
}

static void up_body_done(void *arg, void *owner, void *token, bool is_whole)
{
    (void)arg;
    (void)owner;
    p2prep_recv_placed(token, is_whole);
}

static void up_sent(void *arg, void *owner, void *token, bool is_ok)
{
    (void)arg;
    (void)owner;
    if (is_ok)
        p2prep_send_complete(token);
}

static void up_lost(void *arg, void *owner, enum p2prep_loss loss, const char *why)
{
    struct p2prep_peer *peer = owner;
    (void)arg;
    if (mca_pml_p2prep.world) {
        if (loss == P2PREP_LOSS_DENIED)
            p2prep_replica_refused();
        else
            p2prep_watch_cut(peer->vpid);
        return;
    }
    if (loss == P2PREP_LOSS_FAULT) {
        p2prep_say("link fault", OMPI_PROC_MY_NAME->vpid, ompi_process_info.nodename, peer->vpid,
                   why);
        ompi_rte_abort(1, NULL);
    }
    opal_output_verbose(5, ompi_pml_base_framework.framework_output,
                        "p2prep: link to process %u lost: %s", peer->vpid,
                        why ? why : "end of file");
}

/* Open MPI's own word for which interfaces to use, unless ours is given. */
const char *p2prep_wire_interfaces(void)
{
    if (mca_pml_p2prep.interfaces && *mca_pml_p2prep.interfaces)
        return mca_pml_p2prep.interfaces;
    int index = mca_base_var_find("opal", "btl", "tcp", "if_include");
    const char **value = NULL;
    if (index < 0 || mca_base_var_get_value(index, &value, NULL, NULL) != OPAL_SUCCESS || !value ||
        !*value || !**value)
        return NULL;
    return *value;
}

static uint64_t name_of(const opal_process_name_t *name)
{
    return (uint64_t)name->jobid << 32 | name->vpid;
}

static int cards_publish(void)
{
    unsigned char all[N_MEDIA * (sizeof(struct card) + P2PREP_CARD_MAX)];
    size_t used = 0;
    for (int i = 0; i < N_MEDIA; i++) {
        struct card card = {{0}};
        size_t size = 0;
        if (!open_ones[i])
            continue;
        const void *bytes = media[i]->card(open_ones[i], &size);
        if (size > P2PREP_CARD_MAX)
            return OMPI_ERR_BAD_PARAM;
        memcpy(card.name, media[i]->name, strlen(media[i]->name));
        card.size = (uint32_t)size;
        memcpy(all + used, &card, sizeof card);
        memcpy(all + used + sizeof card, bytes, size);
        used += sizeof card + size;
    }
    int rc;
    OPAL_MODEX_SEND(rc, P2PREP_MODEX_GLOBAL, &mca_pml_p2prep_component.pmlm_version, all, used);
    return rc;
}

/* The first process that the launcher put on this host stands for it. */
static uint64_t host_number(void)
{
    opal_process_name_t all = {.jobid = OMPI_PROC_MY_NAME->jobid, .vpid = OPAL_VPID_WILDCARD};
    opal_process_name_t first = *OMPI_PROC_MY_NAME;
    char *peers = NULL, *next;
    int rc;
    OPAL_MODEX_RECV_VALUE_OPTIONAL(rc, P2PREP_LOCAL_PEERS, &all, &peers, P2PREP_MODEX_STRING);
    if (rc != OPAL_SUCCESS)
        return name_of(&first);
    for (char *at = peers; at && *at; at = *next ? next + 1 : next) {
        opal_vpid_t vpid = (opal_vpid_t)strtoul(at, &next, 10);
        if (next == at)
            break;
        if (vpid < first.vpid)
            first.vpid = vpid;
    }
    free(peers);
    return name_of(&first);
}

static void in_child(void)
{
    for (int i = 0; i < N_MEDIA; i++) {
        if (open_ones[i])
            media[i]->forked(open_ones[i]);
        open_ones[i] = NULL;
    }
    mca_pml_p2prep.is_enabled = false;
}

int p2prep_wire_open(void)
{
    const char *job = getenv("PMIX_NAMESPACE");
    struct p2prep_setup setup = {
        .self = name_of(OMPI_PROC_MY_NAME),
        .up = {.message = up_message,
               .body = up_body,
               .body_done = up_body_done,
               .sent = up_sent,
               .lost = up_lost},
        .job = job ? job : "single",
        .host = host_number(),
        .slot = ompi_process_info.my_local_rank,
        .slots = ompi_process_info.num_local_peers + 1,
        .no_cma = mca_pml_p2prep.no_cma,
        .interfaces = p2prep_wire_interfaces(),
    };
    int n = 0;
    for (int i = 0; i < N_MEDIA; i++) {
        struct err err = {0};
        if (!is_wanted(media[i]->name))
            continue;
        open_ones[i] = media[i]->open(&setup, &err);
        if (open_ones[i])
            n++;
        else
            opal_show_help(HELP, "no transport", true, media[i]->name, ompi_process_info.nodename,
                           err.text);
    }
    if (n == 0 && ompi_process_info.num_procs > 1) {
        p2prep_say("no transports", mca_pml_p2prep.transports);
        return OMPI_ERR_NOT_AVAILABLE;
    }
    (void)pthread_atfork(NULL, NULL, in_child);
    return cards_publish();
}

void p2prep_wire_close(void)
{
    for (int i = 0; i < N_MEDIA; i++) {
        if (open_ones[i])
            media[i]->close(open_ones[i]);
        open_ones[i] = NULL;
    }
}

static struct p2prep_link *link_by(int i, struct p2prep_peer *peer, const unsigned char *cards,
                                   size_t size, struct err *err)
{
    struct card card;
    while (size >= sizeof card) {
        memcpy(&card, cards, sizeof card);
        if (card.size > size - sizeof card)
            return NULL;
        if (strncmp(card.name, media[i]->name, sizeof card.name) == 0)
            return media[i]->add_peer(open_ones[i], name_of(&peer->proc->super.proc_name),
                                      cards + sizeof card, card.size, peer, err);
        cards += sizeof card + card.size;
        size -= sizeof card + card.size;
    }
    return NULL;
}

size_t p2prep_wire_eager_replicas(void)
{
    return mca_pml_p2prep.eager ? mca_pml_p2prep.eager : P2PREP_EAGER_REPLICAS;
}

static size_t eager_over(const struct p2prep_medium *medium)
{
    if (mca_pml_p2prep.eager)
        return mca_pml_p2prep.eager;
    return mca_pml_p2prep.world ? p2prep_wire_eager_replicas() : medium->eager;
}

/* Its cards, to be freed; NULL: none. With replicas they are there, or it is dead and never asked
 * for twice. */
static unsigned char *cards_fetch(const struct p2prep_peer *peer, size_t *size_out)
{
    opal_process_name_t *name = &peer->proc->super.proc_name;
    unsigned char *cards = NULL;
    int rc;
    if (!mca_pml_p2prep.world) {
        OPAL_MODEX_RECV(rc, &mca_pml_p2prep_component.pmlm_version, name, (void **)&cards,
                        size_out);
        return rc == OMPI_SUCCESS ? cards : NULL;
    }
    char *key = mca_base_component_to_string(&mca_pml_p2prep_component.pmlm_version);
    if (!key)
        return NULL;
    cards = p2prep_daemon_card(name->vpid, key, size_out);
    free(key);
    return cards;
}

int p2prep_wire_add(struct p2prep_peer *peer, bool says_why)
{
    struct err err = {0};
    size_t size = 0;
    unsigned char *cards = cards_fetch(peer, &size);
    if (!cards) {
        if (says_why)
            opal_show_help(HELP, "no card", true, peer->vpid);
        return OMPI_ERR_NOT_FOUND;
    }
    bool is_foreign = peer->proc->super.proc_name.jobid !=
                      OMPI_PROC_MY_NAME->jobid; /* other slots in shared memory */
    for (int i = 0; i < N_MEDIA && !peer->wire; i++) {
        if (open_ones[i] && !(is_foreign && media[i] == &p2prep_shm))
            peer->wire = link_by(i, peer, cards, size, &err);
    }
    free(cards);
    if (!peer->wire) {
        if (says_why)
            p2prep_say("out of reach", peer->vpid, ompi_process_info.nodename,
                       mca_pml_p2prep.transports, err.text);
        return OMPI_ERR_UNREACH;
    }
    size_t most = peer->wire->medium->send_max(peer->wire);
    size_t head = sizeof(struct p2prep_envelope_head);
    peer->eager = eager_over(peer->wire->medium);
    if (most < head + peer->eager)
        peer->eager = most > head ? most - head : 0;
    return OMPI_SUCCESS;
}

int p2prep_wire_progress(void)
{
    int n = 0;
    for (int i = 0; i < N_MEDIA; i++) {
        if (open_ones[i])
            n += media[i]->progress(open_ones[i]);
    }
    return n;
}

void p2prep_wire_wait_us(unsigned us)
{
    const struct timespec most = {.tv_nsec = (long)us * 1000};
    struct pollfd fds[N_MEDIA];
    for (int i = 0; i < N_MEDIA; i++)
        fds[i] =
            (struct pollfd){.fd = open_ones[i] ? media[i]->fd(open_ones[i]) : -1, .events = POLLIN};
    (void)ppoll(fds, N_MEDIA, &most, NULL);
}
