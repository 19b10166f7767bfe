/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_watch.h - with replicas: who is dead, who has come to the end */
#ifndef PML_P2PREP_WATCH_H
#define PML_P2PREP_WATCH_H

#include "mca-component/pml_p2prep/pml_p2prep.h"

/* Listens, publishes where. An OMPI error code; shows why. */
int p2prep_watch_open(void);
/* During MPI_Init: the daemon, asked from time to time, knows of a death in the job. */
bool p2prep_watch_knows_dead(void);
/* Waits for what this process has published. False: it died before it did. */
bool p2prep_watch_await(uint32_t process);
/* All awaited: tells who is dead from the start, connects the others; who refuses is dead. */
void p2prep_watch_connect(void);
/* Finds out whether it is; waits until that is known. */
bool p2prep_watch_is_dead(uint32_t process);
void p2prep_watch_close(void);
/* The link with this process broke: it is dead, or one of both must leave. */
void p2prep_watch_cut(uint32_t process);
/* It keeps others waiting for too long: it is to be taken for dead by all. False: its rank needs
 * it.
 */
bool p2prep_watch_evict(uint32_t process);
/* News that came. Cheap enough for every few calls of progress. */
void p2prep_watch_poll(void);
/* Says that this process needs nobody any more. */
void p2prep_watch_goodbye(void);
/* All others said so or are dead. */
bool p2prep_watch_is_alone(void);
/* This process said goodbye. */
bool p2prep_watch_is_over(void);
/* The host of another process. */
const char *p2prep_watch_host(int process);
/* "host (process 3), host (process 7)": where a rank's replicas are or were. */
void p2prep_watch_hosts(int rank, char *text, size_t size);

#endif
