/* SPDX-License-Identifier: BSD-3-Clause */
/* lease.h - who uses this host's slots: one lease per job, with an end unless it is renewed
 *
 * A slot belongs to one lease at most. A job that asked to oversubscribe may run more ranks than it
 * holds slots: `slots` is what it may start, `held` what it takes away from others.
 *
 * Life: leases_request -> BOOKED -> leases_run -> RUNNING -> leases_release; whenever renewals stay
 * away, leases_tick reports it to expired() and forgets it. */
#ifndef P2PMPI_PLAN_LEASE_H
#define P2PMPI_PLAN_LEASE_H

#include "base/err.h"
#include "base/id.h"
#include "wire/wire.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEASE_JOB_MAX   64 /* characters of a job id */
#define LEASE_USER_MAX  64
#define LEASE_MIN_MS    1000 /* shorter and longer durations are cut to these */
#define LEASE_MAX_MS    60000
#define LEASE_RANKS_MAX 65536      /* ranks of one oversubscribing lease */
#define LEASE_JOBS_MAX  1024       /* leases at a time */
#define LEASE_UNLIMITED UINT32_MAX /* capacity of the embedded default */

enum lease_state { LEASE_BOOKED, LEASE_RUNNING };

struct lease {
    char job[LEASE_JOB_MAX + 1];
    char user[LEASE_USER_MAX + 1]; /* for listings: who asked, as he says */
    struct id home;                /* whose it is: only he renews and releases */
    enum lease_state state;
    uint32_t slots, held;
    int64_t since_ms, expires_ms;
};

struct lease_ask {
    const char *job;
    const char *user; /* may be NULL */
    struct id home;
    uint32_t slots; /* 1.. */
    bool oversubscribe;
    uint32_t duration_ms;
};

struct leases;
/* Called by leases_tick() for a lease that ran out; the lease is gone from the table already. The
 * callee may call any function of this file. */
typedef void (*lease_expired_fn)(const struct lease *lease, void *arg);

struct leases *leases_create(uint32_t capacity, lease_expired_fn expired, void *arg);
void leases_destroy(struct leases *leases);

/* Grants as many slots as are free, up to what is asked, at least 1. A job that asks again gets the
 * lease it has, renewed and resized to what it asks now as far as slots are free; never below 1,
 * never above the ask. Returns WIRE__CODE__OK and *lease_out (borrowed, until the next call), or
 * another code with a sentence. */
Wire__Code leases_request(struct leases *leases, const struct lease_ask *ask, int64_t now_ms,
                          const struct lease **lease_out, struct err *err);

/* Sets a new end. slots > 0 gives back what is above it; 0 keeps all. -1 when the home has no such
 * lease: it ran out. */
int leases_renew(struct leases *leases, const char *job, const struct id *home, uint32_t slots,
                 uint32_t duration_ms, int64_t now_ms);
/* The job starts: keeps ranks slots (1..), gives back the others. -1: no such lease, or too small.
 */
int leases_run(struct leases *leases, const char *job, const struct id *home, uint32_t ranks,
               uint32_t duration_ms, int64_t now_ms);
/* A running job that a restarted daemon found again: recorded even when its slots are taken. */
void leases_restore(struct leases *leases, const struct lease_ask *ask, int64_t now_ms);
/* -1 when the home has no such lease, which is no fault. */
int leases_release(struct leases *leases, const char *job, const struct id *home);
/* The same whoever the home is: the host itself ended the job. */
int leases_end(struct leases *leases, const char *job);
/* All leases of a home that is lost and holds nothing that runs (its BOOKED ones). Returns how
 * many. */
unsigned leases_release_booked(struct leases *leases, const struct id *home);

void leases_tick(struct leases *leases, int64_t now_ms);
/* When leases_tick() is due next; INT64_MAX: never. */
int64_t leases_next_ms(const struct leases *leases);

uint32_t leases_capacity(const struct leases *leases);
uint32_t leases_free(const struct leases *leases);
/* Changes what the owner lends; running and booked leases keep what they have. */
void leases_set_capacity(struct leases *leases, uint32_t capacity);
/* Fills slots and slots_free. */
void leases_load(const struct leases *leases, Wire__LoadInfo *load);
const struct lease *leases_find(const struct leases *leases, const char *job);
/* Walks all leases in order of age: NULL gives the first, NULL is the end. */
const struct lease *leases_walk(const struct leases *leases, const struct lease *before);

#endif
