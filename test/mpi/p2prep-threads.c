/* SPDX-License-Identifier: BSD-3-Clause */
/* p2prep-threads.c - threads that call MPI at the same time, each on a communicator of its own
 *
 * What each does follows from its communicator alone, so the result is the same where MPI grants
 * only MPI_THREAD_FUNNELED and the main thread does it all. The level granted goes to the marks.
 * Argument "inside": each thread makes its communicator itself. */
#include "p2prep-result.h"

#include <stdlib.h>

enum { THREADS = 3, ROUNDS = 60, LARGE = 30000 };

struct work {
    MPI_Comm comm;
    int number;
    uint64_t seen;
};

static void saw(struct work *work, const void *bytes, size_t n)
{
    const unsigned char *b = bytes;
    for (size_t i = 0; i < n; i++)
        work->seen = (work->seen ^ b[i]) * 1099511628211u;
}

/* Both neighbours, in both directions; on either side of the eager limits */
static void neighbours(struct work *work, int round)
{
    size_t n = round % 5 == 0 ? LARGE : (size_t)(round * 37 % 900);
    int right = (rank + 1) % size, left = (rank + size - 1) % size;
    unsigned char *bytes = malloc(4 * LARGE), *in = bytes + 2 * LARGE;
    MPI_Request request[4];
    pattern(bytes, n, rank, work->number * 1000 + round);
    pattern(bytes + LARGE, n, rank + 50, work->number * 1000 + round);
    MPI_Irecv(in, LARGE, MPI_BYTE, left, round, work->comm, &request[0]);
    MPI_Irecv(in + LARGE, LARGE, MPI_BYTE, right, round + 1, work->comm, &request[1]);
    MPI_Isend(bytes, (int)n, MPI_BYTE, right, round, work->comm, &request[2]);
    MPI_Isend(bytes + LARGE, (int)n, MPI_BYTE, left, round + 1, work->comm, &request[3]);
    MPI_Waitall(4, request, MPI_STATUSES_IGNORE);
    saw(work, in, n);
    saw(work, in + LARGE, n);
    free(bytes);
}

static void together(struct work *work, int round)
{
    long long mine[4] = {rank, round, work->number, rank * round}, sum[4], later = -1;
    MPI_Request request;
    MPI_Allreduce(mine, sum, 4, MPI_LONG_LONG, MPI_SUM, work->comm);
    saw(work, sum, sizeof sum);
    MPI_Iallreduce(mine, &later, 1, MPI_LONG_LONG, MPI_MAX, work->comm, &request);
    MPI_Wait(&request, MPI_STATUS_IGNORE);
    saw(work, &later, sizeof later);
    MPI_Bcast(mine, 4, MPI_LONG_LONG, round % size, work->comm);
    saw(work, mine, sizeof mine);
}

static void *run(void *arg)
{
    struct work *work = arg;
    if (work->comm == MPI_COMM_NULL)
        MPI_Comm_dup(MPI_COMM_SELF, &work->comm);
    else
        for (int round = 0; round < ROUNDS; round++) {
            neighbours(work, round);
            together(work, round);
        }
    return NULL;
}

int main(int argc, char **argv)
{
    struct work work[THREADS];
    pthread_t thread[THREADS];
    int provided;
    int is_inside = argc > 1 && strcmp(argv[1], "inside") == 0;
    mark_begin();
    MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided);
    kill_orders_begin(getenv("P2PREP_KILL"));
    mark("provided %d", provided);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    for (int i = 0; i < THREADS; i++) {
        work[i] = (struct work){.comm = MPI_COMM_NULL, .number = i, .seen = 1469598103934665603u};
        if (!is_inside)
            MPI_Comm_dup(MPI_COMM_WORLD, &work[i].comm);
    }
    for (int i = 0; i < THREADS; i++) {
        if (provided < MPI_THREAD_MULTIPLE)
            run(&work[i]);
        else
            pthread_create(&thread[i], NULL, run, &work[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        if (provided == MPI_THREAD_MULTIPLE)
            pthread_join(thread[i], NULL);
        result_add(&work[i].seen, sizeof work[i].seen);
        MPI_Comm_free(&work[i].comm);
    }
    return end();
}
