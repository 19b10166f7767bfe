/* SPDX-License-Identifier: BSD-3-Clause */
/* life.c - the two state tables of a job: ways through, ways out, no way back */
#include "config.h"
#include "job/life.h"

#include "test/lib/prelude.h"

#include <string.h>

static void the_good_way_home(void **state)
{
    static const enum home_event way[] = {
        HOME_EVENT_PLACED,      HOME_EVENT_STAGED,  HOME_EVENT_STARTED,   HOME_EVENT_RANKS_ENDED,
        HOME_EVENT_OUTPUT_DONE, HOME_EVENT_FETCHED, HOME_EVENT_HOSTS_GONE};
    int at = HOME_SEARCH;

    (void)state;
    for (size_t i = 0; i < sizeof way / sizeof way[0]; i++) {
        at = home_next((enum home_state)at, way[i]);
        assert_int_equal(at, (int)i + 1); /* each state is entered, in the order of the list */
    }
    assert_int_equal(at, HOME_DONE);
}

static void the_good_way_on_a_host(void **state)
{
    static const enum host_event way[] = {HOST_EVENT_OFFER, HOST_EVENT_READY,
                                          HOST_EVENT_START, HOST_EVENT_STARTED,
                                          HOST_EVENT_END,   HOST_EVENT_STEP_GONE};
    int at = HOST_LEASED;

    (void)state;
    for (size_t i = 0; i < sizeof way / sizeof way[0]; i++) {
        at = host_next((enum host_state)at, way[i]);
        assert_int_equal(at, (int)i + 1);
    }
    assert_int_equal(at, HOST_GONE);
}

static void a_job_without_files_starts_at_once(void **state)
{
    (void)state;
    assert_int_equal(host_next(HOST_LEASED, HOST_EVENT_START), HOST_STARTING);
}

static void a_home_that_is_abandoned_releases_its_hosts(void **state)
{
    (void)state;
    for (int at = HOME_SEARCH; at < HOME_RELEASE; at++)
        assert_int_equal(home_next((enum home_state)at, HOME_EVENT_ABANDON), HOME_RELEASE);
}

/* Output of ranks that ran is still written after a failure; before that there is none. */
static void failure_leaves_every_state_in_which_work_is_awaited(void **state)
{
    (void)state;
    assert_int_equal(home_next(HOME_SEARCH, HOME_EVENT_FAIL), HOME_RELEASE);
    assert_int_equal(home_next(HOME_STAGE, HOME_EVENT_FAIL), HOME_RELEASE);
    assert_int_equal(home_next(HOME_START, HOME_EVENT_FAIL), HOME_DRAIN);
    assert_int_equal(home_next(HOME_RUN, HOME_EVENT_FAIL), HOME_DRAIN);
    assert_int_equal(home_next(HOME_FETCH, HOME_EVENT_FAIL), HOME_RELEASE);
}

static void every_living_part_can_be_ended(void **state)
{
    (void)state;
    for (int at = HOST_LEASED; at < HOST_ENDING; at++) {
        int next = host_next((enum host_state)at, HOST_EVENT_END);
        assert_true(next == HOST_ENDING || next == HOST_GONE);
    }
    for (int at = HOST_STARTING; at < HOST_GONE; at++)
        assert_int_equal(host_next((enum host_state)at, HOST_EVENT_STEP_GONE), HOST_GONE);
}

static void no_event_leads_back(void **state)
{
    (void)state;
    for (int at = 0; at < HOME_STATES; at++)
        for (int event = 0; event < HOME_EVENTS; event++) {
            int next = home_next((enum home_state)at, (enum home_event)event);
            assert_true(next == -1 || (next > at && next < HOME_STATES));
        }
    for (int at = 0; at < HOST_STATES; at++)
        for (int event = 0; event < HOST_EVENTS; event++) {
            int next = host_next((enum host_state)at, (enum host_event)event);
            assert_true(next == -1 || (next > at && next < HOST_STATES));
        }
}

static void the_end_is_the_end(void **state)
{
    (void)state;
    for (int event = 0; event < HOME_EVENTS; event++)
        assert_int_equal(home_next(HOME_DONE, (enum home_event)event), -1);
    for (int event = 0; event < HOST_EVENTS; event++)
        assert_int_equal(host_next(HOST_GONE, (enum host_event)event), -1);
}

static void every_state_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int a = 0; a < HOME_STATES; a++) {
        assert_true(strlen(home_state_name((enum home_state)a)) > 0);
        for (int b = 0; b < a; b++)
            assert_string_not_equal(home_state_name((enum home_state)a),
                                    home_state_name((enum home_state)b));
    }
    for (int a = 0; a < HOST_STATES; a++) {
        assert_true(strlen(host_state_name((enum host_state)a)) > 0);
        for (int b = 0; b < a; b++)
            assert_string_not_equal(host_state_name((enum host_state)a),
                                    host_state_name((enum host_state)b));
    }
}

UNIT_MAIN(cmocka_unit_test(the_good_way_home), cmocka_unit_test(the_good_way_on_a_host),
          cmocka_unit_test(a_job_without_files_starts_at_once),
          cmocka_unit_test(a_home_that_is_abandoned_releases_its_hosts),
          cmocka_unit_test(failure_leaves_every_state_in_which_work_is_awaited),
          cmocka_unit_test(every_living_part_can_be_ended), cmocka_unit_test(no_event_leads_back),
          cmocka_unit_test(the_end_is_the_end), cmocka_unit_test(every_state_has_a_name_of_its_own))
