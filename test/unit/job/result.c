/* SPDX-License-Identifier: BSD-3-Clause */
/* result.c - exit codes and sentences as mpirun's users know them */
#include "config.h"
#include "job/result.h"

#include "test/lib/prelude.h"

#include <signal.h>
#include <string.h>

static struct rank_end ended(uint32_t rank, uint32_t code, uint32_t number)
{
    return (struct rank_end){
        .rank = rank, .code = code, .signal = number, .host = "node7", .pid = 4711};
}

static void expect_part(const struct result *result, const char *part)
{
    if (strstr(result->text, part) == NULL)
        fail_msg("\"%s\" is not in: %s", part, result->text);
}

static void a_job_whose_ranks_all_do_well_says_nothing(void **state)
{
    struct result result = {0};
    struct rank_end never_init = ended(0, 0, 0), finalized = ended(1, 0, 0);

    (void)state;
    finalized.was_init = finalized.finalized = true;
    assert_false(result_rank_ended(&result, &never_init, false));
    assert_false(result_rank_ended(&result, &finalized, false));
    assert_int_equal(result.code, 0);
    assert_string_equal(result.text, "");
}

static void one_end_makes_the_code(void **state)
{
    static const struct {
        struct rank_end end;
        uint32_t code;
        const char *part;
    } cases[] = {
        {{.rank = 2, .code = 3, .host = "node7"}, 3, "rank 2 on node7 ended with exit code 3"},
        {{.rank = 0, .signal = SIGSEGV, .host = "node7"}, 128 + SIGSEGV, "Segmentation fault"},
        {{.rank = 0, .signal = SIGKILL, .host = "node7", .pid = 4711},
         137,
         "process 4711 on node7"},
        {{.rank = 1, .was_init = true, .host = "node7"}, 1, "without calling MPI_Finalize"},
        {{.rank = 5, .reason = "Permission denied", .host = "node7"},
         132,
         "could not be started on node7: Permission denied"},
        /* what no system says: a stranger does. A failed job never looks like a good one */
        {{.rank = 0, .code = 256, .host = "node7"}, 1, "exit code 256"},
        {{.rank = 0, .signal = 1000, .host = "node7"}, 1, "signal 1000"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct result result = {0};
        assert_true(result_rank_ended(&result, &cases[i].end, false));
        assert_true(result.failed);
        assert_int_equal(result.code, cases[i].code);
        expect_part(&result, cases[i].part);
    }
}

static void the_lowest_failing_rank_counts(void **state)
{
    struct result result = {0};
    struct rank_end third = ended(3, 13, 0), first = ended(1, 11, 0), second = ended(2, 12, 0);

    (void)state;
    assert_true(result_rank_ended(&result, &third, false));
    assert_false(result_rank_ended(&result, &first, false)); /* ends nothing more */
    assert_false(result_rank_ended(&result, &second, false));
    assert_int_equal(result.code, 11);
    assert_int_equal(result.code_rank, 1);
    expect_part(&result, "rank 1");
}

static void what_we_killed_changes_nothing(void **state)
{
    struct result result = {0};
    struct rank_end third = ended(3, 13, 0), by_us = ended(0, 0, SIGTERM), handled = ended(1, 9, 0);

    (void)state;
    assert_true(result_rank_ended(&result, &third, false));
    assert_false(result_rank_ended(&result, &by_us, true));
    assert_false(result_rank_ended(&result, &handled, true));
    assert_int_equal(result.code, 13);
    expect_part(&result, "rank 3");
}

static void a_signal_that_came_first_stays(void **state)
{
    struct result result = {0};
    struct rank_end third = ended(3, 0, SIGSEGV), first = ended(1, 11, 0);

    (void)state;
    assert_true(result_rank_ended(&result, &third, false));
    assert_false(result_rank_ended(&result, &first, false));
    assert_int_equal(result.code, 128 + SIGSEGV);
    assert_int_equal(result.signal, SIGSEGV);
}

static void mpi_abort_gives_its_code(void **state)
{
    struct result result = {0};
    struct rank_end itself = ended(0, 77, 0), other = ended(1, 0, SIGTERM);

    (void)state;
    result_aborted(&result, 2, 7, "no input", "node7");
    assert_int_equal(result.code, 7);
    expect_part(&result, "MPI_Abort was called by rank 2 on node7 with code 7: no input");
    assert_false(result_rank_ended(&result, &itself, false));
    assert_false(result_rank_ended(&result, &other, false));
    assert_int_equal(result.code, 7);
    result_aborted(&result, 0, 9, NULL, "node8"); /* the first one stays */
    assert_int_equal(result.code, 7);
}

static void the_first_failure_stays(void **state)
{
    struct result result = {0};
    struct rank_end rank = ended(0, 3, 0);

    (void)state;
    result_failed(&result, RESULT_TIMEOUT, "it ran longer than %d s", 5);
    result_failed(&result, RESULT_FAILED, "host %s was lost", "node7");
    assert_int_equal(result.code, RESULT_TIMEOUT);
    assert_string_equal(result.text, "it ran longer than 5 s");
    assert_false(result_rank_ended(&result, &rank, true));
    assert_int_equal(result.code, RESULT_TIMEOUT);
}

/* Not killed by us, but after a failure that was no rank's: a lost host is not a rank's exit code.
 */
static void a_code_does_not_replace_another_kind_of_failure(void **state)
{
    struct result result = {0};
    struct rank_end rank = ended(0, 3, 0);

    (void)state;
    result_failed(&result, RESULT_FAILED, "host node7 was lost");
    assert_false(result_rank_ended(&result, &rank, false));
    assert_int_equal(result.code, RESULT_FAILED);
    assert_string_equal(result.text, "host node7 was lost");
}

/* Reasons come from other people's hosts and end on a terminal. */
static void what_a_host_says_cannot_steer_the_terminal(void **state)
{
    struct result result = {0};

    (void)state;
    result_failed(&result, RESULT_FAILED, "h1: %s", "\033[2Jgone\177\tto\nlunch");
    assert_string_equal(result.text, "h1: ?[2Jgone?\tto\nlunch");
}

UNIT_MAIN(cmocka_unit_test(a_job_whose_ranks_all_do_well_says_nothing),
          cmocka_unit_test(one_end_makes_the_code),
          cmocka_unit_test(the_lowest_failing_rank_counts),
          cmocka_unit_test(what_we_killed_changes_nothing),
          cmocka_unit_test(a_signal_that_came_first_stays),
          cmocka_unit_test(mpi_abort_gives_its_code), cmocka_unit_test(the_first_failure_stays),
          cmocka_unit_test(a_code_does_not_replace_another_kind_of_failure),
          cmocka_unit_test(what_a_host_says_cannot_steer_the_terminal))
