/* SPDX-License-Identifier: BSD-3-Clause */
/* pingpong.c - messages between rank 0 and rank 1: "BYTES MICROSECONDS" per size, the best of
 * several rounds */
#include <mpi.h>

#include <stdio.h>
#include <stdlib.h>

static double round_us(char *buffer, int bytes, int rank, int times)
{
    double start = MPI_Wtime();

    for (int i = 0; i < times; i++) {
        if (rank == 0)
            MPI_Send(buffer, bytes, MPI_CHAR, 1, 1, MPI_COMM_WORLD);
        MPI_Recv(buffer, bytes, MPI_CHAR, 1 - rank, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        if (rank == 1)
            MPI_Send(buffer, bytes, MPI_CHAR, 0, 1, MPI_COMM_WORLD);
    }
    return (MPI_Wtime() - start) * 1e6 / times / 2;
}

int main(int argc, char **argv)
{
    static const int sizes[] = {8, 1024, 65536, 1 << 20};
    int rank;

    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    for (size_t s = 0; rank < 2 && s < sizeof sizes / sizeof sizes[0]; s++) {
        char *buffer = calloc(1, (size_t)sizes[s]);
        int times = sizes[s] < 65536 ? 1000 : 50;
        double best = round_us(buffer, sizes[s], rank, times / 10);

        for (int i = 0; i < 10; i++) {
            double us = round_us(buffer, sizes[s], rank, times);
            if (us < best)
                best = us;
        }
        if (rank == 0)
            printf("%d %.3f\n", sizes[s], best);
        free(buffer);
    }
    MPI_Finalize();
    return 0;
}
