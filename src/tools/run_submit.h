/* SPDX-License-Identifier: BSD-3-Clause */
/* run_submit.h - the job as p2pmpid is asked for it */
#ifndef P2PMPI_TOOLS_RUN_SUBMIT_H
#define P2PMPI_TOOLS_RUN_SUBMIT_H

#include <stdbool.h> /* manifest.h */

#include "base/err.h"
#include "stage/manifest.h"
#include "tools/run_options.h"
#include "wire/frame.h"

#define EXIT_NO_PROGRAM 132 /* as mpirun's: missing or not executable */
#define EXIT_NO_WDIR    135 /* as mpirun's: --wdir cannot be entered */

struct run_submit {
    Wire__JobSubmit
        message; /* what it points at belongs to this struct, to the options and the manifest */
    struct manifest *manifest;
    char *cwd, *wdir, *program, *command;
    struct run_env *env;
    Wire__HostWish **hosts;
    uint32_t *degrees; /* of -r; NULL: one each */
};

/* Checks the program and the input files, and with embedded false reads them for their hashes;
 * progress may end that (manifest_hash()). Returns 0, or -1 with a sentence and the exit code. */
int run_submit_fill(struct run_submit *submit, const struct run_options *options, bool embedded,
                    manifest_progress_fn *progress, void (*warn)(const char *text, void *arg),
                    void *arg, int *exit_code_out, struct err *err);
void run_submit_clear(struct run_submit *submit);

#endif
