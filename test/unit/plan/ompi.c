/* SPDX-License-Identifier: BSD-3-Clause */
/* ompi.c - Open MPI's series from a file name, its version from the bytes inside */
#include "config.h"
#include "plan/ompi.h"

#include "base/file.h"
#include "base/mem.h"
#include "test/lib/prelude.h"

#include <stdio.h>
#include <string.h>

static void the_file_name_tells_the_series(void **state)
{
    static const struct {
        const char *name, *series;
    } cases[] = {
        {"libmpi.so.40.30.4", "4.1"},    {"libmpi.so.40.40.7", "5.0"}, {"libmpi.so.40.20.3", "4.0"},
        {"libmpi.so.40.10.4", "3.1"},    {"libmpi.so.40.50.1", NULL},  {"libmpi.so.40", NULL},
        {"libmpi.so.40.30.4.bak", NULL}, {"libmpi.so.12.30.4", NULL},  {"", NULL}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *series = ompi_series(cases[i].name);
        if (cases[i].series == NULL)
            assert_null(series);
        else
            assert_string_equal(series, cases[i].series);
    }
}

static void the_exact_version_stands_inside(void **state)
{
    static const char plain[] = "rubbish\0v4.1.\0v4.10.2\0v4.1.6\0v4.1.9",
                      whole[] = "\0v5.0.3\0Open MPI v5.0.7, x",
                      none[] = "v4.1.4 in the middle of 4.1.4";
    static const struct {
        const char *bytes;
        size_t size;
        const char *series, *version;
    } cases[] = {{plain, sizeof plain, "4.1", "4.1.6"},
                 {whole, sizeof whole, "5.0", "5.0.7"},
                 {none, sizeof none, "4.1", NULL},
                 {"", 0, "4.1", NULL}};
    char dir[] = "/tmp/ompi-test-XXXXXX", version[OMPI_VERSION_SIZE];

    (void)state;
    assert_non_null(mkdtemp(dir));
    char *path = mem_format("%s/libmpi.so", dir);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(file_write(path, cases[i].bytes, cases[i].size, 0600, NULL), 0);
        assert_int_equal(ompi_exact(path, cases[i].series, version), cases[i].version != NULL);
        if (cases[i].version != NULL)
            assert_string_equal(version, cases[i].version);
    }
    assert_false(ompi_exact("/nonexistent/libmpi.so", "4.1", version));
    free(path);
    assert_int_equal(file_remove_tree(dir, NULL), 0);
}

UNIT_MAIN(cmocka_unit_test(the_file_name_tells_the_series),
          cmocka_unit_test(the_exact_version_stands_inside))
