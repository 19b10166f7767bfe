/* SPDX-License-Identifier: BSD-3-Clause */
/* options.c - p2pmpirun's command line */
#include "config.h"
#include "tools/run_options.h"

#include "base/file.h"
#include "base/mem.h"
#include "test/lib/prelude.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WORDS 32

/* Reads "p2pmpirun LINE", words between blanks. The words live until the next call. */
static int read_line(struct run_options *options, const char *line, struct err *err)
{
    static char text[512];
    static char *argv[WORDS];
    int argc = 0;

    snprintf(text, sizeof text, "p2pmpirun %s", line);
    for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " "))
        argv[argc++] = word;
    argv[argc] = NULL;
    return run_options_read(options, argc, argv, err);
}

static void every_spelling_of_the_number_of_ranks_is_read(void **state)
{
    static const char *const lines[] = {"-n 4 app", "-np 4 app",  "--np 4 app", "-c 4 app",
                                        "-n4 app",  "--np=4 app", "--n 4 app"};
    struct run_options options;

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_int_equal(read_line(&options, lines[i], NULL), 0);
        assert_int_equal(options.ranks, 4);
        assert_string_equal(options.argv[0], "app");
        run_options_clear(&options);
    }
}

static void options_end_at_the_program(void **state)
{
    struct run_options options;

    (void)state;
    assert_int_equal(read_line(&options, "-n 2 ./app -n 7 --bogus -v", NULL), 0);
    assert_int_equal(options.ranks, 2);
    assert_int_equal(options.argc, 5);
    assert_string_equal(options.argv[3], "--bogus");
    assert_false(options.verbose);
    run_options_clear(&options);
    assert_int_equal(read_line(&options, "-n 2 -- -app", NULL), 0);
    assert_string_equal(options.argv[0], "-app");
    run_options_clear(&options);
}

static void single_dash_long_options_are_read(void **state)
{
    struct run_options options;

    (void)state;
    assert_int_equal(
        read_line(
            &options,
            "-mca btl tcp -mca btl self -wdir /tmp -host a,b:2,a -oversubscribe -tag-output "
            "-display-map -timeout 5 -a concentrate -w 9 -fetch *.out --fetch x -x A -x B=c app",
            NULL),
        0);
    assert_int_equal(options.mca.count, 2);
    assert_string_equal(options.mca.items[0], "OMPI_MCA_btl");
    assert_string_equal(options.mca.items[1], "tcp,self");
    assert_string_equal(options.wdir, "/tmp");
    assert_int_equal(options.hosts.count, 2);
    assert_int_equal(options.hosts.items[0].slots, 2); /* a, twice */
    assert_int_equal(options.hosts.items[1].slots, 2);
    assert_true(options.oversubscribe && options.tag_output && options.display_map);
    assert_int_equal(options.timeout_ms, 5000);
    assert_int_equal(options.wait_ms, 9000);
    assert_int_equal(options.strategy, RUN_CONCENTRATE);
    assert_int_equal(options.fetch.count, 2);
    assert_int_equal(options.exports.count, 2);
    run_options_clear(&options);
}

static void what_scripts_give_and_needs_nothing_here_is_accepted(void **state)
{
    static const char *const lines[] = {"--bind-to none app",
                                        "--map-by node app",
                                        "--map-by slot:OVERSUBSCRIBE app",
                                        "--allow-run-as-root app",
                                        "--report-bindings --use-hwthread-cpus app",
                                        "--prtemca plm_ssh_agent x app",
                                        "-prefix /usr app",
                                        "--output tag,merge app",
                                        "--stdin none app",
                                        "-bynode app",
                                        "--rank-by slot -q app"};
    struct run_options options;

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_int_equal(read_line(&options, lines[i], NULL), 0);
        assert_string_equal(options.argv[0], "app");
        run_options_clear(&options);
    }
}

