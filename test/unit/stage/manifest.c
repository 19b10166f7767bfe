/* SPDX-License-Identifier: BSD-3-Clause */
/* manifest.c - the list of a job's files: what goes where, and what is refused */
#include "config.h"
#include "stage/manifest.h"

#include "test/lib/prelude.h"
#include "test/unit/stage/scratch.h"

#include "base/mem.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct manifest *make(void **state)
{
    char *cwd = scratch_path(state, "cwd");

    mkdir(cwd, 0755);
    struct manifest *manifest = manifest_create(cwd);
    free(cwd);
    return manifest;
}

static const Wire__File *file_at(struct manifest *manifest, const char *path)
{
    Wire__JobSubmit submit = WIRE__JOB_SUBMIT__INIT;

    manifest_fill(manifest, &submit);
    for (size_t i = 0; i < submit.n_files; i++)
        if (strcmp(submit.files[i]->path, path) == 0)
            return submit.files[i];
    return NULL;
}

static size_t file_count(struct manifest *manifest)
{
    Wire__JobSubmit submit = WIRE__JOB_SUBMIT__INIT;

    manifest_fill(manifest, &submit);
    return submit.n_files;
}

static void assert_error(int result, const struct err *err, const char *sentence)
{
    assert_int_equal(result, -1);
    if (strstr(err->text, sentence) == NULL)
        assert_string_equal(err->text, sentence);
}

static void inputs_keep_their_place_below_the_working_directory(void **state)
{
    struct err err = {""};
    struct manifest *manifest = make(state);
    char *outside = scratch_text(state, "elsewhere/data/x.dat", "1");
    char *dir = scratch_path(state, "elsewhere/data");
    char *link = scratch_path(state, "cwd/link");

    free(scratch_text(state, "cwd/in/a.dat", "22"));
    free(scratch_text(state, "cwd/in/deep/b.dat", "333"));
    free(scratch_text(state, "cwd/c.dat", "4444"));
    assert_int_equal(symlink(outside, link), 0);
    assert_int_equal(manifest_add_inputs(manifest, "in/a.dat,./c.dat,in/deep/,link", &err), 0);
    assert_int_equal(manifest_add_input(manifest, dir, &err), 0);
    assert_int_equal(manifest_add_input(manifest, "../cwd/in/a.dat", &err),
                     0); /* again: no second entry */
    assert_int_equal(file_at(manifest, "in")->kind, WIRE__FILE_KIND__FILE_DIR);
    assert_int_equal(file_at(manifest, "in/a.dat")->size, 2);
    assert_int_equal(file_at(manifest, "in/deep/b.dat")->size, 3);
    assert_int_equal(file_at(manifest, "c.dat")->kind, WIRE__FILE_KIND__FILE_INPUT);
    assert_int_equal(file_at(manifest, "data")->kind, WIRE__FILE_KIND__FILE_DIR);
    assert_string_equal(file_at(manifest, "data/x.dat")->origin, outside);
    assert_int_equal(file_at(manifest, "link")->size,
                     1); /* the content that it points at, under its own name */
    assert_int_equal(file_count(manifest), 8);
    assert_int_equal(manifest_bytes(manifest), 2 + 3 + 4 + 1 + 1);
    free(outside);
    free(dir);
    free(link);
    manifest_destroy(manifest);
}

static void the_whole_working_directory_can_be_sent(void **state)
{
    struct err err = {""};
    struct manifest *manifest = make(state);

    free(scratch_text(state, "cwd/a", "1"));
    free(scratch_text(state, "cwd/d/b", "2"));
    assert_int_equal(manifest_add_input(manifest, ".", &err), 0);
    assert_non_null(file_at(manifest, "a"));
    assert_non_null(file_at(manifest, "d/b"));
    assert_int_equal(file_count(manifest), 3);
    manifest_destroy(manifest);
}

