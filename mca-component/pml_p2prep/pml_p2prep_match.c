/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_match.c - messages and receives find each other
 *
 * Of one sender in order of sending, of one receiver in order of posting: a message goes to the
 * receive that was posted first, be it for its source or for any. Negative tags are the library's
 * own: MPI_ANY_TAG does not mean them. */
#include "mca-component/pml_p2prep/pml_p2prep.h"
#include "mca-component/pml_p2prep/pml_p2prep_order.h"

static inline bool is_tag_wanted(int wanted, int tag)
{
    return wanted == tag || (wanted == OMPI_ANY_TAG && tag >= 0);
}

static mca_pml_p2prep_recv_request_t *first_of(struct p2prep_receives *posted, int tag)
{
    mca_pml_p2prep_recv_request_t *recv;
    TAILQ_FOREACH(recv, posted, link)
    {
        if (is_tag_wanted(recv->req_recv.req_base.req_tag, tag))
            return recv;
    }
    return NULL;
}

static mca_pml_p2prep_recv_request_t *receive_for(struct p2prep_comm *pc,
                                                  const struct p2prep_head *head)
{
    mca_pml_p2prep_recv_request_t *recv = first_of(&pc->sources[head->source].posted, head->tag);
    mca_pml_p2prep_recv_request_t *wild =
        TAILQ_EMPTY(&pc->wild) ? NULL : first_of(&pc->wild, head->tag);
    if (wild && (!recv || wild->order < recv->order)) {
        TAILQ_REMOVE(&pc->wild, wild, link);
        return wild;
    }
    if (recv)
        TAILQ_REMOVE(&pc->sources[head->source].posted, recv, link);
    return recv;
}

static struct p2prep_message *message_create(struct p2prep_peer *peer,
                                             const struct p2prep_envelope_head *env,
                                             const void *bytes, size_t held)
{
    struct p2prep_message *m = malloc(sizeof *m + held);
    if (!m)
        p2prep_no_memory(held);
    m->peer = peer;
    m->env = *env;
    m->held = held;
    if (held > 0)
        memcpy(m->bytes, bytes, held);
    return m;
}

static void match_in(struct p2prep_comm *pc, struct p2prep_peer *peer,
                     const struct p2prep_envelope_head *env, const void *bytes, size_t held)
{
    if (OPAL_UNLIKELY(pc->matching != NULL)) {
        p2prep_order_arrive(pc, peer, env, bytes, held);
        return;
    }
    mca_pml_p2prep_recv_request_t *recv = receive_for(pc, &env->head);
    if (recv) {
        p2prep_recv_take(recv, peer, env, bytes, held);
        return;
    }
    struct p2prep_message *m = message_create(peer, env, bytes, held);
    m->arrival = pc->next_arrival++;
    TAILQ_INSERT_TAIL(&pc->sources[env->head.source].unexpected, m, link);
    pc->unexpected++;
}

void p2prep_match_message(struct p2prep_peer *peer, const struct p2prep_envelope_head *env,
                          const void *bytes, size_t held)
{
    mca_pml_p2prep_t *pml = &mca_pml_p2prep;
    struct p2prep_comm *pc = p2prep_comm_of(env->head.context);
    if (OPAL_UNLIKELY(!pc)) {
        struct p2prep_message *m = message_create(peer, env, bytes, held);
        TAILQ_INSERT_TAIL(&pml->strangers, m, link);
        return;
    }
    if (OPAL_UNLIKELY(pc->rank_of != NULL && peer != pml->self)) {
        struct p2prep_envelope_head here = *env;
        here.head.source = here.head.source >= 0 && here.head.source < pml->world->ranks
                               ? pc->rank_of[here.head.source]
                               : -1;
        if (here.head.source >= 0)
            match_in(pc, peer, &here, bytes, held);
        return;
    }
    if (OPAL_LIKELY(env->head.source >= 0 && env->head.source < pc->size))
        match_in(pc, peer, env, bytes, held);
}

static struct p2prep_message *first_message(struct p2prep_source *source, int tag)
{
    struct p2prep_message *m;
    TAILQ_FOREACH(m, &source->unexpected, link)
    {
        if (is_tag_wanted(tag, m->env.head.tag))
            return m;
    }
    return NULL;
}

struct p2prep_message *p2prep_match_find(struct p2prep_comm *pc, int source, int tag, bool take)
{
    struct p2prep_message *found = NULL;
    if (pc->unexpected == 0)
        return NULL;
    if (source != OMPI_ANY_SOURCE)
        found = first_message(&pc->sources[source], tag);
    else {
        for (int i = 0; i < pc->size; i++) {
            struct p2prep_message *m = first_message(&pc->sources[i], tag);
            if (m && (!found || m->arrival < found->arrival))
                found = m;
        }
    }
    if (found && take) {
        TAILQ_REMOVE(&pc->sources[found->env.head.source].unexpected, found, link);
        pc->unexpected--;
    }
    return found;
}

static struct p2prep_receives *queue_of(struct p2prep_comm *pc, mca_pml_p2prep_recv_request_t *recv)
{
    int source = recv->req_recv.req_base.req_peer;
    return source == OMPI_ANY_SOURCE ? &pc->wild : &pc->sources[source].posted;
}

void p2prep_match_post(struct p2prep_comm *pc, mca_pml_p2prep_recv_request_t *recv)
{
    recv->order = pc->next_order++;
    TAILQ_INSERT_TAIL(queue_of(pc, recv), recv, link);
}

void p2prep_match_unpost(struct p2prep_comm *pc, mca_pml_p2prep_recv_request_t *recv)
{
    TAILQ_REMOVE(queue_of(pc, recv), recv, link);
}
