/* SPDX-License-Identifier: BSD-3-Clause */
/* merge.c - what replicas write goes out once: equal bytes, lines of a leader, deaths in between */
#include "config.h"
#include "job/merge.h"

#include "base/mem.h"
#include "base/rand.h"
#include "test/lib/prelude.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUT MERGE_STDOUT
#define ERR MERGE_STDERR

struct fixture {
    struct world *world;
    struct merge *merge;
    char *out[2]; /* of rank 0 */
    size_t size[2];
    unsigned ends[2], differs;
    uint64_t acked[4][2]; /* [process] */
};

static void put(void *arg, uint32_t rank, uint32_t stream, uint64_t offset, const uint8_t *data,
                size_t size, bool end)
{
    struct fixture *fixture = arg;
    unsigned i = stream - 1;

    if (rank != 0)
        return;
    assert_int_equal(offset, fixture->size[i]);
    assert_int_equal(fixture->ends[i], 0);
    fixture->out[i] = mem_grow(fixture->out[i], fixture->size[i] + size + 1, 1);
    if (size > 0)
        memcpy(fixture->out[i] + fixture->size[i], data, size);
    fixture->size[i] += size;
    fixture->out[i][fixture->size[i]] = '\0';
    fixture->ends[i] += end;
}

static void ack(void *arg, uint32_t process, uint32_t stream, uint64_t offset)
{
    struct fixture *fixture = arg;

    assert_true(offset > fixture->acked[process][stream - 1]);
    fixture->acked[process][stream - 1] = offset;
}

static void differ(void *arg, uint32_t rank, uint64_t offset)
{
    (void)rank;
    (void)offset;
    ((struct fixture *)arg)->differs++;
}

/* One rank with so many replicas: process p is replica p. */
static void begin(struct fixture *fixture, int replicas)
{
    static const struct merge_ops ops = {put, ack, differ};

    memset(fixture, 0, sizeof *fixture);
    for (int i = 0; i < 2; i++)
        fixture->out[i] = mem_string("");
    fixture->world = world_create(replicas, replicas, NULL);
    fixture->merge = merge_create(fixture->world, &ops, fixture);
}

static void end(struct fixture *fixture)
{
    merge_destroy(fixture->merge);
    world_destroy(fixture->world);
    free(fixture->out[0]);
    free(fixture->out[1]);
}

static void add(struct fixture *fixture, uint32_t process, uint32_t stream, uint64_t offset,
                const char *text)
{
    assert_int_equal(merge_add(fixture->merge, process, stream, offset, (const uint8_t *)text,
                               strlen(text), false),
                     0);
}

static void finish(struct fixture *fixture, uint32_t process, uint32_t stream, uint64_t offset)
{
    assert_int_equal(merge_add(fixture->merge, process, stream, offset, NULL, 0, true), 0);
}

static void without_replicas_all_goes_out_as_it_comes(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, 1);
    add(&f, 0, OUT, 0, "your name? ");
    assert_string_equal(f.out[0], "your name? ");
    add(&f, 0, ERR, 0, "50 %");
    assert_string_equal(f.out[1], "50 %");
    assert_int_equal(f.acked[0][0], 0);
    merge_written(f.merge, 0, OUT, 5);
    assert_int_equal(f.acked[0][0], 5);
    finish(&f, 0, OUT, 11);
    assert_int_equal(f.ends[0], 1);
    end(&f);
}

static void a_byte_goes_out_when_two_have_it(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, 3);
    add(&f, 0, OUT, 0, "abcdef");
    assert_string_equal(f.out[0], "");
    add(&f, 2, OUT, 0, "abc");
    assert_string_equal(f.out[0], "abc");
    add(&f, 2, OUT, 1, "bcde"); /* some of it again */
    assert_string_equal(f.out[0], "abcde");
    merge_written(f.merge, 0, OUT, 5);
    assert_int_equal(f.acked[0][0], 5);
    assert_int_equal(f.acked[2][0], 5);
    add(&f, 1, OUT, 0, "abcdef");
    assert_string_equal(f.out[0], "abcdef");
    finish(&f, 0, OUT, 6);
    assert_int_equal(f.ends[0], 0);
    finish(&f, 1, OUT, 6);
    assert_int_equal(f.ends[0], 1);
    assert_int_equal(f.differs, 0);
    end(&f);
}

static void the_last_living_one_is_believed(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, 2);
    add(&f, 0, OUT, 0, "abc");
    add(&f, 1, OUT, 0, "abcdef");
    merge_dead(f.merge, 0);
    assert_string_equal(f.out[0], "abcdef");
    add(&f, 1, OUT, 6, "gh");
    assert_string_equal(f.out[0], "abcdefgh");
    merge_dead(f.merge, 1); /* it has failed, and its last words come still */
    add(&f, 1, OUT, 8, "!");
    assert_string_equal(f.out[0], "abcdefgh!");
    end(&f);
}

