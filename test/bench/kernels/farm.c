/* SPDX-License-Identifier: BSD-3-Clause */
/* farm.c - a master deals tasks of a millisecond to whichever worker asks first
 */
#include "test/bench/kernels/task.h"

#include <mpi.h>

enum { ASK = 1, TASK, NONE = -1 };

struct answer {
    int64_t number; /* NONE: none yet */
    uint64_t result;
};

static int master(int tasks)
{
    int given = 0, right = 0, working = kernel_size - 1;
    while (working > 0) {
        struct answer answer;
        MPI_Status status;
        MPI_Recv(&answer, 2, MPI_INT64_T, MPI_ANY_SOURCE, ASK, MPI_COMM_WORLD, &status);
        right += answer.number != NONE && task_is_right((int)answer.number, answer.result);
        int task = given < tasks ? given++ : NONE;
        working -= task == NONE;
        MPI_Send(&task, 1, MPI_INT, status.MPI_SOURCE, TASK, MPI_COMM_WORLD);
    }
    return right == tasks;
}

static void worker(void)
{
    struct answer answer = {.number = NONE};
    for (;;) {
        int task;
        MPI_Send(&answer, 2, MPI_INT64_T, 0, ASK, MPI_COMM_WORLD);
        MPI_Recv(&task, 1, MPI_INT, 0, TASK, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        if (task == NONE)
            return;
        answer = (struct answer){task, task_do(task)};
    }
}

int main(int argc, char **argv)
{
    int is_verified = 1;

    kernel_begin(&argc, &argv, "farm");
    kernel_start();
    for (int i = 0; i < kernel_times; i++) {
        if (kernel_rank > 0)
            worker();
        else
            is_verified = master(task_count()) && is_verified;
        kernel_result(&is_verified, sizeof is_verified);
    }
    kernel_stop();
    return kernel_end(is_verified);
}
