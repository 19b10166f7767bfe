/* SPDX-License-Identifier: BSD-3-Clause */
/* p2prep-result.h - a hash over everything that a rank received; one line for each logical rank at
 * the end */
#ifndef P2PREP_RESULT_H
#define P2PREP_RESULT_H

#include "p2prep-fault.h"

#include <mpi.h>
#include <stdint.h>

static uint64_t result = 14695981039346656037u;
static int rank, size;

static inline void result_add(const void *bytes, size_t n)
{
    const unsigned char *b = bytes;
    for (size_t i = 0; i < n; i++)
        result = (result ^ b[i]) * 1099511628211u;
}

static inline void result_int(int value)
{
    result_add(&value, sizeof value);
}

static inline void result_status(const MPI_Status *status, MPI_Datatype type)
{
    int count;
    MPI_Get_count(status, type, &count);
    result_int(status->MPI_SOURCE);
    result_int(status->MPI_TAG);
    result_int(count);
}

/* Bytes that only this sender, length and number have. */
static inline void pattern(void *to, size_t n, int who, int number)
{
    uint32_t x = (uint32_t)(who * 7919 + number * 104729 + (int)n) | 1;
    unsigned char *b = to;
    for (size_t i = 0; i < n; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        b[i] = (unsigned char)x;
    }
}

static long long began_us; /* MPI_Init was over */

static inline void begin(int *argc, char ***argv)
{
    mark_begin();
    MPI_Init(argc, argv);
    began_us = clock_us();
    kill_orders_begin(getenv("P2PREP_KILL"));
    mark("in");
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
}

/* For what ob1 of 4.1.4 does wrong itself: then there is nothing to compare with, we say what must
 * be. */
static inline void expect(int is_right, const char *what)
{
    const char *pml = getenv("OMPI_MCA_pml");
    if (is_right || !pml || strcmp(pml, "p2prep") != 0)
        return;
    fprintf(stderr, "rank %d: %s\n", rank, what);
    MPI_Abort(MPI_COMM_WORLD, 1);
}

/* With P2PREP_STEPS set: the hash so far, to find where two runs part. */
static inline void step(const char *name)
{
    if (getenv("P2PREP_STEPS"))
        fprintf(stderr, "step %s, rank %d: %016llx\n", name, rank, (unsigned long long)result);
}

static inline int end(void)
{
    printf("rank %d of %d: %016llx\n", rank, size, (unsigned long long)result);
    fflush(stdout);
    mark("us %lld", clock_us() - began_us);
    MPI_Finalize();
    mark("left");
    return 0;
}

#endif
