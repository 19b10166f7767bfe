/* SPDX-License-Identifier: BSD-3-Clause */
/* store.c - the content store: whole, right, bounded, and never changed by a job */
#include "config.h"
#include "stage/store.h"

#include "test/lib/prelude.h"
#include "test/unit/stage/scratch.h"

#include "base/hex.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static struct store *open_store(void **state, uint64_t limit)
{
    char *path = scratch_path(state, "cache");
    struct err err = {""};
    struct store *store = store_open(path, limit, &err);

    assert_string_equal(err.text, "");
    free(path);
    return store;
}

/* Takes text in; the object is held once. */
static void put(struct store *store, const char *text, uint8_t hash[STORE_HASH])
{
    struct err err = {""};

    scratch_hash(text, strlen(text), hash);
    struct store_writer *writer = store_begin(store, hash, strlen(text), &err);
    assert_non_null(writer);
    assert_int_equal(store_write(writer, text, strlen(text) / 2, &err), 0);
    assert_int_equal(
        store_write(writer, text + strlen(text) / 2, strlen(text) - strlen(text) / 2, &err), 0);
    assert_int_equal(store_commit(writer, &err), 0);
}

static char *object_file(void **state, const uint8_t hash[STORE_HASH])
{
    char text[2 * STORE_HASH + 1];

    hex_encode(hash, STORE_HASH, text);
    return mem_format("%s/cache/objects/%.2s/%s", (const char *)*state, text, text);
}

static bool has_leftovers(void **state)
{
    char *tmp = scratch_path(state, "cache/tmp");
    bool is_empty = rmdir(tmp) == 0;

    if (is_empty)
        mkdir(tmp, 0700);
    free(tmp);
    return !is_empty;
}

static void content_comes_out_as_it_went_in_also_after_a_restart(void **state)
{
    uint8_t hash[STORE_HASH];
    struct err err = {""};
    struct store *store = open_store(state, 0);

    assert_false(store_hold(store, memset(hash, 7, sizeof hash)));
    put(store, "some content", hash);
    store_close(store);
    store = open_store(state, 0);
    assert_true(store_hold(store, hash));
    assert_int_equal(store_used(store), 12);
    int dir = open(*state, O_RDONLY | O_DIRECTORY);
    struct store_copy *copy = store_copy_begin(store, hash, dir, "job/work/copy", 0640, &err);
    assert_non_null(copy);
    assert_int_equal(store_copy_step(copy, 1u << 20, &err), 0);
    store_copy_end(copy);
    char *path = scratch_path(state, "job/work/copy");
    char *content = scratch_read(path, NULL);
    struct stat st;
    assert_string_equal(content, "some content");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_int_equal(st.st_nlink, 1); /* not the store's own file */
    free(content);
    free(path);
    close(dir);
    store_close(store);
}

static void a_copy_goes_in_steps_and_an_unfinished_one_goes_away(void **state)
{
    enum { SIZE = 300000 };
    uint8_t hash[STORE_HASH];
    struct err err = {""};
    struct store *store = open_store(state, 0);
    char *text = mem_alloc(SIZE + 1);

    memset(text, 'x', SIZE);
    put(store, text, hash);
    int dir = open(*state, O_RDONLY | O_DIRECTORY);
    struct store_copy *copy = store_copy_begin(store, hash, dir, "a", 0600, &err);
    int more, steps = 0;
    while ((more = store_copy_step(copy, 100000, &err)) > 0)
        steps++;
    assert_int_equal(more, 0);
    assert_true(steps == 2 || steps == 0); /* 0: blocks are shared on this file system */
    store_copy_end(copy);
    copy = store_copy_begin(store, hash, dir, "b", 0600, &err);
    store_copy_end(copy);
    assert_int_equal(faccessat(dir, "a", F_OK, 0), 0);
    assert_int_equal(faccessat(dir, "b", F_OK, 0), -1);
    assert_null(store_copy_begin(store, hash, dir, "a", 0600, &err)); /* never over another file */
    close(dir);
    free(text);
    store_close(store);
}

static void wrong_content_is_not_taken(void **state)
{
    uint8_t hash[STORE_HASH];
    struct err err = {""};
    struct store *store = open_store(state, 0);

    scratch_hash("right", 5, hash);
    struct store_writer *writer = store_begin(store, hash, 5, &err);
    assert_int_equal(store_write(writer, "wrong", 5, &err), 0);
    assert_int_equal(store_commit(writer, &err), -1);
    assert_int_equal(errno, EBADMSG);
    writer = store_begin(store, hash, 5, &err);
    assert_int_equal(store_write(writer, "rig", 3, &err), 0);
    assert_int_equal(store_write(writer, "htxx", 4, &err), -1); /* longer than announced */
    assert_int_equal(store_commit(writer, &err), -1);           /* shorter than announced */
    assert_false(store_has(store, hash));
    assert_int_equal(store_used(store), 0);
    assert_false(has_leftovers(state));
    store_close(store);
}

static void the_oldest_goes_first_and_nothing_in_use(void **state)
{
    uint8_t a[STORE_HASH], b[STORE_HASH], c[STORE_HASH], d[STORE_HASH];
    struct err err = {""};
    struct store *store = open_store(state, 10);

    put(store, "aaaa", a);
    put(store, "bbbb", b);
    store_release(store, a);
    store_release(store, b);
    assert_true(store_hold(store, a)); /* now b is the oldest */
    store_release(store, a);
    put(store, "cccc", c);
    assert_true(store_has(store, a) && !store_has(store, b) && store_has(store, c));
    assert_true(store_hold(store, a));
    assert_null(store_begin(store, memset(d, 1, sizeof d), 4, &err)); /* a and c are in use */
    assert_int_equal(errno, ENOSPC);
    assert_null(store_begin(store, d, 11, &err));
    assert_true(store_has(store, a) && store_has(store, c));
    char *gone = object_file(state, b);
    assert_int_equal(access(gone, F_OK), -1);
    free(gone);
    store_close(store);
}

