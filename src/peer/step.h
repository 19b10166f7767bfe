/* SPDX-License-Identifier: BSD-3-Clause */
/* step.h - a p2pmpi-stepd as p2pmpid sees it: started, or found again after a restart; spoken to;
 * ended
 *
 * The Unix socket JOBDIR/step.sock is bound before the process starts, so the connection never
 * waits for it, and stays for the p2pmpid that may come after us. */
#ifndef P2PMPI_PEER_STEP_H
#define P2PMPI_PEER_STEP_H

#include "base/err.h"
#include "wire/frame.h"

#include <stdbool.h>
#include <sys/types.h>

#define STEP_START_MS 15000 /* from fork to StepStarted */
#define STEP_END_MS   3000  /* from StepEnd to the end of the process; then SIGKILL */
#define STEP_RETAKE_MS                                                                             \
    5000 /* from the connection to StepAttach of a step found after a restart                      \
          */

struct event_base;
struct step;

struct step_ops {
    /* The first frame of each step: who it is (a retaken one tells its job). */
    void (*attached)(struct step *step, const Wire__StepAttach *attach, void *arg);
    void (*started)(struct step *step, const Wire__StepStarted *started, void *arg);
    void (*frame)(struct step *step, Wire__Frame *frame, void *arg);
    /* The process is over, or cannot be spoken to; step_destroy() may be called here. */
    void (*gone)(struct step *step, const char *why, void *arg);
};

struct step_place {
    const char *program; /* NULL: our own p2pmpi-stepd */
    const char *dir;     /* the job's directory, absolute, exists */
    const char *job;
    bool inherit_stderr; /* else standard error goes to dir/log */
    bool tools;          /* a step without ranks, for PMIx tools */
    const char *sandbox; /* path of bubblewrap, or NULL: none */
};

/* Starts one. hello, ops are borrowed; place is read now. NULL with a sentence. */
struct step *step_spawn(struct event_base *base, const struct step_place *place,
                        const Wire__Hello *hello, const struct step_ops *ops, void *arg,
                        struct err *err);
/* Connects to the one that a p2pmpid before us started in dir. NULL with a sentence when there is
 * no socket. */
struct step *step_retake(struct event_base *base, const char *dir, const char *job,
                         const Wire__Hello *hello, const struct step_ops *ops, void *arg,
                         struct err *err);

int step_send(struct step *step, const Wire__Frame *frame);
/* Asks it to end; gone() follows within STEP_END_MS. */
void step_end(struct step *step);
/* The directory as the step sees it ("/job" in a sandbox). */
const char *step_dir(const struct step *step);
/* Tell of a child that was waited for: gone() may follow. Returns true if it was this one's. */
bool step_reaped(struct step *step, pid_t pid, int status);
void step_destroy(struct step *step);

#endif
