/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_replica.h - with replicas: sends and receives go through the engine of src/replica */
#ifndef PML_P2PREP_REPLICA_H
#define PML_P2PREP_REPLICA_H

#include "mca-component/pml_p2prep/pml_p2prep.h"

struct replica_stats;

int p2prep_replica_open(void);
/* After the first news of deaths. */
void p2prep_replica_start(void);
/* The others take this process for dead: leaves. */
void p2prep_replica_refused(void);
void p2prep_replica_close(void);
/* The engine's; all 0 without replicas. */
void p2prep_replica_stats(struct replica_stats *stats_out);
/* Posts a send to another rank; it may be complete on return. */
int p2prep_replica_send(mca_pml_p2prep_send_request_t *send);
/* Posts a small one that is neither synchronous nor buffered, without a request. False: not now,
 * nothing is posted. */
bool p2prep_replica_send_at_once(const struct p2prep_peer *peer, const void *bytes, size_t size,
                                 int tag, uint32_t context);
/* The program posts nothing more: waits until siblings have posted the same (pml_p2prep_verify). */
void p2prep_replica_posted_all(void);
/* The program freed an active send's request: its bytes are copied, it completes now or soon. */
void p2prep_replica_detach(mca_pml_p2prep_send_request_t *send);
/* A message from a process. */
void p2prep_replica_message(struct p2prep_peer *peer, const void *head, size_t head_size,
                            const void *bytes, size_t size);
/* A receive has its message: asks for the bytes, if they are not here. */
void p2prep_replica_take(mca_pml_p2prep_recv_request_t *recv,
                         const struct p2prep_envelope_head *env);
/* A match is undone: bytes_take (of malloc()) are what came so far. */
void p2prep_replica_untake(const struct p2prep_envelope_head *env, void *bytes_take);
/* All decisions up to number are stable. */
void p2prep_replica_stable(uint64_t number);
/* A process is dead for certain; dealt with in the next progress. */
void p2prep_replica_dead(uint32_t process);
/* The engine's word on tags of non-blocking collectives (pml_p2prep_falling.c). */
bool p2prep_replica_tag_falls(int tag);
int p2prep_replica_falling_first(void);
/* Collectives with this tag and older ones are over in this communicator. */
void p2prep_replica_over(uint32_t context, int tag);
/* One that was over begins again: ends the job. */
void p2prep_replica_tag_again(int tag, uint32_t context);
/* Once per progress; `n`: what else was done in it. */
void p2prep_replica_progress(int n);

#endif
