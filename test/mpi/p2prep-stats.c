/* SPDX-License-Identifier: BSD-3-Clause */
/* p2prep-stats.c - the performance variables pml_p2prep_*, read by name through MPI_T
 *
 * Ranks exchange COUNT messages of 8 bytes with their neighbours, then do as many non-blocking
 * collectives as the second argument says, up to WINDOW at a time, and check their sums.
 * p2prep-stats [PROCESS [COLLECTIVES]]: that process of the job kills itself half way. Each process
 * prints "process P", then each variable and its value. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <mpi.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COUNT  1000
#define MOST   32
#define WINDOW 7

static struct {
    char name[128];
    MPI_T_pvar_handle handle;
} variable[MOST];
static int variables;
static MPI_T_pvar_session session;

static void take(int index)
{
    char name[128];
    int name_size = sizeof name, length = 0, verbosity, class, bind, readonly, continuous, atomic,
        n;
    MPI_Datatype type;
    MPI_T_enum values;
    MPI_T_pvar_get_info(index, name, &name_size, &verbosity, &class, &type, &values, NULL, &length,
                        &bind, &readonly, &continuous, &atomic);
    if (strncmp(name, "pml_p2prep_", 11) != 0 || variables == MOST ||
        type != MPI_UNSIGNED_LONG_LONG)
        return;
    strcpy(variable[variables].name, name);
    if (MPI_T_pvar_handle_alloc(session, index, NULL, &variable[variables].handle, &n) ==
        MPI_SUCCESS)
        variables++;
}

static unsigned long long value_of(const char *name)
{
    unsigned long long value = 0;
    for (int i = 0; i < variables; i++)
        if (strcmp(variable[i].name, name) == 0)
            MPI_T_pvar_read(session, variable[i].handle, &value);
    return value;
}

/* A failover has its end when the substitute says so, a collective is forgotten when all have it:
 * both may come after the last message. The variables differ between replicas, so no call of MPI
 * may depend on them: Open MPI's own progress does not. */
static void settle(void)
{
    void (*progress)(void) = (void (*)(void))dlsym(RTLD_DEFAULT, "opal_progress");
    time_t until = time(NULL) + 20;
    while (((value_of("pml_p2prep_failovers") > 0 && value_of("pml_p2prep_failover_time") == 0) ||
            value_of("pml_p2prep_streams") > 100) &&
           progress && time(NULL) < until)
        progress();
}

static void collectives(int count, int rank, int size, int is_victim)
{
    MPI_Request request[WINDOW];
    double in[WINDOW], out[WINDOW];
    for (int i = 0; i < count; i += WINDOW) {
        if (is_victim && i >= count / 2)
            raise(SIGKILL);
        for (int k = 0; k < WINDOW; k++) {
            in[k] = i + k + rank;
            MPI_Iallreduce(&in[k], &out[k], 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD, &request[k]);
        }
        MPI_Waitall(WINDOW, request, MPI_STATUSES_IGNORE);
        for (int k = 0; k < WINDOW; k++)
            if (out[k] != size * (i + k) + size * (size - 1) / 2)
                MPI_Abort(MPI_COMM_WORLD, 3);
    }
}

int main(int argc, char **argv)
{
    const char *process = getenv("OMPI_COMM_WORLD_RANK");
    int provided, rank, size, n, count = argc > 2 ? atoi(argv[2]) : 0;
    int is_victim = argc > 1 && strcmp(argv[1], process) == 0;
    double out = 1, in;
    MPI_Init(&argc, &argv);
    MPI_T_init_thread(MPI_THREAD_SINGLE, &provided);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    MPI_T_pvar_session_create(&session);
    MPI_T_pvar_get_num(&n);
    for (int i = 0; i < n; i++)
        take(i);
    for (int i = 0; i < COUNT; i++) {
        if (i == COUNT / 2 && is_victim && count == 0)
            raise(SIGKILL);
        MPI_Sendrecv(&out, 1, MPI_DOUBLE, (rank + 1) % size, 1, &in, 1, MPI_DOUBLE,
                     (rank + size - 1) % size, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    }
    collectives(count, rank, size, is_victim);
    settle();
    for (int i = 0; i < variables; i++)
        printf("process %s %s %llu\n", process, variable[i].name, value_of(variable[i].name));
    fflush(stdout);
    MPI_T_pvar_session_free(&session);
    MPI_T_finalize(); /* after MPI_Finalize Open MPI 4.1.4 crashes there, with ob1 too */
    MPI_Finalize();
    return 0;
}
