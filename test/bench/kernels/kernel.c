/* SPDX-License-Identifier: BSD-3-Clause */
/* kernel.c - what the kernels share; time in MPI is taken by wrappers round the calls that they use
 */
#include "test/bench/kernels/kernel.h"

#include "test/mpi/p2prep-result.h"

#include <dirent.h>
#include <math.h>
#include <sys/resource.h>

int kernel_rank, kernel_size, kernel_times = 1;
char kernel_class = 'S';

static const char *name;
static int is_result_wanted;

struct clocks {
    double wall_s, cpu_s; /* cpu: of this thread */
};

static struct clocks in_mpi;
static double wall_s, cpu_s;

static double clock_s(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double now_s(void)
{
    return clock_s(CLOCK_MONOTONIC);
}

static struct clocks now(void)
{
    return (struct clocks){now_s(), clock_s(CLOCK_THREAD_CPUTIME_ID)};
}

static double cpu_now_s(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6;
}

static int since(struct clocks start, int code)
{
    struct clocks end = now();
    in_mpi.wall_s += end.wall_s - start.wall_s;
    in_mpi.cpu_s += end.cpu_s - start.cpu_s;
    return code;
}

int MPI_Allreduce(const void *from, void *to, int n, MPI_Datatype type, MPI_Op op, MPI_Comm comm)
{
    struct clocks start = now();
    return since(start, PMPI_Allreduce(from, to, n, type, op, comm));
}

int MPI_Alltoall(const void *from, int n, MPI_Datatype type, void *to, int m, MPI_Datatype as,
                 MPI_Comm comm)
{
    struct clocks start = now();
    return since(start, PMPI_Alltoall(from, n, type, to, m, as, comm));
}

int MPI_Alltoallv(const void *from, const int *n, const int *at, MPI_Datatype type, void *to,
                  const int *m, const int *to_at, MPI_Datatype as, MPI_Comm comm)
{
    struct clocks start = now();
    return since(start, PMPI_Alltoallv(from, n, at, type, to, m, to_at, as, comm));
}

int MPI_Send(const void *from, int n, MPI_Datatype type, int peer, int tag, MPI_Comm comm)
{
    struct clocks start = now();
    return since(start, PMPI_Send(from, n, type, peer, tag, comm));
}

int MPI_Recv(void *to, int n, MPI_Datatype type, int peer, int tag, MPI_Comm comm,
             MPI_Status *status)
{
    struct clocks start = now();
    return since(start, PMPI_Recv(to, n, type, peer, tag, comm, status));
}

int MPI_Irecv(void *to, int n, MPI_Datatype type, int peer, int tag, MPI_Comm comm,
              MPI_Request *request)
{
    struct clocks start = now();
    return since(start, PMPI_Irecv(to, n, type, peer, tag, comm, request));
}

int MPI_Wait(MPI_Request *request, MPI_Status *status)
{
    struct clocks start = now();
    return since(start, PMPI_Wait(request, status));
}

static void refuse(const char *sentence)
{
    if (rank == 0)
        fprintf(stderr, "%s: %s\n", name, sentence);
    MPI_Abort(MPI_COMM_WORLD, 2);
}

void kernel_begin(int *argc, char ***argv, const char *called)
{
    name = called;
    begin(argc, argv);
    kernel_rank = rank;
    kernel_size = size;
    if (size & (size - 1))
        refuse("wants a power of two of ranks");
    if (*argc > 1)
        kernel_class = (*argv)[1][0];
    if (!strchr("SWA", kernel_class))
        refuse("the classes are S, W and A");
    is_result_wanted = *argc > 2 && strcmp((*argv)[2], "result") == 0;
    if (*argc > 2 && !is_result_wanted)
        kernel_times = atoi((*argv)[2]);
    if (kernel_times < 1)
        refuse("the second argument is a number above zero, or \"result\"");
}

static int entries(const char *path)
{
    int n = 0;
    DIR *dir = opendir(path);
    if (!dir)
        refuse("KERNEL_MEET is not a folder");
    for (struct dirent *entry; (entry = readdir(dir));)
        n += entry->d_name[0] != '.';
    closedir(dir);
    return n;
}

/* Two runs, or two replicas, that are measured side by side begin together. */
static void meet(void)
{
    const char *dir = getenv("KERNEL_MEET");
    char path[512];
    if (rank > 0 || !dir)
        return;
    snprintf(path, sizeof path, "%s/%ld", dir, (long)getpid());
    FILE *file = fopen(path, "w");
    if (!file)
        refuse("cannot write in KERNEL_MEET");
    fclose(file);
    while (entries(dir) < 2)
        wait_us(200);
}

void kernel_start(void)
{
    meet();
    PMPI_Barrier(MPI_COMM_WORLD);
    in_mpi = (struct clocks){0};
    cpu_s = cpu_now_s();
    wall_s = now_s();
}

void kernel_stop(void)
{
    wall_s = now_s() - wall_s;
    cpu_s = cpu_now_s() - cpu_s;
}

void kernel_result(const void *bytes, size_t n)
{
    result_add(bytes, n);
}

static void print_times(int is_verified, double wall, double mpi, double cpu, double mpi_cpu)
{
    printf("%s %c ranks %d verified %s wall %.3f mpi %.3f cpu %.3f mpicpu %.3f\n", name,
           kernel_class, size, is_verified ? "yes" : "no", wall, mpi, cpu, mpi_cpu);
}

/* One line, of all ranks; or, with KERNEL_OWN_TIMES, one of each: then no times are sent, which
 * replicas do not share. */
static void print_line(int is_verified)
{
    double mine[3] = {in_mpi.wall_s / wall_s, cpu_s, in_mpi.cpu_s}, sum[3], longest;
    if (getenv("KERNEL_OWN_TIMES")) {
        print_times(is_verified, wall_s, mine[0], mine[1], mine[2]);
        return;
    }
    PMPI_Reduce(mine, sum, 3, MPI_DOUBLE, MPI_SUM, 0, MPI_COMM_WORLD);
    PMPI_Reduce(&wall_s, &longest, 1, MPI_DOUBLE, MPI_MAX, 0, MPI_COMM_WORLD);
    if (rank == 0)
        print_times(is_verified, longest, sum[0] / size, sum[1], sum[2]);
}

int kernel_end(int is_verified)
{
    if (is_result_wanted) {
        result_int(is_verified);
        end();
    } else {
        print_line(is_verified);
        fflush(stdout);
        MPI_Finalize();
    }
    return is_verified ? 0 : 1;
}

void *kernel_alloc(size_t n, size_t each)
{
    void *bytes = calloc(n ? n : 1, each);
    if (!bytes)
        refuse("no memory");
    return bytes;
}

uint64_t random_jump(uint64_t x, uint64_t n)
{
    for (uint64_t power = 1220703125u; n > 0; n >>= 1, power *= power)
        if (n & 1)
            x *= power;
    return x & ((UINT64_C(1) << 46) - 1);
}

int is_near(double is, double want, double epsilon)
{
    return fabs(is - want) <= epsilon * fabs(want);
}
