/* SPDX-License-Identifier: BSD-3-Clause */
/* p2prep-pair.c - two ranks: latency, message rate and bandwidth by message size
 *
 *   p2prep-pair [MILLISECONDS [BYTES...]]
 *
 * One line for each cell: "latency BYTES MICROSECONDS" (half a round trip), "rate BYTES MESSAGES"
 * (a second, windows of 64 and an answer), "bandwidth BYTES MEGABYTES" (a second, a stream with a
 * few messages under way). A cell is blocks of some ms until its time (30 ms) is over, and the
 * median of them, so that one interruption does not count. What arrived last in each buffer is
 * compared with what was sent. */
#include <mpi.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW = 64, STREAM = 8, BLOCKS_MIN = 5, BLOCKS_MAX = 1000 };
static const size_t rate_bytes_max = 64u << 20, stream_bytes_max = 32u << 20;
static const double block_s = 2e-3;

static int rank;
static char *out, *in; /* rate_bytes_max each */

/* Sends and receives with several requests: this many, less where messages are large. */
static int window_of(int most, size_t bytes_max, int bytes)
{
    size_t fit = bytes_max / (size_t)bytes;
    return fit < (size_t)most ? (int)fit : most;
}

static int latency_window(int bytes)
{
    (void)bytes;
    return 1;
}

static int rate_window(int bytes)
{
    return window_of(WINDOW, rate_bytes_max, bytes);
}

static int stream_window(int bytes)
{
    return window_of(STREAM, stream_bytes_max, bytes);
}

static void latency_block(int bytes, int count)
{
    for (int i = 0; i < count; i++) {
        if (rank == 0)
            MPI_Send(out, bytes, MPI_CHAR, 1, 1, MPI_COMM_WORLD);
        MPI_Recv(in, bytes, MPI_CHAR, 1 - rank, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        if (rank == 1)
            MPI_Send(out, bytes, MPI_CHAR, 0, 1, MPI_COMM_WORLD);
    }
}

static void post(int slot, int bytes, MPI_Request *request)
{
    size_t at = (size_t)slot * (size_t)bytes;
    if (rank == 0)
        MPI_Isend(out + at, bytes, MPI_CHAR, 1, 1, MPI_COMM_WORLD, request);
    else
        MPI_Irecv(in + at, bytes, MPI_CHAR, 0, 1, MPI_COMM_WORLD, request);
}

static void answer(void)
{
    if (rank == 0)
        MPI_Recv(NULL, 0, MPI_CHAR, 1, 2, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    else
        MPI_Send(NULL, 0, MPI_CHAR, 0, 2, MPI_COMM_WORLD);
}

/* `count` messages: windows, each answered */
static void rate_block(int bytes, int count)
{
    MPI_Request requests[WINDOW];
    int window = rate_window(bytes);
    for (int done = 0; done < count; done += window) {
        for (int i = 0; i < window; i++)
            post(i, bytes, &requests[i]);
        MPI_Waitall(window, requests, MPI_STATUSES_IGNORE);
        answer();
    }
}

/* `count` messages: each request is waited for when its turn comes again, one answer at the end */
static void stream_block(int bytes, int count)
{
    MPI_Request requests[STREAM];
    int window = stream_window(bytes);
    for (int i = 0; i < window; i++)
        requests[i] = MPI_REQUEST_NULL;
    for (int i = 0; i < count; i++) {
        MPI_Wait(&requests[i % window], MPI_STATUS_IGNORE);
        post(i % window, bytes, &requests[i % window]);
    }
    MPI_Waitall(window, requests, MPI_STATUSES_IGNORE);
    answer();
}

static double latency_us(double seconds, int bytes, int count)
{
    (void)bytes;
    return seconds * 1e6 / count / 2;
}

static double rate_per_s(double seconds, int bytes, int count)
{
    (void)bytes;
    return count / seconds;
}

static double bandwidth_mb_per_s(double seconds, int bytes, int count)
{
    return (double)bytes * count / seconds / 1e6;
}

static const struct kind {
    const char *name;
    int (*window)(int bytes); /* messages at a time; counts are multiples of it */
    void (*block)(int bytes, int count);
    double (*value)(double seconds, int bytes, int count);
} kinds[] = {
    {"latency", latency_window, latency_block, latency_us},
    {"rate", rate_window, rate_block, rate_per_s},
    {"bandwidth", stream_window, stream_block, bandwidth_mb_per_s},
};

/* Both ranks; rank 0 chooses `count`, 0 for the end. The seconds that it took. */
static double timed_block(const struct kind *kind, int bytes, int *count)
{
    MPI_Bcast(count, 1, MPI_INT, 0, MPI_COMM_WORLD);
    double start = MPI_Wtime();
    if (*count > 0)
        kind->block(bytes, *count);
    return MPI_Wtime() - start;
}

/* Warms up, too: how many messages take a block's time? */
static int find_count(const struct kind *kind, int bytes)
{
    int count = kind->window(bytes);
    while (timed_block(kind, bytes, &count) < block_s)
        count *= 2;
    return count;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Rank 0's part of a cell. */
static void lead(const struct kind *kind, int bytes, double cell_s)
{
    static double values[BLOCKS_MAX];
    int n = 0, count = find_count(kind, bytes), end = 0;
    double spent = 0;
    while (n < BLOCKS_MIN || (spent < cell_s && n < BLOCKS_MAX)) {
        double seconds = timed_block(kind, bytes, &count);
        values[n++] = kind->value(seconds, bytes, count);
        spent += seconds;
    }
    timed_block(kind, bytes, &end);
    qsort(values, (size_t)n, sizeof values[0], by_value);
    printf("%s %d %.10g\n", kind->name, bytes, values[n / 2]);
}

/* Rank 1's: until rank 0 says that it is over. */
static void follow(const struct kind *kind, int bytes)
{
    int count = 0;
    do {
        timed_block(kind, bytes, &count);
    } while (count > 0);
}

static void check(const struct kind *kind, int bytes)
{
    size_t n = (size_t)bytes * (size_t)kind->window(bytes);
    int was_received = rank == 1 || kind->block == latency_block;
    if (was_received && memcmp(in, out, n) != 0) {
        fprintf(stderr, "p2prep-pair: %s, %d bytes: other bytes arrived than were sent\n",
                kind->name, bytes);
        MPI_Abort(MPI_COMM_WORLD, 1);
    }
}

static void cell(const struct kind *kind, int bytes, double cell_s)
{
    size_t n = (size_t)bytes * (size_t)kind->window(bytes);
    for (size_t i = 0; i < n; i++)
        out[i] = (char)(i * 31 + i / 4096 + (size_t)(kind - kinds) + (size_t)bytes);
    memset(in, 0, n);
    if (rank == 0)
        lead(kind, bytes, cell_s);
    else
        follow(kind, bytes);
    check(kind, bytes);
}

int main(int argc, char **argv)
{
    static const int all[] = {8, 1024, 65536, 1 << 20, 16 << 20};
    int size, given = argc > 2, n = given ? argc - 2 : (int)(sizeof all / sizeof all[0]);
    double cell_s = (argc > 1 ? atof(argv[1]) : 30) / 1e3;

    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    out = malloc(rate_bytes_max);
    in = malloc(rate_bytes_max);
    if (size != 2 || !out || !in)
        MPI_Abort(MPI_COMM_WORLD, 2);
    for (int i = 0; i < n; i++) {
        int bytes = given ? atoi(argv[2 + i]) : all[i];
        for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
            cell(&kinds[k], bytes, cell_s);
    }
    free(out);
    free(in);
    MPI_Finalize();
    return 0;
}
