/* SPDX-License-Identifier: BSD-3-Clause */
/* fetch.c - results from hosts to p2pmpirun's directory, joined by a queue in memory */
#include "config.h"
#include "stage/fetchin.h"
#include "stage/fetchout.h"

#include "test/lib/prelude.h"
#include "test/unit/stage/scratch.h"

#include "base/mem.h"
#include "stage/pattern.h"
#include "stage/staged.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOSTS 2

struct end {
    struct world *world;
    uint32_t number;
    struct fetchout *out;
    bool has_ended;
    char *error;
    uint64_t taken;
};

struct world {
    void **state;
    struct end ends[HOSTS];
    struct fetchin *in;
    char *home;
    char *warning;
    struct err err; /* of the last message that was refused */
    bool holds_acks;
};

static const char *const names[HOSTS] = {"alpha", "beta"};

static void note_ack(void *arg, uint32_t host, uint64_t bytes)
{
    struct world *world = arg;

    world->ends[host].taken = bytes;
    if (!world->holds_acks)
        fetchout_ack(world->ends[host].out, bytes);
}

static void note_warning(void *arg, const char *text)
{
    struct world *world = arg;

    free(world->warning);
    world->warning = mem_string(text);
}

static void deliver(void *arg, const Wire__Frame *frame)
{
    struct end *end = arg;
    struct world *world = end->world;

    switch (frame->body_case) {
    case WIRE__FRAME__BODY_FETCH_FILE:
        fetchin_file(world->in, end->number, names[end->number], frame->fetch_file, &world->err);
        break;
    case WIRE__FRAME__BODY_FETCH_DATA:
        fetchin_data(world->in, end->number, frame->fetch_data, &world->err);
        break;
    default:
        end->has_ended = true;
        end->error = mem_string(frame->fetch_end->error);
    }
}

static struct world *world_make(void **state, char *const *patterns, size_t count)
{
    struct world *world = mem_alloc(sizeof *world);
    const struct fetchin_calls calls = {note_ack, note_warning, world};

    world->state = state;
    world->home = scratch_path(state, "home");
    mkdir(world->home, 0755);
    world->in = fetchin_create(world->home, patterns, count, &calls, NULL);
    assert_non_null(world->in);
    return world;
}

static void start(struct world *world, uint32_t number, char **patterns, size_t count)
{
    struct end *end = &world->ends[number];
    Wire__FetchRequest request = WIRE__FETCH_REQUEST__INIT;
    const struct fetchout_calls calls = {deliver, end};
    char *dir = scratch_path(world->state, names[number]);

    request.job = (char *)"job";
    request.patterns = patterns;
    request.n_patterns = count;
    end->world = world;
    end->number = number;
    end->out = fetchout_create(dir, &request, &calls);
    free(dir);
}

static void run(struct end *end)
{
    while (fetchout_work(end->out))
        ;
}

static void world_destroy(struct world *world)
{
    fetchin_destroy(world->in);
    for (size_t i = 0; i < HOSTS; i++) {
        fetchout_destroy(world->ends[i].out);
        free(world->ends[i].error);
    }
    free(world->home);
    free(world->warning);
    free(world);
}

static void assert_home(struct world *world, const char *name, const char *text)
{
    char *path = mem_format("%s/%s", world->home, name);
    char *content = scratch_read(path, NULL);

    if (text == NULL) {
        assert_null(content);
    } else {
        assert_non_null(content);
        assert_string_equal(content, text);
    }
    free(content);
    free(path);
}

static size_t count_entries(const char *path)
{
    DIR *dir = opendir(path);
    size_t count = 0;

    assert_non_null(dir);
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count - 2;
}

/* ---------------------------------------------------------------- tests */

static void made_and_changed_files_come_home_and_untouched_inputs_do_not(void **state)
{
    char *patterns[] = {(char *)"*"};
    struct world *world = world_make(state, patterns, 1);
    char *kept = scratch_text(state, "alpha/work/kept", "as it was"),
         *changed = scratch_text(state, "alpha/work/changed", "old");
    char *list = scratch_path(state, "alpha/staged"),
         *link = scratch_path(state, "alpha/work/link");
    struct stat st;

    FILE *out = fopen(list, "w");
    assert_int_equal(stat(kept, &st), 0);
    staged_note(out, "kept", &st);
    assert_int_equal(stat(changed, &st), 0);
    staged_note(out, "changed", &st);
    fclose(out);
    free(scratch_text(state, "alpha/work/changed", "newer"));
    free(scratch_text(state, "alpha/work/out/deep/a.txt", "result"));
    free(scratch_text(state, "alpha/work/empty", ""));
    free(scratch_write(state, "alpha/work/tool", "#!", 2, 0755));
    assert_int_equal(symlink("/etc/hostname", link), 0);
    start(world, 0, patterns, 1);
    run(&world->ends[0]);
    assert_true(world->ends[0].has_ended);
    assert_string_equal(world->ends[0].error, "");
    assert_string_equal(world->err.text, "");
    assert_home(world, "changed", "newer");
    assert_home(world, "out/deep/a.txt", "result");
    assert_home(world, "empty", "");
    assert_home(world, "kept", NULL);
    assert_home(world, "link", NULL);
    assert_int_equal(fetchin_count(world->in), 4);
    char *tool = mem_format("%s/tool", world->home);
    assert_int_equal(stat(tool, &st), 0);
    assert_true((st.st_mode & 0700) == 0700);
    free(tool);
    free(kept);
    free(changed);
    free(list);
    free(link);
    world_destroy(world);
}

