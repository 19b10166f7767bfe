/* SPDX-License-Identifier: BSD-3-Clause */
/* p2prep-idle.c - rank 0 waits for a message that rank 1 sends half a second later: "waited
 * PERCENT" is the part of the wait in which its process used a core */
#include "p2prep-fault.h"

#include <mpi.h>

enum { PAUSE_US = 500000 };

static long long cpu_us(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return used.tv_sec * 1000000LL + used.tv_nsec / 1000;
}

int main(int argc, char **argv)
{
    int rank, word = 0;

    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank == 1) {
        wait_us(PAUSE_US);
        word = 42;
        MPI_Send(&word, 1, MPI_INT, 0, 1, MPI_COMM_WORLD);
    } else {
        long long wall = clock_us(), cpu = cpu_us();
        MPI_Recv(&word, 1, MPI_INT, 1, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        cpu = cpu_us() - cpu;
        wall = clock_us() - wall;
        printf("waited %lld\n", word == 42 ? 100 * cpu / wall : -1);
        fflush(stdout);
    }
    MPI_Finalize();
    return 0;
}
