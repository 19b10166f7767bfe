/* SPDX-License-Identifier: BSD-3-Clause */
/* p2prep-memory.c - memory of an idle process: each prints "idle PRIVATE SHARED" after a barrier
 * and "met PRIVATE SHARED" after a message to and from every rank, in KiB
 *
 * PRIVATE: pages that it wrote and that nobody else can see; SHARED: pages of files in /dev/shm
 * that it touched, rings that is. */
#include <mpi.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct usage {
    long private_kib, shared_kib;
};

/* A line of /proc/self/smaps: of a mapping's head, or of its counts. */
static void add_line(struct usage *usage, const char *line, int *is_shared)
{
    char name[256] = "";
    long kib;
    if (sscanf(line, "%*x-%*x %*s %*x %*s %*u %255s", name) == 1 || strchr(line, '-') != NULL)
        *is_shared = strncmp(name, "/dev/shm/", 9) == 0;
    else if (*is_shared && sscanf(line, "Rss: %ld", &kib) == 1)
        usage->shared_kib += kib;
    else if (!*is_shared && sscanf(line, "Private_Dirty: %ld", &kib) == 1)
        usage->private_kib += kib;
}

static void print_usage(const char *when)
{
    struct usage usage = {0};
    char line[512];
    int is_shared = 0;
    FILE *file = fopen("/proc/self/smaps", "r");
    if (!file)
        MPI_Abort(MPI_COMM_WORLD, 2);
    while (fgets(line, sizeof line, file))
        add_line(&usage, line, &is_shared);
    fclose(file);
    printf("%s %ld %ld\n", when, usage.private_kib, usage.shared_kib);
    fflush(stdout);
}

/* A message to and from every rank. */
static void meet(int rank, int size)
{
    for (int step = 1; step < size; step++) {
        int to = (rank + step) % size, from = (rank + size - step) % size, other = -1;
        MPI_Sendrecv(&rank, 1, MPI_INT, to, 1, &other, 1, MPI_INT, from, 1, MPI_COMM_WORLD,
                     MPI_STATUS_IGNORE);
        if (other != from)
            MPI_Abort(MPI_COMM_WORLD, 3);
    }
}

int main(int argc, char **argv)
{
    int rank, size;

    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    MPI_Barrier(MPI_COMM_WORLD);
    print_usage("idle");
    MPI_Barrier(MPI_COMM_WORLD);
    meet(rank, size);
    MPI_Barrier(MPI_COMM_WORLD);
    print_usage("met");
    MPI_Barrier(MPI_COMM_WORLD);
    MPI_Finalize();
    return 0;
}
