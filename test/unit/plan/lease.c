/* SPDX-License-Identifier: BSD-3-Clause */
/* lease.c - slots belong to one job at a time and come back */
#include "config.h"
#include "plan/lease.h"

#include "base/mem.h"
#include "base/rand.h"
#include "test/lib/prelude.h"

#include <stdio.h>
#include <string.h>

static const struct id alice = {{1}}, bob = {{2}};

static Wire__Code request(struct leases *leases, const char *job, const struct id *home,
                          uint32_t slots, int64_t now_ms, uint32_t *slots_out)
{
    struct lease_ask ask = {
        .job = job, .user = "u", .home = *home, .slots = slots, .duration_ms = 10000};
    const struct lease *lease = NULL;

    Wire__Code code = leases_request(leases, &ask, now_ms, &lease, NULL);
    if (slots_out != NULL)
        *slots_out = code == WIRE__CODE__OK ? lease->slots : 0;
    return code;
}

/* A table of events on a host of 4 slots, each with what comes of it. */
static void grants_and_refusals(void **state)
{
    enum what { ASK, OVER, RENEW, RUN, RELEASE, END };
    static const struct {
        enum what what;
        const char *job;
        int home; /* 1 alice, 2 bob */
        uint32_t slots;
        Wire__Code code;
        uint32_t granted, free;
    } cases[] = {
        {ASK, "a", 1, 3, WIRE__CODE__OK, 3, 1},
        {ASK, "a", 1, 3, WIRE__CODE__OK, 3, 1}, /* twice is once */
        {ASK, "b", 2, 3, WIRE__CODE__OK, 1, 0}, /* fewer than asked */
        {ASK, "c", 1, 1, WIRE__CODE__ERR_NO_SLOTS, 0, 0},
        {ASK, "a", 2, 1, WIRE__CODE__ERR_REFUSED, 0, 0},    /* not his job */
        {RELEASE, "a", 2, 0, WIRE__CODE__ERR_FAILED, 0, 0}, /* nor his to release */
        {RENEW, "a", 2, 1, WIRE__CODE__ERR_FAILED, 0, 0},
        {RENEW, "a", 1, 2, WIRE__CODE__OK, 2, 1},       /* gives one back */
        {ASK, "b", 2, 3, WIRE__CODE__OK, 2, 0},         /* grows */
        {RUN, "a", 1, 3, WIRE__CODE__ERR_FAILED, 2, 0}, /* more than leased */
        {RUN, "a", 1, 1, WIRE__CODE__OK, 1, 1},
        {ASK, "a", 1, 2, WIRE__CODE__ERR_BUSY, 1, 1}, /* runs already */
        {OVER, "o", 1, 9, WIRE__CODE__OK, 9, 0},      /* holds one, may run nine */
        {OVER, "p", 1, 2, WIRE__CODE__OK, 2, 0},      /* holds none */
        {RELEASE, "o", 1, 0, WIRE__CODE__OK, 0, 1},
        {END, "p", 0, 0, WIRE__CODE__OK, 0, 1},
        {END, "a", 0, 0, WIRE__CODE__OK, 0, 2},
        {RELEASE, "a", 1, 0, WIRE__CODE__ERR_FAILED, 0, 2},
        {ASK, "", 1, 1, WIRE__CODE__ERR_BAD_MESSAGE, 0, 2},
        {ASK, "z", 1, 0, WIRE__CODE__ERR_BAD_MESSAGE, 0, 2},
        {ASK, "b", 2, 4, WIRE__CODE__OK, 4, 0},
        {RELEASE, "b", 2, 0, WIRE__CODE__OK, 0, 4},
    };
    struct leases *leases = leases_create(4, NULL, NULL);

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct id *home = cases[i].home == 1 ? &alice : &bob;
        struct lease_ask ask = {cases[i].job,          "u", *home, cases[i].slots,
                                cases[i].what == OVER, 5000};
        const struct lease *lease;
        int done = 0;
        Wire__Code code = WIRE__CODE__OK;

        if (cases[i].what == ASK || cases[i].what == OVER)
            code = leases_request(leases, &ask, (int64_t)i, &lease, NULL);
        else if (cases[i].what == RENEW)
            done = leases_renew(leases, ask.job, home, ask.slots, 5000, (int64_t)i);
        else if (cases[i].what == RUN)
            done = leases_run(leases, ask.job, home, ask.slots, 5000, (int64_t)i);
        else if (cases[i].what == RELEASE)
            done = leases_release(leases, ask.job, home);
        else
            done = leases_end(leases, ask.job);
        assert_int_equal(done < 0 ? WIRE__CODE__ERR_FAILED : code, cases[i].code);
        assert_int_equal(leases_free(leases), cases[i].free);
        lease = leases_find(leases, cases[i].job);
        if (cases[i].granted > 0)
            assert_int_equal(lease->slots, cases[i].granted);
    }
    leases_destroy(leases);
}

struct gone {
    char jobs[64];
    struct leases *leases;
};

static void note_gone(const struct lease *lease, void *arg)
{
    struct gone *gone = arg;

    size_t length = strlen(gone->jobs);
    snprintf(gone->jobs + length, sizeof gone->jobs - length, "%s", lease->job);
    assert_null(leases_find(gone->leases, lease->job));
    if (strcmp(lease->job, "a") == 0)
        assert_int_equal(leases_end(gone->leases, "b"), 0); /* the callee may change the table */
}

