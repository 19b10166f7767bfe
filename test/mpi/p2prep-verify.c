/* SPDX-License-Identifier: BSD-3-Clause */
/* p2prep-verify.c - each rank sends ROUNDS messages of a kind to the next one; a process of the job
 * flips one bit of one of them, as broken memory would
 *
 * p2prep-verify KIND PROCESS ROUND: small, eager, large, gaps, biggaps, isend, coll, icoll; extra:
 * it sends one message more; math: values of libm's functions. PROCESS -1: nobody. */
#include "p2prep-result.h"

#include <math.h>

enum { ROUNDS = 60, TAG = 5, MAX = 300000, GAPS = 20000 };
static unsigned char out[MAX], in[MAX];
static int left, right;

static void flip(size_t at)
{
    out[at] ^= 0x10;
}

static void exchange(int count, MPI_Datatype type)
{
    MPI_Sendrecv(out, count, type, right, TAG, in, count, type, left, TAG, MPI_COMM_WORLD,
                 MPI_STATUS_IGNORE);
}

static void gaps(int blocks)
{
    MPI_Datatype type;
    MPI_Type_vector(blocks, 1, 3, MPI_CHAR, &type);
    MPI_Type_commit(&type);
    exchange(1, type);
    MPI_Type_free(&type);
}

static void isend(int count)
{
    MPI_Request request[2];
    MPI_Irecv(in, count, MPI_BYTE, left, TAG, MPI_COMM_WORLD, &request[0]);
    MPI_Isend(out, count, MPI_BYTE, right, TAG, MPI_COMM_WORLD, &request[1]);
    MPI_Waitall(2, request, MPI_STATUSES_IGNORE);
}

static void collective(bool is_blocking)
{
    MPI_Request request;
    if (is_blocking) {
        MPI_Alltoall(out, 1000, MPI_BYTE, in, 1000, MPI_BYTE, MPI_COMM_WORLD);
        return;
    }
    MPI_Ialltoall(out, 1000, MPI_BYTE, in, 1000, MPI_BYTE, MPI_COMM_WORLD, &request);
    MPI_Wait(&request, MPI_STATUS_IGNORE);
}

/* Not folded by the compiler, and enough of them that code with and without fused multiply and add
 * parts in some last bit. */
static void math(int round)
{
    double *values = (double *)(void *)out;
    for (int i = 0; i < 1000; i++) {
        volatile double x = rank + round + i * 1.0000137;
        values[i] = exp(fmod(x, 30)) + sin(x) + pow(x + .5, 1.37);
    }
    exchange(1000, MPI_DOUBLE);
}

static void one_round(const char *kind, int round)
{
    if (strcmp(kind, "small") == 0 || strcmp(kind, "extra") == 0)
        exchange(8, MPI_BYTE);
    else if (strcmp(kind, "eager") == 0)
        exchange(4000, MPI_BYTE);
    else if (strcmp(kind, "large") == 0)
        exchange(MAX, MPI_BYTE);
    else if (strcmp(kind, "gaps") == 0)
        gaps(100);
    else if (strcmp(kind, "biggaps") == 0)
        gaps(GAPS);
    else if (strcmp(kind, "math") == 0)
        math(round);
    else if (strcmp(kind, "isend") == 0)
        isend(5000);
    else
        collective(strcmp(kind, "coll") == 0);
}

int main(int argc, char **argv)
{
    begin(&argc, &argv);
    const char *kind = argc > 3 ? argv[1] : "small";
    bool is_me = argc > 3 && atoi(argv[2]) == process_number();
    int when = argc > 3 ? atoi(argv[3]) : 0;
    right = (rank + 1) % size;
    left = (rank + size - 1) % size;
    for (int i = 1; i <= ROUNDS; i++) {
        bool is_now = is_me && i == when;
        pattern(out, sizeof out, rank, i);
        if (is_now && strcmp(kind, "extra") == 0)
            MPI_Send(out, 8, MPI_BYTE, right, TAG + 1, MPI_COMM_WORLD);
        else if (is_now)
            flip(3);
        one_round(kind, i);
        result_add(in, sizeof in);
    }
    return end();
}
