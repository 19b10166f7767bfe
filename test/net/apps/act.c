/* SPDX-License-Identifier: BSD-3-Clause */
/* act.c - an MPI program that does what its arguments say, for tests of launchers
 *
 * act VERB [VALUE [RANK]]: ranks other than RANK (default 0) wait for each other and finalize.
 *   exit C     finalizes, then leaves with code C      abort C    calls MPI_Abort(C)
 *   quit C     leaves with code C, without finalize    kill S     sends itself signal S
 *   early C    leaves with code C before MPI_Init      hang       all wait, printing "ready" first
 *   write F    every rank writes F.RANK                read F     every rank reads F and tells its
 * size stdin      rank 0 tells how many bytes came in     flood N    rank 0 prints N MiB env V
 * every rank tells $V                     pwd        every rank tells its directory
 *   count N    prints "ready", then N lines from each rank, a tenth of a second and a sum of all
 * ranks between */
#include <mpi.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int rank, size;

static void write_file(const char *base)
{
    char path[256];

    snprintf(path, sizeof path, "%s.%d", base, rank);
    FILE *file = fopen(path, "w");
    if (file == NULL || fprintf(file, "written by rank %d of %d\n", rank, size) < 0 ||
        fclose(file) != 0) {
        perror(path);
        MPI_Abort(MPI_COMM_WORLD, 1);
    }
}

static long count_bytes(FILE *file)
{
    static char buffer[65536];
    long bytes = 0;
    size_t got;

    while ((got = fread(buffer, 1, sizeof buffer, file)) > 0)
        bytes += (long)got;
    return bytes;
}

static void read_file(const char *path)
{
    FILE *file = fopen(path, "r");

    if (file == NULL) {
        perror(path);
        MPI_Abort(MPI_COMM_WORLD, 1);
        return;
    }
    printf("rank %d read %ld bytes\n", rank, count_bytes(file));
    fclose(file);
}

static void flood(int mib)
{
    static char line[1024];

    memset(line, 'x', sizeof line - 1);
    line[sizeof line - 1] = '\n';
    for (long i = 0; i < (long)mib * 1024; i++)
        fwrite(line, 1, sizeof line, stdout);
}

static void ready(void)
{
    printf("ready %d %d\n", rank, (int)getpid());
    fflush(stdout);
}

static void count(int lines)
{
    ready();
    for (int i = 1; i <= lines; i++) {
        int sum = 0;
        usleep(100000);
        MPI_Allreduce(&i, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
        printf("line %d of %d: rank %d, sum %d\n", i, lines, rank, sum);
        fflush(stdout);
    }
}

static void hang(void)
{
    ready();
    for (;;)
        pause();
}

/* what only the chosen rank does */
static void act_alone(const char *verb, int value)
{
    if (strcmp(verb, "abort") == 0)
        MPI_Abort(MPI_COMM_WORLD, value);
    else if (strcmp(verb, "quit") == 0)
        _exit(value);
    else if (strcmp(verb, "kill") == 0)
        raise(value);
    else if (strcmp(verb, "flood") == 0)
        flood(value);
    else if (strcmp(verb, "stdin") == 0)
        printf("stdin brought %ld bytes\n", count_bytes(stdin));
}

static void act_together(const char *verb, const char *text)
{
    char cwd[4096];

    if (strcmp(verb, "hang") == 0)
        hang();
    else if (strcmp(verb, "count") == 0)
        count(atoi(text));
    else if (strcmp(verb, "write") == 0)
        write_file(text);
    else if (strcmp(verb, "read") == 0)
        read_file(text);
    else if (strcmp(verb, "env") == 0)
        printf("rank %d: %s\n", rank, getenv(text) != NULL ? getenv(text) : "(not set)");
    else if (strcmp(verb, "pwd") == 0)
        printf("rank %d: %s\n", rank, getcwd(cwd, sizeof cwd) != NULL ? cwd : "?");
}

int main(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "nothing";
    const char *text = argc > 2 ? argv[2] : "";
    const char *me = getenv("OMPI_COMM_WORLD_RANK");
    int who = argc > 3 ? atoi(argv[3]) : 0;

    if (strcmp(verb, "early") == 0 && me != NULL && atoi(me) == who)
        return atoi(text);
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    act_together(verb, text);
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank == who)
        act_alone(verb, atoi(text));
    fflush(stdout);
    MPI_Barrier(MPI_COMM_WORLD);
    MPI_Finalize();
    return rank == who && strcmp(verb, "exit") == 0 ? atoi(text) : 0;
}
