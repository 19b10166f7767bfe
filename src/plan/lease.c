/* SPDX-License-Identifier: BSD-3-Clause */
/* lease.c - who uses this host's slots: one lease per job, with an end unless it is renewed */
#include "config.h"
#include "plan/lease.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct entry {
    struct lease lease; /* first: a lease handed out is its entry */
    UT_hash_handle hh;  /* keeps the order of insertion, which is that of age */
};

struct leases {
    struct entry *table;
    uint32_t capacity;
    uint64_t held; /* sum over all leases; above capacity only after leases_restore() or a smaller
                      capacity */
    lease_expired_fn expired;
    void *arg;
};

struct leases *leases_create(uint32_t capacity, lease_expired_fn expired, void *arg)
{
    struct leases *leases = mem_alloc(sizeof *leases);

    leases->capacity = capacity;
    leases->expired = expired;
    leases->arg = arg;
    return leases;
}

static void entry_remove(struct leases *leases, struct entry *entry)
{
    leases->held -= entry->lease.held;
    HASH_DEL(leases->table, entry);
    free(entry);
}

void leases_destroy(struct leases *leases)
{
    struct entry *entry, *next;

    if (leases == NULL)
        return;
    HASH_ITER(hh, leases->table, entry, next)
    entry_remove(leases, entry);
    free(leases);
}

static struct entry *entry_find(const struct leases *leases, const char *job)
{
    struct entry *entry;

    if (job == NULL)
        return NULL;
    HASH_FIND_STR(leases->table, job, entry);
    return entry;
}

static struct entry *entry_of(const struct leases *leases, const char *job, const struct id *home)
{
    struct entry *entry = entry_find(leases, job);

    return entry != NULL && id_equal(&entry->lease.home, home) ? entry : NULL;
}

static int64_t end_of(int64_t now_ms, uint32_t duration_ms)
{
    if (duration_ms < LEASE_MIN_MS)
        duration_ms = LEASE_MIN_MS;
    return now_ms + (duration_ms > LEASE_MAX_MS ? LEASE_MAX_MS : duration_ms);
}

uint32_t leases_free(const struct leases *leases)
{
    if (leases->capacity == LEASE_UNLIMITED)
        return LEASE_UNLIMITED;
    return leases->held < leases->capacity ? leases->capacity - (uint32_t)leases->held : 0;
}

static void entry_resize(struct leases *leases, struct entry *entry, uint32_t slots, uint32_t held)
{
    leases->held += held;
    leases->held -= entry->lease.held;
    entry->lease.slots = slots;
    entry->lease.held = held;
}

/* What a lease that holds `held` now may get: its slots, and those it takes from others. */
static uint32_t grantable(const struct leases *leases, const struct lease_ask *ask, uint32_t held,
                          uint32_t *held_out)
{
    uint64_t limit = (uint64_t)leases_free(leases) + held;
    uint32_t slots = ask->slots;

    *held_out = slots < limit ? slots : (uint32_t)limit;
    return ask->oversubscribe ? slots : *held_out;
}

static Wire__Code ask_check(const struct lease_ask *ask, struct err *err)
{
    size_t length = ask->job != NULL ? strlen(ask->job) : 0;

    if (length == 0 || length > LEASE_JOB_MAX) {
        err_set(err, "a lease needs a job id of 1 to %d characters", LEASE_JOB_MAX);
        return WIRE__CODE__ERR_BAD_MESSAGE;
    }
    if (ask->slots == 0 || (ask->oversubscribe && ask->slots > LEASE_RANKS_MAX)) {
        err_set(err, "a lease of %u slots cannot be: at least 1, at most %u", ask->slots,
                LEASE_RANKS_MAX);
        return WIRE__CODE__ERR_BAD_MESSAGE;
    }
    return WIRE__CODE__OK;
}

static struct entry *entry_add(struct leases *leases, const struct lease_ask *ask, int64_t now_ms)
{
    struct entry *entry = mem_alloc(sizeof *entry);

