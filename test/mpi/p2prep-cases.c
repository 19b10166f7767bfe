/* SPDX-License-Identifier: BSD-3-Clause */
/* p2prep-cases.c - what has broken replication before: "p2prep-cases [CASE [N [VICTIM...]]]"
 *
 * streams N   N communicators with too few messages each for any threshold; VICTIM dies when it
 *             has sent on half of them
 * behind N    N small messages behind an unmatched large one; VICTIM dies when it has sent half
 * huge N      a message of N MiB from rank 0 to rank 1. Process 3 (rank 1's replica 1 of two ranks)
 *             watches it arrive: with half of it there the first VICTIM is killed, with three
 *             quarters the second, ...
 * freed N     N small messages and a large one on a communicator that both sides free; VICTIM has
 *             not sent before all others freed it
 * leaver N    the same, but VICTIM dies when everybody freed it
 * stop N      N messages of 1 KiB; VICTIM stops itself (SIGSTOP) when a hundredth has come
 * Without arguments: the first three, small. */
#include "p2prep-result.h"

enum { LARGE = 1 << 20, MIB = 1 << 20, VICTIMS_MAX = 8, EDGE = 64 };
static int victims[VICTIMS_MAX], n_victims, process;

static bool is_victim(void)
{
    return n_victims > 0 && process == victims[0];
}

/* ---- streams */

static void streams(int n)
{
    MPI_Comm *comm = malloc((size_t)n * sizeof(MPI_Comm));
    int right = (rank + 1) % size, left = (rank + size - 1) % size, got;
    for (int i = 0; i < n; i++)
        MPI_Comm_dup(MPI_COMM_WORLD, &comm[i]);
    for (int i = 0; i < n; i++) {
        int mine = rank * 1000 + i;
        if (is_victim() && i == n / 2)
            die();
        MPI_Sendrecv(&mine, 1, MPI_INT, right, i, &got, 1, MPI_INT, left, i, comm[i],
                     MPI_STATUS_IGNORE);
        result_int(got);
    }
    for (int i = n - 1; i >= 0; i--)
        MPI_Comm_free(&comm[i]);
    MPI_Sendrecv(&rank, 1, MPI_INT, right, 7, &got, 1, MPI_INT, left, 7, MPI_COMM_WORLD,
                 MPI_STATUS_IGNORE);
    result_int(got);
    free(comm);
}

/* ---- behind */