static void what_cannot_be_done_is_refused_with_its_reason(void **state)
{
    static const struct {
        const char *line, *sentence;
    } cases[] = {
        {"--bogus -n 2 app", "unknown option \"--bogus\""},
        {"-Z app", "unknown option \"-Z\""},
        {"-n abc app", "-n needs a number of ranks from 1 to 65536, not \"abc\""},
        {"-n 0 app", "-n needs a number of ranks"},
        {"-n -1 app", "-n needs a number of ranks"},
        {"-n 99999999999 app", "-n needs a number of ranks"},
        {"-n", "the option \"-n\" needs an argument"},
        {"-n 2", "no program is named"},
        {"", "no program is named"},
        {"--app file", "the option \"--app\" of mpirun comes in a later version"},
        {"-N 2 app", "the option \"-N\" of mpirun comes in a later version"},
        {"-n 1 app : -n 1 app", "several programs in one job"},
        {"--mca btl", "--mca btl needs a value"},
        {"-a nearest app", "-a is spread or concentrate"},
        {"--timeout -3 app", "--timeout needs a whole number of seconds"},
        {"--host a:0 app", "needs a number of slots"},
        {"--host , app", "no host is named"},
        {"--map-by ppr:2:node app", "--map-by ppr comes in a later version"},
        {"--hostfile /nonexistent/hosts app", "cannot read /nonexistent/hosts"},
    };
    struct run_options options;
    struct err err;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        err.text[0] = '\0';
        assert_int_equal(read_line(&options, cases[i].line, &err), -1);
        if (strstr(err.text, cases[i].sentence) == NULL)
            fail_msg("%s: %s", cases[i].line, err.text);
        run_options_clear(&options);
    }
}

static void an_ipv6_address_may_have_slots(void **state)
{
    struct run_hosts hosts = {NULL, 0};

    (void)state;
    assert_int_equal(run_hosts_add(&hosts, "fd00::1,[fd00::2]:3", NULL), 0);
    assert_int_equal(hosts.count, 2);
    assert_string_equal(hosts.items[0].name, "fd00::1");
    assert_false(hosts.items[0].slots_given);
    assert_string_equal(hosts.items[1].name, "fd00::2");
    assert_int_equal(hosts.items[1].slots, 3);
    run_hosts_clear(&hosts);
}

static void a_host_file_is_read_and_its_faults_have_a_line(void **state)
{
    static const char good[] =
        "# my hosts\n\na slots=2 max_slots=4\n  b  # the second\nc slots=1\n";
    static const char bad[] = "a\nb slot=3\n";
    char dir[] = "/tmp/options.XXXXXX";
    struct run_hosts hosts = {NULL, 0};
    struct err err;

    (void)state;
    assert_non_null(mkdtemp(dir));
    char *path = mem_format("%s/hosts", dir);
    assert_int_equal(file_write(path, good, sizeof good - 1, 0600, NULL), 0);
    assert_int_equal(run_hosts_read(&hosts, path, NULL), 0);
    assert_int_equal(hosts.count, 3);
    assert_int_equal(hosts.items[0].slots, 2);
    assert_string_equal(hosts.items[1].name, "b");
    assert_false(hosts.items[1].slots_given);
    run_hosts_clear(&hosts);
    assert_int_equal(file_write(path, bad, sizeof bad - 1, 0600, NULL), 0);
    assert_int_equal(run_hosts_read(&hosts, path, &err), -1);
    assert_non_null(strstr(err.text, "hosts line 2: \"slot=3\" is not known here"));
    run_hosts_clear(&hosts);
    free(path);
    file_remove_tree(dir, NULL);
}

UNIT_MAIN(cmocka_unit_test(every_spelling_of_the_number_of_ranks_is_read),
          cmocka_unit_test(options_end_at_the_program),
          cmocka_unit_test(single_dash_long_options_are_read),
          cmocka_unit_test(what_scripts_give_and_needs_nothing_here_is_accepted),
          cmocka_unit_test(what_cannot_be_done_is_refused_with_its_reason),
          cmocka_unit_test(an_ipv6_address_may_have_slots),
          cmocka_unit_test(a_host_file_is_read_and_its_faults_have_a_line))
