/* SPDX-License-Identifier: BSD-3-Clause */
/* p2prep-modes.c - every way to send and to receive, of every size, round a ring: MPI 3.1
 * chapter 3.2 to 3.9 */
#include "p2prep-result.h"

enum { LARGEST = 3 << 20 };
static const int sizes[] = {0,    1,     7,     64,    1000,  4096,   8191,   8192,
                            8193, 20000, 32768, 32769, 65536, 300001, LARGEST};
enum { N_SIZES = sizeof sizes / sizeof sizes[0], WINDOW = 40 };
static char *out, *in;
static int left, right;

typedef int (*send_fn)(const void *, int, MPI_Datatype, int, int, MPI_Comm);
typedef int (*isend_fn)(const void *, int, MPI_Datatype, int, int, MPI_Comm, MPI_Request *);

static void received(MPI_Status *status, int n)
{
    result_status(status, MPI_BYTE);
    result_add(in, (size_t)n);
}

static void blocking(send_fn send, int first)
{
    for (int i = 0; i < N_SIZES; i++) {
        MPI_Request request;
        MPI_Status status;
        pattern(out, (size_t)sizes[i], rank, first + i);
        MPI_Irecv(in, LARGEST, MPI_BYTE, left, first + i, MPI_COMM_WORLD, &request);
        MPI_Barrier(MPI_COMM_WORLD); /* for ready sends */
        send(out, sizes[i], MPI_BYTE, right, first + i, MPI_COMM_WORLD);
        MPI_Wait(&request, &status);
        received(&status, sizes[i]);
    }
}

static void non_blocking(isend_fn isend, int first)
{
    for (int i = 0; i < N_SIZES; i++) {
        MPI_Request request;
        MPI_Status status;
        pattern(out, (size_t)sizes[i], rank, first + i);
        isend(out, sizes[i], MPI_BYTE, right, first + i, MPI_COMM_WORLD, &request);
        MPI_Recv(in, LARGEST, MPI_BYTE, left, first + i, MPI_COMM_WORLD, &status);
        MPI_Wait(&request, MPI_STATUS_IGNORE);
        received(&status, sizes[i]);
    }
}

/* Many at a time, more than any ring holds, received in another order. */
static void window(int n)
{
    MPI_Request request[2 * WINDOW];
    for (int i = 0; i < WINDOW; i++) {
        pattern(out + i * n, (size_t)n, rank, i);
        MPI_Isend(out + i * n, n, MPI_BYTE, right, i, MPI_COMM_WORLD, &request[i]);
    }
    for (int i = WINDOW - 1; i >= 0; i--)
        MPI_Irecv(in + i * n, n, MPI_BYTE, left, i, MPI_COMM_WORLD, &request[WINDOW + i]);
    MPI_Waitall(2 * WINDOW, request, MPI_STATUSES_IGNORE);
    result_add(in, (size_t)(WINDOW * n));
}

static void persistent(int n)
{
    MPI_Request request[4];
    char *attached = malloc((size_t)n + MPI_BSEND_OVERHEAD);
    MPI_Buffer_attach(attached, n + MPI_BSEND_OVERHEAD);
    MPI_Send_init(out, n, MPI_BYTE, right, 1, MPI_COMM_WORLD, &request[0]);
    MPI_Recv_init(in, n, MPI_BYTE, left, 1, MPI_COMM_WORLD, &request[1]);
    MPI_Bsend_init(out, n, MPI_BYTE, right, 2, MPI_COMM_WORLD, &request[2]);
    MPI_Recv_init(in + n, n, MPI_BYTE, left, 2, MPI_COMM_WORLD, &request[3]);
    for (int i = 0; i < 20; i++) {
        pattern(out, (size_t)n, rank, i);
        MPI_Startall(4, request);
        MPI_Waitall(4, request, MPI_STATUSES_IGNORE);
        result_add(in, (size_t)n);
        expect(memcmp(in, in + n, (size_t)n) == 0,
               "MPI_Bsend_init's message is not the one that was started");
        MPI_Barrier(MPI_COMM_WORLD);
    }
    for (int i = 0; i < 4; i++)
        MPI_Request_free(&request[i]);
    MPI_Buffer_detach(&attached, &n);
    free(attached);
}

static void buffered(void)
{
    int room = LARGEST + 100000 + 20 * MPI_BSEND_OVERHEAD;
    char *attached = malloc((size_t)room);
    MPI_Buffer_attach(attached, room);
    for (int i = 0; i < 4; i++) {
        int n = i == 3 ? LARGEST : 1000 * (i + 1) * (i + 1);
        pattern(out, (size_t)n, rank, i);
        MPI_Bsend(out, n, MPI_BYTE, right, i, MPI_COMM_WORLD);
        memset(out, 0, (size_t)n);
    }
    for (int i = 3; i >= 0; i--) {
        MPI_Status status;
        MPI_Recv(in, LARGEST, MPI_BYTE, left, i, MPI_COMM_WORLD, &status);
        received(&status, i == 3 ? LARGEST : 1000 * (i + 1) * (i + 1));
    }
    MPI_Buffer_detach(&attached, &room);
    free(attached);
}

/* To oneself, and freed while active. */
static void odd_ones(void)
{
    MPI_Request request;
    MPI_Status status;
    for (int i = 0; i < N_SIZES; i++) {
        pattern(out, (size_t)sizes[i], rank, i);
        MPI_Issend(out, sizes[i], MPI_BYTE, rank, i, MPI_COMM_WORLD, &request);
        MPI_Recv(in, LARGEST, MPI_BYTE, rank, i, MPI_COMM_WORLD, &status);
        MPI_Wait(&request, MPI_STATUS_IGNORE);
        received(&status, sizes[i]);
        MPI_Isend(out, sizes[i], MPI_BYTE, right, i, MPI_COMM_WORLD, &request);
        MPI_Request_free(&request);
        MPI_Recv(in, LARGEST, MPI_BYTE, left, i, MPI_COMM_WORLD, &status);
        received(&status, sizes[i]);
        MPI_Barrier(MPI_COMM_WORLD);
    }
    MPI_Sendrecv(out, 100, MPI_BYTE, right, 5, in, 100, MPI_BYTE, left, 5, MPI_COMM_WORLD, &status);
    received(&status, 100);
    MPI_Sendrecv_replace(in, 70000, MPI_BYTE, right, 5, left, 5, MPI_COMM_WORLD, &status);
    received(&status, 70000);
    MPI_Send(out, 1, MPI_BYTE, MPI_PROC_NULL, 0, MPI_COMM_WORLD);
}

int main(int argc, char **argv)
{
    begin(&argc, &argv);
    right = (rank + 1) % size;
    left = (rank + size - 1) % size;
    out = calloc(1, 2 * LARGEST);
    in = calloc(1, 2 * LARGEST);
    blocking(MPI_Send, 100);
    step("blocking MPI_Send");
    blocking(MPI_Rsend, 200);
    step("blocking MPI_Rsend");
    non_blocking(MPI_Issend, 300);
    step("non_blocking MPI_Issend");
    non_blocking(MPI_Isend, 400);
    step("non_blocking MPI_Isend");
    window(100);
    step("window 100");
    window(8000);
    step("window 8000");
    window(60000);
    step("window 60000");
    persistent(1000);
    step("persistent 1000");
    persistent(50000);
    step("persistent 50000");
    buffered();
    step("buffered");
    odd_ones();
    step("odd_ones");
    free(out);
    free(in);
    return end();
}
