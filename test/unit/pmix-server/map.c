/* SPDX-License-Identifier: BSD-3-Clause */
/* map.c - which rank is where */
#include "config.h"
#include "pmix-server/px_map.h"

#include "test/lib/prelude.h"

/* Five ranks on hosts a and c; b has none. */
static Wire__Peer peers[3] = {WIRE__PEER__INIT, WIRE__PEER__INIT, WIRE__PEER__INIT};
static Wire__JobHost hosts[3] = {WIRE__JOB_HOST__INIT, WIRE__JOB_HOST__INIT, WIRE__JOB_HOST__INIT};
static Wire__JobHost *host_list[3] = {&hosts[0], &hosts[1], &hosts[2]};
static uint32_t rank_host[5] = {2, 0, 2, 0, 2};
static char *arguments[1] = {(char *)"prog"};
static Wire__JobSpec spec = WIRE__JOB_SPEC__INIT;
static Wire__StepStart start = WIRE__STEP_START__INIT;

static int prepare(void **state)
{
    static const char *const names[3] = {"a", "b", "c"};

    (void)state;
    for (int i = 0; i < 3; i++) {
        peers[i].name = (char *)names[i];
        hosts[i].peer = &peers[i];
    }
    spec.hosts = host_list;
    spec.n_hosts = 3;
    spec.rank_host = rank_host;
    spec.n_rank_host = spec.ranks = 5;
    spec.argv = arguments;
    spec.n_argv = 1;
    spec.namespace_ = (char *)"space";
    start.spec = &spec;
    start.host = 2;
    return 0;
}

static void maps_leave_out_hosts_without_ranks(void **state)
{
    char *names = map_host_names(&spec, 2, "self"), *ranks = map_host_ranks(&spec),
         *own = map_ranks_of(&spec, 2);

    (void)state;
    assert_string_equal(names, "a,self");
    assert_string_equal(ranks, "1,3;0,2,4");
    assert_string_equal(own, "0,2,4");
    assert_int_equal(map_hosts_used(&spec), 2);
    assert_int_equal(map_node_id(&spec, 2), 1);
    assert_int_equal(map_local_rank(&spec, 4), 2);
    assert_int_equal(map_local_rank(&spec, 1), 0);
    free(names);
    free(ranks);
    free(own);
}

static void hosts_of_one_name_are_told_apart(void **state)
{
    char *name;

    (void)state;
    peers[1].name = (char *)"a";
    name = map_host_name(&spec, 2, "self", 1);
    assert_string_equal(name, "a.h1");
    free(name);
    name = map_host_name(&spec, 2, "a", 0);
    assert_string_equal(name, "a.h0");
    free(name);
    name = map_host_name(&spec, 0, "x", 1);
    assert_string_equal(name, "a");
    free(name);
}

static void a_start_that_does_not_fit_itself_is_refused(void **state)
{
    struct err err;

    (void)state;
    assert_int_equal(map_check(&start, &err), 0);
    start.host = 3;
    assert_int_equal(map_check(&start, &err), -1);
    start.host = 2;
    rank_host[1] = 3;
    assert_int_equal(map_check(&start, &err), -1);
    assert_string_equal(err.text, "rank 1 is on host 3 of 3");
    rank_host[1] = 0;
    spec.n_rank_host = 4;
    assert_int_equal(map_check(&start, &err), -1);
    spec.n_rank_host = 5;
    peers[1].name = (char *)"b,d";
    assert_int_equal(map_check(&start, &err), -1);
    peers[1].name = (char *)"b";
    spec.n_argv = 0;
    assert_int_equal(map_check(&start, &err), -1);
    spec.n_argv = 1;
    uint32_t degrees[] = {2, 2};
    spec.degrees = degrees;
    spec.n_degrees = 2;
    assert_int_equal(map_check(&start, &err), -1);
    assert_string_equal(err.text, "the replicas of the job's ranks are not its 5 processes");
    degrees[1] = 3;
    assert_int_equal(map_check(&start, &err), 0);
    spec.n_degrees = 0;
    start.spec = NULL;
    assert_int_equal(map_check(&start, &err), -1);
    start.spec = &spec;
}

UNIT_MAIN(cmocka_unit_test_setup(hosts_of_one_name_are_told_apart, prepare),
          cmocka_unit_test_setup(maps_leave_out_hosts_without_ranks, prepare),
          cmocka_unit_test_setup(a_start_that_does_not_fit_itself_is_refused, prepare))
