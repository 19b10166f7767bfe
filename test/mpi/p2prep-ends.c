/* SPDX-License-Identifier: BSD-3-Clause */
/* p2prep-ends.c - processes that die in a way of their own: "p2prep-ends CASE"
 *
 * child     process 1 dies and leaves a child that lives on
 * gone      all replicas of rank 1 die
 * early     process 1 dies in MPI_Finalize, before the others come there
 * late      process 1 dies instead of calling MPI_Finalize, which the others have called
 * Each process that comes to MPI_Finalize says so before, and one line after it. */
#include <mpi.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 400, DEATH = 100 };

static void wait_ms(long ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

static void die_later(long ms)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
    struct itimerspec when = {.it_value = {ms / 1000, ms % 1000 * 1000000}};
    timer_t timer;
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) == 0)
        timer_settime(timer, 0, &when, NULL);
}

static void leave_child(void)
{
    if (fork() != 0)
        return;
    for (int fd = 0; fd < 3; fd++)
        close(fd);
    wait_ms(12000);
    _exit(0);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "", *number = getenv("OMPI_COMM_WORLD_RANK");
    int rank, size, process = number ? atoi(number) : 0;
    long sum = 0, got;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    for (int i = 0; i < ROUNDS; i++) {
        long give = sum + rank * 31 + i;
        if (i == DEATH && process == 1 && strcmp(what, "child") == 0)
            leave_child();
        if (i == DEATH && ((process == 1 && strcmp(what, "child") == 0) ||
                           (rank == 1 && strcmp(what, "gone") == 0)))
            raise(SIGKILL);
        MPI_Sendrecv(&give, 1, MPI_LONG, (rank + 1) % size, 0, &got, 1, MPI_LONG,
                     (rank + size - 1) % size, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        sum = sum * 3 + got;
    }
    if (strcmp(what, "early") == 0 && process == 1)
        die_later(100);
    else if (strcmp(what, "early") == 0)
        wait_ms(400);
    if (strcmp(what, "late") == 0 && process == 1) {
        wait_ms(200);
        raise(SIGKILL);
    }
    printf("rank %d of %d: %lx\n", rank, size, sum);
    fflush(stdout);
    MPI_Finalize();
    printf("end of %d\n", process);
    return 0;
}
