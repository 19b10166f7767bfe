/* SPDX-License-Identifier: BSD-3-Clause */
/* modex.h - direct modex: asking the host of a rank for what the rank has published
 *
 * The asking side keeps a table of questions with deadlines. The asked side hands the question to
 * its owner, who asks the server library (which itself waits for a rank that has not published yet)
 * and answers later.
 *
 * Pure logic: no sockets, no clock. Callbacks may call modex_get() and modex_answer(), nothing else
 * here. */
#ifndef P2PMPI_COLL_MODEX_H
#define P2PMPI_COLL_MODEX_H

#include "base/err.h"
#include "wire/frame.h"

#include <stddef.h>
#include <stdint.h>

#define MODEX_DEFAULT_MS 60000 /* deadline of a question that came without one */
#define MODEX_MAX        65536 /* questions under way at once */
#define MODEX_DATA_MAX   (6u << 20)

/* Statuses of our own; the program translates them to PMIx's. Any other int passes through
 * unchanged. */
enum modex_status {
    MODEX_OK = 0,
    MODEX_TIMEOUT = -10001,
    MODEX_LOST = -10004, /* the rank's host is gone, or the rank */
    MODEX_TOO_BIG = -10002,
};

struct modex_ops {
    /* Hand step to the channel to that host. Borrowed for the call. */
    void (*send)(void *arg, int host, const Wire__Step *step);
    /* The answer to modex_get(tag). data is borrowed for the call; none unless status is MODEX_OK.
     */
    void (*done)(void *arg, void *tag, int status, const uint8_t *data, size_t size);
    /* Host src asks for this local rank's data (key: empty, all of it). Answer with
     * modex_answer(src, id, ...), at once or later. timeout_ms: after that nobody waits. */
    void (*asked)(void *arg, int src, uint64_t id, uint32_t rank, const char *key,
                  uint32_t timeout_ms);
};

struct modex;

/* The engine of host `self`. rank_host[ranks]: as JobSpec.rank_host; copied. */
struct modex *modex_create(int self, const uint32_t *rank_host, size_t ranks,
                           const struct modex_ops *ops, void *arg);
void modex_destroy(struct modex *modex); /* answers nothing */

/* Asks the host of rank. timeout_ms 0: MODEX_DEFAULT_MS. done(tag) follows, once, perhaps before
 * this returns (host lost). -1 with a sentence, and no done(): no such rank, a local rank, or
 * MODEX_MAX questions wait. */
int modex_get(struct modex *modex, uint32_t rank, const char *key, uint32_t timeout_ms, void *tag,
              int64_t now_ms, struct err *err);
/* Answers an asked(). data is borrowed for the call. */
void modex_answer(struct modex *modex, int src, uint64_t id, int status, const void *data,
                  size_t size);

/* ModexGet and ModexData from host src; other bodies are ignored. -1 with a sentence (for the log).
 */
int modex_receive(struct modex *modex, int src, const Wire__Step *step, int64_t now_ms,
                  struct err *err);

void modex_rank_gone(struct modex *modex,
                     uint32_t rank); /* questions about it are answered MODEX_LOST */
void modex_host_lost(struct modex *modex, int host);
void modex_fail_all(struct modex *modex, int status); /* the job ends */

int modex_tick(struct modex *modex, int64_t now_ms);       /* returns modex_next() */
int modex_next(const struct modex *modex, int64_t now_ms); /* ms until a tick is wanted, -1: none */

#endif
