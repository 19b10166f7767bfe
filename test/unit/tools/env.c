/* SPDX-License-Identifier: BSD-3-Clause */
/* env.c - the variables that ranks get */
#include "config.h"
#include "tools/run_env.h"

#include "test/lib/prelude.h"

#include <string.h>

static char *const user[] = {(char *)"HOME=/home/u",
                             (char *)"OMPI_MCA_btl=tcp",
                             (char *)"MY_A=1",
                             (char *)"MY_B=2",
                             (char *)"PMIX_MCA_gds=hash",
                             (char *)"EMPTY=",
                             NULL};

static void count_warning(const char *text, void *arg)
{
    assert_non_null(strstr(text, "NOT_THERE"));
    ++*(int *)arg;
}

static const char *value(const struct run_env *env, const char *name)
{
    for (size_t i = 0; i < env->count; i++)
        if (strcmp(env->vars[i]->name, name) == 0)
            return env->vars[i]->value;
    return NULL;
}

static struct run_options options_with(const char *a, const char *b, const char *c)
{
    struct run_options options = {0};

    run_strings_add(&options.exports, a);
    run_strings_add(&options.exports, b);
    run_strings_add(&options.exports, c);
    return options;
}

static void a_grid_job_gets_parameters_and_what_x_names(void **state)
{
    struct run_options options = options_with("MY_*", "NEW=x=y", "EMPTY");
    struct run_env env = {NULL, 0};
    int warnings = 0;

    (void)state;
    run_env_fill(&env, &options, user, false, count_warning, &warnings);
    assert_int_equal(env.count, 6);
    assert_string_equal(value(&env, "OMPI_MCA_btl"), "tcp");
    assert_string_equal(value(&env, "PMIX_MCA_gds"), "hash");
    assert_string_equal(value(&env, "MY_A"), "1");
    assert_string_equal(value(&env, "MY_B"), "2");
    assert_string_equal(value(&env, "NEW"), "x=y");
    assert_string_equal(value(&env, "EMPTY"), "");
    assert_int_equal(warnings, 0);
    run_env_clear(&env);
    run_options_clear(&options);
}

static void mca_beats_the_environment(void **state)
{
    struct run_options options = {0};
    struct run_env env = {NULL, 0};
    int warnings = 0;

    (void)state;
    run_strings_add(&options.mca, "OMPI_MCA_btl");
    run_strings_add(&options.mca, "self");
    run_env_fill(&env, &options, user, false, count_warning, &warnings);
    assert_string_equal(value(&env, "OMPI_MCA_btl"), "self");
    run_env_clear(&env);
    run_options_clear(&options);
}

static void what_is_inherited_anyway_is_not_listed_and_a_missing_one_is_told(void **state)
{
    struct run_options options = options_with("MY_A", "NOT_THERE", "B=2");
    struct run_env env = {NULL, 0};
    int warnings = 0;

    (void)state;
    run_env_fill(&env, &options, user, true, count_warning, &warnings);
    assert_int_equal(env.count, 2);
    assert_int_equal(warnings, 1);
    run_env_clear(&env);
    run_options_clear(&options);
}

static void replicas_get_the_users_language_or_none(void **state)
{
    static char *const german[] = {(char *)"LANG=de_DE.UTF-8", (char *)"PYTHONHASHSEED=7", NULL};
    struct run_options options = options_with("LC_ALL=C", "A=1", "B=2");
    struct run_env env = {NULL, 0};

    (void)state;
    options.replicas = "2";
    run_env_fill(&env, &options, german, false, NULL, NULL);
    assert_string_equal(value(&env, "LANG"), "de_DE.UTF-8");
    assert_string_equal(value(&env, "PYTHONHASHSEED"), "7");
    assert_null(value(&env, "GLIBC_TUNABLES")); /* the hosts' daemons set it */
    for (size_t i = 0; i < env.count; i++)
        assert_int_equal(env.vars[i]->unset,
                         strcmp(env.vars[i]->name, "LC_ALL") != 0 && env.vars[i]->value[0] == '\0');
    assert_string_equal(value(&env, "LC_ALL"), "C");
    assert_string_equal(value(&env, "OMP_NUM_THREADS"), "");
    run_env_clear(&env);
    run_options_clear(&options);
}

UNIT_MAIN(cmocka_unit_test(replicas_get_the_users_language_or_none),
          cmocka_unit_test(a_grid_job_gets_parameters_and_what_x_names),
          cmocka_unit_test(mca_beats_the_environment),
          cmocka_unit_test(what_is_inherited_anyway_is_not_listed_and_a_missing_one_is_told))
