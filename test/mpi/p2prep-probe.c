/* SPDX-License-Identifier: BSD-3-Clause */
/* p2prep-probe.c - probes, matched probes, cancel, wildcards and order: MPI 3.1 chapter 3.5, 3.8 */
#include "p2prep-result.h"

enum { LARGE = 200000, MANY = 300 };
static char out[LARGE], in[LARGE];
static int left, right;

static void probe(int n)
{
    MPI_Request request;
    MPI_Status status;
    int found = 0, count;
    pattern(out, (size_t)n, rank, n);
    MPI_Isend(out, n, MPI_BYTE, right, n & 0xffff, MPI_COMM_WORLD, &request);
    MPI_Probe(left, MPI_ANY_TAG, MPI_COMM_WORLD, &status);
    result_status(&status, MPI_BYTE);
    while (!found)
        MPI_Iprobe(left, n & 0xffff, MPI_COMM_WORLD, &found, &status);
    MPI_Get_count(&status, MPI_BYTE, &count);
    MPI_Iprobe(left, 12345, MPI_COMM_WORLD, &found, &status);
    result_int(found);
    MPI_Recv(in, count, MPI_BYTE, left, n & 0xffff, MPI_COMM_WORLD, &status);
    result_status(&status, MPI_BYTE);
    result_add(in, (size_t)n);
    MPI_Wait(&request, MPI_STATUS_IGNORE);
}

/* What a matched probe took nobody else gets, and it may be received later than its successors. */
static void matched_probe(int n)
{
    MPI_Request request[2], receive;
    MPI_Message message, none;
    MPI_Status status;
    int found = 0;
    pattern(out, (size_t)n, rank, n);
    MPI_Issend(out, n, MPI_BYTE, right, 1, MPI_COMM_WORLD, &request[0]);
    MPI_Isend(out, n / 2, MPI_BYTE, right, 1, MPI_COMM_WORLD, &request[1]);
    MPI_Mprobe(left, 1, MPI_COMM_WORLD, &message, &status);
    result_status(&status, MPI_BYTE);
    MPI_Recv(in, n, MPI_BYTE, left, 1, MPI_COMM_WORLD, &status);
    result_status(&status, MPI_BYTE);
    MPI_Improbe(left, 1, MPI_COMM_WORLD, &found, &none, &status);
    result_int(found);
    MPI_Imrecv(in, n, MPI_BYTE, &message, &receive);
    MPI_Wait(&receive, &status);
    result_status(&status, MPI_BYTE);
    result_add(in, (size_t)n);
    MPI_Waitall(2, request, MPI_STATUSES_IGNORE);
    MPI_Isend(out, n, MPI_BYTE, right, 2, MPI_COMM_WORLD, &request[0]);
    while (!found)
        MPI_Improbe(MPI_ANY_SOURCE, 2, MPI_COMM_WORLD, &found, &message, &status);
    MPI_Mrecv(in, n, MPI_BYTE, &message, &status);
    result_status(&status, MPI_BYTE);
    MPI_Wait(&request[0], MPI_STATUS_IGNORE);
}

static void cancel(void)
{
    MPI_Request request;
    MPI_Status status;
    int flag;
    MPI_Irecv(in, 10, MPI_BYTE, left, 78, MPI_COMM_WORLD, &request);
    MPI_Cancel(&request);
    MPI_Wait(&request, &status);
    MPI_Test_cancelled(&status, &flag);
    result_int(flag);
    MPI_Irecv(in, 10, MPI_BYTE, MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_SELF, &request);
    MPI_Cancel(&request);
    MPI_Wait(&request, &status);
    MPI_Test_cancelled(&status, &flag);
    result_int(flag);
    MPI_Sendrecv(out, 10, MPI_BYTE, right, 77, in, 10, MPI_BYTE, left, 77, MPI_COMM_WORLD, &status);
    result_status(&status, MPI_BYTE);
}

/* Messages of one sender come in its order whatever their sizes; from all senders each comes once.
 */
static void order(void)
{
    MPI_Request request[MANY], last[2];
    static int number[MANY][5000], got[5000], next[64];
    for (int i = 0; i < MANY; i++) {
        number[i][0] = i;
        MPI_Isend(number[i], i % 7 == 0 ? 5000 : 1 + i % 50, MPI_INT, right, i % 3, MPI_COMM_WORLD,
                  &request[i]);
    }
    for (int i = 0; i < MANY; i++) {
        MPI_Status status;
        MPI_Recv(got, 5000, MPI_INT, left, MPI_ANY_TAG, MPI_COMM_WORLD, &status);
        result_status(&status, MPI_INT);
        result_int(got[0]);
    }
    MPI_Waitall(MANY, request, MPI_STATUSES_IGNORE);
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank == 0) {
        for (int i = 0; i < (size - 1) * MANY; i++) {
            MPI_Status status;
            MPI_Recv(got, 5000, MPI_INT, MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &status);
            if (got[0] != next[status.MPI_SOURCE]++ || status.MPI_TAG != got[0] % 5)
                MPI_Abort(MPI_COMM_WORLD, 3);
        }
    } else {
        for (int i = 0; i < MANY; i++) {
            number[0][0] = i;
            MPI_Send(number[0], i % 31 == 0 ? 4000 : 3, MPI_INT, 0, i % 5, MPI_COMM_WORLD);
        }
    }
    /* The receive posted first gets the first message, be it for any source or one. */
    MPI_Irecv(&got[0], 1, MPI_INT, MPI_ANY_SOURCE, 8, MPI_COMM_WORLD, &last[0]);
    MPI_Irecv(&got[1], 1, MPI_INT, left, 8, MPI_COMM_WORLD, &last[1]);
    MPI_Barrier(MPI_COMM_WORLD);
    for (int i = 0; i < 2; i++)
        MPI_Send(&i, 1, MPI_INT, right, 8, MPI_COMM_WORLD);
    MPI_Waitall(2, last, MPI_STATUSES_IGNORE);
    result_add(got, 2 * sizeof got[0]);
}

static void tests(void)
{
    MPI_Request request[4] = {MPI_REQUEST_NULL, MPI_REQUEST_NULL, MPI_REQUEST_NULL,
                              MPI_REQUEST_NULL};
    int done = 0, at, sum = 0, got[3];
    for (int i = 0; i < 3; i++)
        MPI_Irecv(&got[i], 1, MPI_INT, left, i, MPI_COMM_WORLD, &request[i]);
    for (int i = 2; i >= 0; i--)
        MPI_Send(&rank, 1, MPI_INT, right, i, MPI_COMM_WORLD);
    while (!done)
        MPI_Test(&request[1], &done, MPI_STATUS_IGNORE);
    for (int i = 0; i < 2; i++) {
        MPI_Waitany(4, request, &at, MPI_STATUS_IGNORE);
        sum += at;
    }
    result_int(sum);
    result_add(got, sizeof got);
}

int main(int argc, char **argv)
{
    begin(&argc, &argv);
    right = (rank + 1) % size;
    left = (rank + size - 1) % size;
    probe(10);
    step("probe 10");
    probe(8193);
    step("probe 8193");
    probe(LARGE);
    step("probe LARGE");
    matched_probe(100);
    step("matched_probe 100");
    matched_probe(LARGE);
    step("matched_probe LARGE");
    cancel();
    step("cancel");
    order();
    step("order");
    tests();
    step("tests");
    return end();
}