static void what_a_dead_one_wrote_alone_does_not_count(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, 3);
    add(&f, 0, OUT, 0, "abc");
    add(&f, 1, OUT, 0, "abc");
    add(&f, 0, OUT, 3, "WRONG");
    merge_dead(f.merge, 0);
    merge_dead(f.merge, 1);
    assert_string_equal(f.out[0], "abc");
    add(&f, 2, OUT, 0, "ab"); /* behind what is out */
    assert_string_equal(f.out[0], "abc");
    add(&f, 2, OUT, 2, "cd");
    assert_string_equal(f.out[0], "abcd");
    end(&f);
}

static void from_the_first_difference_on_the_leaders_lines_go_out(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, 2);
    add(&f, 0, OUT, 0, "begin\nhost h1\nres");
    add(&f, 1, OUT, 0, "begin\nhost h");
    assert_string_equal(f.out[0], "begin\nhost h");
    assert_int_equal(f.differs, 0);
    add(&f, 1, OUT, 12, "22\nresult 7\n");
    assert_string_equal(f.out[0], "begin\nhost h1\n");
    assert_int_equal(f.differs, 1);
    add(&f, 0, OUT, 17, "ult 7\nmore");
    assert_string_equal(f.out[0], "begin\nhost h1\nresult 7\n");
    merge_dead(f.merge, 0);
    add(&f, 1, OUT, 24, "more\nand more");
    assert_string_equal(f.out[0], "begin\nhost h1\nresult 7\nmore\nand more");
    assert_int_equal(f.differs, 1);
    end(&f);
}

static void standard_error_is_the_leaders_lines(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, 3);
    add(&f, 1, ERR, 0, "b 1\nb 2\n");
    assert_string_equal(f.out[1], "");
    add(&f, 0, ERR, 0, "a 1\na ");
    assert_string_equal(f.out[1], "a 1\n");
    merge_dead(f.merge, 0);
    assert_string_equal(f.out[1], "a 1\nb 2\n");
    add(&f, 2, ERR, 0, "c 1\nc 2\nc 3");
    finish(&f, 2, ERR, 11);
    assert_int_equal(f.ends[1], 0);
    finish(&f, 1, ERR, 8);
    assert_int_equal(f.ends[1], 1);
    assert_string_equal(f.out[1], "a 1\nb 2\n");
    assert_int_equal(f.differs, 0);
    assert_int_equal(f.acked[2][1], 11);
    end(&f);
}

static void one_end_and_one_byte_more_is_a_difference(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, 2);
    add(&f, 0, OUT, 0, "ab");
    finish(&f, 0, OUT, 2);
    add(&f, 1, OUT, 0, "abc");
    assert_int_equal(f.differs, 1);
    assert_string_equal(f.out[0], "ab");
    assert_int_equal(f.ends[0], 1);
    end(&f);
}

static void a_new_home_goes_on_where_the_old_one_was(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, 2);
    f.out[0] = mem_grow(f.out[0], 7, 1);
    f.size[0] = 6; /* p2pmpirun has them */
    merge_resume(f.merge);
    merge_written(f.merge, 0, OUT, 6);
    add(&f, 0, OUT, 4, "efgh");
    assert_int_equal(f.size[0], 6);
    add(&f, 1, OUT, 6, "ghi");
    assert_string_equal(f.out[0] + 6, "gh");
    end(&f);
}

static void a_new_home_goes_on_with_the_leaders_lines(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, 2);
    f.out[0] = mem_grow(f.out[0], 9, 1);
    f.size[0] = 8;
    merge_resume(f.merge);
    merge_written(f.merge, 0, OUT, 8);
    add(&f, 1, OUT, 10, "third of b\n"); /* whose line 2 was acknowledged, and not written */
    add(&f, 0, OUT, 4, "one\ntwo\nthree\n");
    assert_string_equal(f.out[0] + 8, "two\nthree\n");
    end(&f);
}

static void what_cannot_be_is_refused(void **state)
{
    struct fixture f;
    static uint8_t much[4 << 20];

    (void)state;
    begin(&f, 2);
    assert_int_equal(merge_add(f.merge, 0, OUT, 1, much, 1, false), -1);
    assert_int_equal(merge_add(f.merge, 0, 3, 0, much, 1, false), -1);
    assert_int_equal(merge_add(f.merge, 2, OUT, 0, much, 1, false), -1);
    assert_int_equal(merge_add(f.merge, 0, OUT, 0, much, sizeof much, false), -1);
    assert_int_equal(merge_add(f.merge, 0, OUT, 0, much, 1, false), 0);
    end(&f);
}

