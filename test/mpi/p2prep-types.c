/* SPDX-License-Identifier: BSD-3-Clause */
/* p2prep-types.c - derived datatypes on either side, small and large, and messages that do not fit:
 * MPI 3.1 chapter 4 */
#include "p2prep-result.h"

enum { ROWS = 700, COLUMNS = 130 };
static double a[ROWS][COLUMNS], b[ROWS][COLUMNS];
static int left, right;

struct odd {
    char c;
    double d;
    short s[3];
};

static void exchange(const void *out, int n, MPI_Datatype type, void *in, int m, MPI_Datatype into,
                     size_t bytes)
{
    MPI_Status status;
    MPI_Request request;
    memset(in, 0, bytes);
    MPI_Isend(out, n, type, right, 9, MPI_COMM_WORLD, &request);
    MPI_Recv(in, m, into, left, 9, MPI_COMM_WORLD, &status);
    MPI_Wait(&request, MPI_STATUS_IGNORE);
    result_status(&status, MPI_BYTE);
    result_int(status.MPI_ERROR == MPI_ERR_TRUNCATE);
    result_add(in, bytes);
}

static void columns(int rows)
{
    MPI_Datatype column, resized;
    MPI_Type_vector(rows, 1, COLUMNS, MPI_DOUBLE, &column);
    MPI_Type_create_resized(column, 0, sizeof(double), &resized);
    MPI_Type_commit(&resized);
    exchange(a, 5, resized, b, 5, resized, sizeof b);
    exchange(a, 1, resized, b, rows, MPI_DOUBLE, sizeof b);
    exchange(a, 3 * rows, MPI_DOUBLE, &b[0][1], 3, resized, sizeof b - sizeof(double));
    MPI_Type_free(&resized);
    MPI_Type_free(&column);
}

static void structures(int n)
{
    struct odd *x = calloc((size_t)n, sizeof *x), *y = calloc((size_t)n, sizeof *y);
    int lengths[3] = {1, 1, 2};
    MPI_Aint at[3] = {offsetof(struct odd, c), offsetof(struct odd, d), offsetof(struct odd, s)};
    MPI_Datatype parts[3] = {MPI_CHAR, MPI_DOUBLE, MPI_SHORT}, raw, type;
    MPI_Type_create_struct(3, lengths, at, parts, &raw);
    MPI_Type_create_resized(raw, 0, sizeof *x, &type);
    MPI_Type_commit(&type);
    for (int i = 0; i < n; i++)
        x[i] = (struct odd){
            .c = (char)(i + rank), .d = i * 1.5 + rank, .s = {(short)i, (short)rank, 77}};
    exchange(x, n, type, y, n, type, (size_t)n * sizeof *y);
    MPI_Type_free(&type);
    MPI_Type_free(&raw);
    free(x);
    free(y);
}

static void sub_array(void)
{
    int whole[2] = {ROWS, COLUMNS}, part[2] = {ROWS / 2, COLUMNS / 3}, start[2] = {11, 17};
    MPI_Datatype type;
    MPI_Type_create_subarray(2, whole, part, start, MPI_ORDER_C, MPI_DOUBLE, &type);
    MPI_Type_commit(&type);
    exchange(a, 1, type, b, 1, type, sizeof b);
    MPI_Type_free(&type);
}

/* Contiguous, but not from where the buffer begins; and one with nothing in it. */
static void shifted(void)
{
    int length = 500, at = 33;
    MPI_Datatype type, none;
    MPI_Type_indexed(1, &length, &at, MPI_DOUBLE, &type);
    MPI_Type_commit(&type);
    exchange(a, 1, type, b, 1, type, sizeof b);
    MPI_Type_contiguous(0, MPI_INT, &none);
    MPI_Type_commit(&none);
    exchange(a, 10, none, b, 10, none, sizeof b);
    MPI_Type_free(&type);
    MPI_Type_free(&none);
}

static void too_long(int n)
{
    MPI_Status status;
    MPI_Request request;
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    memset(b, 0, sizeof b);
    MPI_Isend(a, n, MPI_DOUBLE, right, 4, MPI_COMM_WORLD, &request);
    int rc = MPI_Recv(b, n / 2, MPI_DOUBLE, left, 4, MPI_COMM_WORLD, &status), class = 0;
    MPI_Error_class(rc, &class);
    MPI_Wait(&request, MPI_STATUS_IGNORE);
    result_int(class == MPI_ERR_TRUNCATE);
    result_int(status.MPI_SOURCE);
    for (int i = n / 2; i < n; i++)
        expect(((double *)b)[i] == 0, "a message that is too long was written behind the buffer");
    exchange(a, 10, MPI_DOUBLE, b, 10, MPI_DOUBLE, sizeof b);
}

int main(int argc, char **argv)
{
    begin(&argc, &argv);
    right = (rank + 1) % size;
    left = (rank + size - 1) % size;
    for (int i = 0; i < ROWS; i++) {
        for (int j = 0; j < COLUMNS; j++)
            a[i][j] = rank * 1e6 + i * 1e3 + j;
    }
    columns(20);
    step("columns 20");
    columns(ROWS);
    step("columns ROWS");
    structures(10);
    step("structures 10");
    structures(30000);
    step("structures 30000");
    sub_array();
    step("sub_array");
    shifted();
    step("shifted");
    too_long(50);
    step("too_long 50");
    too_long(40000);
    step("too_long 40000");
    return end();
}
