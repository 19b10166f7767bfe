/* SPDX-License-Identifier: BSD-3-Clause */
/* p2prep-queues.c - process 0 has a send and a receive open and calls gdb upon itself: argument,
 * gdb's script */
#include "p2prep-result.h"

#include <sys/prctl.h>
#include <sys/wait.h>

static void look_at_me(const char *script)
{
    char pid[32];
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    (void)prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
    pid_t child = fork();
    if (child == 0) {
        execlp("gdb", "gdb", "-batch", "-nx", "-p", pid, "-x", script, (char *)NULL);
        _exit(127);
    }
    (void)waitpid(child, NULL, 0);
}

int main(int argc, char **argv)
{
    static int large[20000], three[3];
    MPI_Request request[2];
    begin(&argc, &argv);
    if (rank == 0) {
        MPI_Irecv(three, 3, MPI_INT, 1, 77, MPI_COMM_WORLD, &request[0]);
        MPI_Isend(large, 20000, MPI_INT, 1, 78, MPI_COMM_WORLD, &request[1]);
        if (process_number() == 0 && argc > 1)
            look_at_me(argv[1]);
    }
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank == 0) {
        MPI_Waitall(2, request, MPI_STATUSES_IGNORE);
    } else {
        MPI_Send(three, 3, MPI_INT, 0, 77, MPI_COMM_WORLD);
        MPI_Recv(large, 20000, MPI_INT, 0, 78, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    }
    return end();
}
