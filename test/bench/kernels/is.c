/* SPDX-License-Identifier: BSD-3-Clause */
/* is.c - "integer sort": ten times, 2^n keys are dealt into buckets, exchanged, and ranked where
 * they belong */
#include "test/bench/kernels/kernel.h"

#include <mpi.h>
#include <stdlib.h>
#include <string.h>

enum {
    ITERATIONS = 10,
    BUCKETS_LOG = 10,
    BUCKETS = 1 << BUCKETS_LOG,
    PROBES = 5,
    CHANGED = 2 * ITERATIONS + 1
};

/* Published: the rank of the key at `at[i]` in iteration j is rank[i] + sign[i] * (j - shift[i]).
 */
static const struct problem {
    char name;
    int keys_log, key_max_log;
    int at[PROBES], rank[PROBES], sign[PROBES], shift[PROBES];
} problems[] = {
    {'S',
     16,
     11,
     {48427, 17148, 23627, 62548, 4431},
     {0, 18, 346, 64917, 65463},
     {1, 1, 1, -1, -1},
     {0, 0, 0, 0, 0}},
    {'W',
     20,
     16,
     {357773, 934767, 875723, 898999, 404505},
     {1249, 11698, 1039987, 1043896, 1048018},
     {1, 1, -1, -1, -1},
     {2, 2, 0, 0, 0}},
    {'A',
     23,
     19,
     {2112377, 662041, 5336171, 3642833, 4250760},
     {104, 17523, 123928, 8288932, 8388264},
     {1, 1, 1, -1, -1},
     {1, 1, 1, 1, 1}},
};

static const struct problem *problem;
static int keys_n, key_max; /* mine; all are below key_max */
static int *keys;           /* as generated */
static int *dealt;          /* by bucket, to be sent */
static int *got;            /* those in my buckets */
static int got_n;
static int *up_to;        /* up_to[k - first]: keys that are not above k, in my buckets' range */
static int first, end;    /* my keys' range */
static int below;         /* keys of ranks before me */
static int sums[BUCKETS]; /* keys in each bucket, all ranks' */
static int
    mine[BUCKETS + PROBES]; /* my keys in each bucket; the probes' keys, given by their owners */

static void make_keys(void)
{
    uint64_t seed = random_jump(314159265, 4 * (uint64_t)keys_n * (uint64_t)kernel_rank);
    for (int i = 0; i < keys_n; i++) {
        double sum = random_next(&seed);
        for (int j = 1; j < 4; j++)
            sum += random_next(&seed);
        keys[i] = (int)(key_max / 4 * sum);
    }
}

static int bucket_of(int key)
{
    return key >> (problem->key_max_log - BUCKETS_LOG);
}

