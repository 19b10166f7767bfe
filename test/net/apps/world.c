/* SPDX-License-Identifier: BSD-3-Clause */
/* world.c - every rank says where it is; the collectives that most programs use are checked */
#include <mpi.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int rank, size, faults;

static void expect(int got, int wanted, const char *what)
{
    if (got == wanted)
        return;
    fprintf(stderr, "rank %d: %s gave %d, not %d\n", rank, what, got, wanted);
    faults++;
}

static void check_collectives(void)
{
    int value = rank == 0 ? 4711 : 0, sum, prefix;
    int *all = calloc((size_t)size, sizeof *all);
    int *mine = calloc((size_t)size, sizeof *mine);

    MPI_Bcast(&value, 1, MPI_INT, 0, MPI_COMM_WORLD);
    expect(value, 4711, "Bcast");
    MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    expect(sum, size * (size - 1) / 2, "Allreduce");
    MPI_Scan(&rank, &prefix, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    expect(prefix, rank * (rank + 1) / 2, "Scan");
    MPI_Allgather(&rank, 1, MPI_INT, all, 1, MPI_INT, MPI_COMM_WORLD);
    for (int i = 0; i < size; i++) {
        expect(all[i], i, "Allgather");
        mine[i] = rank * 1000 + i;
    }
    MPI_Alltoall(mine, 1, MPI_INT, all, 1, MPI_INT, MPI_COMM_WORLD);
    for (int i = 0; i < size; i++)
        expect(all[i], i * 1000 + rank, "Alltoall");
    free(all);
    free(mine);
}

/* Large enough for every protocol of the transports. */
static void check_ring(void)
{
    const int count = 1 << 18;
    int *out = malloc((size_t)count * sizeof *out);
    int *in = calloc((size_t)count, sizeof *in);
    int next = (rank + 1) % size, before = (rank + size - 1) % size;

    for (int i = 0; i < count; i++)
        out[i] = rank + i;
    MPI_Sendrecv(out, count, MPI_INT, next, 1, in, count, MPI_INT, before, 1, MPI_COMM_WORLD,
                 MPI_STATUS_IGNORE);
    expect(in[0], before, "the ring's first word");
    expect(in[count - 1], before + count - 1, "the ring's last word");
    free(out);
    free(in);
}

static int count_hosts(void)
{
    char name[MPI_MAX_PROCESSOR_NAME] = "";
    int length, hosts = 0;
    char *all = calloc((size_t)size, sizeof name);

    MPI_Get_processor_name(name, &length);
    printf("rank %d of %d on %s\n", rank, size, name);
    fflush(stdout);
    MPI_Allgather(name, sizeof name, MPI_CHAR, all, sizeof name, MPI_CHAR, MPI_COMM_WORLD);
    for (int i = 0; i < size; i++) {
        int seen = 0;
        for (int j = 0; j < i; j++)
            seen |= strcmp(all + (size_t)i * sizeof name, all + (size_t)j * sizeof name) == 0;
        hosts += !seen;
    }
    free(all);
    return hosts;
}

int main(int argc, char **argv)
{
    int all_faults, local;
    MPI_Comm half;

    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    int hosts = count_hosts();
    check_collectives();
    check_ring();
    MPI_Comm_split(MPI_COMM_WORLD, rank % 2, rank, &half);
    MPI_Comm_rank(half, &local);
    expect(local, rank / 2, "Comm_split");
    MPI_Comm_free(&half);
    MPI_Reduce(&faults, &all_faults, 1, MPI_INT, MPI_SUM, 0, MPI_COMM_WORLD);
    if (rank == 0)
        printf("%s: %d ranks on %d hosts\n", all_faults == 0 ? "all well" : "FAULTS", size, hosts);
    MPI_Finalize();
    return rank == 0 && all_faults > 0;
}
