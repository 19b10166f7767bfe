/* SPDX-License-Identifier: BSD-3-Clause */
/* p2prep-decide.c - programs whose course depends on timing: p2prep-decide CASE ROUNDS
 *
 * Everything that a rank sees goes into its result: who came first, how often a test said no, the
 * clock. So two replicas of a rank have the same line only if the same was decided for both. What
 * must hold in any course is checked here. P2PREP_DIE=PROCESS:N,...: that process dies as it comes
 * to its N-th choice. */
#include "p2prep-result.h"

#include <string.h>

enum { MANY = 64, BIG = 5000 };

static long choices, last_choice;

static void orders_read(const char *orders)
{
    int process;
    long at;
    while (orders && sscanf(orders, "%d:%ld", &process, &at) == 2) {
        if (process == process_number())
            last_choice = at;
        orders = strchr(orders, ',');
        orders += orders != NULL;
    }
}

static void choice(void)
{
    if (++choices == last_choice)
        die();
}

static void must(int holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "process %d, rank %d: %s\n", process_number(), rank, what);
    MPI_Abort(MPI_COMM_WORLD, 2);
}

/* Work that takes as long as it likes. */
static void dawdle(int seed)
{
    wait_us((seed * 7919 + process_number() * 131) % 200);
}

/* ---------------------------------------------------------------- master and workers */

static int answer_of(int task)
{
    return task * 3 + 1;
}

static void master(int tasks)
{
    int sum = 0, given = 0, stopped = 0;
    while (stopped < size - 1) {
        int got[2], task;
        MPI_Status status;
        choice();
        MPI_Recv(got, 2, MPI_INT, MPI_ANY_SOURCE, 1, MPI_COMM_WORLD, &status);
        result_int(status.MPI_SOURCE);
        result_int(got[1]);
        if (got[0] >= 0)
            sum += got[1];
        task = given < tasks ? given++ : -1;
        stopped += task < 0;
        MPI_Send(&task, 1, MPI_INT, status.MPI_SOURCE, 2, MPI_COMM_WORLD);
    }
    for (int task = 0; task < tasks; task++)
        sum -= answer_of(task);
    must(sum == 0, "not every task was done once");
}

