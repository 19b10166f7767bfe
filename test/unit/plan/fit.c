/* SPDX-License-Identifier: BSD-3-Clause */
/* fit.c - what a program needs against what a host has */
#include "config.h"
#include "plan/fit.h"

#include "test/lib/prelude.h"

#include <string.h>

static void versions_compare_as_numbers(void **state)
{
    static const struct {
        const char *a, *b;
        int sign;
    } cases[] = {{"2.36", "2.36", 0}, {"2.9", "2.36", -1},      {"2.36", "2.36.1", -1},
                 {"3", "2.99", 1},    {"2.36", "2.4", 1},       {"", "2", -1},
                 {"2.0", "2", 0},     {"4.1.4rc1", "4.1.4", 0}, {"rubbish", "0", 0}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int got = version_compare(cases[i].a, cases[i].b);
        assert_int_equal((got > 0) - (got < 0), cases[i].sign);
        got = version_compare(cases[i].b, cases[i].a);
        assert_int_equal((got > 0) - (got < 0), -cases[i].sign);
    }
}

static void a_series_is_no_mere_prefix(void **state)
{
    (void)state;
    assert_true(version_is_of("4.1.4", "4.1"));
    assert_true(version_is_of("4.1", "4.1"));
    assert_true(version_is_of("4.1.4", "4"));
    assert_false(version_is_of("4.10.1", "4.1"));
    assert_false(version_is_of("5.0.7", "4.1"));
}

static void the_first_lack_is_told_in_a_sentence(void **state)
{
    static const struct {
        const char *arch, *glibc, *mpi; /* the host's */
        const char *want_arch, *want_glibc, *want_mpi;
        enum fit_lack lack;
        const char *why;
    } cases[] = {
        {"x86_64", "2.36", "4.1.4", "x86_64", "2.34", "4.1", FIT_MET, ""},
        {"x86_64", "2.36", "4.1.4", "", "", "", FIT_MET, ""},
        {"aarch64", "2.36", "4.1.4", "x86_64", "2.34", "4.1", FIT_ARCH,
         "is aarch64, the program is for x86_64"},
        {"x86_64", "2.9", "4.1.4", "x86_64", "2.34", "4.1", FIT_GLIBC,
         "has glibc 2.9, the program needs 2.34 or newer"},
        {"x86_64", "2.36", "", "x86_64", "2.34", "4.1", FIT_NO_MPI,
         "has no Open MPI, the program needs 4.1"},
        {"x86_64", "2.36", "5.0.7", "x86_64", "2.34", "4.1", FIT_MPI,
         "has Open MPI 5.0.7, the program needs 4.1"},
        {"", "", "4.1", "x86_64", "2.34", "4.1", FIT_MET, ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Wire__HostInfo host = WIRE__HOST_INFO__INIT;
        Wire__Needs needs = WIRE__NEEDS__INIT;
        struct err err = {""};
        host.arch = (char *)cases[i].arch;
        host.glibc = (char *)cases[i].glibc;
        host.mpi = (char *)cases[i].mpi;
        needs.arch = (char *)cases[i].want_arch;
        needs.glibc = (char *)cases[i].want_glibc;
        needs.mpi = (char *)cases[i].want_mpi;
        assert_int_equal(fit_check(&host, &needs, &err), cases[i].lack);
        assert_string_equal(err.text, cases[i].why);
        assert_int_equal(fit_check(NULL, &needs, NULL), FIT_MET);
        assert_int_equal(fit_check(&host, NULL, NULL), FIT_MET);
    }
}

UNIT_MAIN(cmocka_unit_test(versions_compare_as_numbers),
          cmocka_unit_test(a_series_is_no_mere_prefix),
          cmocka_unit_test(the_first_lack_is_told_in_a_sentence))
