/* SPDX-License-Identifier: BSD-3-Clause */
/* run_session.h - one job, seen from p2pmpirun: from the submission to its result */
#ifndef P2PMPI_TOOLS_RUN_SESSION_H
#define P2PMPI_TOOLS_RUN_SESSION_H

#include "base/err.h"
#include "tools/run_options.h"

struct run_session;

/* Borrows options. NULL with a sentence and the exit code. */
struct run_session *run_session_create(const struct run_options *options, int *exit_code_out,
                                       struct err *err);
void run_session_destroy(struct run_session *session);

/* Runs the job and returns p2pmpirun's exit code; sentences are on standard error. */
int run_session_run(struct run_session *session);

#endif
