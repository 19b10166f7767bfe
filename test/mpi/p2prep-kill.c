/* SPDX-License-Identifier: BSD-3-Clause */
/* p2prep-kill.c - for programs of others (LD_PRELOAD): kills a process at one of its calls of MPI
 *
 * P2PREP_CALLS=DIR: each process of the job writes the number of its calls into DIR/PROCESS as it
 * comes to MPI_Finalize. P2PREP_KILL_CALL=PROCESS:CALL: this process dies by SIGKILL as it makes
 * that call. So a run that is not killed says where the middle of the next one is. Programs with
 * one thread only; calls not listed here are not counted. Fortran's bindings call the PMPI_ names.
 *
 * The arguments are passed on unseen: none is a floating-point number, and the calling conventions
 * of 64-bit systems let a caller pass more words than are looked at. */
#define _GNU_SOURCE
#include <dlfcn.h>
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

/* clang-format off */
#define COUNTED(X) \
    X(Send) X(Bsend) X(Ssend) X(Rsend) X(Isend) X(Ibsend) X(Issend) X(Irsend) X(Recv) X(Irecv) \
    X(Mrecv) X(Imrecv) X(Sendrecv) X(Sendrecv_replace) X(Start) X(Startall) X(Probe) X(Iprobe) \
    X(Mprobe) X(Improbe) X(Wait) X(Waitall) X(Waitany) X(Waitsome) X(Test) X(Testall) X(Testany) \
    X(Testsome) X(Cancel) X(Request_free) X(Barrier) X(Bcast) X(Gather) X(Gatherv) X(Scatter) \
    X(Scatterv) X(Allgather) X(Allgatherv) X(Alltoall) X(Alltoallv) X(Alltoallw) X(Reduce) \
    X(Allreduce) X(Reduce_scatter) X(Reduce_scatter_block) X(Scan) X(Exscan) X(Ibarrier) \
    X(Ibcast) X(Iallreduce) X(Ialltoall) X(Comm_dup) X(Comm_create) X(Comm_split) X(Comm_free) \
    X(Cart_create) X(Cart_sub) X(File_open) X(File_close) X(File_write_at) X(File_read_at) \
    X(File_write_at_all) X(File_read_at_all) X(File_write_all) X(File_read_all)
/* clang-format on */

typedef long word;
/* MPI_Sendrecv has twelve. */
#define WORDS                                                                                      \
    word a, word b, word c, word d, word e, word f, word g, word h, word i, word j, word k, word l
#define ARGUMENTS a, b, c, d, e, f, g, h, i, j, k, l

typedef int call_fn(WORDS);

static call_fn *find(call_fn **real, const char *name)
{
    if (!*real && !(*real = (call_fn *)dlsym(RTLD_NEXT, name)))
        abort();
    return *real;
}

#define DEFINE(name)                                                                               \
    int PMPI_##name(WORDS)                                                                         \
    {                                                                                              \
        static call_fn *real;                                                                      \
        called();                                                                                  \
        return find(&real, "PMPI_" #name)(ARGUMENTS);                                              \
    }                                                                                              \
    int MPI_##name(WORDS) __attribute__((alias("PMPI_" #name)));
COUNTED(DEFINE)

int PMPI_Finalize(void)
{
    int (*real)(void) = (int (*)(void))dlsym(RTLD_NEXT, "PMPI_Finalize");
    report();
    return real();
}
int MPI_Finalize(void) __attribute__((alias("PMPI_Finalize")));
