/* SPDX-License-Identifier: BSD-3-Clause */
/* kernel.h - what the kernels share: the clocks, the line that says how it went, the random numbers
 *
 * The kernels are written after "The NAS Parallel Benchmarks" (RNR-94-007) and verified against the
 * values published with it.
 *
 *   KERNEL [CLASS [TIMES | result]]
 *
 * CLASS is S, W or A. The measured part is done TIMES times. "result": each rank prints instead a
 * hash of what it computed, the same one in each run. All on a power of two of ranks. */
#ifndef KERNEL_H
#define KERNEL_H

#include <stddef.h>
#include <stdint.h>

extern int kernel_rank, kernel_size;
extern char kernel_class;
extern int kernel_times;

/* MPI_Init; ends the job where the arguments or the number of ranks are no good. */
void kernel_begin(int *argc, char ***argv, const char *name);
/* The measured part begins, ends. KERNEL_MEET=FOLDER (empty) in the environment: it begins when two
 * rank 0 are there, of two runs or two replicas. */
void kernel_start(void);
void kernel_stop(void);
/* These bytes are part of this rank's result. */
void kernel_result(const void *bytes, size_t n);
/* Rank 0 prints "NAME CLASS ranks N verified yes|no wall S mpi FRACTION cpu S mpicpu S": the
 * longest wall-clock time of a rank, the part of it spent in MPI as a mean over the ranks, the user
 * and system time of all and what of it was spent in MPI, waiting there counted; all of the
 * measured part. MPI_Finalize. The exit code. */
int kernel_end(int is_verified);

/* As malloc(), but ends the job where there is no memory. */
void *kernel_alloc(size_t n, size_t each);

/* The benchmarks' generator: x' = 5^13 x mod 2^46, numbers x' / 2^46. */
static inline double random_next(uint64_t *x)
{
    *x = *x * 1220703125u & ((UINT64_C(1) << 46) - 1);
    return (double)*x / (double)(UINT64_C(1) << 46);
}

/* x after `n` steps. */
uint64_t random_jump(uint64_t x, uint64_t n);

/* Is `is` within a part `epsilon` of `want`? */
int is_near(double is, double want, double epsilon);

#endif