static void room_is_reserved_for_what_is_coming(void **state)
{
    uint8_t a[STORE_HASH], b[STORE_HASH];
    struct err err = {""};
    struct store *store = open_store(state, 10);

    struct store_writer *writer = store_begin(store, memset(a, 1, sizeof a), 6, &err);
    assert_non_null(writer);
    assert_null(store_begin(store, memset(b, 2, sizeof b), 6, &err));
    store_abort(writer);
    writer = store_begin(store, b, 6, &err);
    assert_non_null(writer);
    store_abort(writer);
    assert_false(has_leftovers(state));
    store_close(store);
}

static void two_writers_of_one_content_are_one_object(void **state)
{
    uint8_t hash[STORE_HASH];
    struct err err = {""};
    struct store *store = open_store(state, 0);

    scratch_hash("same", 4, hash);
    struct store_writer *first = store_begin(store, hash, 4, &err),
                        *second = store_begin(store, hash, 4, &err);
    assert_int_equal(store_write(first, "same", 4, &err), 0);
    assert_int_equal(store_write(second, "same", 4, &err), 0);
    assert_int_equal(store_commit(first, &err), 0);
    assert_int_equal(store_commit(second, &err), 0);
    assert_int_equal(store_used(store), 4);
    store_close(store);
}

static void what_a_crash_left_is_removed_and_foreign_files_are_no_objects(void **state)
{
    char *leftover = scratch_text(state, "cache/tmp/0123456789abcdef", "half");
    char *foreign = scratch_text(state, "cache/objects/ab/notahash", "?");
    struct store *store = open_store(state, 0);

    assert_int_equal(access(leftover, F_OK), -1);
    assert_int_equal(store_used(store), 0);
    free(leftover);
    free(foreign);
    store_close(store);
}

static void an_object_removed_or_cut_by_hand_is_not_there(void **state)
{
    uint8_t a[STORE_HASH], b[STORE_HASH];
    struct store *store = open_store(state, 0);

    put(store, "aaaa", a);
    put(store, "bbbb", b);
    store_release(store, a);
    store_release(store, b);
    char *path = object_file(state, a);
    assert_int_equal(unlink(path), 0);
    free(path);
    path = object_file(state, b);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(truncate(path, 2), 0);
    free(path);
    assert_false(store_hold(store, a));
    assert_false(store_hold(store, b));
    assert_int_equal(store_used(store), 0);
    store_close(store);
}

static void damaged_content_is_noticed_and_removed(void **state)
{
    uint8_t hash[STORE_HASH];
    struct err err = {""};
    struct store *store = open_store(state, 0);

    put(store, "sound", hash);
    store_close(store);
    char *path = object_file(state, hash);
    assert_int_equal(chmod(path, 0600), 0);
    int fd = open(path, O_WRONLY);
    assert_int_equal(write(fd, "S", 1), 1); /* a power cut, or a bad disk */
    close(fd);
    free(path);
    store = open_store(state, 0);
    assert_true(store_hold(store, hash));
    int dir = open(*state, O_RDONLY | O_DIRECTORY);
    struct store_copy *copy = store_copy_begin(store, hash, dir, "copy", 0600, &err);
    assert_int_equal(store_copy_step(copy, 1000, &err), -1);
    store_copy_end(copy);
    assert_false(store_has(store, hash));
    assert_int_equal(faccessat(dir, "copy", F_OK, 0), -1);
    close(dir);
    store_close(store);
}

static void a_second_process_is_told_to_stay_out(void **state)
{
    struct err err;
    struct store *store = open_store(state, 0);
    char *path = scratch_path(state, "cache");

    assert_null(store_open(path, 0, &err));
    assert_non_null(strstr(err.text, "in use by another p2pmpid"));
    free(path);
    store_close(store);
}

static void a_full_disk_is_a_sentence_and_leaves_nothing(void **state)
{
    struct rlimit old, low;
    uint8_t hash[STORE_HASH];
    struct err err = {""};
    struct store *store = open_store(state, 0);

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    low = (struct rlimit){100000, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
    struct store_writer *writer = store_begin(store, memset(hash, 1, sizeof hash), 200000, &err);
    char *bytes = mem_alloc(200000);
    if (writer != NULL) { /* where space cannot be claimed in advance */
        assert_int_equal(store_write(writer, bytes, 200000, &err), -1);
        store_abort(writer);
    }
    free(bytes);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_non_null(strstr(err.text, strerror(EFBIG)));
    assert_false(has_leftovers(state));
    store_close(store);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)
UNIT_MAIN(TEST(content_comes_out_as_it_went_in_also_after_a_restart),
          TEST(a_copy_goes_in_steps_and_an_unfinished_one_goes_away),
          TEST(wrong_content_is_not_taken), TEST(the_oldest_goes_first_and_nothing_in_use),
          TEST(room_is_reserved_for_what_is_coming),
          TEST(two_writers_of_one_content_are_one_object),
          TEST(what_a_crash_left_is_removed_and_foreign_files_are_no_objects),
          TEST(an_object_removed_or_cut_by_hand_is_not_there),
          TEST(damaged_content_is_noticed_and_removed), TEST(a_second_process_is_told_to_stay_out),
          TEST(a_full_disk_is_a_sentence_and_leaves_nothing))
