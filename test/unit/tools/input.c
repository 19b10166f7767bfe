/* SPDX-License-Identifier: BSD-3-Clause */
/* input.c - p2pmpirun's standard input within its window */
#include "config.h"
#include "tools/run_input.h"

#include "test/lib/prelude.h"

#include <event2/event.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct seen {
    uint64_t bytes; /* offset behind the last piece */
    bool end;
    char first[8];
};

static void take(uint64_t offset, const void *data, size_t size, bool end, void *arg)
{
    struct seen *seen = arg;

    if (offset == 0 && size > 0)
        memcpy(seen->first, data, size < 7 ? size : 7);
    seen->bytes = offset + size;
    seen->end = end;
}

static void a_pipe_is_brought_to_its_end(void **state)
{
    struct event_base *base = event_base_new();
    struct seen seen = {0};
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    struct run_input *input = run_input_create(base, ends[0], take, &seen);
    assert_int_equal(write(ends[1], "hello\n", 6), 6);
    close(ends[1]);
    event_base_loop(base, EVLOOP_NONBLOCK);
    assert_int_equal(seen.bytes, 0); /* not started */
    run_input_start(input);
    event_base_dispatch(base);
    assert_int_equal(seen.bytes, 6);
    assert_true(seen.end);
    assert_string_equal(seen.first, "hello\n");
    seen = (struct seen){0};
    run_input_acked(input, 2);
    run_input_repeat(input); /* from the third byte on */
    assert_int_equal(seen.bytes, 6);
    assert_true(seen.end);
    run_input_destroy(input);
    close(ends[0]);
    event_base_free(base);
}

static void no_more_than_the_window_is_read(void **state)
{
    struct event_base *base = event_base_new();
    struct seen seen = {0};
    int zero = open("/dev/zero", O_RDONLY);

    (void)state;
    struct run_input *input = run_input_create(base, zero, take, &seen);
    run_input_start(input);
    event_base_dispatch(base); /* ends when nothing more may be read */
    assert_int_equal(seen.bytes, INPUT_WINDOW);
    run_input_acked(input, 1000);
    event_base_dispatch(base);
    assert_int_equal(seen.bytes, INPUT_WINDOW + 1000);
    run_input_acked(input, UINT64_MAX); /* nonsense is not believed */
    assert_false(seen.end);
    run_input_destroy(input);
    close(zero);
    event_base_free(base);
}

static void a_closed_descriptor_is_an_empty_input(void **state)
{
    struct event_base *base = event_base_new();
    struct seen seen = {0};

    (void)state;
    struct run_input *input = run_input_create(base, 999, take, &seen);
    run_input_start(input);
    event_base_dispatch(base);
    assert_true(seen.end);
    assert_int_equal(seen.bytes, 0);
    run_input_destroy(input);
    event_base_free(base);
}

UNIT_MAIN(cmocka_unit_test(a_pipe_is_brought_to_its_end),
          cmocka_unit_test(no_more_than_the_window_is_read),
          cmocka_unit_test(a_closed_descriptor_is_an_empty_input))
