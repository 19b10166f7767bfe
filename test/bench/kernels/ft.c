/* SPDX-License-Identifier: BSD-3-Clause */
/* ft.c - "Fourier transform": heat spreads in a periodic box, solved in frequencies; a
 * transposition of everything each step
 *
 * Each rank has planes of z (space[z][y][x]); transposed it has planes of y (waves[y][x][z]). */
#include "test/bench/kernels/kernel.h"

#include <math.h>
#include <mpi.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 6, SIDE_MAX = 256, PROBES = 1024 };

struct complex {
    double re, im;
};

static const struct problem {
    char name;
    int nx, ny, nz;
    struct complex sums[STEPS]; /* published */
} problems[] = {
    {'S',
     64,
     64,
     64,
     {{5.546087004964e+02, 4.845363331978e+02},
      {5.546385409189e+02, 4.865304269511e+02},
      {5.546148406171e+02, 4.883910722336e+02},
      {5.545423607415e+02, 4.901273169046e+02},
      {5.544255039624e+02, 4.917475857993e+02},
      {5.542683411902e+02, 4.932597244941e+02}}},
    {'W',
     128,
     128,
     32,
     {{5.673612178944e+02, 5.293246849175e+02},
      {5.631436885271e+02, 5.282149986629e+02},
      {5.594024089970e+02, 5.270996558037e+02},
      {5.560698047020e+02, 5.260027904925e+02},
      {5.530898991250e+02, 5.249400845633e+02},
      {5.504159734538e+02, 5.239212247086e+02}}},
    {'A',
     256,
     256,
     128,
     {{5.046735008193e+02, 5.114047905510e+02},
      {5.059412319734e+02, 5.098809666433e+02},
      {5.069376896287e+02, 5.098144042213e+02},
      {5.077892868474e+02, 5.101336130759e+02},
      {5.085233095391e+02, 5.104914655194e+02},
      {5.091487099959e+02, 5.107917842803e+02}}},
};

static int nx, ny, nz, my_z, my_y; /* the box; planes of mine */
static size_t mine;                /* numbers of mine */
static struct complex *space, *waves, *out, *in;
static struct complex roots[SIDE_MAX / 2]; /* exp(-2 pi i k / SIDE_MAX) */