/* Fills mine[], sums[]; the probes' keys, too. */
static void count(int probes[PROBES])
{
    int all[BUCKETS + PROBES];
    memset(mine, 0, sizeof mine);
    for (int i = 0; i < keys_n; i++)
        mine[bucket_of(keys[i])]++;
    for (int i = 0; i < PROBES; i++)
        if (problem->at[i] / keys_n == kernel_rank)
            mine[BUCKETS + i] = keys[problem->at[i] % keys_n];
    MPI_Allreduce(mine, all, BUCKETS + PROBES, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    memcpy(sums, all, sizeof sums);
    memcpy(probes, all + BUCKETS, PROBES * sizeof probes[0]);
}

/* keys[] into dealt[], bucket after bucket */
static void deal(void)
{
    int next[BUCKETS];
    for (int b = 0, at = 0; b < BUCKETS; b++) {
        next[b] = at;
        at += mine[b];
    }
    for (int i = 0; i < keys_n; i++)
        dealt[next[bucket_of(keys[i])]++] = keys[i];
}

/* Buckets in order to ranks in order, so that each has about as many keys. Sets first, end and
 * below, and how many of mine go to each. */
static void share_out(int *send_n)
{
    int owner = 0, given = 0, width = key_max / BUCKETS;
    first = below = 0;
    end = key_max;
    memset(send_n, 0, (size_t)kernel_size * sizeof send_n[0]);
    for (int b = 0; b < BUCKETS; b++) {
        send_n[owner] += mine[b];
        given += sums[b];
        if (owner + 1 == kernel_size || given < (int)((int64_t)keys_n * (owner + 1)))
            continue;
        if (owner == kernel_rank)
            end = (b + 1) * width;
        if (++owner == kernel_rank) {
            first = (b + 1) * width;
            below = given;
        }
    }
}

static int offsets(const int *n, int *at)
{
    int sum = 0;
    for (int i = 0; i < kernel_size; i++) {
        at[i] = sum;
        sum += n[i];
    }
    return sum;
}

static void exchange(const int *send_n)
{
    int *recv_n = kernel_alloc((size_t)kernel_size * 3, sizeof *recv_n);
    int *send_at = recv_n + kernel_size, *recv_at = send_at + kernel_size;
    MPI_Alltoall(send_n, 1, MPI_INT, recv_n, 1, MPI_INT, MPI_COMM_WORLD);
    offsets(send_n, send_at);
    got_n = offsets(recv_n, recv_at);
    got = realloc(got, ((size_t)got_n + 1) * sizeof got[0]);
    if (!got)
        MPI_Abort(MPI_COMM_WORLD, 2);
    MPI_Alltoallv(dealt, send_n, send_at, MPI_INT, got, recv_n, recv_at, MPI_INT, MPI_COMM_WORLD);
    free(recv_n);
}

static void rank_keys(void)
{
    memset(up_to, 0, (size_t)key_max * sizeof up_to[0]);
    for (int i = 0; i < got_n; i++)
        up_to[got[i] - first]++;
    for (int k = 1; k < end - first; k++)
        up_to[k] += up_to[k - 1];
}

/* Are the probes in my range where they were published to be? */
static int are_probes_right(const int probes[PROBES], int iteration)
{
    int are_right = 1;
    for (int i = 0; i < PROBES; i++) {
        int want = problem->rank[i] + problem->sign[i] * (iteration - problem->shift[i]);
        int key = probes[i] - 1; /* a key's rank: how many are below it */
        if (key >= first && key < end)
            are_right = are_right && below + up_to[key - first] == want;
    }
    return are_right;
}

/* One of the ten rankings. Probes of mine where they belong? */
static int iterate(int iteration, int *send_n)
{
    int probes[PROBES];
    if (kernel_rank == 0) {
        keys[iteration] = iteration;
        keys[iteration + ITERATIONS] = key_max - iteration;
    }
    count(probes);
    deal();
    share_out(send_n);
    exchange(send_n);
    rank_keys();
    return are_probes_right(probes, iteration);
}

/* The ranks make a permutation that sorts: puts every key at its rank, and looks. */
static int is_sorted(void)
{
    int *sorted = kernel_alloc((size_t)got_n + 2, sizeof *sorted), are_right = 1;
    for (int i = 0; i < got_n; i++)
        sorted[--up_to[got[i] - first]] = got[i];
    for (int i = 1; i < got_n; i++)
        are_right = are_right && sorted[i - 1] <= sorted[i];
    int last = got_n > 0 ? sorted[got_n - 1] : first, before = 0;
    if (kernel_rank + 1 < kernel_size)
        MPI_Send(&last, 1, MPI_INT, kernel_rank + 1, 1, MPI_COMM_WORLD);
    if (kernel_rank > 0)
        MPI_Recv(&before, 1, MPI_INT, kernel_rank - 1, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    are_right = are_right && (got_n == 0 || before <= sorted[0]);
    kernel_result(sorted, (size_t)got_n * sizeof sorted[0]);
    free(sorted);
    return are_right;
}

/* Of all ranks: is each right, and are the keys as many as in the beginning? */
static int agree(int is_mine_right)
{
    long long mine_[2] = {!is_mine_right, got_n}, all[2];
    MPI_Allreduce(mine_, all, 2, MPI_LONG_LONG, MPI_SUM, MPI_COMM_WORLD);
    return all[0] == 0 && all[1] == (long long)keys_n * kernel_size;
}

int main(int argc, char **argv)
{
    int changed[CHANGED], is_right = 1;

    kernel_begin(&argc, &argv, "is");
    for (problem = problems; problem->name != kernel_class;)
        problem++;
    keys_n = (1 << problem->keys_log) / kernel_size;
    key_max = 1 << problem->key_max_log;
    keys = kernel_alloc((size_t)keys_n, sizeof *keys);
    dealt = kernel_alloc((size_t)keys_n, sizeof *dealt);
    up_to = kernel_alloc((size_t)key_max, sizeof *up_to);
    int *send_n = kernel_alloc((size_t)kernel_size, sizeof *send_n);
    make_keys();
    memcpy(changed, keys, sizeof changed);
    iterate(1, send_n); /* warms up, as specified */
    memcpy(keys, changed, sizeof changed);

    kernel_start();
    for (int t = 0; t < kernel_times; t++) {
        memcpy(keys, changed, sizeof changed);
        for (int i = 1; i <= ITERATIONS; i++)
            is_right = iterate(i, send_n) && is_right;
    }
    kernel_stop();
    is_right = is_sorted() && is_right;
    is_right = agree(is_right);
    free(send_n);
    free(up_to);
    free(got);
    free(dealt);
    free(keys);
    return kernel_end(is_right);
}
