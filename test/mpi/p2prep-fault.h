/* SPDX-License-Identifier: BSD-3-Clause */
/* p2prep-fault.h - deaths on order, and what a process tells the script that started it
 *
 * P2PREP_DIR: process N of the job appends its marks, lines, to the file N there.
 * P2PREP_KILL: "process:microseconds[@other],...": that process is killed so long after its
 * MPI_Init, or after the other's death. */
#ifndef P2PREP_FAULT_H
#define P2PREP_FAULT_H

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* This process's number in the job, dead ones and replicas counted. */
static inline int process_number(void)
{
    const char *number = getenv("OMPI_COMM_WORLD_RANK");
    return number ? atoi(number) : 0;
}

static inline void die(void)
{
    kill(getpid(), SIGKILL);
}

static inline long long clock_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static inline void wait_us(long us)
{
    struct timespec time = {us / 1000000, us % 1000000 * 1000};
    nanosleep(&time, NULL);
}

static inline FILE *marks(int process, const char *mode)
{
    char path[256];
    const char *dir = getenv("P2PREP_DIR");
    snprintf(path, sizeof path, "%s/%d", dir ? dir : "", process);
    return dir ? fopen(path, mode) : NULL;
}

__attribute__((format(printf, 1, 2))) static inline void mark(const char *format, ...)
{
    va_list args;
    FILE *file = marks(process_number(), "a");
    if (!file)
        return;
    va_start(args, format);
    vfprintf(file, format, args);
    va_end(args);
    fputc('\n', file);
    fclose(file);
}

/* The rest of the first line that begins with `text`, in `rest`; false: none. */
static inline bool mark_find(int process, const char *text, char *rest, size_t size)
{
    char line[256];
    bool found = false;
    FILE *file = marks(process, "r");
    while (file && !found && fgets(line, sizeof line, file)) {
        found = strncmp(line, text, strlen(text)) == 0;
        if (found)
            snprintf(rest, size, "%s", line + strlen(text));
    }
    if (file)
        fclose(file);
    return found;
}

/* Waits until that process said so. */
static inline void mark_wait(int process, const char *text)
{
    char rest[256];
    for (int tries = 0; !mark_find(process, text, rest, sizeof rest); tries++) {
        if (tries == 60000) {
            fprintf(stderr, "process %d: no mark '%s' of process %d\n", process_number(), text,
                    process);
            _exit(3);
        }
        wait_us(1000);
    }
}

static inline pid_t pid_of(int process)
{
    char rest[256] = "";
    mark_wait(process, "pid ");
    (void)mark_find(process, "pid ", rest, sizeof rest);
    return (pid_t)atoi(rest);
}

struct kill_order {
    int process, after; /* after: -1: MPI_Init */
    long us;
};

/* Dies so long after the other did. */
static inline void *follow(void *arg)
{
    struct kill_order *order = arg;
    struct pollfd it = {.events = POLLIN};
    it.fd = (int)syscall(SYS_pidfd_open, pid_of(order->after), 0);
    while (it.fd >= 0 && poll(&it, 1, -1) < 1)
        continue;
    wait_us(order->us);
    die();
    return NULL;
}

static inline void kill_order_begin(const struct kill_order *order)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
    struct itimerspec when = {.it_value = {order->us / 1000000, order->us % 1000000 * 1000 + 1}};
    timer_t timer;
    pthread_t thread;
    struct kill_order *copy;
    if (order->process != process_number())
        return;
    if (order->after < 0 && timer_create(CLOCK_MONOTONIC, &event, &timer) == 0)
        timer_settime(timer, 0, &when, NULL);
    if (order->after >= 0 && (copy = malloc(sizeof *copy))) {
        *copy = *order;
        pthread_create(&thread, NULL, follow, copy);
    }
}

static inline void kill_orders_begin(const char *at)
{
    struct kill_order order;
    int used;
    while (at && sscanf(at, "%d:%ld%n", &order.process, &order.us, &used) == 2) {
        at += used;
        order.after = -1;
        if (sscanf(at, "@%d%n", &order.after, &used) == 1)
            at += used;
        kill_order_begin(&order);
        at += *at == ',';
    }
}

/* Before MPI_Init */
static inline void mark_begin(void)
{
    const char *job = getenv("PMIX_NAMESPACE");
    mark("pid %d", (int)getpid());
    mark("job %s", job ? job : "");
    kill_orders_begin(getenv("P2PREP_KILL_INIT"));
}

#endif
