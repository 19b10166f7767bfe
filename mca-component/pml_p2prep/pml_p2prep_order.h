/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_order.h - with replicas: what messages do not determine is decided once for all of a
 * rank
 *
 * Glue to src/replica/decide.h, which knows who decides, and matching.h, which matches as was
 * decided. With pml_p2prep_order = send-deterministic there is none of it: is_decided is false, and
 * p2prep_order_gate() answers 0. */
#ifndef PML_P2PREP_ORDER_H
#define PML_P2PREP_ORDER_H

#include "mca-component/pml_p2prep/pml_p2prep.h"
#include "replica/decide.h"

/* What decide_ask() is asked about. */
enum p2prep_question {
    P2PREP_ASK_TEST = 1,
    P2PREP_ASK_TESTANY,
    P2PREP_ASK_TESTALL,
    P2PREP_ASK_TESTSOME,
    P2PREP_ASK_WAITANY,
    P2PREP_ASK_WAITSOME,
    P2PREP_ASK_STATUS,
    P2PREP_ASK_PROBE,
    P2PREP_ASK_CANCEL,
    P2PREP_ASK_CLOCK,
    P2PREP_ASK_NAME,
    P2PREP_ASK_END = DECIDE_END,
};

int p2prep_order_open(void);
/* After the first news of deaths. */
void p2prep_order_start(void);
void p2prep_order_close(void);
bool p2prep_order_is_decided(void);
/* A follower's send that may be called complete before anybody matched it here. */
bool p2prep_order_may_be_told(void);

/* The number that all which leaves from now on depends on. */
uint64_t p2prep_order_gate(void);
void p2prep_order_message(uint32_t process, const struct replica_msg *msg, const void *bytes,
                          size_t size);
void p2prep_order_dead(uint32_t process);
/* Looks what is stable; once per progress. */
void p2prep_order_poll(void);
/* Sends what was decided: when a millisecond went by, before the process blocks. */
void p2prep_order_flush(void);
/* MPI_Finalize: waits until it is known that all replicas come to it the same way, and until
 * everything that was decided here is stable. */
void p2prep_order_end(void);

/* decide_ask(), waiting until it answers something else than DECIDE_WAIT. */
enum decide_answer p2prep_order_ask(enum p2prep_question question, const void **value_out,
                                    size_t *size_out);
void p2prep_order_no(void);
void p2prep_order_outcome(enum p2prep_question question, const void *value, size_t size);

/* What was decided; all 0 where nothing is. */
void p2prep_order_stats(struct decide_stats *stats_out);

/* pml_p2prep_order_match.c: pc->matching */

void p2prep_order_comm_open(struct p2prep_comm *pc);
void p2prep_order_comm_close(struct p2prep_comm *pc);
/* A message of the engine's (peer is NULL) or of our own. */
void p2prep_order_arrive(struct p2prep_comm *pc, struct p2prep_peer *peer,
                         const struct p2prep_envelope_head *env, const void *bytes, size_t held);
void p2prep_order_post(struct p2prep_comm *pc, mca_pml_p2prep_recv_request_t *recv);
/* The program has the receive's result, or starts it anew. */
void p2prep_order_forget(mca_pml_p2prep_recv_request_t *recv);
/* MPI_Cancel. True: it is taken back; complete it. */
bool p2prep_order_cancel(mca_pml_p2prep_recv_request_t *recv);
/* A probe's message, or NULL; `takes`: it is the caller's. */
struct p2prep_message *p2prep_order_probe(struct p2prep_comm *pc, int source, int tag, bool blocks,
                                          bool takes);
bool p2prep_order_matched(const struct decide_wild *wild, int source, uint64_t seq);
bool p2prep_order_is_caught_up(void);
void p2prep_order_lead(void);
/* pml_p2prep_order.c, for it: does this process decide; it did; what it was told. */
bool p2prep_order_is_deciding(void);
void p2prep_order_tell(const struct decide_wild *wild, int source, uint64_t seq);
bool p2prep_order_told(const struct decide_wild *wild, int *source_out, uint64_t *seq_out);
bool p2prep_order_is_matched(const struct decide_wild *wild, int source, uint64_t seq);

/* pml_p2prep_order_calls.c: tests, MPI_Wtime and the like */

void p2prep_order_calls_open(void);
void p2prep_order_calls_close(void);

#endif