static void patterns_choose(void **state)
{
    static const struct {
        const char *pattern, *path;
        bool matches;
    } cases[] = {
        {"*.ppm", "a.ppm", true},         {"*.ppm", "out/a.ppm", true},
        {"out/*", "out/a/b", true},       {"out", "out/a/b", true},
        {"out/", "out/a", true},          {"./out", "out/a", true},
        {"a.ppm", "b/a.ppm", true},       {"b", "a/b", true},
        {"*.ppm", "a.png", false},        {"out/*.ppm", "a.ppm", false},
        {"*", ".hidden", false},          {"*", ".cache/x", false},
        {".hidden", ".hidden", true},     {".cache", ".cache/x", true},
        {"run-?/log", "run-1/log", true}, {"log", "catalog", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *patterns[] = {(char *)"nothing", (char *)cases[i].pattern};
        if (pattern_matches(patterns, 2, cases[i].path) != cases[i].matches)
            fail_msg("%s and %s", cases[i].pattern, cases[i].path);
    }
}

static void big_files_come_whole_within_the_window(void **state)
{
    enum { BIG = 30 * PIECE_MAX + 17 };
    char *patterns[] = {(char *)"big"};
    struct world *world = world_make(state, patterns, 1);
    struct end *end = &world->ends[0];
    uint8_t *big = mem_alloc(BIG);
    size_t size;

    scratch_fill(big, BIG, 3);
    memset(big + 4 * PIECE_MAX, 0, 5 * PIECE_MAX); /* a hole */
    memset(big + BIG - PIECE_MAX, 0, PIECE_MAX);   /* and one at the end */
    free(scratch_write(state, "alpha/work/big", big, BIG, 0644));
    start(world, 0, patterns, 1);
    world->holds_acks = true;
    run(end);
    assert_false(end->has_ended);
    assert_true(end->taken >= FETCH_WINDOW &&
                end->taken < FETCH_WINDOW + PIECE_MAX + FETCH_FILE_BYTES);
    world->holds_acks = false;
    fetchout_ack(end->out, end->taken);
    run(end);
    assert_true(end->has_ended);
    char *path = mem_format("%s/big", world->home);
    char *content = scratch_read(path, &size);
    assert_int_equal(size, BIG);
    assert_memory_equal(content, big, BIG);
    assert_int_equal(count_entries(world->home), 1); /* no temporary file is left */
    free(content);
    free(path);
    free(big);
    world_destroy(world);
}

static void many_small_files_are_held_back_too(void **state)
{
    char *patterns[] = {(char *)"*"};
    struct world *world = world_make(state, patterns, 1);
    enum { FILES = FETCH_WINDOW / FETCH_FILE_BYTES + 100 };

    for (int i = 0; i < FILES; i++) {
        char name[64];
        snprintf(name, sizeof name, "alpha/work/%d", i);
        char *path = scratch_path(state, name);
        if (i == 0)
            free(scratch_text(state, name, ""));
        else
            fclose(fopen(path, "w"));
        free(path);
    }
    start(world, 0, patterns, 1);
    world->holds_acks = true;
    run(&world->ends[0]);
    assert_false(world->ends[0].has_ended);
    world->holds_acks = false;
    fetchout_ack(world->ends[0].out, world->ends[0].taken);
    run(&world->ends[0]);
    assert_true(world->ends[0].has_ended);
    assert_int_equal(fetchin_count(world->in), FILES);
    world_destroy(world);
}

static void the_first_of_two_hosts_keeps_the_name(void **state)
{
    char *patterns[] = {(char *)"result"};
    struct world *world = world_make(state, patterns, 1);

    free(scratch_text(state, "alpha/work/result", "of alpha"));
    free(scratch_text(state, "beta/work/result", "of beta"));
    free(scratch_text(state, "home/result", "of yesterday"));
    start(world, 0, patterns, 1);
    start(world, 1, patterns, 1);
    run(&world->ends[0]);
    run(&world->ends[1]);
    assert_home(world, "result", "of alpha");
    assert_home(world, "result.beta", "of beta");
    assert_string_equal(
        world->warning,
        "alpha and beta made different files result: that of beta is kept as result.beta");
    world_destroy(world);
}

static void the_same_file_from_two_hosts_is_one(void **state)
{
    char *patterns[] = {(char *)"result"};
    struct world *world = world_make(state, patterns, 1);

    free(scratch_text(state, "alpha/work/result", "the same"));
    free(scratch_text(state, "beta/work/result", "the same"));
    start(world, 0, patterns, 1);
    start(world, 1, patterns, 1);
    run(&world->ends[0]);
    run(&world->ends[1]);
    assert_home(world, "result", "the same");
    assert_int_equal(count_entries(world->home), 1);
    assert_int_equal(fetchin_count(world->in), 1);
    assert_null(world->warning);
    assert_string_equal(world->err.text, "");
    world_destroy(world);
}

static Wire__FetchFile announced(const char *path, uint64_t size)
{
    Wire__FetchFile file = WIRE__FETCH_FILE__INIT;

    file.path = (char *)path;
    file.size = size;
    file.mode = 0644;
    file.index = 1;
    return file;
}

static void a_host_cannot_write_elsewhere_or_what_was_not_asked_for(void **state)
{
    static const struct {
        const char *path, *sentence;
    } cases[] = {
        {"../evil", "leads out of the directory"},
        {"/tmp/evil", "leads out of the directory"},
        {"a/../../evil", "leads out"},
        {"", "leads out"},
        {"a\x1b[2J", "leads out of the directory"},
        {".bashrc", "was not asked for"},
        {"link/evil", "a link or a file is in the place of its directory"},
    };
    char *patterns[] = {(char *)"*"};
    struct world *world = world_make(state, patterns, 1);
    char *link = mem_format("%s/link", world->home), *outside = scratch_path(state, "outside");

    mkdir(outside, 0755);
    assert_int_equal(symlink(outside, link), 0);
    world->holds_acks = true;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Wire__FetchFile file = announced(cases[i].path, 1);
        assert_int_equal(fetchin_file(world->in, 0, "alpha", &file, &world->err), -1);
        if (strstr(world->err.text, cases[i].sentence) == NULL)
            assert_string_equal(world->err.text, cases[i].sentence);
    }
    assert_int_equal(count_entries(outside), 0);
    assert_int_equal(fetchin_count(world->in), 0);
    free(link);
    free(outside);
    world_destroy(world);
}

