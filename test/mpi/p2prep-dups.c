/* SPDX-License-Identifier: BSD-3-Clause */
/* p2prep-dups.c - duplicates made without waiting, and the ways to make communicators that
 * p2prep-comm.c leaves out: with info, by type, graphs, of intercommunicators, of duplicates */
#include "p2prep-result.h"

#include <stdlib.h>

enum { CHAIN = 40, MANY = 200 };

static void ring_on(MPI_Comm comm, int number)
{
    int r, n, got = -1, sum = 0, mine = rank * 1000 + number;
    MPI_Comm_rank(comm, &r);
    MPI_Comm_size(comm, &n);
    MPI_Sendrecv(&mine, 1, MPI_INT, (r + 1) % n, number, &got, 1, MPI_INT, (r + n - 1) % n, number,
                 comm, MPI_STATUS_IGNORE);
    MPI_Allreduce(&mine, &sum, 1, MPI_INT, MPI_SUM, comm);
    result_int(got);
    result_int(sum);
}

/* Several under way at once, on communicators of which not everybody has all, begun in other orders
 * on other ranks, a blocking one in between. */
static void overlapping(void)
{
    MPI_Comm half, third, new[4], one;
    MPI_Request request[4];
    MPI_Comm_split(MPI_COMM_WORLD, rank % 2, rank, &half);
    MPI_Comm_split(MPI_COMM_WORLD, rank / 2, rank, &third);
    if (rank % 3 == 0) {
        MPI_Comm_idup(half, &new[0], &request[0]);
        MPI_Comm_idup(third, &new[1], &request[1]);
    } else {
        MPI_Comm_idup(third, &new[1], &request[1]);
        MPI_Comm_idup(half, &new[0], &request[0]);
    }
    MPI_Comm_idup(MPI_COMM_WORLD, &new[2], &request[2]);
    MPI_Comm_idup(MPI_COMM_WORLD, &new[3], &request[3]);
    MPI_Comm_dup(MPI_COMM_WORLD, &one);
    ring_on(one, 1);
    MPI_Waitall(4, request, MPI_STATUSES_IGNORE);
    for (int i = 0; i < 4; i++) {
        ring_on(new[i], 2 + i);
        MPI_Comm_free(&new[i]);
    }
    MPI_Comm_free(&one);
    MPI_Comm_free(&half);
    MPI_Comm_free(&third);
}

/* Rank 0 goes on while the others wait for its word before they make theirs. */
static void alone_first(void)
{
    MPI_Comm new;
    MPI_Request request;
    int word = 5;
    if (rank == 0)
        MPI_Comm_idup(MPI_COMM_WORLD, &new, &request);
    MPI_Bcast(&word, 1, MPI_INT, 0, MPI_COMM_WORLD);
    if (rank != 0)
        MPI_Comm_idup(MPI_COMM_WORLD, &new, &request);
    MPI_Wait(&request, MPI_STATUS_IGNORE);
    ring_on(new, 10);
    MPI_Comm_free(&new);
}

/* Duplicates of duplicates, each used, then all others made of the last one. */
static void chain(void)
{
    MPI_Comm comm[CHAIN + 1], made;
    MPI_Request request;
    comm[0] = MPI_COMM_WORLD;
    for (int i = 0; i < CHAIN; i++) {
        MPI_Comm_idup(comm[i], &comm[i + 1], &request);
        MPI_Wait(&request, MPI_STATUS_IGNORE);
        ring_on(comm[i + 1], i);
    }
    MPI_Comm_dup(comm[CHAIN], &made);
    ring_on(made, 41);
    MPI_Comm_free(&made);
    MPI_Comm_split(comm[CHAIN], rank % 2, -rank, &made);
    ring_on(made, 42);
    MPI_Comm_free(&made);
    for (int i = CHAIN; i > 0; i--)
        MPI_Comm_free(&comm[i]);
}

static void many(void)
{
    for (int i = 0; i < MANY; i++) {
        MPI_Comm new;
        MPI_Request request;
        MPI_Comm_idup(MPI_COMM_WORLD, &new, &request);
        MPI_Wait(&request, MPI_STATUS_IGNORE);
        if (i % 10 == 0)
            ring_on(new, i);
        MPI_Comm_free(&new);
    }
}

static int copied;
static int copy(MPI_Comm comm, int key, void *extra, void *in, void *out, int *flag)
{
    (void)comm;
    (void)key;
    (void)extra;
    *(void **)out = in;
    *flag = 1;
    copied++;
    return MPI_SUCCESS;
}