static void what_cannot_be_sent_is_told(void **state)
{
    struct err err = {""};
    struct manifest *manifest = make(state);
    char *one = scratch_text(state, "one/same", "1"), *two = scratch_text(state, "two/same", "2");
    char *loop = scratch_path(state, "cwd/d/loop"), *dir = scratch_path(state, "cwd/d"),
         *pipe = scratch_path(state, "cwd/pipe");

    assert_error(manifest_add_input(manifest, "no-such-file", &err), &err,
                 "/cwd/no-such-file: No such file or directory");
    assert_error(manifest_add_input(manifest, "", &err), &err, "empty");
    assert_int_equal(manifest_add_input(manifest, one, &err), 0);
    assert_error(manifest_add_input(manifest, two, &err), &err,
                 "would have the same name same in the job's directory");
    assert_int_equal(mkfifo(pipe, 0600), 0);
    assert_error(manifest_add_input(manifest, "pipe", &err), &err,
                 "is neither a file nor a directory");
    assert_int_equal(mkdir(dir, 0755), 0);
    assert_int_equal(symlink("..", loop), 0);
    assert_error(manifest_add_input(manifest, "d", &err), &err,
                 "is a link to a directory that holds it");
    free(scratch_text(state, "cwd/a\nb", "x"));
    assert_error(manifest_add_input(manifest, "a\nb", &err), &err, "control characters");
    free(scratch_text(state, "one/d", "x"));
    free(one);
    one = scratch_path(state, "one/d");
    assert_error(manifest_add_input(manifest, one, &err), &err, "would have the same name d");
    free(one);
    free(two);
    free(loop);
    free(dir);
    free(pipe);
    manifest_destroy(manifest);
}

static void an_unreadable_file_is_told(void **state)
{
    struct err err = {""};
    struct manifest *manifest = make(state);
    bool is_root = geteuid() == 0; /* who reads everything: be somebody else for a moment */

    free(scratch_write(state, "cwd/secret", "x", 1, 0));
    assert_int_equal(is_root ? seteuid(65534) : 0, 0);
    int result = manifest_add_input(manifest, "secret", &err);
    assert_int_equal(is_root ? seteuid(0) : 0, 0);
    assert_error(result, &err, "Permission denied");
    manifest_destroy(manifest);
}

static void a_list_names_files_one_per_line(void **state)
{
    struct err err = {""};
    struct manifest *manifest = make(state);

    free(scratch_text(state, "cwd/a b", "1"));
    free(scratch_text(state, "cwd/c#1", "2"));
    free(scratch_text(state, "cwd/d", "3"));
    free(scratch_text(state, "cwd/list", "# inputs\n\n  a b  \nc#1 cache # kept\r\nd\tcache"));
    assert_int_equal(manifest_add_list(manifest, "list", &err), 0);
    assert_non_null(file_at(manifest, "a b"));
    assert_non_null(file_at(manifest, "c#1"));
    assert_non_null(file_at(manifest, "d"));
    assert_int_equal(file_count(manifest), 3);
    manifest_destroy(manifest);
}

static void a_bad_line_of_a_list_is_named(void **state)
{
    struct err err = {""};
    struct manifest *manifest = make(state);

    free(scratch_text(state, "cwd/a", "1"));
    free(scratch_text(state, "cwd/list", "a\n# b\nmissing.dat\n"));
    assert_error(manifest_add_list(manifest, "list", &err), &err, "list:3: cannot read ");
    free(scratch_text(state, "cwd/list", "a\nhttp://host/x cache\n"));
    assert_error(manifest_add_list(manifest, "list", &err), &err,
                 "list:2: http://host/x is an address, which is not supported here");
    assert_error(manifest_add_list(manifest, "no-list", &err), &err, "/cwd/no-list: No such file");
    manifest_destroy(manifest);
}

static bool note_progress(void *arg, uint64_t done, uint64_t total)
{
    uint64_t *last = arg;

    assert_true(done >= *last && done <= total);
    *last = done;
    return true;
}

static bool stop(void *arg, uint64_t done, uint64_t total)
{
    (void)arg;
    (void)done;
    (void)total;
    return false;
}

