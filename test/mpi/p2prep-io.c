/* SPDX-License-Identifier: BSD-3-Clause */
/* p2prep-io.c - files by MPI-IO, in the directory that each set of replicas has for itself: MPI 3.1
 * chapter 13 without shared file pointers
 *
 * Everybody reads what the others wrote. Argument "shared": uses a shared file pointer. */
#include "p2prep-result.h"

#include <stdlib.h>

enum { BLOCK = 5000, BLOCKS = 6 };

static MPI_File open_file(const char *name, MPI_Comm comm)
{
    MPI_File file;
    MPI_File_open(comm, name, MPI_MODE_CREATE | MPI_MODE_RDWR, MPI_INFO_NULL, &file);
    return file;
}

static void read_back(MPI_File file, size_t n)
{
    unsigned char *bytes = calloc(1, n);
    MPI_Status status;
    int count;
    MPI_File_sync(file);
    MPI_Barrier(MPI_COMM_WORLD);
    MPI_File_sync(file);
    MPI_File_read_at_all(file, 0, bytes, (int)n, MPI_BYTE, &status);
    MPI_Get_count(&status, MPI_BYTE, &count); /* source and tag are not set */
    result_int(count);
    result_add(bytes, n);
    free(bytes);
}

/* Collective, at explicit offsets: blocks of all ranks in turn */
static void at_all(void)
{
    unsigned char block[BLOCK];
    MPI_File file = open_file("at_all", MPI_COMM_WORLD);
    for (int i = 0; i < BLOCKS; i++) {
        pattern(block, BLOCK, rank, i);
        MPI_File_write_at_all(file, (MPI_Offset)BLOCK * (i * size + rank), block, BLOCK, MPI_BYTE,
                              MPI_STATUS_IGNORE);
    }
    read_back(file, (size_t)BLOCK * BLOCKS * (size_t)size);
    MPI_File_close(&file);
}

/* Through a view, in which ranks' elements lie like the teeth of combs */
static void views(void)
{
    int mine[BLOCK], got[BLOCK];
    MPI_Datatype comb;
    MPI_File file = open_file("views", MPI_COMM_WORLD);
    for (int i = 0; i < BLOCK; i++)
        mine[i] = rank * BLOCK + i;
    MPI_Type_vector(BLOCK / 10, 10, 10 * size, MPI_INT, &comb);
    MPI_Type_commit(&comb);
    MPI_File_set_view(file, (MPI_Offset)rank * 10 * (MPI_Offset)sizeof(int), MPI_INT, comb,
                      "native", MPI_INFO_NULL);
    MPI_File_write_all(file, mine, BLOCK, MPI_INT, MPI_STATUS_IGNORE);
    MPI_File_sync(file);
    MPI_File_seek(file, 0, MPI_SEEK_SET);
    MPI_File_read_all(file, got, BLOCK, MPI_INT, MPI_STATUS_IGNORE);
    result_add(got, sizeof got);
    MPI_File_set_view(file, 0, MPI_BYTE, MPI_BYTE, "native", MPI_INFO_NULL);
    read_back(file, sizeof mine * (size_t)size);
    MPI_Type_free(&comb);
    MPI_File_close(&file);
}

/* Each rank for itself, also without waiting, into one file */
static void alone(void)
{
    unsigned char block[2][BLOCK], back[BLOCK];
    MPI_Request request[2];
    MPI_Offset end, at = (MPI_Offset)BLOCK * 2 * rank;
    MPI_File file = open_file("alone", MPI_COMM_WORLD);
    for (int i = 0; i < 2; i++) {
        pattern(block[i], BLOCK, rank, 100 + i);
        MPI_File_iwrite_at(file, at + i * BLOCK, block[i], BLOCK, MPI_BYTE, &request[i]);
    }
    MPI_Waitall(2, request, MPI_STATUSES_IGNORE);
    MPI_File_iread_at(file, at + BLOCK, back, BLOCK, MPI_BYTE, &request[0]);
    MPI_Wait(&request[0], MPI_STATUS_IGNORE);
    result_add(back, BLOCK);
    MPI_File_seek(file, at, MPI_SEEK_SET);
    MPI_File_read(file, back, BLOCK, MPI_BYTE, MPI_STATUS_IGNORE);
    result_add(back, BLOCK);
    read_back(file, (size_t)BLOCK * 2 * (size_t)size);
    MPI_File_get_size(file, &end);
    result_int((int)end);
    MPI_File_close(&file);
}

/* Collective without waiting; a test loop over them is decided like any other. */
static void later(void)
{
    unsigned char block[BLOCK];
    MPI_Request request;
    MPI_File file = open_file("later", MPI_COMM_WORLD);
    for (int i = 0; i < BLOCKS; i++) {
        int done = 0;
        pattern(block, BLOCK, rank, 200 + i);
        MPI_File_iwrite_at_all(file, (MPI_Offset)BLOCK * (i * size + rank), block, BLOCK, MPI_BYTE,
                               &request);
        while (!done)
            MPI_Test(&request, &done, MPI_STATUS_IGNORE);
    }
    read_back(file, (size_t)BLOCK * BLOCKS * (size_t)size);
    MPI_File_close(&file);
}

/* A file of this rank's own, deleted at the end */
static void own(void)
{
    char name[32];
    unsigned char block[BLOCK], back[BLOCK];
    snprintf(name, sizeof name, "own.%d", rank);
    MPI_File file = open_file(name, MPI_COMM_SELF);
    pattern(block, BLOCK, rank, 300);
    MPI_File_write(file, block, BLOCK, MPI_BYTE, MPI_STATUS_IGNORE);
    MPI_File_read_at(file, 0, back, BLOCK, MPI_BYTE, MPI_STATUS_IGNORE);
    result_add(back, BLOCK);
    MPI_File_close(&file);
    MPI_File_delete(name, MPI_INFO_NULL);
}

/* Results of messages that any rank may have sent first lie in a file afterwards. */
static void chosen(void)
{
    int source[2] = {-1, 0}, sum = 0;
    MPI_Status status;
    MPI_File file = open_file("chosen", MPI_COMM_WORLD);
    for (int i = 1; i < size; i++) {
        if (rank == 0) {
            MPI_Recv(&source[1], 1, MPI_INT, MPI_ANY_SOURCE, 7, MPI_COMM_WORLD, &status);
            source[0] = status.MPI_SOURCE;
            MPI_File_write_at(file, (MPI_Offset)(sizeof source * (size_t)(i - 1)), source, 2,
                              MPI_INT, MPI_STATUS_IGNORE);
            sum += source[0] * source[1];
        }
    }
    if (rank != 0)
        MPI_Send(&rank, 1, MPI_INT, 0, 7, MPI_COMM_WORLD);
    result_int(sum);
    MPI_File_close(&file);
}

static void shared(void)
{
    MPI_File file = open_file("shared", MPI_COMM_WORLD);
    MPI_File_set_errhandler(file, MPI_ERRORS_RETURN);
    (void)MPI_File_write_shared(file, &rank, 1, MPI_INT, MPI_STATUS_IGNORE);
    MPI_File_close(&file);
}

int main(int argc, char **argv)
{
    begin(&argc, &argv);
    at_all();
    step("at_all");
    views();
    step("views");
    alone();
    step("alone");
    later();
    step("later");
    own();
    step("own");
    chosen();
    step("chosen");
    if (argc > 1 && strcmp(argv[1], "shared") == 0)
        shared();
    return end();
}
