/* SPDX-License-Identifier: BSD-3-Clause */
/* intake.h - the host's part of staging one job: what is wanted, taking it in, the job's directory
 * laid out
 *
 *   StageOffer -> (look at needs and files) -> StageWant -> StageData* / StageAck* -> (lay out) ->
 * StageReady
 *
 * Work that may take long (hashing, copying) is done in pieces: after every call here the owner
 * calls intake_work() from its loop, with other events between, as long as it returns true. */
#ifndef P2PMPI_STAGE_INTAKE_H
#define P2PMPI_STAGE_INTAKE_H

#include "base/err.h"
#include "stage/store.h"
#include "wire/frame.h"

#include <stdbool.h>

struct intake;

struct intake_calls {
    /* A frame for the job's home: StageWant, StageAck or StageReady. Borrowed for the call, in
     * which the intake must not be destroyed. */
    void (*send)(void *arg, const Wire__Frame *frame);
    void *arg;
};

/* dir: the job's directory (absolute, exists, empty or with what is not ours: bin/, lib/, work/ are
 * made here). host: what this host is, for the check of needs. All but store copied. Sentences say
 * "this host": the home puts the name in front. */
struct intake *intake_create(struct store *store, const char *job, const char *dir,
                             const Wire__HostInfo *host, const struct intake_calls *calls);
void intake_destroy(struct intake *intake); /* leaves the directory to the owner */

/* A second offer (the home came back) starts anew; what is in the store by then is not asked for
 * again. */
void intake_offer(struct intake *intake, const Wire__StageOffer *offer);
void intake_data(struct intake *intake, const Wire__StageData *data);
/* A piece of work. True: call again soon. */
bool intake_work(struct intake *intake);

enum intake_state {
    INTAKE_IDLE,
    INTAKE_LOOKING,
    INTAKE_TAKING,
    INTAKE_LAYING,
    INTAKE_READY,
    INTAKE_FAILED
};
enum intake_state intake_state(const struct intake *intake);

/* Once INTAKE_READY. The program to exec, absolute: in place on this host or DIR/bin/NAME; NULL:
 * none was sent, argv[0] is it. */
const char *intake_program(const struct intake *intake);
/* DIR/lib holds something: put it in front of LD_LIBRARY_PATH. */
bool intake_has_libraries(const struct intake *intake);

#endif
