/* SPDX-License-Identifier: BSD-3-Clause */
/* output.c - what ranks write, through pipes whose readers are slow or gone */
#include "config.h"
#include "tools/run_output.h"

#include "base/mem.h"
#include "test/lib/prelude.h"

#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

struct fixture {
    struct event_base *base;
    struct run_output *output;
    int out[2], err[2];
    uint64_t written[4][2];
    int failures;
};

static void written(uint32_t rank, uint32_t stream, uint64_t bytes, void *arg)
{
    struct fixture *fixture = arg;

    assert_true(bytes >= fixture->written[rank][stream - 1]);
    fixture->written[rank][stream - 1] = bytes;
}

static void empty(void *arg)
{
    (void)arg;
}

static void failed(const char *why, void *arg)
{
    assert_null(why); /* a reader that left is no fault */
    ((struct fixture *)arg)->failures++;
}

static const struct run_output_ops ops = {written, empty, failed};

static void begin(struct fixture *fixture, bool tag, bool merge)
{
    signal(SIGPIPE, SIG_IGN);
    *fixture = (struct fixture){.base = event_base_new()};
    assert_int_equal(pipe(fixture->out), 0);
    assert_int_equal(pipe(fixture->err), 0);
    fixture->output = run_output_create(fixture->base, fixture->out[1], fixture->err[1], tag, merge,
                                        &ops, fixture);
}

static void end(struct fixture *fixture)
{
    run_output_destroy(fixture->output);
    event_base_free(fixture->base);
    for (int i = 0; i < 2; i++) {
        close(fixture->out[i]);
        close(fixture->err[i]);
    }
}

static int put(struct fixture *fixture, uint32_t rank, uint32_t stream, uint64_t offset,
               const char *text)
{
    return run_output_put(fixture->output, rank, stream, offset, text, strlen(text), false);
}

static void expect(int fd, const char *text)
{
    char seen[1024];
    ssize_t got = read(fd, seen, sizeof seen - 1);

    assert_true(got >= 0);
    seen[got] = '\0';
    assert_string_equal(seen, text);
}

static void streams_go_where_they_belong_and_are_acknowledged_each(void **state)
{
    struct fixture fixture;

    (void)state;
    begin(&fixture, false, false);
    put(&fixture, 0, OUTPUT_STDOUT, 0, "one\n");
    put(&fixture, 1, OUTPUT_STDERR, 0, "two\n");
    put(&fixture, 0, OUTPUT_STDOUT, 4, "three");
    expect(fixture.out[0], "one\nthree");
    expect(fixture.err[0], "two\n");
    assert_int_equal(fixture.written[0][0], 9);
    assert_int_equal(fixture.written[1][1], 4);
    end(&fixture);
}

static void what_came_twice_is_written_once_and_a_gap_is_refused(void **state)
{
    struct fixture fixture;

    (void)state;
    begin(&fixture, false, false);
    put(&fixture, 0, OUTPUT_STDOUT, 0, "abcdef");
    assert_int_equal(put(&fixture, 0, OUTPUT_STDOUT, 0, "abcdef"), 0);
    assert_int_equal(put(&fixture, 0, OUTPUT_STDOUT, 3, "defghi"), 0);
    assert_int_equal(put(&fixture, 0, OUTPUT_STDOUT, 20, "x"), -1);
    assert_int_equal(run_output_put(fixture.output, 0, 3, 0, "x", 1, false), -1);
    expect(fixture.out[0], "abcdefghi");
    assert_int_equal(fixture.written[0][0], 9);
    end(&fixture);
}

static void tags_stand_before_every_line_and_lines_do_not_mix(void **state)
{
    struct fixture fixture;

    (void)state;
    begin(&fixture, true, true);
    put(&fixture, 0, OUTPUT_STDOUT, 0, "a\nb");
    put(&fixture, 1, OUTPUT_STDERR, 0, "c\n");
    put(&fixture, 0, OUTPUT_STDOUT, 3, "b\n");
    expect(fixture.out[0], "[1,0]<stdout>:a\n[1,1]<stderr>:c\n[1,0]<stdout>:bb\n");
    put(&fixture, 0, OUTPUT_STDOUT, 5, "prompt? ");
    event_base_loop(fixture.base, EVLOOP_ONCE); /* a line without an end waits a moment only */
    expect(fixture.out[0], "[1,0]<stdout>:prompt? ");
    run_output_put(fixture.output, 0, OUTPUT_STDOUT, 13, "yes", 3, true);
    expect(fixture.out[0], "yes");
    assert_int_equal(run_output_put(fixture.output, 0, OUTPUT_STDOUT, 16, NULL, 0, true), 0);
    assert_int_equal(fixture.written[0][0], 16);
    end(&fixture);
}

static void nothing_is_acknowledged_before_a_slow_reader_took_it(void **state)
{
    enum { PIECES = 64, PIECE = 16384 };
    struct fixture fixture;
    static char piece[PIECE], seen[PIECE];
    size_t read_in_all = 0;

    (void)state;
    memset(piece, 'x', sizeof piece);
    begin(&fixture, false, false);
    for (int i = 0; i < PIECES; i++)
        run_output_put(fixture.output, 0, OUTPUT_STDOUT, (uint64_t)i * PIECE, piece, PIECE, false);
    assert_true(fixture.written[0][0] < PIECES * PIECE);
    assert_false(run_output_is_empty(fixture.output));
    assert_int_equal(fcntl(fixture.out[1], F_GETFL) & O_NONBLOCK, 0); /* others share it */
    while (read_in_all < PIECES * PIECE) {
        assert_true(fixture.written[0][0] <= read_in_all + (1 << 20));
        ssize_t got = read(fixture.out[0], seen, sizeof seen);
        assert_true(got > 0);
        read_in_all += (size_t)got;
        event_base_loop(fixture.base, EVLOOP_NONBLOCK);
    }
    assert_int_equal(fixture.written[0][0], PIECES * PIECE);
    assert_true(run_output_is_empty(fixture.output));
    end(&fixture);
}

static void a_reader_that_left_does_not_stop_the_job(void **state)
{
    struct fixture fixture;

    (void)state;
    begin(&fixture, false, false);
    close(fixture.out[0]);
    fixture.out[0] = -1;
    put(&fixture, 0, OUTPUT_STDOUT, 0, "gone\n");
    put(&fixture, 0, OUTPUT_STDOUT, 5, "more\n");
    assert_int_equal(fixture.failures, 1);
    assert_int_equal(fixture.written[0][0], 10);
    end(&fixture);
}

UNIT_MAIN(cmocka_unit_test(streams_go_where_they_belong_and_are_acknowledged_each),
          cmocka_unit_test(what_came_twice_is_written_once_and_a_gap_is_refused),
          cmocka_unit_test(tags_stand_before_every_line_and_lines_do_not_mix),
          cmocka_unit_test(nothing_is_acknowledged_before_a_slow_reader_took_it),
          cmocka_unit_test(a_reader_that_left_does_not_stop_the_job))