static void a_lease_ends_unless_it_is_renewed(void **state)
{
    struct gone gone = {"", NULL};
    struct leases *leases = gone.leases = leases_create(8, note_gone, &gone);

    (void)state;
    assert_int_equal(leases_next_ms(leases), INT64_MAX);
    request(leases, "a", &alice, 1, 0, NULL);
    request(leases, "b", &alice, 1, 0, NULL);
    request(leases, "c", &bob, 1, 0, NULL);
    assert_int_equal(leases_next_ms(leases), 10000);
    assert_int_equal(leases_renew(leases, "c", &bob, 0, 20000, 5000), 0);
    leases_tick(leases, 9999);
    assert_string_equal(gone.jobs, "");
    leases_tick(leases, 10000);
    assert_string_equal(gone.jobs, "a");
    assert_null(leases_find(leases, "b"));
    assert_int_equal(leases_next_ms(leases), 25000);
    assert_int_equal(leases_renew(leases, "c", &bob, 0, UINT32_MAX, 25000), 0);
    assert_int_equal(leases_next_ms(leases), 25000 + LEASE_MAX_MS);
    assert_int_equal(leases_renew(leases, "c", &bob, 0, 0, 25000), 0);
    assert_int_equal(leases_next_ms(leases), 25000 + LEASE_MIN_MS);
    leases_destroy(leases);
}

static void a_lost_home_loses_what_it_only_booked(void **state)
{
    struct leases *leases = leases_create(8, NULL, NULL);

    (void)state;
    request(leases, "a", &alice, 2, 0, NULL);
    request(leases, "b", &alice, 2, 0, NULL);
    request(leases, "c", &bob, 2, 0, NULL);
    assert_int_equal(leases_run(leases, "b", &alice, 2, 5000, 0), 0);
    assert_int_equal(leases_release_booked(leases, &alice), 1);
    assert_int_equal(leases_free(leases), 4);
    assert_non_null(leases_find(leases, "b"));
    leases_destroy(leases);
}

static void a_restored_job_counts_even_above_the_capacity(void **state)
{
    struct leases *leases = leases_create(2, NULL, NULL);
    struct lease_ask ask = {"r", "u", alice, 3, false, 5000};
    uint32_t slots;

    (void)state;
    leases_restore(leases, &ask, 0);
    assert_int_equal(leases_free(leases), 0);
    assert_int_equal(request(leases, "x", &bob, 1, 0, &slots), WIRE__CODE__ERR_NO_SLOTS);
    assert_int_equal(leases_find(leases, "r")->state, LEASE_RUNNING);
    leases_restore(leases, &ask, 1000);
    assert_int_equal(leases_end(leases, "r"), 0);
    assert_int_equal(leases_free(leases), 2);
    leases_destroy(leases);
}

static void the_embedded_default_has_no_limit(void **state)
{
    struct leases *leases = leases_create(LEASE_UNLIMITED, NULL, NULL);
    uint32_t slots;

    (void)state;
    assert_int_equal(request(leases, "a", &alice, 100000, 0, &slots), WIRE__CODE__OK);
    assert_int_equal(slots, 100000);
    assert_int_equal(request(leases, "b", &alice, 100000, 0, &slots), WIRE__CODE__OK);
    assert_int_equal(slots, 100000);
    leases_destroy(leases);
}

static void strangers_names_are_made_printable(void **state)
{
    struct leases *leases = leases_create(1, NULL, NULL);
    struct lease_ask ask = {"a", "eve\033[2J\n", alice, 1, false, 5000};
    const struct lease *lease;

    (void)state;
    assert_int_equal(leases_request(leases, &ask, 0, &lease, NULL), WIRE__CODE__OK);
    assert_string_equal(lease->user, "eve?[2J?");
    leases_destroy(leases);
}

/* Thousands of random events: the sum of what is held is always capacity minus free, and never
 * above. */
static void no_slot_is_used_twice(void **state)
{
    struct leases *leases = leases_create(16, NULL, NULL);
    struct prng prng;
    int64_t now_ms = 0;

    (void)state;
    prng_seed(&prng, 42);
    for (int i = 0; i < 20000; i++) {
        char job[8];
        const struct id *home = prng_below(&prng, 2) ? &alice : &bob;
        struct lease_ask ask = {
            job, "u", *home, 1 + prng_below(&prng, 9), prng_below(&prng, 4) == 0, 3000};
        const struct lease *lease = NULL;
        snprintf(job, sizeof job, "j%u", prng_below(&prng, 30));
        now_ms += prng_below(&prng, 300);
        switch (prng_below(&prng, 5)) {
        case 0:
        case 1:
            if (leases_request(leases, &ask, now_ms, &lease, NULL) == WIRE__CODE__OK)
                assert_in_range(lease->slots, 1, ask.slots);
            break;
        case 2:
            leases_renew(leases, job, home, prng_below(&prng, 4), 3000, now_ms);
            break;
        case 3:
            leases_run(leases, job, home, 1 + prng_below(&prng, 4), 3000, now_ms);
            break;
        default:
            leases_release(leases, job, home);
        }
        leases_tick(leases, now_ms);
        uint32_t held = 0;
        for (lease = leases_walk(leases, NULL); lease != NULL; lease = leases_walk(leases, lease))
            held += lease->held;
        assert_true(held <= 16);
        assert_int_equal(leases_free(leases), 16 - held);
    }
    leases_tick(leases, now_ms + LEASE_MAX_MS);
    assert_int_equal(leases_free(leases), 16);
    leases_destroy(leases);
}

UNIT_MAIN(cmocka_unit_test(grants_and_refusals),
          cmocka_unit_test(a_lease_ends_unless_it_is_renewed),
          cmocka_unit_test(a_lost_home_loses_what_it_only_booked),
          cmocka_unit_test(a_restored_job_counts_even_above_the_capacity),
          cmocka_unit_test(the_embedded_default_has_no_limit),
          cmocka_unit_test(strangers_names_are_made_printable),
          cmocka_unit_test(no_slot_is_used_twice))