static void broken_pieces_drop_their_file_and_leave_nothing(void **state)
{
    char *patterns[] = {(char *)"*"};
    struct world *world = world_make(state, patterns, 1);
    Wire__FetchFile file = announced("a", 100);
    Wire__FetchData data = WIRE__FETCH_DATA__INIT;
    uint8_t rubbish[] = "rubbish";

    world->holds_acks = true;
    data.index = 1;
    assert_int_equal(fetchin_data(world->in, 0, &data, &world->err), -1); /* not announced */
    assert_int_equal(fetchin_file(world->in, 0, "alpha", &file, &world->err), 0);
    data.data = (ProtobufCBinaryData){sizeof rubbish, rubbish};
    assert_int_equal(fetchin_data(world->in, 0, &data, &world->err), -1);
    data.last = true;
    assert_int_equal(fetchin_data(world->in, 0, &data, &world->err),
                     0); /* the rest of a dropped file */
    file.index = 2;
    file.path = (char *)"b";
    assert_int_equal(fetchin_file(world->in, 0, "alpha", &file, &world->err), 0);
    data.index = 2;
    data.data.len = 0;
    assert_int_equal(fetchin_data(world->in, 0, &data, &world->err), -1); /* cut short */
    assert_non_null(strstr(world->err.text, "b could not be read to its end"));
    file.index = 3;
    file.path = (char *)"c";
    assert_int_equal(fetchin_file(world->in, 0, "alpha", &file, &world->err),
                     0); /* and then nothing more */
    char *home = mem_string(world->home);
    world_destroy(world);
    assert_int_equal(count_entries(home), 0);
    free(home);
}

static void a_job_directory_that_is_gone_is_told(void **state)
{
    char *patterns[] = {(char *)"*"};
    struct world *world = world_make(state, patterns, 1);

    start(world, 0, patterns, 1);
    run(&world->ends[0]);
    assert_true(world->ends[0].has_ended);
    assert_string_equal(world->ends[0].error,
                        "cannot fetch the job's directory: No such file or directory");
    world_destroy(world);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)
UNIT_MAIN(TEST(made_and_changed_files_come_home_and_untouched_inputs_do_not), TEST(patterns_choose),
          TEST(big_files_come_whole_within_the_window), TEST(many_small_files_are_held_back_too),
          TEST(the_first_of_two_hosts_keeps_the_name), TEST(the_same_file_from_two_hosts_is_one),
          TEST(a_host_cannot_write_elsewhere_or_what_was_not_asked_for),
          TEST(broken_pieces_drop_their_file_and_leave_nothing),
          TEST(a_job_directory_that_is_gone_is_told))
