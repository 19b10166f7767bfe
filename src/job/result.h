/* SPDX-License-Identifier: BSD-3-Clause */
/* result.h - what a job's end is called: exit code and sentence, as mpirun's users know them */
#ifndef P2PMPI_JOB_RESULT_H
#define P2PMPI_JOB_RESULT_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

#define RESULT_FAILED     1   /* not enough slots, bad option, a lost host, interrupted */
#define RESULT_TIMEOUT    110 /* --timeout */
#define RESULT_NO_PROGRAM 132 /* the program is missing or cannot be executed */
#define RESULT_SIGNAL     128 /* + number of the signal that killed a rank */

struct result {
    bool failed;        /* the first failure is decided: what follows are its consequences */
    uint32_t code;      /* exit code of p2pmpirun */
    uint32_t code_rank; /* whose code it is */
    bool is_code;       /* it is one that a rank exited with */
    uint32_t signal;
    char text[ERR_TEXT_MAX]; /* empty: nothing to say */
};

/* One rank's end. host is for the sentence. killed: the home had told the ranks to end before, so
 * this end is a consequence. Returns true when the job must be ended because of it. As Open MPI: a
 * rank that exits with a code, dies by a signal, or leaves without MPI_Finalize after MPI_Init,
 * ends the job; of several codes the lowest rank's counts. */
struct rank_end {
    uint32_t rank, code, signal;
    bool was_init, finalized;
    const char *reason; /* why it could not be started; empty or NULL */
    const char *host;
    uint32_t pid;
};
bool result_rank_ended(struct result *result, const struct rank_end *end, bool killed);
void result_aborted(struct result *result, uint32_t rank, int status, const char *text,
                    const char *host);
/* Any other failure; the first one stays. */
void result_failed(struct result *result, uint32_t code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
