/* SPDX-License-Identifier: BSD-3-Clause */
/* host.c - this machine describes itself */
#include "config.h"
#include "plan/host.h"

#include "test/lib/prelude.h"
#include "wire/frame.h"

#include <string.h>
#include <sys/utsname.h>

static void the_description_is_of_this_machine(void **state)
{
    struct utsname uts;
    struct err err = {""};

    (void)state;
    Wire__HostInfo *host = host_describe(NULL, &err);
    assert_non_null(host);
    assert_int_equal(uname(&uts), 0);
    assert_string_equal(host->arch, uts.machine);
    assert_true(host->packages >= 1 && host->cores >= host->packages && host->threads >= 1);
    assert_true(host->memory > 64u << 20);
    assert_true(strlen(host->glibc) >= 3 && strlen(host->cpu_model) > 0 && strlen(host->os) > 0);
    assert_int_equal(strlen(host->machine_id), 32);
    assert_true(host->cpu_level <= 4 &&
                (strcmp(uts.machine, "x86_64") != 0 || host->cpu_level >= 1));
    message_free(host);
}

static void quick_tells_the_same_but_accelerators(void **state)
{
    struct host_options quick = {.quick = true};

    (void)state;
    Wire__HostInfo *all = host_describe(NULL, NULL), *less = host_describe(&quick, NULL);
    assert_string_equal(all->machine_id, less->machine_id);
    assert_string_equal(all->mpi, less->mpi);
    assert_int_equal(all->cores, less->cores);
    assert_int_equal(all->n_caches, less->n_caches);
    assert_int_equal(less->n_accelerators, 0);
    message_free(all);
    message_free(less);
}

static void a_given_machine_id_is_hashed(void **state)
{
    struct host_options one = {.machine_id = "one", .quick = true},
                        two = {.machine_id = "two", .quick = true};

    (void)state;
    Wire__HostInfo *first = host_describe(&one, NULL), *second = host_describe(&two, NULL);
    assert_string_not_equal(first->machine_id, second->machine_id);
    assert_null(strstr(first->machine_id, "one"));
    setenv("P2PMPI_MACHINE_ID", "two", 1);
    one.machine_id = NULL;
    Wire__HostInfo *third = host_describe(&one, NULL);
    unsetenv("P2PMPI_MACHINE_ID");
    assert_string_equal(second->machine_id, third->machine_id);
    message_free(first);
    message_free(second);
    message_free(third);
}

static void the_load_is_read(void **state)
{
    Wire__LoadInfo load = WIRE__LOAD_INFO__INIT;

    (void)state;
    load.slots = 3;
    host_load(&load);
    assert_true(load.memory_free > 0);
    assert_int_equal(load.slots, 3);
}

UNIT_MAIN(cmocka_unit_test(the_description_is_of_this_machine),
          cmocka_unit_test(quick_tells_the_same_but_accelerators),
          cmocka_unit_test(a_given_machine_id_is_hashed), cmocka_unit_test(the_load_is_read))
