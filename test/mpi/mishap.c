/* SPDX-License-Identifier: BSD-3-Clause */
/* mishap.c - an MPI program in which something happens to rank 1
 *
 * mishap abort|kill|exit|child|wait|leave: MPI_Abort(7), SIGKILL, exit(0) without MPI_Finalize,
 * SIGKILL with a detached grandchild left behind, nothing for three seconds, a detached grandchild
 * on all ranks and a wait. The grandchild is `sleep NUMBER`, the second argument. */
#include <mpi.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void leave_child(const char *number)
{
    if (fork() != 0)
        return;
    setsid();
    if (fork() == 0)
        execlp("sleep", "sleep", number, (char *)NULL);
    _exit(0);
}

static void happen(const char *what, const char *number)
{
    if (strcmp(what, "abort") == 0)
        MPI_Abort(MPI_COMM_WORLD, 7);
    if (strcmp(what, "child") == 0)
        leave_child(number);
    if (strcmp(what, "child") == 0 || strcmp(what, "kill") == 0)
        raise(SIGKILL);
    if (strcmp(what, "exit") == 0)
        exit(0);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    const char *number = argc > 2 ? argv[2] : "60";
    int rank;

    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Barrier(MPI_COMM_WORLD);
    if (strcmp(what, "leave") == 0)
        leave_child(number);
    printf("ready %d\n", rank);
    if (rank == 1)
        happen(what, number);
    for (int i = 0; i < 30 && (strcmp(what, "wait") == 0 || strcmp(what, "leave") == 0); i++)
        usleep(100000);
    MPI_Barrier(MPI_COMM_WORLD);
    MPI_Finalize();
    return 0;
}