static void behind(int n)
{
    static char large[LARGE];
    MPI_Request request = MPI_REQUEST_NULL;
    int last = size - 1;
    if (rank == 0 && last > 0) {
        pattern(large, LARGE, rank, n);
        MPI_Isend(large, LARGE, MPI_BYTE, last, 2, MPI_COMM_WORLD, &request);
        for (int i = 0; i < n; i++) {
            if (is_victim() && i == n / 2)
                die();
            MPI_Send(&i, 1, MPI_INT, last, 3, MPI_COMM_WORLD);
        }
        MPI_Wait(&request, MPI_STATUS_IGNORE);
    } else if (rank == last && last > 0) {
        for (int i = 0; i < n; i++) {
            int got;
            MPI_Recv(&got, 1, MPI_INT, 0, 3, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
            result_int(got);
        }
        MPI_Recv(large, LARGE, MPI_BYTE, 0, 2, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        result_add(large, LARGE);
    }
}

/* ---- huge */

static char *buffer;
static size_t buffer_bytes;

/* The pattern has no EDGE zeros in a row. */
static bool is_there(size_t at)
{
    const volatile char *bytes = buffer + at;
    for (int i = 0; i < EDGE; i++) {
        if (bytes[i] != 0)
            return true;
    }
    return false;
}

/* Kills the victims while the bytes arrive; says of each whether the end was still missing. */
static void *watch(void *arg)
{
    size_t left = buffer_bytes;
    (void)arg;
    for (int i = 0; i < n_victims; i++) {
        pid_t pid = victims[i] == process ? getpid() : pid_of(victims[i]);
        left /= 2;
        while (!is_there(buffer_bytes - left))
            continue;
        if (is_there(buffer_bytes - EDGE)) {
            mark("too late for %d", victims[i]);
        } else {
            if (pid == getpid())
                mark("in time for %d", victims[i]);
            kill(pid, SIGKILL);
            mark("%s for %d", is_there(buffer_bytes - EDGE) ? "too late" : "in time", victims[i]);
        }
    }
    return NULL;
}

static void huge(int mib)
{
    pthread_t watcher;
    bool is_watched = process == 3 && n_victims > 0;
    buffer_bytes = (size_t)mib * MIB;
    buffer = calloc(1, buffer_bytes);
    if (rank == 0)
        pattern(buffer, buffer_bytes, rank, mib);
    if (is_watched)
        pthread_create(&watcher, NULL, watch, NULL);
    if (rank == 0 && size > 1)
        MPI_Send(buffer, (int)buffer_bytes, MPI_BYTE, 1, 1, MPI_COMM_WORLD);
    if (rank == 1)
        MPI_Recv(buffer, (int)buffer_bytes, MPI_BYTE, 0, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    if (is_watched)
        pthread_join(watcher, NULL);
    result_add(buffer, buffer_bytes);
    free(buffer);
}

/* ---- freed, leaver */

static void freed_by(int from, int to)
{
    for (int i = from; i <= to; i++)
        mark_wait(i, "freed");
}

static void freed(int n, bool is_after)
{
    static char large[LARGE];
    MPI_Comm comm;
    MPI_Comm_dup(MPI_COMM_WORLD, &comm);
    if (is_victim() && !is_after) {
        freed_by(0, 1);
        die();
    }
    pattern(large, LARGE, rank, n);
    for (int i = 0; i < n && rank == 0; i++)
        MPI_Send(&i, 1, MPI_INT, 1, 3, comm);
    for (int i = 0; i < n && rank == 1; i++) {
        int got;
        MPI_Recv(&got, 1, MPI_INT, 0, 3, comm, MPI_STATUS_IGNORE);
        result_int(got);
    }
    if (rank == 0)
        MPI_Send(large, LARGE, MPI_BYTE, 1, 4, comm);
    if (rank == 1)
        MPI_Recv(large, LARGE, MPI_BYTE, 0, 4, comm, MPI_STATUS_IGNORE);
    result_add(large, LARGE);
    MPI_Comm_free(&comm);
    mark("freed");
    if (is_victim()) {
        freed_by(0, 3);
        die();
    }
}

/* ---- stop */

static void stop(int n)
{
    char message[1024];
    for (int i = 0; i < n; i++) {
        if (is_victim() && i == n / 100) {
            mark("stopped");
            raise(SIGSTOP);
        }
        if (i % (n / 100) == 0)
            mark("at %d", i);
        pattern(message, sizeof message, rank, i);
        if (rank == 0)
            MPI_Send(message, sizeof message, MPI_BYTE, 1, 1, MPI_COMM_WORLD);
        if (rank == 1)
            MPI_Recv(message, sizeof message, MPI_BYTE, 0, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        result_add(message, rank == 1 ? sizeof message : 8);
    }
}

/* ---- */

/* Something after it, so that what a death left behind is met. */
static void go_on(void)
{
    for (int i = 0; i < 50; i++) {
        int got;
        MPI_Sendrecv(&i, 1, MPI_INT, (rank + 1) % size, 9, &got, 1, MPI_INT,
                     (rank + size - 1) % size, 9, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        result_int(got);
    }
    MPI_Barrier(MPI_COMM_WORLD);
}

static void all_small(void)
{
    streams(200);
    step("streams");
    behind(20000);
    step("behind");
    huge(16);
    step("huge");
}

static int one(const char *name, int n)
{
    if (strcmp(name, "streams") == 0)
        streams(n);
    else if (strcmp(name, "behind") == 0)
        behind(n);
    else if (strcmp(name, "huge") == 0)
        huge(n);
    else if (strcmp(name, "freed") == 0 || strcmp(name, "leaver") == 0)
        freed(n, *name == 'l');
    else if (strcmp(name, "stop") == 0)
        stop(n);
    else
        return -1;
    return 0;
}

int main(int argc, char **argv)
{
    begin(&argc, &argv);
    process = process_number();
    for (int i = 3; i < argc && n_victims < VICTIMS_MAX; i++)
        victims[n_victims++] = atoi(argv[i]);
    if (argc < 3) {
        all_small();
    } else if (one(argv[1], atoi(argv[2]))) {
        fprintf(stderr, "p2prep-cases: no case %s\n", argv[1]);
        MPI_Abort(MPI_COMM_WORLD, 2);
    }
    go_on();
    return end();
}
