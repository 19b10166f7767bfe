/* SPDX-License-Identifier: BSD-3-Clause */
/* ring.c - order, laps, full rings, nonsense; a writer killed at every instruction of a publish */
#include "config.h"
#include "ring/ring.h"

#include "base/rand.h"
#include "test/lib/prelude.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE 4096

struct pair {
    void *memory;
    struct ring_writer writer;
    struct ring_reader reader;
};

static void pair_open(struct pair *pair, size_t size)
{
    pair->memory =
        mmap(NULL, ring_bytes(size), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(pair->memory, MAP_FAILED);
    assert_int_equal(ring_writer_init(&pair->writer, pair->memory, size), 0);
    assert_int_equal(ring_reader_init(&pair->reader, pair->memory, size), 0);
}

static void pair_close(struct pair *pair)
{
    munmap(pair->memory, ring_bytes(pair->writer.size));
}

/* Record number n: its length and every byte follow from n; no word of it is zero. */
static size_t record_size(uint32_t n)
{
    return 1 + n * 2654435761u % ring_record_max(SIZE);
}

static bool record_put(struct ring_writer *writer, uint32_t n)
{
    size_t size = record_size(n);
    unsigned char *place = ring_reserve(writer, size);

    if (place == NULL)
        return false;
    memset(place, (int)(n % 255 + 1), size);
    ring_publish(writer, size, n);
    return true;
}

static bool is_record(const unsigned char *bytes, size_t size, uint32_t n)
{
    if (size != record_size(n))
        return false;
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != n % 255 + 1)
            return false;
    return true;
}

static bool record_get(struct ring_reader *reader, uint32_t n)
{
    size_t size;
    uint32_t note;
    const void *bytes = ring_peek(reader, &size, &note);

    if (bytes == NULL)
        return false;
    assert_int_equal(note, n);
    assert_true(is_record(bytes, size, n));
    ring_next(reader, size);
    return true;
}

static void sizes_are_powers_of_two(void **state)
{
    struct ring_writer writer;
    struct ring_reader reader;
    const size_t bad[] = {0, 1, 2048, 4095, 5000, (size_t)RING_SIZE_MAX * 2};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(ring_writer_init(&writer, &writer, bad[i]), -1);
        assert_int_equal(errno, EINVAL);
        assert_int_equal(ring_reader_init(&reader, &reader, bad[i]), -1);
    }
}

static void records_come_whole_and_in_order(void **state)
{
    struct pair pair;
    struct prng prng;
    uint32_t put = 0, got = 0;

    (void)state;
    pair_open(&pair, SIZE);
    prng_seed(&prng, 1);
    while (got < 20000) {
        for (uint32_t burst = prng_below(&prng, 12); burst > 0 && record_put(&pair.writer, put);
             burst--)
            put++;
        for (uint32_t burst = prng_below(&prng, 12); burst > 0 && record_get(&pair.reader, got);
             burst--)
            got++;
    }
    while (record_get(&pair.reader, got))
        got++;
    assert_int_equal(got, put);
    assert_false(pair.reader.is_broken);
    pair_close(&pair);
}

/* The reader tells now and then only: whoever has read all always leaves room for the longest
 * record. */
static void a_ring_read_empty_takes_the_longest_record(void **state)
{
    struct pair pair;
    size_t longest = ring_record_max(SIZE), size;
    uint32_t note;

    (void)state;
    for (size_t shift = 1; shift <= longest; shift += 7) {
        pair_open(&pair, SIZE);
        for (int i = 0; i < 40; i++) {
            size_t want = i % 2 == 0 ? shift : longest;

            assert_non_null(ring_reserve(&pair.writer, want));
            ring_publish(&pair.writer, want, 0);
            assert_non_null(ring_peek(&pair.reader, &size, &note));
            assert_int_equal(size, want);
            ring_next(&pair.reader, size);
            assert_null(ring_peek(&pair.reader, &size, &note));
        }
        pair_close(&pair);
    }
}

static void a_full_ring_takes_nothing_and_keeps_all(void **state)
{
    struct pair pair;
    uint32_t put = 0, got = 0;

    (void)state;
    pair_open(&pair, SIZE);
    for (int lap = 0; lap < 50; lap++) {
        while (record_put(&pair.writer, put))
            put++;
        assert_false(record_put(&pair.writer, put));
        while (record_get(&pair.reader, got))
            got++;
        assert_int_equal(got, put);
    }
    pair_close(&pair);
}

static void a_record_may_shrink_before_it_is_published(void **state)
{
    struct pair pair;
    size_t size;
    uint32_t note;

    (void)state;
    pair_open(&pair, SIZE);
    memcpy(ring_reserve(&pair.writer, 900), "abc", 4);
    assert_null(ring_peek(&pair.reader, &size, &note));
    ring_publish(&pair.writer, 4, RING_NOTE_MAX);
    assert_string_equal(ring_peek(&pair.reader, &size, &note), "abc");
    assert_int_equal(size, 4);
    assert_int_equal(note, RING_NOTE_MAX);
    pair_close(&pair);
}

static void nonsense_is_told_from_records(void **state)
{
    const uint64_t heads[] = {
        1, 8, SIZE, 0xffffffff, RING_PAD, RING_PAD | 64, RING_PAD | SIZE, UINT64_MAX};
    struct pair pair;
    size_t size;
    uint32_t note;

    (void)state;
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        pair_open(&pair, SIZE);
        atomic_store(ring_head(pair.memory, SIZE, 0), heads[i]);
        assert_null(ring_peek(&pair.reader, &size, &note));
        assert_true(pair.reader.is_broken);
        pair_close(&pair);
    }
}

