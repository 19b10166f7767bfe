/* SPDX-License-Identifier: BSD-3-Clause */
/* alike.c - the list of what unlike hosts are told, and contrib/p2prep.conf, which says the same */
#include "config.h"

#include "base/alike.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/lib/prelude.h"

static const struct alike *find(const char *name)
{
    const struct alike *alike;

    for (size_t i = 0; (alike = alike_at(i)) != NULL; i++)
        if (strcmp(alike->name, name) == 0)
            return alike;
    return NULL;
}

static void mpirun_s_file_sets_what_the_list_sets(void **state)
{
    const char *top = getenv("P2PMPI_SRCDIR");
    char path[512], line[512], name[128], value[256];
    size_t set = 0, wanted = 0;
    FILE *file;

    (void)state;
    snprintf(path, sizeof path, "%s/contrib/p2prep.conf", top ? top : ".");
    file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        if (sscanf(line, "-x %127[^=]=%255s", name, value) != 2)
            continue;
        const struct alike *alike = find(name);

        assert_non_null(alike);
        assert_string_equal(alike->value, value);
        set++;
    }
    fclose(file);
    for (size_t i = 0; alike_at(i) != NULL; i++)
        wanted += alike_at(i)->value != NULL;
    assert_int_equal(set, wanted);
}

static void the_processor_counts_where_nobody_chose_one(void **state)
{
    char text[256];

    (void)state;
    unsetenv("GLIBC_TUNABLES");
    alike_host(text, sizeof text);
    assert_non_null(strstr(text, "glibc "));
    assert_non_null(strstr(text, "processor "));
    setenv("GLIBC_TUNABLES", find("GLIBC_TUNABLES")->value, 1);
    setenv("OPENBLAS_CORETYPE", find("OPENBLAS_CORETYPE")->value, 1);
    alike_host(text, sizeof text);
    assert_non_null(strstr(text, "glibc "));
    assert_null(strstr(text, "processor "));
}

UNIT_MAIN(cmocka_unit_test(mpirun_s_file_sets_what_the_list_sets),
          cmocka_unit_test(the_processor_counts_where_nobody_chose_one))
