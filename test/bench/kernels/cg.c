/* SPDX-License-Identifier: BSD-3-Clause */
/* cg.c - "conjugate gradient": the smallest eigenvalue of a random sparse matrix, by inverse
 * iteration
 *
 * A = sum of w_i x_i x_i' + (rcond - shift) I, the x_i random and sparse with x_i[i] = 1/2, the w_i
 * falling from 1 to rcond. Rows lie in blocks on the ranks; vectors are made whole, and sums made,
 * by exchanges with the ranks that differ in one bit. */
#include "test/bench/kernels/kernel.h"

#include <math.h>
#include <mpi.h>
#include <stdlib.h>
#include <string.h>

enum { OUTER_STEPS = 15, INNER_STEPS = 25, NONZERO_MAX = 16, TAG_SUM = 1, TAG_GATHER = 2 };
static const double rcond = 0.1;

static const struct problem {
    char name;
    int n, nonzero;
    double shift, zeta; /* zeta as published */
} problems[] = {
    {'S', 1400, 7, 10, 8.5971775078648},
    {'W', 7000, 8, 12, 10.362595087124},
    {'A', 14000, 11, 20, 17.130235054029},
};

/* Rows first..end-1; those of row i are begin[i - first]..begin[i - first + 1] - 1. */
struct matrix {
    int n, first, end;
    int *begin, *column;
    double *value;
};

struct triplet {
    int row, column;
    double value;
};

struct triplets {
    struct triplet *list;
    size_t n, room;
};

struct sparse_vector {
    int n, index[NONZERO_MAX];
    double value[NONZERO_MAX];
};

static int block_begin(int n, int rank)
{
    return (int)((int64_t)n * rank / kernel_size);
}

/* ------------------------------------------------ the matrix */

static int find(const struct sparse_vector *v, int index)
{
    int i = 0;
    while (i < v->n && v->index[i] != index)
        i++;
    return i;
}

static void set(struct sparse_vector *v, int index, double value)
{
    int i = find(v, index);
    v->index[i] = index;
    v->value[i] = value;
    if (i == v->n)
        v->n++;
}

/* `nonzero` random values at random places; places are drawn from the next power of two. */
static struct sparse_vector draw_vector(int n, int nonzero, uint64_t *seed)
{
    struct sparse_vector v = {0};
    int places = 1;
    while (places < n)
        places *= 2;
    while (v.n < nonzero) {
        double value = random_next(seed);
        int index = (int)(places * random_next(seed));
        if (index < n && find(&v, index) == v.n)
            set(&v, index, value);
    }
    return v;
}

static void add_triplet(struct triplets *all, int row, int column, double value)
{
    if (all->n == all->room) {
        all->room = all->room ? all->room * 2 : 4096;
        all->list = realloc(all->list, all->room * sizeof all->list[0]);
        if (!all->list)
            MPI_Abort(MPI_COMM_WORLD, 2);
    }
    all->list[all->n++] = (struct triplet){row, column, value};
}

/* Of weight * v v', my rows. */
static void add_product(struct triplets *all, const struct sparse_vector *v, double weight,
                        int first, int end)
{
    for (int i = 0; i < v->n; i++)
        for (int j = 0; j < v->n && v->index[i] >= first && v->index[i] < end; j++)
            add_triplet(all, v->index[i], v->index[j], v->value[i] * v->value[j] * weight);
}

static int by_place(const void *a, const void *b)
{
    const struct triplet *x = a, *y = b;
    return x->row != y->row ? x->row - y->row : x->column - y->column;
}

/* Sorted, those of one place added up. */
static void store(struct matrix *a, struct triplets *all)
{
    int rows = a->end - a->first, n = 0;
    qsort(all->list, all->n, sizeof all->list[0], by_place);
    a->begin = kernel_alloc((size_t)rows + 1, sizeof *a->begin);
    a->column = kernel_alloc(all->n, sizeof *a->column);
    a->value = kernel_alloc(all->n, sizeof *a->value);
    for (size_t i = 0; i < all->n; i++) {
        const struct triplet *t = &all->list[i];
        if (i > 0 && by_place(t, t - 1) == 0) {
            a->value[n - 1] += t->value;
            continue;
        }
        a->column[n] = t->column;
        a->value[n++] = t->value;
        a->begin[t->row - a->first + 1] = n;
    }
}

static struct matrix make_matrix(const struct problem *problem)
{
    struct matrix a = {.n = problem->n};
    struct triplets all = {0};
    uint64_t seed = random_jump(314159265, 1);
    double weight = 1, ratio = pow(rcond, 1.0 / problem->n);
    a.first = block_begin(a.n, kernel_rank);
    a.end = block_begin(a.n, kernel_rank + 1);
    for (int i = 0; i < a.n; i++) {
        struct sparse_vector v = draw_vector(a.n, problem->nonzero, &seed);
        set(&v, i, 0.5);
        add_product(&all, &v, weight, a.first, a.end);
        weight *= ratio;
    }
    for (int i = a.first; i < a.end; i++)
        add_triplet(&all, i, i, rcond - problem->shift);
    store(&a, &all);
    free(all.list);
    return a;
}