static void contents_are_hashed_with_progress_and_can_be_interrupted(void **state)
{
    enum { BIG = 20 << 20 };
    struct err err = {""};
    struct manifest *manifest = make(state);
    char *big = mem_alloc(BIG);
    uint8_t hash[32];
    uint64_t last = 0;

    free(scratch_write(state, "cwd/big", big, BIG, 0644));
    free(scratch_text(state, "cwd/small", "abc"));
    assert_int_equal(manifest_add_inputs(manifest, "big,small", &err), 0);
    assert_int_equal(manifest_hash(manifest, stop, NULL, &err), -1);
    assert_int_equal(errno, ECANCELED);
    assert_int_equal(manifest_hash(manifest, note_progress, &last, &err), 0);
    assert_true(last > 0);
    scratch_hash("abc", 3, hash);
    assert_int_equal(file_at(manifest, "small")->hash.len, 32);
    assert_memory_equal(file_at(manifest, "small")->hash.data, hash, 32);
    scratch_hash(big, BIG, hash);
    assert_memory_equal(file_at(manifest, "big")->hash.data, hash, 32);
    free(big);
    manifest_destroy(manifest);
}

static void a_program_goes_with_its_libraries(void **state)
{
    struct err err = {""};
    struct manifest *manifest = make(state);
    Wire__JobSubmit submit = WIRE__JOB_SUBMIT__INIT;

    free(scratch_elf(state, "cwd/lib/liba.so.1", &(struct elf_made){.type = ET_DYN}));
    free(scratch_elf(state, "cwd/lib/libcuda.so.1", &(struct elf_made){.type = ET_DYN}));
    free(scratch_elf(state, "cwd/app",
                     &(struct elf_made){.needed = {"liba.so.1", "libcuda.so.1"},
                                        .rpath = "$ORIGIN/lib",
                                        .wants = {{"liba.so.1", "A_1"}}}));
    assert_int_equal(manifest_add_program(manifest, "./app", &err), 0);
    assert_int_equal(manifest_hash(manifest, NULL, NULL, &err), 0);
    manifest_fill(manifest, &submit);
    assert_string_equal(submit.program, "app");
    assert_string_equal(submit.needs->arch, "x86_64");
    assert_int_equal(file_at(manifest, "app")->kind, WIRE__FILE_KIND__FILE_PROGRAM);
    assert_int_equal(file_at(manifest, "liba.so.1")->kind, WIRE__FILE_KIND__FILE_LIBRARY);
    assert_string_equal(file_at(manifest, "liba.so.1")->versions[0], "A_1");
    assert_int_equal(file_at(manifest, "libcuda.so.1")->hash.len, 0); /* a host's own */
    size_t size = wire__job_submit__get_packed_size(&submit);
    uint8_t *packed = mem_alloc(size);
    wire__job_submit__pack(&submit, packed);
    free(packed);
    manifest_destroy(manifest);
}

static void an_interpreter_is_not_sent(void **state)
{
    struct err err = {""};
    struct manifest *manifest = make(state);
    Wire__JobSubmit submit = WIRE__JOB_SUBMIT__INIT;

    assert_int_equal(manifest_add_program(manifest, "/bin/sh", &err), 0);
    manifest_fill(manifest, &submit);
    assert_string_equal(submit.program, "");
    assert_int_equal(submit.n_files, 0);
    assert_string_equal(submit.needs->interpreters[0], "/bin/sh");
    assert_string_equal(manifest_program(manifest), "/bin/sh");
    manifest_destroy(manifest);
    manifest = make(state);
    assert_int_equal(manifest_add_program(manifest, "sh", &err), 0);
    manifest_fill(manifest, &submit);
    assert_string_equal(submit.needs->interpreters[0], "sh"); /* by each host's PATH */
    assert_string_equal(manifest_program(manifest), "sh");
    manifest_destroy(manifest);
}

static void a_program_that_is_missing_is_told_by_errno_too(void **state)
{
    struct err err = {""};
    struct manifest *manifest = make(state);

    assert_int_equal(manifest_add_program(manifest, "./none", &err), -1);
    assert_int_equal(errno, ENOENT);
    manifest_destroy(manifest);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)
UNIT_MAIN(TEST(inputs_keep_their_place_below_the_working_directory),
          TEST(the_whole_working_directory_can_be_sent), TEST(what_cannot_be_sent_is_told),
          TEST(an_unreadable_file_is_told), TEST(a_list_names_files_one_per_line),
          TEST(a_bad_line_of_a_list_is_named),
          TEST(contents_are_hashed_with_progress_and_can_be_interrupted),
          TEST(a_program_goes_with_its_libraries), TEST(an_interpreter_is_not_sent),
          TEST(a_program_that_is_missing_is_told_by_errno_too))