static void worker(void)
{
    int done[2] = {-1, 0}, task;
    for (;;) {
        MPI_Send(done, 2, MPI_INT, 0, 1, MPI_COMM_WORLD);
        MPI_Recv(&task, 1, MPI_INT, 0, 2, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        result_int(task);
        if (task < 0)
            return;
        dawdle(task);
        done[0] = task;
        done[1] = answer_of(task);
    }
}

static void farm(int rounds)
{
    if (rank == 0)
        master(rounds * (size - 1));
    else
        worker();
}

/* In set 0 rank 2 is the first, in the others rank 1: a follower has another message first. */
static void cross(int rounds)
{
    for (int round = 0; round < rounds; round++) {
        int value = rank, is_late = process_number() < size ? rank == 1 : rank == 2;
        if (is_late)
            wait_us(5000);
        if (rank == 1 || rank == 2)
            MPI_Send(&value, 1, MPI_INT, 0, 1, MPI_COMM_WORLD);
        for (int i = 0; i < 2 && rank == 0; i++) {
            choice();
            MPI_Recv(&value, 1, MPI_INT, MPI_ANY_SOURCE, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
            result_int(value);
        }
        MPI_Barrier(MPI_COMM_WORLD);
    }
}

/* ---------------------------------------------------------------- requests in any order */

static char in[MANY][BIG], out[MANY][BIG];

static int exchange_begin(MPI_Request *requests, int round)
{
    int n = 0;
    for (int i = 1; i < size; i++) {
        int from = (rank + i) % size, length = (round * 37 + i * 911) % BIG;
        MPI_Irecv(in[n], BIG, MPI_BYTE, from, 3, MPI_COMM_WORLD, &requests[n]);
        n++;
        (void)length;
    }
    for (int i = 1; i < size; i++) {
        int to = (rank + i) % size, length = (round * 37 + rank * 911) % BIG;
        pattern(out[n], (size_t)length, rank, round);
        MPI_Isend(out[n], length, MPI_BYTE, to, 3, MPI_COMM_WORLD, &requests[n]);
        n++;
    }
    return n;
}

static void received(int index, int round, const MPI_Status *status)
{
    static char want[BIG];
    int from = (rank + index + 1) % size, length = (round * 37 + from * 911) % BIG, count;
    result_int(index);
    if (index >= size - 1)
        return;
    MPI_Get_count(status, MPI_BYTE, &count);
    pattern(want, (size_t)length, from, round);
    must(status->MPI_SOURCE == from && count == length &&
             memcmp(want, in[index], (size_t)length) == 0,
         "a wrong message");
}

static void waitany(int rounds)
{
    MPI_Request requests[2 * MANY];
    for (int round = 0; round < rounds; round++) {
        int n = exchange_begin(requests, round), index;
        MPI_Status status;
        dawdle(round);
        for (int done = 0; done < n; done++) {
            choice();
            MPI_Waitany(n, requests, &index, &status);
            received(index, round, &status);
        }
    }
}

static void testsome(int rounds)
{
    MPI_Request requests[2 * MANY];
    for (int round = 0; round < rounds; round++) {
        int n = exchange_begin(requests, round), done = 0, noes = 0;
        while (done < n) {
            int indices[2 * MANY], count;
            MPI_Status statuses[2 * MANY];
            choice();
            MPI_Testsome(n, requests, &count, indices, statuses);
            noes += count == 0;
            for (int i = 0; i < count; i++)
                received(indices[i], round, &statuses[i]);
            done += count;
        }
        result_int(noes);
    }
}

/* One at a time; each "no" is told to the next rank, which counts them. */
static void test(int rounds)
{
    int next = (rank + 1) % size, before = (rank + size - 1) % size;
    for (int round = 0; round < rounds; round++) {
        MPI_Request request;
        int flag = 0, noes = 0, got;
        MPI_Irecv(in[0], BIG, MPI_BYTE, before, 4, MPI_COMM_WORLD, &request);
        dawdle(round);
        MPI_Send(out[0], (round * 101) % BIG, MPI_BYTE, next, 4, MPI_COMM_WORLD);
        while (!flag) {
            choice();
            MPI_Test(&request, &flag, MPI_STATUS_IGNORE);
            if (!flag && noes++ < 20)
                MPI_Send(&noes, 1, MPI_INT, next, 5, MPI_COMM_WORLD);
        }
        result_int(noes);
        noes = -1;
        MPI_Send(&noes, 1, MPI_INT, next, 5, MPI_COMM_WORLD);
        do {
            MPI_Recv(&got, 1, MPI_INT, before, 5, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
            result_int(got);
        } while (got >= 0);
    }
}

/* ---------------------------------------------------------------- probes */

static void probes(int rounds)
{
    MPI_Request requests[MANY];
    for (int round = 0; round < rounds; round++) {
        for (int i = 1; i < size; i++)
            MPI_Isend(out[i], (round * 53 + rank * 700) % BIG, MPI_BYTE, (rank + i) % size,
                      6 + round % 2, MPI_COMM_WORLD, &requests[i - 1]);
        for (int got = 0; got < size - 1;) {
            MPI_Status status;
            int flag, count;
            choice();
            MPI_Iprobe(MPI_ANY_SOURCE, 6 + round % 2, MPI_COMM_WORLD, &flag, &status);
            result_int(flag);
            if (!flag)
                continue;
            MPI_Get_count(&status, MPI_BYTE, &count);
            result_status(&status, MPI_BYTE);
            MPI_Recv(in[0], count, MPI_BYTE, status.MPI_SOURCE, status.MPI_TAG, MPI_COMM_WORLD,
                     &status);
            got++;
        }
        MPI_Waitall(size - 1, requests, MPI_STATUSES_IGNORE);
    }
}

static void mprobes(int rounds)
{
    MPI_Request requests[MANY];
    for (int round = 0; round < rounds; round++) {
        for (int i = 1; i < size; i++)
            MPI_Isend(out[i], (round * 53 + rank * 700) % BIG, MPI_BYTE, (rank + i) % size, 8,
                      MPI_COMM_WORLD, &requests[i - 1]);
        for (int got = 0; got < size - 1; got++) {
            MPI_Status status;
            MPI_Message message;
            int flag = 0;
            choice();
            if (round % 2)
                MPI_Mprobe(MPI_ANY_SOURCE, 8, MPI_COMM_WORLD, &message, &status);
            while (round % 2 == 0 && !flag) {
                MPI_Improbe(MPI_ANY_SOURCE, 8, MPI_COMM_WORLD, &flag, &message, &status);
                result_int(flag);
            }
            result_status(&status, MPI_BYTE);
            MPI_Mrecv(in[0], BIG, MPI_BYTE, &message, &status);
        }
        MPI_Waitall(size - 1, requests, MPI_STATUSES_IGNORE);
        MPI_Barrier(MPI_COMM_WORLD);
    }
}

/* Nobody knows how much comes: synchronous sends, then a barrier that is entered when they are
 * through. Hoefler, Siebert, Lumsdaine: Scalable Communication Protocols for Dynamic Sparse Data
 * Exchange, PPoPP 2010. */
static void nbx(int rounds)
{
    for (int round = 0; round < rounds; round++) {
        MPI_Request sends[MANY], barrier = MPI_REQUEST_NULL;
        int n = (rank * 5 + round) % size, got = 0, sum[2] = {n, 0}, is_over = 0, has_barrier = 0;
        for (int i = 0; i < n; i++)
            MPI_Issend(out[i], (i * 997) % BIG, MPI_BYTE, (rank + 1 + i) % size, 9, MPI_COMM_WORLD,
                       &sends[i]);
        while (!is_over) {
            MPI_Status status;
            int flag;
            choice();
            MPI_Iprobe(MPI_ANY_SOURCE, 9, MPI_COMM_WORLD, &flag, &status);
            result_int(flag);
            if (flag) {
                MPI_Recv(in[0], BIG, MPI_BYTE, status.MPI_SOURCE, 9, MPI_COMM_WORLD, &status);
                result_status(&status, MPI_BYTE);
                got++;
            }
            if (has_barrier) {
                MPI_Test(&barrier, &is_over, MPI_STATUS_IGNORE);
                continue;
            }
            MPI_Testall(n, sends, &flag, MPI_STATUSES_IGNORE);
            if (flag)
                MPI_Ibarrier(MPI_COMM_WORLD, &barrier);
            has_barrier = flag;
        }
        sum[1] = got;
        MPI_Allreduce(MPI_IN_PLACE, sum, 2, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
        must(sum[0] == sum[1], "messages were lost in NBX");
    }
}

/* ---------------------------------------------------------------- cancel, clock, graph */

static void cancel(int rounds)
{
    enum { POSTS = 6 };
    int next = (rank + 1) % size, before = (rank + size - 1) % size;
    for (int round = 0; round < rounds; round++) {
        MPI_Request requests[POSTS], sends[POSTS];
        int left = POSTS;
        for (int i = 0; i < POSTS; i++)
            MPI_Irecv(in[i], BIG, MPI_BYTE, i % 3 == 2 ? MPI_ANY_SOURCE : before, 10,
                      MPI_COMM_WORLD, &requests[i]);
        for (int i = 0; i < POSTS; i++) {
            memset(out[i], i + round, BIG);
            MPI_Isend(out[i], (i * 1700) % BIG + 1, MPI_BYTE, next, 10, MPI_COMM_WORLD, &sends[i]);
            if (i == round % POSTS)
                dawdle(round);
        }
        for (int i = round % 2; i < POSTS; i += 2) {
            choice();
            MPI_Cancel(&requests[i]);
        }
        for (int i = 0, at = 0; i < POSTS; i++) {
            MPI_Status status;
            int flag;
            MPI_Wait(&requests[i], &status);
            MPI_Test_cancelled(&status, &flag);
            result_int(flag);
            if (flag)
                continue;
            must(in[i][0] == (char)(at + round), "a cancelled receive kept a message");
            at++;
            left--;
        }
        for (; left > 0; left--) {
            MPI_Recv(in[0], BIG, MPI_BYTE, before, 10, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
            must(in[0][0] == (char)(POSTS - left + round), "messages overtook each other");
        }
        MPI_Waitall(POSTS, sends, MPI_STATUSES_IGNORE);
        MPI_Barrier(MPI_COMM_WORLD);
    }
}

/* Rank 0 cancels a receive for which it has too little room. The message comes to the other
 * replicas before that, to the leader after: what they give back must be whole. */
static void cut(int rounds)
{
    static char all[200000], want[200000], few[8];
    for (int round = 0; round < rounds; round++) {
        int length = round % 2 ? 3000 : (int)sizeof all, leads = process_number() < size, flag;
        MPI_Request request;
        MPI_Status status;
        pattern(want, (size_t)length, 1, round);
        if (rank == 1) {
            if (leads)
                wait_us(20000);
            MPI_Isend(want, length, MPI_BYTE, 0, 12, MPI_COMM_WORLD, &request);
            MPI_Wait(&request, MPI_STATUS_IGNORE);
        }
        if (rank == 0) {
            MPI_Irecv(few, sizeof few, MPI_BYTE, 1, 12, MPI_COMM_WORLD, &request);
            if (leads)
                wait_us(5000);
            choice();
            MPI_Cancel(&request);
            MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
            MPI_Wait(&request, &status);
            MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_ARE_FATAL);
            MPI_Test_cancelled(&status, &flag);
            result_int(flag);
            if (flag) {
                MPI_Recv(all, length, MPI_BYTE, 1, 12, MPI_COMM_WORLD, &status);
                must(memcmp(all, want, (size_t)length) == 0, "a message came back in pieces");
            }
        }
        MPI_Barrier(MPI_COMM_WORLD);
    }
}

static void clock_and_name(int rounds)
{
    char name[MPI_MAX_PROCESSOR_NAME];
    int length;
    MPI_Get_processor_name(name, &length);
    result_add(name, (size_t)length);
    for (int round = 0; round < rounds; round++) {
        double at, all;
        choice();
        if (process_number() < size) /* who follows waits */
            wait_us(2000);
        at = MPI_Wtime();
        result_add(&at, sizeof at);
        MPI_Allreduce(&at, &all, 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
        result_add(&all, sizeof all);
    }
}

/* A few rounds only: in Open MPI 4.1 the tags of this call's own receives from any source, -50 and
 * -51, are also those of the 24th and 25th non-blocking collective of a communicator. */
static void graph(int rounds)
{
    for (int round = 0; round < rounds; round++) {
        MPI_Comm comm;
        int to[2] = {(rank + 1) % size, (rank + round) % size}, degree = 2, in_degree, out_degree;
        int is_weighted, sources[MANY], weights[MANY] = {1, 1}, targets[MANY], values[MANY] = {0};
        choice();
        MPI_Dist_graph_create(MPI_COMM_WORLD, 1, &rank, &degree, to, weights, MPI_INFO_NULL, 0,
                              &comm);
        MPI_Dist_graph_neighbors_count(comm, &in_degree, &out_degree, &is_weighted);
        MPI_Dist_graph_neighbors(comm, in_degree, sources, weights, out_degree, targets, weights);
        MPI_Neighbor_allgather(&rank, 1, MPI_INT, values, 1, MPI_INT, comm);
        for (int i = 0; i < in_degree; i++) {
            must(values[i] == sources[i], "a neighbour's value is wrong");
            result_int(sources[i]);
        }
        MPI_Comm_free(&comm);
    }
}

/* A broadcast in the background, point to point in front. */
static void ibcast(int rounds)
{
    for (int round = 0; round < rounds; round++) {
        int value[1000], flag = 0, noes = 0, root = round % size;
        MPI_Request request, send;
        for (int i = 0; i < 1000; i++)
            value[i] = rank == root ? round * i : -1;
        MPI_Ibcast(value, 1000, MPI_INT, root, MPI_COMM_WORLD, &request);
        MPI_Isend(out[0], 100, MPI_BYTE, (rank + 1) % size, 11, MPI_COMM_WORLD, &send);
        while (!flag) {
            choice();
            MPI_Request_get_status(request, &flag, MPI_STATUS_IGNORE);
            noes += !flag;
        }
        result_int(noes);
        MPI_Wait(&request, MPI_STATUS_IGNORE);
        must(value[999] == round * 999, "a broadcast is wrong");
        MPI_Recv(in[0], 100, MPI_BYTE, MPI_ANY_SOURCE, 11, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        MPI_Wait(&send, MPI_STATUS_IGNORE);
    }
}

/* Wrong on purpose: its course depends on what MPI does not know. */
static void stray(int rounds)
{
    int flag, more = process_number() / size;
    for (int i = 0; i < rounds + more; i++)
        MPI_Iprobe(0, 12, MPI_COMM_WORLD, &flag, MPI_STATUS_IGNORE);
}

static const struct {
    const char *name;
    void (*run)(int rounds);
} cases[] = {
    {"cross", cross},          {"farm", farm},   {"waitany", waitany},
    {"testsome", testsome},    {"test", test},   {"probes", probes},
    {"mprobes", mprobes},      {"nbx", nbx},     {"cancel", cancel},
    {"clock", clock_and_name}, {"graph", graph}, {"ibcast", ibcast},
    {"stray", stray},          {"cut", cut},
};

int main(int argc, char **argv)
{
    orders_read(getenv("P2PREP_DIE"));
    begin(&argc, &argv);
    MPI_Barrier(MPI_COMM_WORLD); /* nobody dies before all have begun */
    for (size_t i = 0; argc > 2 && i < sizeof cases / sizeof cases[0]; i++)
        if (strcmp(argv[1], cases[i].name) == 0)
            cases[i].run(atoi(argv[2]));
    mark("choices %ld", choices);
    return end();
}