/* Attributes, topology and info go along. */
static void baggage(void)
{
    MPI_Comm grid, new, with;
    MPI_Request request;
    MPI_Info info, got;
    int key, found, dims[1] = {size}, periods[1] = {1}, coords[1] = {-1}, topology, *value;
    static int thing = 77;
    char text[16] = "";
    MPI_Comm_create_keyval(copy, MPI_COMM_NULL_DELETE_FN, &key, NULL);
    MPI_Cart_create(MPI_COMM_WORLD, 1, dims, periods, 0, &grid);
    MPI_Comm_set_attr(grid, key, &thing);
    MPI_Comm_idup(grid, &new, &request);
    MPI_Wait(&request, MPI_STATUS_IGNORE);
    MPI_Comm_get_attr(new, key, &value, &found);
    result_int(found ? *value : -1);
    result_int(copied);
    MPI_Topo_test(new, &topology);
    result_int(topology == MPI_CART);
    MPI_Cart_get(new, 1, dims, periods, coords);
    result_int(coords[0]);
    MPI_Info_create(&info);
    MPI_Info_set(info, "kept", "yes");
    MPI_Comm_dup_with_info(new, info, &with);
    MPI_Comm_get_info(with, &got);
    MPI_Info_get(got, "kept", 15, text, &found);
    result_int(found);
    ring_on(with, 11);
    MPI_Info_free(&got);
    MPI_Info_free(&info);
    MPI_Comm_free(&with);
    MPI_Comm_free(&new);
    MPI_Comm_free(&grid);
    MPI_Comm_free_keyval(&key);
}

static void across(MPI_Comm inter)
{
    int r, n, got = -1;
    MPI_Comm_rank(inter, &r);
    MPI_Comm_remote_size(inter, &n);
    if (r < n)
        MPI_Sendrecv(&rank, 1, MPI_INT, r, 3, &got, 1, MPI_INT, r, 3, inter, MPI_STATUS_IGNORE);
    result_int(got);
    MPI_Allreduce(&rank, &got, 1, MPI_INT, MPI_SUM, inter);
    result_int(got);
}

static void between(void)
{
    MPI_Comm half, inter, one, two, made;
    MPI_Request request;
    if (size < 2)
        return;
    MPI_Comm_split(MPI_COMM_WORLD, rank % 2, rank, &half);
    MPI_Intercomm_create(half, 0, MPI_COMM_WORLD, rank % 2 ? 0 : 1, 12, &inter);
    MPI_Comm_idup(inter, &one, &request);
    MPI_Wait(&request, MPI_STATUS_IGNORE);
    across(one);
    MPI_Comm_dup(one, &two);
    across(two);
    MPI_Intercomm_merge(one, rank % 2, &made);
    ring_on(made, 12);
    MPI_Comm_free(&made);
    MPI_Comm_split(two, rank / 2, rank, &made);
    if (made != MPI_COMM_NULL) {
        across(made);
        MPI_Comm_free(&made);
    }
    MPI_Comm_free(&two);
    MPI_Comm_free(&one);
    MPI_Comm_free(&inter);
    MPI_Comm_free(&half);
}

/* With replicas nobody shares memory with anybody; all that is asked is that it be used. */
static void by_type(void)
{
    MPI_Comm node, none;
    int n, sum = 0, one = 1;
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank, MPI_INFO_NULL, &node);
    MPI_Comm_size(node, &n);
    MPI_Allreduce(&one, &sum, 1, MPI_INT, MPI_SUM, node);
    result_int(sum == n);
    MPI_Comm_free(&node);
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_UNDEFINED, rank, MPI_INFO_NULL, &none);
    result_int(none == MPI_COMM_NULL);
}

static void graphs(void)
{
    MPI_Comm made, copy, rows;
    int right = (rank + 1) % size, left = (rank + size - 1) % size, got = -1, weight = 1;
    int dims[2] = {size, 1}, periods[2] = {1, 0}, keep[2] = {1, 0};
    MPI_Dist_graph_create_adjacent(MPI_COMM_WORLD, 1, &left, &weight, 1, &right, &weight,
                                   MPI_INFO_NULL, 0, &made);
    MPI_Neighbor_allgather(&rank, 1, MPI_INT, &got, 1, MPI_INT, made);
    result_int(got);
    MPI_Comm_dup(made, &copy);
    MPI_Neighbor_alltoall(&rank, 1, MPI_INT, &got, 1, MPI_INT, copy);
    result_int(got);
    MPI_Comm_free(&copy);
    MPI_Comm_free(&made);

    int *index = malloc((size_t)size * sizeof *index),
        *edges = malloc((size_t)size * sizeof *edges);
    for (int i = 0; i < size; i++) {
        index[i] = i + 1;
        edges[i] = size - 1 - i; /* to its mirror image */
    }
    MPI_Graph_create(MPI_COMM_WORLD, size, index, edges, 0, &made);
    MPI_Neighbor_allgather(&rank, 1, MPI_INT, &got, 1, MPI_INT, made);
    result_int(got);
    MPI_Comm_free(&made);
    free(index);
    free(edges);

    MPI_Cart_create(MPI_COMM_WORLD, 2, dims, periods, 0, &made);
    MPI_Cart_sub(made, keep, &rows);
    ring_on(rows, 13);
    MPI_Comm_free(&rows);
    MPI_Comm_free(&made);
}

int main(int argc, char **argv)
{
    begin(&argc, &argv);
    overlapping();
    step("overlapping");
    alone_first();
    step("alone_first");
    chain();
    step("chain");
    many();
    step("many");
    baggage();
    step("baggage");
    between();
    step("between");
    by_type();
    step("by_type");
    graphs();
    step("graphs");
    return end();
}
