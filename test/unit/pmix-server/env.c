/* SPDX-License-Identifier: BSD-3-Clause */
/* env.c - environments in the making */
#include "config.h"
#include "pmix-server/px_env.h"

#include "test/lib/prelude.h"

static size_t length(char **env)
{
    size_t n = 0;

    while (env[n] != NULL)
        n++;
    return n;
}

static void values_are_set_replaced_and_removed(void **state)
{
    char *const given[] = {(char *)"A=1", (char *)"AB=2", NULL};
    char **env = env_copy(given);

    (void)state;
    env_set(&env, "A", "x=y");
    env_set(&env, "C", "");
    env_default(&env, "AB", "3");
    env_default(&env, "D", "4");
    env_format(&env, "E", "%d", 5);
    assert_string_equal(env_get(env, "A"), "x=y");
    assert_string_equal(env_get(env, "AB"), "2");
    assert_string_equal(env_get(env, "C"), "");
    assert_string_equal(env_get(env, "D"), "4");
    assert_string_equal(env_get(env, "E"), "5");
    assert_null(env_get(env, "B"));
    env_unset(&env, "A");
    env_unset(&env, "A");
    assert_null(env_get(env, "A"));
    assert_int_equal(length(env), 4);
    env_free(env);
}

static void a_prefix_is_removed_except_what_is_kept(void **state)
{
    char *const given[] = {(char *)"PMIX_RANK=1", (char *)"PMIX_MCA_x=2", (char *)"PATH=/",
                           (char *)"PMIX_ID=3", NULL};
    char **env = env_copy(given);

    (void)state;
    env_unset_prefix(&env, "PMIX_", "PMIX_MCA_");
    assert_int_equal(length(env), 2);
    assert_string_equal(env_get(env, "PMIX_MCA_x"), "2");
    assert_string_equal(env_get(env, "PATH"), "/");
    env_free(env);
}

static void a_directory_goes_in_front(void **state)
{
    char **env = env_copy(NULL);

    (void)state;
    env_prepend(&env, "LD_LIBRARY_PATH", "/a");
    assert_string_equal(env_get(env, "LD_LIBRARY_PATH"), "/a");
    env_prepend(&env, "LD_LIBRARY_PATH", "/b");
    assert_string_equal(env_get(env, "LD_LIBRARY_PATH"), "/b:/a");
    env_free(env);
}

static void a_stranger_s_job_sees_little_of_its_host(void **state)
{
    char *const given[] = {(char *)"HOME=/h", (char *)"SECRET=1", (char *)"SSH_AUTH_SOCK=/x", NULL};
    char **env = env_clean(given);

    (void)state;
    assert_string_equal(env_get(env, "HOME"), "/h");
    assert_non_null(env_get(env, "PATH"));
    assert_int_equal(length(env), 2);
    env_free(env);
}

UNIT_MAIN(cmocka_unit_test(values_are_set_replaced_and_removed),
          cmocka_unit_test(a_prefix_is_removed_except_what_is_kept),
          cmocka_unit_test(a_directory_goes_in_front),
          cmocka_unit_test(a_stranger_s_job_sees_little_of_its_host))
