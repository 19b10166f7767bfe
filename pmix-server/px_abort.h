/* SPDX-License-Identifier: BSD-3-Clause */
/* px_abort.h - PMIx_Abort (MPI_Abort) of a rank: told to the job's home, which ends the job */
#ifndef P2PMPI_PX_ABORT_H
#define P2PMPI_PX_ABORT_H

#include <pmix_server.h>

struct px_step;

/* Upcall. */
pmix_status_t px_abort(const pmix_proc_t *proc, void *object, int status, const char text[],
                       pmix_proc_t procs[], size_t count, pmix_op_cbfunc_t done, void *done_arg);

/* Loop's thread, at the step's end: aborts not told yet never will be. */
void px_abort_close(struct px_step *step);

#endif
