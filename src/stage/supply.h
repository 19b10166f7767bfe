/* SPDX-License-Identifier: BSD-3-Clause */
/* supply.h - the home's part of staging one job: offers, and the content that hosts want, within a
 * window
 *
 * Hosts want nearly the same at nearly the same time: pieces just compressed are kept for the next
 * host. */
#ifndef P2PMPI_STAGE_SUPPLY_H
#define P2PMPI_STAGE_SUPPLY_H

#include "base/err.h"
#include "wire/frame.h"

#include <stdbool.h>
#include <stdint.h>

#define SUPPLY_WINDOW 8 /* pieces of PIECE_MAX on the way to one host */

struct supply;

struct supply_calls {
    /* A frame for host number `host`: StageOffer or StageData. Borrowed for the call. */
    void (*send)(void *arg, uint32_t host, const Wire__Frame *frame);
    /* The host is ready (error NULL), or cannot run the job: a sentence, without the host's name.
     * Once per supply_host(). The supply must not be destroyed inside. */
    void (*done)(void *arg, uint32_t host, const char *error);
    void *arg;
};

/* files and needs as in JobSubmit: borrowed, they live as long as the supply. */
struct supply *supply_create(const char *job, Wire__File *const *files, size_t count,
                             Wire__Needs *needs, const struct supply_calls *calls);
void supply_destroy(struct supply *supply);

/* Sends the offer to a host; again after its link broke: starts that host anew. */
void supply_host(struct supply *supply, uint32_t host);
/* The host is out of the job. */
void supply_drop(struct supply *supply, uint32_t host);

/* What came from a host. Each may call send() and done(). */
void supply_want(struct supply *supply, uint32_t host, const Wire__StageWant *want);
void supply_ack(struct supply *supply, uint32_t host, const Wire__StageAck *ack);
void supply_ready(struct supply *supply, uint32_t host, const Wire__StageReady *ready);

/* Bytes acknowledged and wanted so far, over all hosts: for JobProgress. True when all hosts are
 * done. */
bool supply_progress(const struct supply *supply, uint64_t *done_out, uint64_t *total_out);

#endif
