/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_verify.c - with replicas: what may differ in messages that replicas compare
 *
 * MPI_Intercomm_create sends the processes of a communicator by name, with the program's tag; each
 * set of replicas has processes of its own. Such a list is known by the name of the job, which
 * stands beside each. */
#include "mca-component/pml_p2prep/pml_p2prep_verify.h"

#include "mca-component/pml_p2prep/pml_p2prep.h"

enum { ENTRY_MAX = 512 }; /* bytes of a list for each process */

bool p2prep_verify_is_own(const void *bytes, size_t size)
{
    static char job[256]; /* PMIx's name for it, read once */
    if (OPAL_LIKELY(!mca_pml_p2prep.verify) || size < sizeof(uint64_t) + 1 ||
        size > (size_t)ENTRY_MAX * (size_t)mca_pml_p2prep.world->ranks)
        return false;
    if (!job[0] && getenv("PMIX_NAMESPACE"))
        (void)snprintf(job, sizeof job, "%s", getenv("PMIX_NAMESPACE"));
    return job[0] && memmem(bytes, size, job, strlen(job)) != NULL;
}
