/* SPDX-License-Identifier: BSD-3-Clause */
/* p2prep-work.c - a small simulation that goes on for a while, something under way at every moment:
 * halos of all sizes, sums, transposes, streams that run ahead, long messages half received.
 * Argument: rounds (default 300) */
#include "p2prep-result.h"

enum { WIDTH = 20000, BURST = 50 };
static double field[WIDTH + 2], halo[2][8192];
static int left, right;

static void halos(int round)
{
    MPI_Request request[4];
    int n = 1 + round * 37 % 8192;
    MPI_Irecv(halo[0], n, MPI_DOUBLE, left, 1, MPI_COMM_WORLD, &request[0]);
    MPI_Irecv(halo[1], n, MPI_DOUBLE, right, 2, MPI_COMM_WORLD, &request[1]);
    MPI_Isend(field + 1, n, MPI_DOUBLE, left, 2, MPI_COMM_WORLD, &request[2]);
    MPI_Isend(field + WIDTH - n, n, MPI_DOUBLE, right, 1, MPI_COMM_WORLD, &request[3]);
    MPI_Waitall(4, request, MPI_STATUSES_IGNORE);
    field[0] = halo[0][n - 1];
    field[WIDTH + 1] = halo[1][0];
    for (int i = 1; i <= WIDTH; i++)
        field[i] += 0.25 * (field[i - 1] - 2 * field[i] + field[i + 1]);
}

/* Everybody runs ahead of its right neighbour, odd ones first. */
static void bursts(int round)
{
    int got, sum = 0;
    for (int i = 0; i < BURST; i++) {
        int mine = round * BURST + i + rank;
        MPI_Send(&mine, 1, MPI_INT, right, 3, MPI_COMM_WORLD);
    }
    for (int i = 0; i < BURST; i++) {
        MPI_Recv(&got, 1, MPI_INT, left, 3, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        sum += got;
    }
    result_int(sum);
}

static void together(int round)
{
    static double out[64 * 500], in[64 * 500];
    double sum = 0, mine = field[1 + round % WIDTH];
    MPI_Allreduce(&mine, &sum, 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
    result_add(&sum, sizeof sum);
    for (int i = 0; i < 500 * size; i++)
        out[i] = field[1 + (i * 31 + round) % WIDTH];
    MPI_Alltoall(out, 500, MPI_DOUBLE, in, 500, MPI_DOUBLE, MPI_COMM_WORLD);
    result_add(in, sizeof(double) * 500 * (size_t)size);
    MPI_Bcast(field, 100, MPI_DOUBLE, round % size, MPI_COMM_WORLD);
}

static void large(int round)
{
    static char out[1 << 20], in[1 << 20];
    MPI_Request request;
    pattern(out, 4096, rank, round);
    MPI_Isend(out, sizeof out, MPI_BYTE, right, 4, MPI_COMM_WORLD, &request);
    MPI_Recv(in, sizeof in, MPI_BYTE, left, 4, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    MPI_Wait(&request, MPI_STATUS_IGNORE);
    result_add(in, 4096);
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 300;
    begin(&argc, &argv);
    right = (rank + 1) % size;
    left = (rank + size - 1) % size;
    for (int i = 0; i < WIDTH + 2; i++)
        field[i] = rank + i % 17;
    for (int round = 0; round < rounds; round++) {
        halos(round);
        bursts(round);
        together(round);
        if (round % 10 == 0)
            large(round);
    }
    result_add(field, sizeof field);
    return end();
}
