/* SPDX-License-Identifier: BSD-3-Clause */
/* p2prep-stall.c - how long the others stand still when a process dies while its partner waits for
 * it
 *
 *   p2prep-stall [PROCESS ITERATION]
 *
 * Pairs of ranks take turns in sending, a millisecond apart. That process of the job (replicas
 * counted) kills itself in place of its first message from ITERATION on, while its partner waits.
 * Each survivor prints "gap MILLISECONDS", its longest time from one iteration to the next. */
#include "test/mpi/p2prep-fault.h"

#include <mpi.h>

enum { ITERATIONS = 300, WARM_UP = 20, PACE_US = 1000 };

int main(int argc, char **argv)
{
    int rank, size, victim = argc > 2 ? atoi(argv[1]) : -1, moment = argc > 2 ? atoi(argv[2]) : 0;
    long long before = 0, longest = 0;

    mark_begin();
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    if (size % 2 != 0)
        MPI_Abort(MPI_COMM_WORLD, 2);
    for (int i = 0; i < ITERATIONS; i++) {
        int said = i, is_sender = (rank + i) % 2;
        if (is_sender) {
            wait_us(PACE_US);
            if (process_number() == victim && i >= moment)
                die();
            MPI_Send(&said, 1, MPI_INT, rank ^ 1, 1, MPI_COMM_WORLD);
        } else {
            MPI_Recv(&said, 1, MPI_INT, rank ^ 1, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        }
        if (said != i)
            MPI_Abort(MPI_COMM_WORLD, 3);
        long long now = clock_us();
        if (i > WARM_UP && now - before > longest)
            longest = now - before;
        before = now;
    }
    printf("gap %.3f\n", (double)longest / 1e3);
    fflush(stdout);
    MPI_Finalize();
    return 0;
}