    strncpy(entry->lease.job, ask->job, LEASE_JOB_MAX);
    if (ask->user != NULL)
        strncpy(entry->lease.user, ask->user, LEASE_USER_MAX);
    for (char *at = entry->lease.user; *at != '\0'; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            *at = '?'; /* it comes from far and will stand on a terminal */
    entry->lease.home = ask->home;
    entry->lease.since_ms = now_ms;
    HASH_ADD_STR(leases->table, lease.job, entry);
    return entry;
}

Wire__Code leases_request(struct leases *leases, const struct lease_ask *ask, int64_t now_ms,
                          const struct lease **lease_out, struct err *err)
{
    uint32_t held;

    Wire__Code code = ask_check(ask, err);
    if (code != WIRE__CODE__OK)
        return code;
    struct entry *entry = entry_find(leases, ask->job);
    if (entry != NULL && !id_equal(&entry->lease.home, &ask->home)) {
        err_set(err, "the job belongs to another home");
        return WIRE__CODE__ERR_REFUSED;
    }
    if (entry != NULL && entry->lease.state == LEASE_RUNNING) {
        err_set(err, "the job runs already");
        return WIRE__CODE__ERR_BUSY;
    }
    if (entry == NULL && HASH_COUNT(leases->table) >= LEASE_JOBS_MAX) {
        err_set(err, "there are %d leases already", LEASE_JOBS_MAX);
        return WIRE__CODE__ERR_BUSY;
    }
    uint32_t slots = grantable(leases, ask, entry != NULL ? entry->lease.held : 0, &held);
    if (slots == 0) {
        err_set(err, "no slot is free (%u in all)", leases->capacity);
        return WIRE__CODE__ERR_NO_SLOTS;
    }
    if (entry == NULL)
        entry = entry_add(leases, ask, now_ms);
    entry_resize(leases, entry, slots, held);
    entry->lease.expires_ms = end_of(now_ms, ask->duration_ms);
    *lease_out = &entry->lease;
    return WIRE__CODE__OK;
}

static void entry_shrink(struct leases *leases, struct entry *entry, uint32_t slots)
{
    if (slots < entry->lease.slots)
        entry_resize(leases, entry, slots, slots < entry->lease.held ? slots : entry->lease.held);
}

int leases_renew(struct leases *leases, const char *job, const struct id *home, uint32_t slots,
                 uint32_t duration_ms, int64_t now_ms)
{
    struct entry *entry = entry_of(leases, job, home);

    if (entry == NULL)
        return -1;
    if (slots > 0 && entry->lease.state == LEASE_BOOKED)
        entry_shrink(leases, entry, slots);
    entry->lease.expires_ms = end_of(now_ms, duration_ms);
    return 0;
}

int leases_run(struct leases *leases, const char *job, const struct id *home, uint32_t ranks,
               uint32_t duration_ms, int64_t now_ms)
{
    struct entry *entry = entry_of(leases, job, home);

    if (entry == NULL || ranks == 0 || ranks > entry->lease.slots)
        return -1;
    entry_shrink(leases, entry, ranks);
    entry->lease.state = LEASE_RUNNING;
    entry->lease.expires_ms = end_of(now_ms, duration_ms);
    return 0;
}

void leases_restore(struct leases *leases, const struct lease_ask *ask, int64_t now_ms)
{
    struct entry *entry = entry_find(leases, ask->job);

    if (ask_check(ask, NULL) != WIRE__CODE__OK)
        return;
    if (entry == NULL)
        entry = entry_add(leases, ask, now_ms);
    entry_resize(leases, entry, ask->slots, ask->slots);
    entry->lease.home = ask->home;
    entry->lease.state = LEASE_RUNNING;
    entry->lease.expires_ms = end_of(now_ms, ask->duration_ms);
}

int leases_release(struct leases *leases, const char *job, const struct id *home)
{
    struct entry *entry = entry_of(leases, job, home);

    if (entry == NULL)
        return -1;
    entry_remove(leases, entry);
    return 0;
}

int leases_end(struct leases *leases, const char *job)
{
    struct entry *entry = entry_find(leases, job);

    if (entry == NULL)
        return -1;
    entry_remove(leases, entry);
    return 0;
}

unsigned leases_release_booked(struct leases *leases, const struct id *home)
{
    struct entry *entry, *next;
    unsigned count = 0;

    HASH_ITER(hh, leases->table, entry, next)
    {
        if (entry->lease.state == LEASE_BOOKED && id_equal(&entry->lease.home, home)) {
            entry_remove(leases, entry);
            count++;
        }
    }
    return count;
}

/* One that ran out, taken from the table; the callback may change the table, so the search starts
 * anew. */
static bool expire_one(struct leases *leases, int64_t now_ms)
{
    struct entry *entry, *next;

    HASH_ITER(hh, leases->table, entry, next)
    {
        if (entry->lease.expires_ms <= now_ms) {
            struct lease gone = entry->lease;
            entry_remove(leases, entry);
            if (leases->expired != NULL)
                leases->expired(&gone, leases->arg);
            return true;
        }
    }
    return false;
}

void leases_tick(struct leases *leases, int64_t now_ms)
{
    while (expire_one(leases, now_ms))
        ;
}

int64_t leases_next_ms(const struct leases *leases)
{
    int64_t next_ms = INT64_MAX;

    for (const struct entry *entry = leases->table; entry != NULL; entry = entry->hh.next)
        if (entry->lease.expires_ms < next_ms)
            next_ms = entry->lease.expires_ms;
    return next_ms;
}

uint32_t leases_capacity(const struct leases *leases)
{
    return leases->capacity;
}

void leases_set_capacity(struct leases *leases, uint32_t capacity)
{
    leases->capacity = capacity;
}

void leases_load(const struct leases *leases, Wire__LoadInfo *load)
{
    load->slots = leases->capacity;
    load->slots_free = leases_free(leases);
}

const struct lease *leases_find(const struct leases *leases, const char *job)
{
    struct entry *entry = entry_find(leases, job);

    return entry != NULL ? &entry->lease : NULL;
}

const struct lease *leases_walk(const struct leases *leases, const struct lease *before)
{
    const struct entry *entry =
        before == NULL ? leases->table : ((const struct entry *)before)->hh.next;

    return entry != NULL ? &entry->lease : NULL;
}
