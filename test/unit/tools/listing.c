/* SPDX-License-Identifier: BSD-3-Clause */
/* listing.c - tables, host lists, the map of a job */
#include "config.h"
#include "tools/hosts_table.h"
#include "tools/run_map.h"
#include "tools/run_progress.h"
#include "cli/cli_table.h"
#include "cli/cli_text.h"

#include "test/lib/prelude.h"

#include <stdio.h>
#include <string.h>

static char seen[4096];

static FILE *begin(void)
{
    memset(seen, 0, sizeof seen);
    return fmemopen(seen, sizeof seen, "w");
}

static void a_table_is_cut_to_the_terminal(void **state)
{
    static const struct table_column columns[] = {
        {"NAME", 0, 4}, {"N", TABLE_RIGHT, 0}, {"NONE", 0, 0}};
    struct table *table = table_create(columns, 3);
    FILE *out = begin();

    (void)state;
    setenv("COLUMNS", "12", 1);
    table_add(table, "a-very-long-name");
    table_add(table, "17");
    table_add(table, "");
    table_add(table, "b\033[1m");
    table_add(table, "5");
    table_add(table, "");
    table_print(table, out);
    fclose(out);
    assert_string_equal(seen, "NAME       N\na-very-~  17\nb?[1m      5\n");
    table_destroy(table);
    unsetenv("COLUMNS");
}

static void a_narrow_table_leaves_out_what_can_be_spared(void **state)
{
    static const struct table_column columns[] = {
        {"NAME", 0, 4}, {"SIZE", TABLE_SPARE, 0}, {"N", 0, 0}, {"LAST", TABLE_SPARE, 0}};
    static const struct {
        const char *width, *text;
    } cases[] = {{"40", "NAME    SIZE   N   LAST\nabcdef  12345  17  xyz\n"},
                 {"15", "NAME  SIZE   N\nabc~  12345  17\n"},
                 {"10", "NAME    N\nabcdef  17\n"}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct table *table = table_create(columns, 4);
        FILE *out = begin();
        setenv("COLUMNS", cases[i].width, 1);
        table_add(table, "abcdef");
        table_add(table, "12345");
        table_add(table, "17");
        table_add(table, "xyz");
        table_print(table, out);
        fclose(out);
        assert_string_equal(seen, cases[i].text);
        table_destroy(table);
    }
    unsetenv("COLUMNS");
}

static void numbers_are_written_for_people(void **state)
{
    char text[TEXT_SIZE];

    (void)state;
    text_bytes(1023, text);
    assert_string_equal(text, "1023 B");
    text_bytes(1536, text);
    assert_string_equal(text, "1.5 KiB");
    text_bytes((1u << 20) - 1, text);
    assert_string_equal(text, "1.0 MiB");
    text_bytes(UINT64_MAX, text);
    assert_string_equal(text, "16.0 EiB");
    text_rtt(240, text);
    assert_string_equal(text, "0.24 ms");
    text_rtt(2500000, text);
    assert_string_equal(text, "2.5 s");
    text_age(7300, text);
    assert_string_equal(text, "2 h");
}

static Wire__Peer peer(const char *name, uint32_t rtt_us, bool alive, Wire__LoadInfo *load)
{
    Wire__Peer new = WIRE__PEER__INIT;

    new.name = (char *)name;
    new.rtt_us = rtt_us;
    new.alive = alive;
    new.load = load;
    new.id = (ProtobufCBinaryData){4, (uint8_t *)name}; /* names here have four letters */
    return new;
}

