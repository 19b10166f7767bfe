/* SPDX-License-Identifier: BSD-3-Clause */
/* hello.c - an MPI program as people write them first, with collectives that must give the right
 * sums
 *
 * Exits 3 when a result is wrong. */
#include <mpi.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    int rank, size, sum = 0, length;
    char name[MPI_MAX_PROCESSOR_NAME];
    static int big[1 << 18];

    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    MPI_Get_processor_name(name, &length);
    MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    if (rank == 0)
        memset(big, 7, sizeof big);
    MPI_Bcast(big, 1 << 18, MPI_INT, 0, MPI_COMM_WORLD);
    MPI_Barrier(MPI_COMM_WORLD);
    printf("rank %d of %d sum %d\n", rank, size, sum);
    MPI_Finalize();
    return sum == size * (size - 1) / 2 && big[(1 << 18) - 1] == 0x07070707 ? 0 : 3;
}
