/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_verify.h - with replicas: what may differ in messages that replicas compare */
#ifndef PML_P2PREP_VERIFY_H
#define PML_P2PREP_VERIFY_H

#include <stdbool.h>
#include <stddef.h>

/* Only where pml_p2prep_verify is set: the bytes of a message name processes of the job, as those
 * of MPI_Intercomm_create do, and so are not those of other replicas. */
bool p2prep_verify_is_own(const void *bytes, size_t size);

#endif