static void peers_are_sorted_and_only_the_living_are_in_a_host_file(void **state)
{
    Wire__LoadInfo load = WIRE__LOAD_INFO__INIT;
    Wire__Peer far = peer("farr", 9000, true, &load), near = peer("near", 100, true, &load);
    Wire__Peer dead = peer("dead", 50, false, &load), new = peer("newp", 0, true, NULL);
    Wire__Peer self = peer("self", 0, true, &load);
    Wire__Peer *peers[] = {&dead, &far, &new, &self, &near};
    FILE *out = begin();

    (void)state;
    load.slots = 2;
    hosts_sort(peers, 5, &self.id);
    assert_ptr_equal(peers[0], &self);
    assert_ptr_equal(peers[1], &near);
    assert_ptr_equal(peers[2], &far);
    assert_ptr_equal(peers[3], &new);
    assert_ptr_equal(peers[4], &dead);
    hosts_print_hostfile(peers, 5, false, out);
    fclose(out);
    assert_string_equal(seen, "self slots=2\nnear slots=2\nfarr slots=2\n");
}

static void ranks_of_a_host_are_written_as_ranges(void **state)
{
    uint32_t rank_host[] = {0, 0, 0, 1, 0, 1, 1};
    Wire__JobSpec spec = WIRE__JOB_SPEC__INIT;

    (void)state;
    spec.n_rank_host = 7;
    spec.rank_host = rank_host;
    char *first = run_map_ranks(&spec, 0), *second = run_map_ranks(&spec, 1),
         *none = run_map_ranks(&spec, 2);
    assert_string_equal(first, "0-2,4");
    assert_string_equal(second, "3,5-6");
    assert_string_equal(none, "");
    free(first);
    free(second);
    free(none);
}

static void the_map_of_replicas_has_a_line_for_each_rank(void **state)
{
    uint32_t rank_host[] = {0, 1, 1}, degrees[] = {2, 1};
    Wire__JobSpec spec = WIRE__JOB_SPEC__INIT;
    Wire__JobHost hosts[2] = {WIRE__JOB_HOST__INIT, WIRE__JOB_HOST__INIT};
    Wire__JobHost *list[] = {&hosts[0], &hosts[1]};
    Wire__Peer peers[2] = {WIRE__PEER__INIT, WIRE__PEER__INIT};

    (void)state;
    spec.job = (char *)"0123456789abcdef";
    spec.command = (char *)"app";
    spec.ranks = 3;
    spec.n_rank_host = 3;
    spec.rank_host = rank_host;
    spec.n_degrees = 2;
    spec.degrees = degrees;
    spec.n_hosts = 2;
    spec.hosts = list;
    for (int i = 0; i < 2; i++) {
        hosts[i].peer = &peers[i];
        peers[i].name = (char *)(i == 0 ? "north" : "south");
    }
    FILE *out = begin();
    run_map_print(&spec, out);
    fclose(out);
    assert_string_equal(seen, "Job 01234567: app, 2 ranks, 3 processes on 2 hosts\n"
                              "RANK  REPLICA 0  REPLICA 1\n"
                              "   0  north      south\n"
                              "   1  south      -\n");
}

static void progress_tells_bytes_while_staging(void **state)
{
    char text[200];

    (void)state;
    run_progress_sentence(WIRE__PHASE__PHASE_STAGE, 1536, 3 << 20, "peer\0333", text, sizeof text);
    assert_string_equal(text, "bringing files to the hosts: 1.5 KiB of 3.0 MiB (peer?3)");
    run_progress_sentence(WIRE__PHASE__PHASE_SEARCH, 3, 8, "", text, sizeof text);
    assert_string_equal(text, "searching for hosts: 3 of 8");
    run_progress_sentence((Wire__Phase)77, 0, 0, "", text, sizeof text);
    assert_string_equal(text, "working");
}

UNIT_MAIN(cmocka_unit_test(a_table_is_cut_to_the_terminal),
          cmocka_unit_test(a_narrow_table_leaves_out_what_can_be_spared),
          cmocka_unit_test(numbers_are_written_for_people),
          cmocka_unit_test(peers_are_sorted_and_only_the_living_are_in_a_host_file),
          cmocka_unit_test(ranks_of_a_host_are_written_as_ranges),
          cmocka_unit_test(the_map_of_replicas_has_a_line_for_each_rank),
          cmocka_unit_test(progress_tells_bytes_while_staging))
