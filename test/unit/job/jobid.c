/* SPDX-License-Identifier: BSD-3-Clause */
/* jobid.c - what may be a job's name, and with it a directory's */
#include "config.h"
#include "job/jobid.h"

#include "test/lib/prelude.h"

static void only_32_lower_case_digits_are_one(void **state)
{
    static const char *const bad[] = {"",
                                      ".",
                                      "..",
                                      "0123456789abcdef0123456789abcde",
                                      "0123456789abcdef0123456789abcdef0",
                                      "0123456789ABCDEF0123456789abcdef",
                                      "../../../../../../../../home/me/",
                                      "0123456789abcdef0123456789abcde/",
                                      "0123456789abcdef/../456789abcdef",
                                      "0123456789abcdef0123456789abcdeg"};

    (void)state;
    assert_true(jobid_is_valid("0123456789abcdef0123456789abcdef"));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (jobid_is_valid(bad[i]))
            fail_msg("\"%s\" was taken", bad[i]);
}

UNIT_MAIN(cmocka_unit_test(only_32_lower_case_digits_are_one))
