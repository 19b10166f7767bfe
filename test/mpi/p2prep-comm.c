/* SPDX-License-Identifier: BSD-3-Clause */
/* p2prep-comm.c - communicators made, used at once, freed with messages still under way;
 * intercommunicators; topologies: MPI 3.1 chapters 6 and 7 */
#include "p2prep-result.h"

static void ring_on(MPI_Comm comm, int number)
{
    int r, n, got = -1;
    MPI_Status status;
    MPI_Comm_rank(comm, &r);
    MPI_Comm_size(comm, &n);
    int mine = rank * 100 + number;
    MPI_Sendrecv(&mine, 1, MPI_INT, (r + 1) % n, number, &got, 1, MPI_INT, (r + n - 1) % n, number,
                 comm, &status);
    result_status(&status, MPI_INT);
    result_int(got);
}

/* Rank 0 writes into the new communicator before the others have it. */
static void early(int number)
{
    MPI_Comm comm;
    MPI_Comm_dup(MPI_COMM_WORLD, &comm);
    static int big[20000];
    if (rank == 0) {
        MPI_Request request[128];
        for (int i = 1; i < size; i++)
            MPI_Isend(big, i % 2 ? 20000 : 10, MPI_INT, i, number, comm, &request[i]);
        MPI_Waitall(size - 1, request + 1, MPI_STATUSES_IGNORE);
    } else {
        MPI_Status status;
        MPI_Recv(big, 20000, MPI_INT, 0, number, comm, &status);
        result_status(&status, MPI_INT);
    }
    ring_on(comm, number);
    MPI_Comm_free(&comm);
}

static void splits(void)
{
    MPI_Comm half, own;
    MPI_Group world, odd;
    MPI_Comm_split(MPI_COMM_WORLD, rank % 2, -rank, &half);
    ring_on(half, 3);
    MPI_Comm_dup(half, &own);
    ring_on(own, 4);
    MPI_Comm_free(&half);
    ring_on(own, 5);
    MPI_Comm_free(&own);
    MPI_Comm_group(MPI_COMM_WORLD, &world);
    int range[1][3] = {{0, size - 1, 2}};
    MPI_Group_range_incl(world, 1, range, &odd);
    MPI_Comm_create(MPI_COMM_WORLD, odd, &own);
    if (own != MPI_COMM_NULL) {
        ring_on(own, 6);
        MPI_Comm_free(&own);
    }
    if (rank % 2 == 0) {
        MPI_Comm_create_group(MPI_COMM_WORLD, odd, 99, &own);
        ring_on(own, 7);
        MPI_Comm_free(&own);
    }
    MPI_Group_free(&odd);
    MPI_Group_free(&world);
    ring_on(MPI_COMM_SELF, 8);
}

static void between(void)
{
    MPI_Comm half, inter, merged;
    MPI_Status status;
    int remote, r, got = 0, sum = 0;
    if (size < 2)
        return;
    MPI_Comm_split(MPI_COMM_WORLD, rank % 2, rank, &half);
    MPI_Intercomm_create(half, 0, MPI_COMM_WORLD, rank % 2 ? 0 : 1, 12, &inter);
    MPI_Comm_remote_size(inter, &remote);
    MPI_Comm_rank(inter, &r);
    result_int(remote);
    if (r < remote) {
        MPI_Sendrecv(&rank, 1, MPI_INT, r, 1, &got, 1, MPI_INT, r, 1, inter, &status);
        result_status(&status, MPI_INT);
        result_int(got);
    }
    MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, inter);
    result_int(sum);
    MPI_Intercomm_merge(inter, rank % 2, &merged);
    ring_on(merged, 9);
    MPI_Comm_free(&merged);
    MPI_Comm_free(&inter);
    MPI_Comm_free(&half);
}

static void topology(void)
{
    MPI_Comm grid;
    int dims[2] = {0, 0}, periods[2] = {1, 1}, source, dest, got = 0;
    MPI_Dims_create(size, 2, dims);
    MPI_Cart_create(MPI_COMM_WORLD, 2, dims, periods, 0, &grid);
    for (int d = 0; d < 2; d++) {
        MPI_Cart_shift(grid, d, 1, &source, &dest);
        MPI_Sendrecv(&rank, 1, MPI_INT, dest, d, &got, 1, MPI_INT, source, d, grid,
                     MPI_STATUS_IGNORE);
        result_int(got);
    }
    int around[4] = {0};
    MPI_Neighbor_allgather(&rank, 1, MPI_INT, around, 1, MPI_INT, grid);
    result_add(around, sizeof around);
    MPI_Comm_free(&grid);
}

static void totals(MPI_Comm comm, int count)
{
    for (int i = 0; i < count; i++) {
        int total = 0;
        MPI_Request request;
        MPI_Iallreduce(&rank, &total, 1, MPI_INT, MPI_SUM, comm, &request);
        MPI_Wait(&request, MPI_STATUS_IGNORE);
        result_int(total);
    }
}

/* MPI_Dist_graph_create's tags lie among those of non-blocking collectives: before, between and
 * after such. */
static void graph(void)
{
    MPI_Comm comm, made;
    int next = (rank + 1) % size, degree = 1, got = -1;
    MPI_Comm_dup(MPI_COMM_WORLD, &comm);
    for (int i = 0; i < 3; i++) {
        MPI_Dist_graph_create(comm, 1, &rank, &degree, &next, MPI_UNWEIGHTED, MPI_INFO_NULL, 0,
                              &made);
        MPI_Neighbor_allgather(&rank, 1, MPI_INT, &got, 1, MPI_INT, made);
        result_int(got);
        MPI_Comm_free(&made);
        totals(comm, 200);
    }
    MPI_Comm_free(&comm);
}

int main(int argc, char **argv)
{
    begin(&argc, &argv);
    for (int i = 0; i < 60; i++)
        early(i);
    step("early i");
    splits();
    step("splits");
    between();
    step("between");
    topology();
    step("topology");
    graph();
    step("graph");
    return end();
}
