/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_wire.h - the transports of this process: opened, their cards exchanged, each peer
 * given one of them */
#ifndef PML_P2PREP_WIRE_H
#define PML_P2PREP_WIRE_H

#include "mca-component/pml_p2prep/pml_p2prep.h"

/* Opens the media that pml_p2prep_transports names and publishes their cards. An OMPI error code;
 * shows why. */
int p2prep_wire_open(void);
void p2prep_wire_close(void);
/* Gives a peer the first medium that reaches it. An OMPI error code; shows why, if asked to. */
int p2prep_wire_add(struct p2prep_peer *peer, bool says_why);
/* With replicas: most bytes of a message that goes with its envelope. One limit for all pairs of
 * the job, for which transport a pair has may differ from set to set. */
size_t p2prep_wire_eager_replicas(void);
int p2prep_wire_progress(void);
/* Which network interfaces the user wants, NULL: any. */
const char *p2prep_wire_interfaces(void);

/* Until a transport that can tell has something to do, or so many microseconds. */
void p2prep_wire_wait_us(unsigned us);

#endif
