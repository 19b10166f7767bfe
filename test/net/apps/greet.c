/* SPDX-License-Identifier: BSD-3-Clause */
/* greet.c - a library that no other host has: libp2pmpi-greet.so, for staging (with
 * -DGREET_LIBRARY) and its user */
#include <stdio.h>

int greet(int rank);

#ifdef GREET_LIBRARY
int greet(int rank)
{
    return printf("greetings from rank %d\n", rank) < 0;
}
#else
#include <mpi.h>

int main(int argc, char **argv)
{
    int rank;

    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    int result = greet(rank);
    MPI_Finalize();
    return result;
}
#endif
