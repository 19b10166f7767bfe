/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_order.c - with replicas: what messages do not determine is decided once for all of a
 * rank */
#include "mca-component/pml_p2prep/pml_p2prep_order.h"

#include "mca-component/pml_p2prep/pml_p2prep_replica.h"
#include "mca-component/pml_p2prep/pml_p2prep_stats.h"
#include "mca-component/pml_p2prep/pml_p2prep_watch.h"

enum { LOOK_EVERY = 64 }; /* answers "no" of a follower between two calls of progress */

static struct decide *decide; /* this process's; NULL: nothing is decided */
static unsigned noes;

static void op_send(void *arg, int process, const struct replica_msg *msg, const void *bytes,
                    size_t size)
{
    struct p2prep_peer *peer = &mca_pml_p2prep.peers[process];
    (void)arg;
    if (p2prep_peer_put(peer, msg, sizeof *msg, bytes, size, NULL) != OMPI_SUCCESS)
        p2prep_no_memory(size);
}

/* Where what was queued ends in the transport; of records that wait no less than that. */
static uint64_t op_queued(void *arg, int process)
{
    struct p2prep_peer *peer = &mca_pml_p2prep.peers[process];
    uint64_t end = peer->wire->medium->taken(peer->wire) + peer->waiting_size;
    (void)arg;
    if (end > peer->furthest)
        peer->furthest = end;
    return peer->furthest;
}

static uint64_t op_delivered(void *arg, int process)
{
    struct p2prep_peer *peer = &mca_pml_p2prep.peers[process];
    const struct p2prep_medium *medium = peer->wire->medium;
    uint64_t delivered = medium->delivered(peer->wire);
    (void)arg;
    bool is_all = STAILQ_EMPTY(&peer->waiting) && delivered == medium->taken(peer->wire);
    return is_all ? peer->furthest : delivered;
}

static bool op_matched(void *arg, const struct decide_wild *wild, int source, uint64_t seq)
{
    (void)arg;
    return p2prep_order_matched(wild, source, seq);
}

static bool op_is_caught_up(void *arg)
{
    (void)arg;
    return p2prep_order_is_caught_up();
}

static void op_lead(void *arg)
{
    (void)arg;
    p2prep_order_lead();
}

static void op_stable(void *arg, uint64_t number)
{
    (void)arg;
    p2prep_replica_stable(number);
}

static void op_end(void *arg, const char *sentence)
{
    (void)arg;
    if (p2prep_watch_is_over())
        return;
    p2prep_say("end", OMPI_PROC_MY_NAME->vpid, ompi_process_info.nodename, sentence);
    ompi_rte_abort(1, NULL);
}

static const char *op_name(int kind)
{
    static const char *const names[] = {
        [P2PREP_ASK_TEST] = "MPI_Test",
        [P2PREP_ASK_TESTANY] = "MPI_Testany",
        [P2PREP_ASK_TESTALL] = "MPI_Testall",
        [P2PREP_ASK_TESTSOME] = "MPI_Testsome",
        [P2PREP_ASK_WAITANY] = "MPI_Waitany",
        [P2PREP_ASK_WAITSOME] = "MPI_Waitsome",
        [P2PREP_ASK_STATUS] = "MPI_Request_get_status",
        [P2PREP_ASK_PROBE] = "a probe",
        [P2PREP_ASK_CANCEL] = "MPI_Cancel",
        [P2PREP_ASK_CLOCK] = "MPI_Wtime",
        [P2PREP_ASK_NAME] = "MPI_Get_processor_name",
        [P2PREP_ASK_END] = "MPI_Finalize",
    };
    bool is_known = kind > 0 && kind < (int)(sizeof names / sizeof names[0]) && names[kind];
    return is_known ? names[kind] : "something else";
}

int p2prep_order_open(void)
{
    static const struct decide_ops ops = {.send = op_send,
                                          .queued = op_queued,
                                          .delivered = op_delivered,
                                          .matched = op_matched,
                                          .is_caught_up = op_is_caught_up,
                                          .lead = op_lead,
                                          .stable = op_stable,
                                          .end = op_end,
                                          .name = op_name};
    const char *order = mca_pml_p2prep.order;
    if (order && strcmp(order, "send-deterministic") == 0)
        return OMPI_SUCCESS;
    if (order && *order && strcmp(order, "decisions") != 0) {
        p2prep_say("bad order", order);
        return OMPI_ERR_BAD_PARAM;
    }
    decide = decide_create(mca_pml_p2prep.world, (int)OMPI_PROC_MY_NAME->vpid, 0, &ops, NULL);
    return OMPI_SUCCESS;
}