static struct complex times(struct complex a, struct complex b)
{
    return (struct complex){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

static void make_roots(void)
{
    for (int k = 0; k < SIDE_MAX / 2; k++)
        roots[k] = (struct complex){cos(2 * M_PI * k / SIDE_MAX), -sin(2 * M_PI * k / SIDE_MAX)};
}

/* One pass of Stockham's transform: from[] into to[], in which runs are twice as long. */
static void pass(const struct complex *from, struct complex *to, int n, int run, int sign)
{
    int half = n / 2, groups = half / run;
    for (int g = 0; g < groups; g++) {
        struct complex root = roots[g * (SIDE_MAX / 2 / groups)];
        root.im *= sign;
        for (int i = 0; i < run; i++) {
            struct complex a = from[g * run + i], b = from[half + g * run + i];
            to[2 * g * run + i] = (struct complex){a.re + b.re, a.im + b.im};
            to[2 * g * run + run + i] = times(root, (struct complex){a.re - b.re, a.im - b.im});
        }
    }
}

/* In place, n a power of two up to SIDE_MAX; sign 1 forward, -1 back, not scaled. */
static void transform(struct complex *line, int n, int sign)
{
    static struct complex spare[SIDE_MAX];
    struct complex *from = line, *to = spare;
    for (int run = 1; run < n; run *= 2) {
        pass(from, to, n, run, sign);
        struct complex *done = to;
        to = from;
        from = done;
    }
    if (from != line)
        memcpy(line, from, (size_t)n * sizeof *line);
}

/* Lines of space[] in x and y */
static void transform_planes(int sign)
{
    struct complex line[SIDE_MAX];
    for (int z = 0; z < my_z; z++) {
        struct complex *plane = space + (size_t)z * (size_t)(nx * ny);
        for (int y = 0; y < ny; y++)
            transform(plane + y * nx, nx, sign);
        for (int x = 0; x < nx; x++) {
            for (int y = 0; y < ny; y++)
                line[y] = plane[y * nx + x];
            transform(line, ny, sign);
            for (int y = 0; y < ny; y++)
                plane[y * nx + x] = line[y];
        }
    }
}

static void transform_depths(struct complex *all, int sign)
{
    for (size_t at = 0; at < mine; at += (size_t)nz)
        transform(all + at, nz, sign);
}

static void exchange(void)
{
    int part = (int)(2 * mine / (size_t)kernel_size);
    MPI_Alltoall(out, part, MPI_DOUBLE, in, part, MPI_DOUBLE, MPI_COMM_WORLD);
}

/* In a message, [y][x][z]: the planes of y of the one, of z of the other. */
static void space_to_waves(void)
{
    struct complex *next = out;
    for (int y = 0; y < ny; y++)
        for (int x = 0; x < nx; x++)
            for (int z = 0; z < my_z; z++)
                *next++ = space[((size_t)z * (size_t)ny + (size_t)y) * (size_t)nx + (size_t)x];
    exchange();
    next = in;
    for (int from = 0; from < kernel_size; from++)
        for (int line = 0; line < my_y * nx; line++, next += my_z)
            memcpy(waves + (size_t)line * (size_t)nz + from * my_z, next,
                   (size_t)my_z * sizeof *next);
}

/* As above, the other way; `from` has the layout of waves[]. */
static void waves_to_space(const struct complex *from)
{
    struct complex *next = out;
    for (int to = 0; to < kernel_size; to++)
        for (int line = 0; line < my_y * nx; line++, next += my_z)
            memcpy(next, from + (size_t)line * (size_t)nz + to * my_z, (size_t)my_z * sizeof *next);
    exchange();
    next = in;
    for (int y = 0; y < ny; y++)
        for (int x = 0; x < nx; x++)
            for (int z = 0; z < my_z; z++)
                space[((size_t)z * (size_t)ny + (size_t)y) * (size_t)nx + (size_t)x] = *next++;
}

static void fill_space(void)
{
    uint64_t plane = 2 * (uint64_t)(nx * ny),
             seed = random_jump(314159265, plane * (uint64_t)(my_z * kernel_rank));
    for (size_t i = 0; i < mine; i++) {
        space[i].re = random_next(&seed);
        space[i].im = random_next(&seed);
    }
}

/* Frequencies beyond the half are negative ones. */
static double squared(int k, int n)
{
    double signed_k = k < n / 2 ? k : k - n;
    return signed_k * signed_k;
}

/* How much of each wave is left after a step */
static void make_decay(double *decay)
{
    for (int y = 0; y < my_y; y++)
        for (int x = 0; x < nx; x++)
            for (int z = 0; z < nz; z++)
                *decay++ =
                    exp(-4e-6 * M_PI * M_PI *
                        (squared(x, nx) + squared(y + my_y * kernel_rank, ny) + squared(z, nz)));
}

static struct complex sum_probes(void)
{
    struct complex sum = {0}, all;
    for (int j = 1; j <= PROBES; j++) {
        int x = j % nx, y = 3 * j % ny, z = 5 * j % nz - my_z * kernel_rank;
        if (z >= 0 && z < my_z) {
            struct complex v = space[((size_t)z * (size_t)ny + (size_t)y) * (size_t)nx + (size_t)x];
            sum.re += v.re;
            sum.im += v.im;
        }
    }
    MPI_Allreduce(&sum, &all, 2, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
    double points = (double)nx * ny * nz;
    return (struct complex){all.re / points, all.im / points};
}

static int is_right(struct complex is, struct complex want)
{
    return is_near(is.re, want.re, 1e-12) && is_near(is.im, want.im, 1e-12);
}

/* All steps; are the sums those that were published? */
static int run(const struct problem *problem, const double *decay, struct complex *now)
{
    int are_right = 1;
    fill_space();
    transform_planes(1);
    space_to_waves();
    transform_depths(waves, 1);
    for (int step = 0; step < STEPS; step++) {
        for (size_t i = 0; i < mine; i++) {
            waves[i].re *= decay[i];
            waves[i].im *= decay[i];
        }
        memcpy(now, waves, mine * sizeof *now);
        transform_depths(now, -1);
        waves_to_space(now);
        transform_planes(-1);
        struct complex sum = sum_probes();
        are_right = are_right && is_right(sum, problem->sums[step]);
        kernel_result(&sum, sizeof sum);
    }
    return are_right;
}

int main(int argc, char **argv)
{
    const struct problem *problem = problems;
    int is_verified = 1;

    kernel_begin(&argc, &argv, "ft");
    while (problem->name != kernel_class)
        problem++;
    nx = problem->nx, ny = problem->ny, nz = problem->nz;
    my_z = nz / kernel_size, my_y = ny / kernel_size;
    if (my_z == 0 || my_y == 0)
        MPI_Abort(MPI_COMM_WORLD, 2);
    mine = (size_t)nx * (size_t)ny * (size_t)my_z;
    struct complex *room = kernel_alloc(5 * mine, sizeof *room);
    double *decay = kernel_alloc(mine, sizeof *decay);
    space = room, waves = room + mine, out = room + 2 * mine, in = room + 3 * mine;
    make_roots();
    make_decay(decay);

    kernel_start();
    for (int t = 0; t < kernel_times; t++)
        is_verified = run(problem, decay, room + 4 * mine) && is_verified;
    kernel_stop();
    kernel_result(space, mine * sizeof *space);
    free(decay);
    free(room);
    return kernel_end(is_verified);
}
