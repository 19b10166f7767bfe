/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_id.h - numbers that stand for requests on the wire
 *
 * A number is for one kind of request, one process and one word of it: the receiver of a send says
 * once CLEAR or FINISHED, the sender of a receive's bytes says once BODY. What comes late, twice,
 * from somebody else or for another kind names nothing. No Open MPI here. */
#ifndef PML_P2PREP_ID_H
#define PML_P2PREP_ID_H

#include <stdint.h>

enum p2prep_id_kind { P2PREP_ID_SEND, P2PREP_ID_RECV };

/* owner: who may claim it; compared, never looked into. 0: no memory. */
uint64_t p2prep_id_give(void *thing, enum p2prep_id_kind kind, const void *owner);
/* The thing, once; NULL: the number is not for that. */
void *p2prep_id_claim(uint64_t id, enum p2prep_id_kind kind, const void *owner);
/* The thing is gone, claimed or not. */
void p2prep_id_drop(uint64_t id);
void p2prep_id_close(void);

#endif
