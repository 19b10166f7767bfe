/* SPDX-License-Identifier: BSD-3-Clause */
/* p2prep-cases.c - what has broken replication before: a huge message of which half is there, a
 * million small ones behind an unmatched large one, streams too many and too thin for any
 * threshold. Argument: small messages (default 100000) */
#include "p2prep-result.h"

enum { HUGE_BYTES = 64 << 20, LARGE = 1 << 20, STREAMS = 300 };

static void huge(void)
{
    char *buffer = calloc(1, HUGE_BYTES);
    for (int round = 0; round < 3; round++) {
        int from = round % size, to = (round + 1) % size;
        if (rank == from)
            pattern(buffer, HUGE_BYTES, rank, round);
        if (rank == from && from != to)
            MPI_Send(buffer, HUGE_BYTES, MPI_BYTE, to, 1, MPI_COMM_WORLD);
        if (rank == to && from != to)
            MPI_Recv(buffer, HUGE_BYTES, MPI_BYTE, from, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        if (rank == to)
            result_add(buffer, HUGE_BYTES);
    }
    free(buffer);
}

static void behind(int count)
{
    static char large[LARGE];
    MPI_Request request = MPI_REQUEST_NULL;
    int last = size - 1;
    if (rank == 0 && last > 0) {
        pattern(large, LARGE, rank, count);
        MPI_Isend(large, LARGE, MPI_BYTE, last, 2, MPI_COMM_WORLD, &request);
        for (int i = 0; i < count; i++)
            MPI_Send(&i, 1, MPI_INT, last, 3, MPI_COMM_WORLD);
        MPI_Wait(&request, MPI_STATUS_IGNORE);
    } else if (rank == last && last > 0) {
        for (int i = 0; i < count; i++) {
            int got;
            MPI_Recv(&got, 1, MPI_INT, 0, 3, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
            result_int(got);
        }
        MPI_Recv(large, LARGE, MPI_BYTE, 0, 2, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        result_add(large, LARGE);
    }
}

static void streams(void)
{
    static MPI_Comm comm[STREAMS];
    int right = (rank + 1) % size, left = (rank + size - 1) % size, got;
    for (int i = 0; i < STREAMS; i++) {
        MPI_Comm_dup(MPI_COMM_WORLD, &comm[i]);
        int mine = rank * 1000 + i;
        MPI_Sendrecv(&mine, 1, MPI_INT, right, i, &got, 1, MPI_INT, left, i, comm[i],
                     MPI_STATUS_IGNORE);
        result_int(got);
    }
    for (int i = STREAMS - 1; i >= 0; i--)
        MPI_Comm_free(&comm[i]);
    MPI_Sendrecv(&rank, 1, MPI_INT, right, 7, &got, 1, MPI_INT, left, 7, MPI_COMM_WORLD,
                 MPI_STATUS_IGNORE);
    result_int(got);
}

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 100000;
    begin(&argc, &argv);
    streams();
    step("streams");
    behind(count);
    step("behind");
    huge();
    step("huge");
    return end();
}
