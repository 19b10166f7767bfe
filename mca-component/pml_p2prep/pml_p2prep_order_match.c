/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_order_match.c - with replicas: messages and receives of a communicator, matched as was
 * decided
 *
 * A message is a struct p2prep_message on the stack until nobody takes it: then it moves to the
 * heap. Its source is the rank in the communicator, which all replicas share; its number is the
 * engine's, or ours for messages of a rank to itself. */
#include "mca-component/pml_p2prep/pml_p2prep_order.h"

static struct p2prep_message *message_of(struct match_item *item)
{
    return (struct p2prep_message *)(void *)((char *)item - offsetof(struct p2prep_message, item));
}

static mca_pml_p2prep_recv_request_t *recv_of(struct match_post *post)
{
    return (mca_pml_p2prep_recv_request_t *)(void *)((char *)post -
                                                     offsetof(mca_pml_p2prep_recv_request_t, post));
}

static struct decide_wild wild_of(const struct p2prep_comm *pc, const struct match_post *post)
{
    return (struct decide_wild){
        .cid = pc->name, .is_library = match_post_is_library(post), .index = post->index};
}

static void op_bind(void *arg, struct match_post *post, struct match_item *item)
{
    struct p2prep_message *m = message_of(item);
    (void)arg;
    mca_pml_p2prep_recv_request_t *recv = recv_of(post);
    recv->env = m->env;
    recv->peer = m->peer;
    p2prep_recv_take(recv, m->peer, &m->env, m->from, m->held);
    if (m->from == m->bytes)
        free(m);
}

static struct match_item *op_keep(void *arg, struct match_item *item)
{
    const struct p2prep_message *here = message_of(item);
    struct p2prep_message *m = malloc(sizeof *m + here->held);
    (void)arg;
    if (!m)
        p2prep_no_memory(here->held);
    *m = *here;
    if (m->held > 0)
        memcpy(m->bytes, here->from, m->held);
    m->from = m->bytes;
    return &m->item;
}

static void op_decided(void *arg, const struct match_post *post, const struct match_item *item)
{
    struct decide_wild wild = wild_of(arg, post);
    p2prep_order_tell(&wild, item->source, item->seq);
}

static struct match_item *op_unbind(void *arg, struct match_post *post)
{
    (void)arg;
    return &p2prep_recv_give_back(recv_of(post))->item;
}

static bool op_told(void *arg, const struct match_post *post, int *source_out, uint64_t *seq_out)
{
    struct decide_wild wild = wild_of(arg, post);
    return p2prep_order_told(&wild, source_out, seq_out);
}

static bool op_is_matched(void *arg, const struct match_item *item)
{
    const struct p2prep_comm *pc = arg;
    struct decide_wild wild = {.cid = pc->name, .is_library = item->tag < 0};
    return p2prep_order_is_matched(&wild, item->source, item->seq);
}

static const struct matching_ops ops = {.bind = op_bind,
                                        .keep = op_keep,
                                        .decided = op_decided,
                                        .unbind = op_unbind,
                                        .told = op_told,
                                        .is_matched = op_is_matched};

void p2prep_order_comm_open(struct p2prep_comm *pc)
{
    if (p2prep_order_is_decided())
        pc->matching = matching_create(pc->size, p2prep_order_is_deciding(), &ops, pc);
}

static void message_free(void *arg, struct match_item *item)
{
    (void)arg;
    free(message_of(item));
}

void p2prep_order_comm_close(struct p2prep_comm *pc)
{
    matching_destroy(pc->matching, message_free);
    pc->matching = NULL;
}

/* Callbacks of requests that complete inside wait until matching has returned. */
static bool enter(void)
{
    bool outer = mca_pml_p2prep.in_progress;
    mca_pml_p2prep.in_progress = true;
    return outer;
}

static void leave(bool outer)
{
    mca_pml_p2prep.in_progress = outer;
}

static int32_t tag_of(int tag)
{
    return tag == OMPI_ANY_TAG ? MATCHING_ANY_TAG : tag;
}

static int source_of(int source)
{
    return source == OMPI_ANY_SOURCE ? MATCHING_ANY_SOURCE : source;
}

void p2prep_order_arrive(struct p2prep_comm *pc, struct p2prep_peer *peer,
                         const struct p2prep_envelope_head *env, const void *bytes, size_t held)
{
    struct p2prep_message m = {.peer = peer, .env = *env, .from = bytes, .held = held};
    m.item.source = env->head.source;
    m.item.tag = env->head.tag;
    m.item.is_sync = peer == NULL && env->head.kind == P2PREP_SYNC;
    m.item.seq = peer == NULL ? env->send_id : ++pc->self_seq[env->head.tag < 0];
    bool outer = enter();
    matching_arrive(pc->matching, &m.item);
    leave(outer);
}

