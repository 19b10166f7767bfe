/* SPDX-License-Identifier: BSD-3-Clause */
/* p2prep-kill.c - for programs of others (LD_PRELOAD): kills a process at one of its calls of MPI
 *
 * P2PREP_CALLS=DIR: each process of the job writes the number of its calls into DIR/PROCESS as it
 * comes to MPI_Finalize. P2PREP_KILL_CALL=PROCESS:CALL: this process dies by SIGKILL as it makes
 * that call. So a run that is not killed says where the middle of the next one is. Programs with
 * one thread only; calls not listed here are not counted. */
#include <mpi.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static long calls;

static const char *process(void)
{
    return getenv("OMPI_COMM_WORLD_RANK");
}

static void called(void)
{
    const char *order = getenv("P2PREP_KILL_CALL"), *me = process();
    int who;
    long call;
    calls++;
    if (order && me && sscanf(order, "%d:%ld", &who, &call) == 2 && who == atoi(me) &&
        call == calls)
        raise(SIGKILL);
}

static void report(void)
{
    const char *dir = getenv("P2PREP_CALLS"), *me = process();
    char path[4096];
    if (!dir || !me)
        return;
    snprintf(path, sizeof path, "%s/%s", dir, me);
    FILE *file = fopen(path, "w");
    if (!file)
        return;
    fprintf(file, "%ld\n", calls);
    fclose(file);
}

int MPI_Finalize(void)
{
    report();
    return PMPI_Finalize();
}

/* X(name, parameters, arguments) */
#define COUNTED(X)                                                                                 \
    X(Send, (const void *b, int n, MPI_Datatype t, int p, int g, MPI_Comm c), (b, n, t, p, g, c))  \
    X(Ssend, (const void *b, int n, MPI_Datatype t, int p, int g, MPI_Comm c), (b, n, t, p, g, c)) \
    X(Isend, (const void *b, int n, MPI_Datatype t, int p, int g, MPI_Comm c, MPI_Request *r),     \
      (b, n, t, p, g, c, r))                                                                       \
    X(Recv, (void *b, int n, MPI_Datatype t, int p, int g, MPI_Comm c, MPI_Status *s),             \
      (b, n, t, p, g, c, s))                                                                       \
    X(Irecv, (void *b, int n, MPI_Datatype t, int p, int g, MPI_Comm c, MPI_Request *r),           \
      (b, n, t, p, g, c, r))                                                                       \
    X(Mrecv, (void *b, int n, MPI_Datatype t, MPI_Message *m, MPI_Status *s), (b, n, t, m, s))     \
    X(Start, (MPI_Request * r), (r))                                                               \
    X(Startall, (int n, MPI_Request *r), (n, r))                                                   \
    X(Wait, (MPI_Request * r, MPI_Status * s), (r, s))                                             \
    X(Waitall, (int n, MPI_Request *r, MPI_Status *s), (n, r, s))                                  \
    X(Testsome, (int n, MPI_Request *r, int *m, int *i, MPI_Status *s), (n, r, m, i, s))           \
    X(Barrier, (MPI_Comm c), (c))                                                                  \
    X(Bcast, (void *b, int n, MPI_Datatype t, int p, MPI_Comm c), (b, n, t, p, c))                 \
    X(Alltoall,                                                                                    \
      (const void *b, int n, MPI_Datatype t, void *a, int m, MPI_Datatype u, MPI_Comm c),          \
      (b, n, t, a, m, u, c))                                                                       \
    X(Alltoallv,                                                                                   \
      (const void *b, const int *n, const int *d, MPI_Datatype t, void *a, const int *m,           \
       const int *e, MPI_Datatype u, MPI_Comm c),                                                  \
      (b, n, d, t, a, m, e, u, c))                                                                 \
    X(Reduce, (const void *b, void *a, int n, MPI_Datatype t, MPI_Op o, int p, MPI_Comm c),        \
      (b, a, n, t, o, p, c))                                                                       \
    X(Allreduce, (const void *b, void *a, int n, MPI_Datatype t, MPI_Op o, MPI_Comm c),            \
      (b, a, n, t, o, c))

#define DEFINE(name, parameters, arguments)                                                        \
    int MPI_##name parameters                                                                      \
    {                                                                                              \
        called();                                                                                  \
        return PMPI_##name arguments;                                                              \
    }
COUNTED(DEFINE)