static void two_processes_stream(void **state)
{
    const uint32_t count = 100000;
    struct pair pair;
    uint32_t got = 0;
    pid_t child;
    int status;

    (void)state;
    pair_open(&pair, SIZE);
    child = fork();
    if (child == 0) {
        for (uint32_t n = 0; n < count;)
            if (record_put(&pair.writer, n))
                n++;
            else
                sched_yield();
        _exit(0);
    }
    while (got < count)
        if (record_get(&pair.reader, got))
            got++;
        else
            sched_yield();
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    pair_close(&pair);
}

/* The writer of the killing below: `before` records unseen by the tracer, `steps` more under its
 * eye. */
static void doomed(struct ring_writer *writer, uint32_t before, uint32_t count)
{
    uint32_t n = before;

    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
        _exit(77);
    raise(SIGSTOP);
    while (n < before + count && record_put(writer, n))
        n++;
    raise(SIGSTOP);
    _exit(0);
}

static bool is_stopped(pid_t child, int signal_number)
{
    int status;

    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        skip();
    assert_true(WIFSTOPPED(status));
    return WSTOPSIG(status) == signal_number;
}

/* Runs `steps` instructions of the doomed writer, then SIGKILL. True when it had come to its end.
 */
static bool kill_after(struct pair *pair, uint32_t before, uint32_t count, long steps)
{
    pid_t child = fork();
    bool is_end = false;

    assert_true(child >= 0);
    if (child == 0)
        doomed(&pair->writer, before, count);
    assert_true(is_stopped(child, SIGSTOP));
    for (long i = 0; i < steps && !is_end; i++) {
        assert_int_equal(ptrace(PTRACE_SINGLESTEP, child, NULL, NULL), 0);
        is_end = is_stopped(child, SIGSTOP);
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    return is_end;
}

/* A ring into which `before` records were written, all read but the last `lag`. */
static uint32_t pair_prepare(struct pair *pair, uint32_t before, uint32_t lag)
{
    uint32_t got = 0;

    pair_open(pair, SIZE);
    for (uint32_t put = 0; put < before; put++) {
        assert_true(record_put(&pair->writer, put));
        if (put >= lag)
            assert_true(record_get(&pair->reader, got++));
    }
    return got;
}

/* In a ring so prepared, a writer of `count` more dies at each instruction in turn. What it
 * published is read whole, in order, and nothing else: never fewer than the writer killed one
 * instruction earlier had published. */
static void writer_dies_everywhere(uint32_t before, uint32_t lag, uint32_t count)
{
    uint32_t most = before;
    bool is_end = false;

    for (long steps = 0; !is_end; steps++) {
        struct pair pair;
        uint32_t got = pair_prepare(&pair, before, lag);

        is_end = kill_after(&pair, before, count, steps);
        while (record_get(&pair.reader, got))
            got++;
        assert_false(pair.reader.is_broken);
        assert_true(got >= most && got <= before + count);
        most = got;
        pair_close(&pair);
    }
    assert_int_equal(most, before + count);
}

static void a_writer_killed_at_any_instruction_leaves_whole_records(void **state)
{
    (void)state;
    writer_dies_everywhere(0, 0, 2);
}

/* How many records until one begins a new lap (the second or a later one, over old bytes). */
static uint32_t records_until_lap(uint32_t lag)
{
    for (uint32_t before = 2;; before++) {
        struct pair pair;
        uint64_t at;
        bool is_lap;

        pair_prepare(&pair, before, lag);
        at = pair.writer.next;
        record_put(&pair.writer, before);
        is_lap = at > SIZE && at % SIZE > 0 && at / SIZE != pair.writer.next / SIZE;
        pair_close(&pair);
        if (is_lap)
            return before;
    }
}

static void a_writer_killed_at_the_end_of_a_lap_leaves_whole_records(void **state)
{
    (void)state;
    writer_dies_everywhere(records_until_lap(2), 2, 2);
}

/* All is read: the lap ends early. */
static void a_writer_killed_as_it_turns_early_leaves_whole_records(void **state)
{
    (void)state;
    writer_dies_everywhere(records_until_lap(0), 0, 1);
}

static void a_reader_that_keeps_up_keeps_the_writer_in_warm_memory(void **state)
{
    const size_t size = 65536;
    struct pair pair;
    size_t got, highest = 0;
    uint32_t note;

    (void)state;
    pair_open(&pair, size);
    for (int i = 0; i < 5000; i++) {
        char *place = ring_reserve(&pair.writer, 100);

        assert_non_null(place);
        if ((size_t)(place - (char *)pair.memory) > highest)
            highest = (size_t)(place - (char *)pair.memory);
        ring_publish(&pair.writer, 100, 0);
        assert_non_null(ring_peek(&pair.reader, &got, &note));
        ring_next(&pair.reader, got);
    }
    assert_true(highest < RING_WARM + 2 * RING_LINE);
    pair_close(&pair);
}

UNIT_MAIN(cmocka_unit_test(sizes_are_powers_of_two),
          cmocka_unit_test(records_come_whole_and_in_order),
          cmocka_unit_test(a_ring_read_empty_takes_the_longest_record),
          cmocka_unit_test(a_full_ring_takes_nothing_and_keeps_all),
          cmocka_unit_test(a_record_may_shrink_before_it_is_published),
          cmocka_unit_test(nonsense_is_told_from_records), cmocka_unit_test(two_processes_stream),
          cmocka_unit_test(a_writer_killed_at_any_instruction_leaves_whole_records),
          cmocka_unit_test(a_writer_killed_at_the_end_of_a_lap_leaves_whole_records),
          cmocka_unit_test(a_writer_killed_as_it_turns_early_leaves_whole_records),
          cmocka_unit_test(a_reader_that_keeps_up_keeps_the_writer_in_warm_memory))
