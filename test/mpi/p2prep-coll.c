/* SPDX-License-Identifier: BSD-3-Clause */
/* p2prep-coll.c - collective operations, blocking and not, of several sizes: MPI 3.1 chapter 5 */
#include "p2prep-result.h"

enum { MOST = 40000 };
static long *out, *in;

static void fill(int n, int number)
{
    for (int i = 0; i < n; i++)
        out[i] = (long)rank * 1000003 + i * 31 + number;
    memset(in, 0, sizeof *in * (size_t)MOST * (size_t)size);
}

static void note(int n)
{
    result_add(in, sizeof *in * (size_t)n);
}

static void blocking(int n)
{
    int counts[64], at[64];
    for (int i = 0; i < size; i++) {
        counts[i] = n / (i + 1);
        at[i] = i * n;
    }
    MPI_Barrier(MPI_COMM_WORLD);
    fill(n, 1), MPI_Bcast(out, n, MPI_LONG, size - 1, MPI_COMM_WORLD),
        result_add(out, sizeof *out * (size_t)n);
    fill(n, 2), MPI_Reduce(out, in, n, MPI_LONG, MPI_SUM, 0, MPI_COMM_WORLD), note(n);
    fill(n, 3), MPI_Allreduce(out, in, n, MPI_LONG, MPI_MAX, MPI_COMM_WORLD), note(n);
    fill(n, 4), MPI_Gather(out, n, MPI_LONG, in, n, MPI_LONG, size / 2, MPI_COMM_WORLD),
        note(n * size);
    fill(n, 5), MPI_Allgather(out, n, MPI_LONG, in, n, MPI_LONG, MPI_COMM_WORLD), note(n * size);
    fill(n * size, 6), MPI_Scatter(out, n, MPI_LONG, in, n, MPI_LONG, 0, MPI_COMM_WORLD), note(n);
    fill(n * size, 7), MPI_Alltoall(out, n, MPI_LONG, in, n, MPI_LONG, MPI_COMM_WORLD),
        note(n * size);
    fill(n, 8), MPI_Scan(out, in, n, MPI_LONG, MPI_SUM, MPI_COMM_WORLD), note(n);
    fill(n, 9), MPI_Exscan(out, in, n, MPI_LONG, MPI_SUM, MPI_COMM_WORLD);
    if (rank > 0)
        note(n);
    fill(n * size, 10), MPI_Reduce_scatter_block(out, in, n, MPI_LONG, MPI_SUM, MPI_COMM_WORLD),
        note(n);
    fill(n, 11);
    MPI_Allgatherv(out, counts[rank], MPI_LONG, in, counts, at, MPI_LONG, MPI_COMM_WORLD),
        note(n * size);
}

static void non_blocking(int n)
{
    MPI_Request request[4];
    long *more = calloc((size_t)n * (size_t)size, sizeof *more), sum = rank, total = 0;
    fill(n * size, 20);
    MPI_Ialltoall(out, n, MPI_LONG, in, n, MPI_LONG, MPI_COMM_WORLD, &request[0]);
    MPI_Iallgather(out, n, MPI_LONG, more, n, MPI_LONG, MPI_COMM_WORLD, &request[1]);
    MPI_Iallreduce(&sum, &total, 1, MPI_LONG, MPI_SUM, MPI_COMM_WORLD, &request[2]);
    MPI_Ibarrier(MPI_COMM_WORLD, &request[3]);
    MPI_Waitall(4, request, MPI_STATUSES_IGNORE);
    note(n * size);
    result_add(more, sizeof *more * (size_t)n * (size_t)size);
    result_add(&total, sizeof total);
    free(more);
}

int main(int argc, char **argv)
{
    begin(&argc, &argv);
    out = calloc((size_t)MOST * (size_t)size, sizeof *out);
    in = calloc((size_t)MOST * (size_t)size, sizeof *in);
    for (int i = 0; i < 30; i++) {
        blocking(1 + i);
        step("blocking 1");
        non_blocking(1 + i);
        step("non_blocking 1");
    }
    blocking(3000);
    step("blocking 3000");
    non_blocking(3000);
    step("non_blocking 3000");
    blocking(MOST);
    step("blocking MOST");
    non_blocking(MOST);
    step("non_blocking MOST");
    free(out);
    free(in);
    return end();
}
