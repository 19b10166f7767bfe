/* SPDX-License-Identifier: BSD-3-Clause */
/* ep.c - "embarrassingly parallel": 2^m pairs of random numbers made Gaussian; three reductions at
 * the end are all that is said */
#include "test/bench/kernels/kernel.h"

#include <math.h>
#include <mpi.h>
#include <string.h>

enum { RINGS = 10 };

static const struct problem {
    char name;
    int m;
    double sum_x, sum_y; /* published */
    double pairs;        /* that were accepted */
} problems[] = {
    {'S', 24, -3.247834652034740e+3, -6.958407078382297e+3, 13176389},
    {'W', 25, -2.863319731645753e+3, -6.320053679109499e+3, 26354769},
    {'A', 28, -4.295875165629892e+3, -1.580732573678431e+4, 210832767},
};

struct tally {
    double sum[2];
    double rings[RINGS]; /* pairs with max(|x|, |y|) in [i, i + 1) */
};

/* Pairs from..to-1, by the polar method: uniform in the square, those within the circle are used.
 */
static void tally_pairs(struct tally *tally, uint64_t from, uint64_t to)
{
    uint64_t seed = random_jump(271828183, 2 * from);
    for (uint64_t i = from; i < to; i++) {
        double x = 2 * random_next(&seed) - 1;
        double y = 2 * random_next(&seed) - 1;
        double t = x * x + y * y;
        if (t > 1)
            continue;
        double stretch = sqrt(-2 * log(t) / t);
        x *= stretch;
        y *= stretch;
        tally->rings[(int)fmax(fabs(x), fabs(y))]++;
        tally->sum[0] += x;
        tally->sum[1] += y;
    }
}

static struct tally run(const struct problem *problem)
{
    uint64_t pairs = UINT64_C(1) << problem->m, share = pairs / (uint64_t)kernel_size;
    struct tally mine = {0}, all;
    tally_pairs(&mine, share * (uint64_t)kernel_rank, share * (uint64_t)(kernel_rank + 1));
    MPI_Allreduce(&mine.sum[0], &all.sum[0], 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
    MPI_Allreduce(&mine.sum[1], &all.sum[1], 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
    MPI_Allreduce(mine.rings, all.rings, RINGS, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
    return all;
}

static int is_right(const struct problem *problem, const struct tally *tally)
{
    double pairs = 0;
    for (int i = 0; i < RINGS; i++)
        pairs += tally->rings[i];
    return pairs == problem->pairs && is_near(tally->sum[0], problem->sum_x, 1e-8) &&
           is_near(tally->sum[1], problem->sum_y, 1e-8);
}

int main(int argc, char **argv)
{
    const struct problem *problem = problems;
    int is_verified = 1;

    kernel_begin(&argc, &argv, "ep");
    while (problem->name != kernel_class)
        problem++;
    kernel_start();
    for (int i = 0; i < kernel_times; i++) {
        struct tally all = run(problem);
        is_verified = is_verified && is_right(problem, &all);
        kernel_result(&all, sizeof all);
    }
    kernel_stop();
    return kernel_end(is_verified);
}
