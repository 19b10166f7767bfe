/* SPDX-License-Identifier: BSD-3-Clause */
/* spin.c - in pairs, one does a task of a millisecond while the other tests for its result, in
 * turns
 */
#include "test/bench/kernels/task.h"

#include <mpi.h>

/* Until it is here, and nothing else. */
static uint64_t await(int from)
{
    MPI_Request request;
    uint64_t result = 0;
    int flag = 0;
    MPI_Irecv(&result, 1, MPI_UINT64_T, from, 1, MPI_COMM_WORLD, &request);
    while (!flag)
        MPI_Test(&request, &flag, MPI_STATUS_IGNORE);
    return result;
}

static int turns(int tasks)
{
    int partner = kernel_rank ^ 1, right = 0;
    for (int task = 0; task < tasks; task++) {
        if (partner >= kernel_size || (task + kernel_rank) % 2 == 0) {
            uint64_t result = task_do(task);
            right++;
            if (partner < kernel_size)
                MPI_Send(&result, 1, MPI_UINT64_T, partner, 1, MPI_COMM_WORLD);
        } else {
            right += task_is_right(task, await(partner));
        }
    }
    return right == tasks;
}

int main(int argc, char **argv)
{
    int is_verified = 1;

    kernel_begin(&argc, &argv, "spin");
    kernel_start();
    for (int i = 0; i < kernel_times; i++)
        is_verified = turns(task_count()) && is_verified;
    kernel_result(&is_verified, sizeof is_verified);
    kernel_stop();
    return kernel_end(is_verified);
}