void p2prep_order_start(void)
{
    if (!decide)
        return;
    decide_start(decide);
    p2prep_order_calls_open();
}

void p2prep_order_close(void)
{
    p2prep_order_calls_close();
    decide_destroy(decide);
    decide = NULL;
}

bool p2prep_order_is_decided(void)
{
    return decide != NULL;
}

bool p2prep_order_may_be_told(void)
{
    return decide && !decide_is_deciding(decide);
}

uint64_t p2prep_order_gate(void)
{
    return decide ? decide_gate(decide) : 0;
}

void p2prep_order_message(uint32_t process, const struct replica_msg *msg, const void *bytes,
                          size_t size)
{
    if (decide)
        decide_receive(decide, (int)process, msg, bytes, size);
}

void p2prep_order_dead(uint32_t process)
{
    if (decide)
        decide_dead(decide, (int)process);
}

void p2prep_order_poll(void)
{
    if (decide)
        decide_poll(decide);
}

void p2prep_order_flush(void)
{
    if (decide)
        decide_flush(decide);
}

static enum decide_answer ask_once(enum p2prep_question question, const void **value_out,
                                   size_t *size_out)
{
    p2prep_lock();
    bool outer = mca_pml_p2prep.in_progress;
    mca_pml_p2prep.in_progress = true; /* to begin to lead matches: callbacks wait */
    enum decide_answer answer = decide_ask(decide, question, value_out, size_out);
    mca_pml_p2prep.in_progress = outer;
    p2prep_unlock();
    return answer;
}

/* Not known yet: a follower's leader has not come so far, or a follower is far behind. */
static enum decide_answer ask_until(enum p2prep_question question, const void **value_out,
                                    size_t *size_out)
{
    int64_t since_us = p2prep_stats_clock_us();
    enum decide_answer answer;
    do
        opal_progress();
    while ((answer = ask_once(question, value_out, size_out)) == DECIDE_WAIT);
    p2prep_stats_waited(since_us);
    return answer;
}

enum decide_answer p2prep_order_ask(enum p2prep_question question, const void **value_out,
                                    size_t *size_out)
{
    if (!decide)
        return DECIDE_FREE;
    enum decide_answer answer = ask_once(question, value_out, size_out);
    if (answer == DECIDE_WAIT)
        answer = ask_until(question, value_out, size_out);
    if (answer == DECIDE_NO && ++noes % LOOK_EVERY == 0)
        opal_progress();
    return answer;
}

void p2prep_order_end(void)
{
    const void *value;
    size_t size;
    if (p2prep_order_ask(P2PREP_ASK_END, &value, &size) == DECIDE_FREE)
        p2prep_order_outcome(P2PREP_ASK_END, NULL, 0);
    while (decide && decide_gate(decide) != decide_stable(decide))
        opal_progress();
}

void p2prep_order_stats(struct decide_stats *stats_out)
{
    *stats_out = (struct decide_stats){0};
    if (decide)
        decide_stats(decide, stats_out);
}

void p2prep_order_no(void)
{
    if (decide)
        decide_no(decide);
}

void p2prep_order_outcome(enum p2prep_question question, const void *value, size_t size)
{
    p2prep_lock();
    if (decide)
        decide_outcome(decide, question, value, size);
    p2prep_unlock();
}

/* ---------------------------------------------------------------- matching asks */

/* pml_p2prep_order_match.c's callbacks: the one struct decide is here. */
bool p2prep_order_is_deciding(void)
{
    return !decide || decide_is_deciding(decide);
}

void p2prep_order_tell(const struct decide_wild *wild, int source, uint64_t seq)
{
    decide_match(decide, wild, source, seq);
}

bool p2prep_order_told(const struct decide_wild *wild, int *source_out, uint64_t *seq_out)
{
    return decide_match_of(decide, wild, source_out, seq_out);
}

bool p2prep_order_is_matched(const struct decide_wild *wild, int source, uint64_t seq)
{
    return decide_is_matched(decide, wild, source, seq);
}