static void free_matrix(struct matrix *a)
{
    free(a->begin);
    free(a->column);
    free(a->value);
}

/* ------------------------------------------------ vectors: each rank has its rows' part */

static void swap(const double *out, int out_n, double *in, int in_n, int peer, int tag)
{
    MPI_Request request;
    MPI_Irecv(in, in_n, MPI_DOUBLE, peer, tag, MPI_COMM_WORLD, &request);
    MPI_Send(out, out_n, MPI_DOUBLE, peer, tag, MPI_COMM_WORLD);
    MPI_Wait(&request, MPI_STATUS_IGNORE);
}

static double dot(const double *x, const double *y, int n)
{
    double sum = 0, other;
    for (int i = 0; i < n; i++)
        sum += x[i] * y[i];
    for (int bit = 1; bit < kernel_size; bit *= 2) {
        swap(&sum, 1, &other, 1, kernel_rank ^ bit, TAG_SUM);
        sum += other;
    }
    return sum;
}

/* whole[first..end-1] is mine; the rest comes. */
static void gather(double *whole, int n)
{
    for (int bit = 1; bit < kernel_size; bit *= 2) {
        int mine = kernel_rank & -bit, theirs = mine ^ bit;
        int at = block_begin(n, mine), from = block_begin(n, theirs);
        swap(whole + at, block_begin(n, mine + bit) - at, whole + from,
             block_begin(n, theirs + bit) - from, kernel_rank ^ bit, TAG_GATHER);
    }
}

/* y = A x, by way of `whole`, with room for all of x */
static void multiply(const struct matrix *a, const double *x, double *y, double *whole)
{
    int rows = a->end - a->first;
    memcpy(whole + a->first, x, (size_t)rows * sizeof x[0]);
    gather(whole, a->n);
    for (int i = 0; i < rows; i++) {
        double sum = 0;
        for (int k = a->begin[i]; k < a->begin[i + 1]; k++)
            sum += a->value[k] * whole[a->column[k]];
        y[i] = sum;
    }
}

struct vectors {
    double *x, *z, *p, *q, *r, *whole;
};

/* z: nearly A^-1 x */
static void solve(const struct matrix *a, struct vectors *v)
{
    int rows = a->end - a->first;
    memset(v->z, 0, (size_t)rows * sizeof v->z[0]);
    memcpy(v->r, v->x, (size_t)rows * sizeof v->r[0]);
    memcpy(v->p, v->x, (size_t)rows * sizeof v->p[0]);
    double rho = dot(v->r, v->r, rows);
    for (int step = 0; step < INNER_STEPS; step++) {
        multiply(a, v->p, v->q, v->whole);
        double alpha = rho / dot(v->p, v->q, rows), before = rho;
        for (int i = 0; i < rows; i++) {
            v->z[i] += alpha * v->p[i];
            v->r[i] -= alpha * v->q[i];
        }
        rho = dot(v->r, v->r, rows);
        for (int i = 0; i < rows; i++)
            v->p[i] = v->r[i] + rho / before * v->p[i];
    }
}

/* One step of the inverse iteration; the estimate that it gives. */
static double step(const struct matrix *a, struct vectors *v, double shift)
{
    int rows = a->end - a->first;
    solve(a, v);
    double zeta = shift + 1 / dot(v->x, v->z, rows), length = sqrt(dot(v->z, v->z, rows));
    for (int i = 0; i < rows; i++)
        v->x[i] = v->z[i] / length;
    return zeta;
}

static double run(const struct matrix *a, struct vectors *v, double shift)
{
    double zeta = 0;
    for (int i = 0; i < a->end - a->first; i++)
        v->x[i] = 1;
    for (int i = 0; i < OUTER_STEPS; i++)
        zeta = step(a, v, shift);
    return zeta;
}

int main(int argc, char **argv)
{
    const struct problem *problem = problems;
    int is_verified = 1;

    kernel_begin(&argc, &argv, "cg");
    while (problem->name != kernel_class)
        problem++;
    struct matrix a = make_matrix(problem);
    size_t rows = (size_t)(a.end - a.first);
    double *room = kernel_alloc(5 * rows + (size_t)a.n, sizeof *room);
    struct vectors v = {
        room, room + rows, room + 2 * rows, room + 3 * rows, room + 4 * rows, room + 5 * rows};

    kernel_start();
    for (int t = 0; t < kernel_times; t++) {
        double zeta = run(&a, &v, problem->shift);
        is_verified = is_verified && fabs(zeta - problem->zeta) <= 1e-10;
        kernel_result(&zeta, sizeof zeta);
    }
    kernel_stop();
    kernel_result(v.x, rows * sizeof v.x[0]);
    free(room);
    free_matrix(&a);
    return kernel_end(is_verified);
}