static void a_follower_far_ahead_does_not_block(void **state)
{
    struct fixture f;
    char line[1025];
    uint64_t offset = 6;

    (void)state;
    memset(line, 'x', sizeof line - 1);
    line[1023] = '\n';
    line[1024] = '\0';
    begin(&f, 2);
    add(&f, 0, OUT, 0, "alpha\n");
    add(&f, 1, OUT, 0, "beta.\n");
    for (; offset < (8u << 20); offset += 1024)
        add(&f, 1, OUT, offset, line);
    assert_true(offset - f.acked[1][0] <= MERGE_AHEAD);
    end(&f);
}

/* ---- by chance */

/* What replica set writes: the same, or lines that bear its name. */
static char *text_of(int set, bool is_same, unsigned lines)
{
    char *text = mem_string("");

    for (unsigned i = 0; i < lines; i++) {
        char *longer = mem_format("%sline %u of %c\n", text, i, is_same ? 'x' : 'a' + set);
        free(text);
        text = longer;
    }
    return text;
}

struct writer {
    char *text;
    size_t sent;
    bool is_dead, is_ended;
};

static void write_some(struct fixture *f, struct writer *writers, uint32_t set, struct prng *prng)
{
    struct writer *writer = &writers[set];
    size_t left = strlen(writer->text) - writer->sent;
    size_t size = left > 0 ? prng_below(prng, (uint32_t)(left < 40 ? left : 40)) + 1 : 0;

    if (writer->is_dead || writer->is_ended)
        return;
    writer->is_ended = size == left;
    assert_int_equal(merge_add(f->merge, set, OUT, writer->sent,
                               (const uint8_t *)writer->text + writer->sent, size,
                               writer->is_ended),
                     0);
    writer->sent += size;
    if (f->size[0] > 0 && prng_below(prng, 3) == 0)
        merge_written(f->merge, 0, OUT, prng_below(prng, (uint32_t)f->size[0]) + 1);
}

static bool is_over(const struct writer *writers, int count)
{
    for (int i = 0; i < count; i++)
        if (!writers[i].is_dead && !writers[i].is_ended)
            return false;
    return true;
}

/* Random pieces, random deaths but of the last one; the whole text came out. */
static void one_run(uint64_t seed, bool is_same)
{
    struct fixture f;
    struct writer writers[3] = {{0}};
    struct prng prng;
    unsigned lines = 30, line = 0, number;
    int living = 3;

    prng_seed(&prng, seed);
    begin(&f, 3);
    for (int set = 0; set < 3; set++)
        writers[set].text = text_of(set, is_same, lines);
    while (!is_over(writers, 3)) {
        uint32_t set = prng_below(&prng, 3);
        if (living > 1 && prng_below(&prng, 60) == 0 && !writers[set].is_dead) {
            writers[set].is_dead = true;
            living--;
            merge_dead(f.merge, set);
        }
        write_some(&f, writers, set, &prng);
    }
    assert_int_equal(f.ends[0], 1);
    char *rest = f.out[0];
    for (char *text; (text = strsep(&rest, "\n")) != NULL && *text != '\0'; line++) {
        assert_int_equal(sscanf(text, "line %u", &number), 1);
        if (number != line)
            fail_msg("seed %llu: line %u where %u should be", (unsigned long long)seed, number,
                     line);
    }
    assert_int_equal(line, lines);
    assert_true(!is_same || f.differs == 0);
    merge_written(f.merge, 0, OUT, f.size[0]);
    for (int set = 0; set < 3; set++) {
        assert_int_equal(f.acked[set][0], writers[set].sent);
        free(writers[set].text);
    }
    end(&f);
}

static void whoever_dies_when_each_line_comes_once(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 2000; seed++) {
        one_run(seed, true);
        one_run(seed, false);
    }
}

UNIT_MAIN(cmocka_unit_test(without_replicas_all_goes_out_as_it_comes),
          cmocka_unit_test(a_byte_goes_out_when_two_have_it),
          cmocka_unit_test(the_last_living_one_is_believed),
          cmocka_unit_test(what_a_dead_one_wrote_alone_does_not_count),
          cmocka_unit_test(from_the_first_difference_on_the_leaders_lines_go_out),
          cmocka_unit_test(standard_error_is_the_leaders_lines),
          cmocka_unit_test(one_end_and_one_byte_more_is_a_difference),
          cmocka_unit_test(a_new_home_goes_on_where_the_old_one_was),
          cmocka_unit_test(a_new_home_goes_on_with_the_leaders_lines),
          cmocka_unit_test(what_cannot_be_is_refused),
          cmocka_unit_test(a_follower_far_ahead_does_not_block),
          cmocka_unit_test(whoever_dies_when_each_line_comes_once))