void p2prep_order_post(struct p2prep_comm *pc, mca_pml_p2prep_recv_request_t *recv)
{
    const mca_pml_base_request_t *base = &recv->req_recv.req_base;
    p2prep_lock();
    matching_forget(pc->matching, &recv->post);
    recv->post.source = source_of(base->req_peer);
    recv->post.tag = tag_of(base->req_tag);
    bool outer = enter();
    matching_post(pc->matching, &recv->post);
    leave(outer);
    p2prep_unlock();
}

void p2prep_order_forget(mca_pml_p2prep_recv_request_t *recv)
{
    struct p2prep_comm *pc = (struct p2prep_comm *)recv->req_recv.req_base.req_comm->c_pml_comm;
    if (recv->post.is_listed && pc && pc->matching)
        matching_forget(pc->matching, &recv->post);
}

/* ---------------------------------------------------------------- cancel */

/* What the leader found: a message or none. */
static bool cancel_as_told(struct p2prep_comm *pc, mca_pml_p2prep_recv_request_t *recv,
                           bool is_cancelled)
{
    while (!is_cancelled && !match_post_is_bound(&recv->post))
        opal_progress();
    p2prep_lock();
    bool outer = enter();
    if (is_cancelled)
        matching_revoke(pc->matching, &recv->post);
    leave(outer);
    p2prep_unlock();
    return is_cancelled;
}

bool p2prep_order_cancel(mca_pml_p2prep_recv_request_t *recv)
{
    struct p2prep_comm *pc = (struct p2prep_comm *)recv->req_recv.req_base.req_comm->c_pml_comm;
    const void *value;
    size_t size;
    if (p2prep_order_ask(P2PREP_ASK_CANCEL, &value, &size) == DECIDE_GIVEN)
        return cancel_as_told(pc, recv, size == 1 && *(const uint8_t *)value == 1);
    uint8_t is_cancelled = matching_cancel(pc->matching, &recv->post);
    p2prep_order_outcome(P2PREP_ASK_CANCEL, &is_cancelled, 1);
    return is_cancelled;
}

/* ---------------------------------------------------------------- probes */

struct seen {
    int32_t source, zero;
    uint64_t seq;
};

static struct match_item *probe_free(struct p2prep_comm *pc, int source, int32_t tag, bool blocks)
{
    struct match_item *item = matching_probe(pc->matching, source, tag);
    for (int looks = 0; !item && (blocks || looks == 0); looks++) {
        opal_progress();
        item = matching_probe(pc->matching, source, tag);
    }
    return item;
}

static struct match_item *probe_decide(struct p2prep_comm *pc, int source, int32_t tag, bool blocks)
{
    struct match_item *item = probe_free(pc, source, tag, blocks);
    struct seen seen = {0};
    if (!item) {
        p2prep_order_no();
        return NULL;
    }
    seen.source = item->source;
    seen.seq = item->seq;
    p2prep_order_outcome(P2PREP_ASK_PROBE, &seen, sizeof seen);
    return item;
}

static struct match_item *probe_told(struct p2prep_comm *pc, int32_t tag, const void *value,
                                     size_t size)
{
    struct seen seen = {0};
    struct match_item *item;
    memcpy(&seen, value, size < sizeof seen ? size : sizeof seen);
    while (!(item = matching_find(pc->matching, seen.source, tag, seen.seq)))
        opal_progress();
    return item;
}

static struct match_item *probe(struct p2prep_comm *pc, int source, int32_t tag, bool blocks)
{
    const void *value;
    size_t size;
    if (blocks && source != MATCHING_ANY_SOURCE)
        return probe_free(pc, source, tag, true);
    switch (p2prep_order_ask(P2PREP_ASK_PROBE, &value, &size)) {
    case DECIDE_GIVEN:
        return probe_told(pc, tag, value, size);
    case DECIDE_FREE:
        return probe_decide(pc, source, tag, blocks);
    default:
        return NULL;
    }
}

struct p2prep_message *p2prep_order_probe(struct p2prep_comm *pc, int source, int tag, bool blocks,
                                          bool takes)
{
    struct match_item *item = probe(pc, source_of(source), tag_of(tag), blocks);
    if (item && takes) {
        p2prep_lock();
        matching_take(pc->matching, item);
        p2prep_unlock();
    }
    return item ? message_of(item) : NULL;
}

/* ---------------------------------------------------------------- what decide.c calls */

bool p2prep_order_matched(const struct decide_wild *wild, int source, uint64_t seq)
{
    struct p2prep_comm *pc = p2prep_comm_of(wild->cid);
    return pc && matching_told(pc->matching, wild->is_library, wild->index, source, seq);
}

bool p2prep_order_is_caught_up(void)
{
    for (struct p2prep_comm *pc = NULL; (pc = p2prep_comm_next(pc));) {
        if (!matching_is_caught_up(pc->matching))
            return false;
    }
    return true;
}

void p2prep_order_lead(void)
{
    for (struct p2prep_comm *pc = NULL; (pc = p2prep_comm_next(pc));)
        matching_lead(pc->matching);
}
