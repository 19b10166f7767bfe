/* SPDX-License-Identifier: BSD-3-Clause */
/* p2prep-ends.c - processes that die, or are cut off, in a way of their own: "p2prep-ends CASE"
 *
 * child     process 1 dies and leaves a child that lives on; the child says what it holds
 * gone      all replicas of rank 1 die
 * early     process 1 dies in MPI_Finalize, before the others come there
 * late      process 1 dies instead of calling MPI_Finalize, which the others have called
 * unborn    process 1 dies before MPI_Init, to which process 2 comes late
 * reset     process 1 resets all its TCP connections, but those with the launcher's daemon */
#include "p2prep-result.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

enum { ROUNDS = 400, DEATH = 100 };

static bool is_port_of(const char *uri, int port)
{
    const char *colon = uri ? strrchr(uri, ':') : NULL;
    return colon && atoi(colon + 1) == port;
}

/* Leads to the launcher's daemon. */
static bool is_launchers(int fd)
{
    extern char **environ;
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    if (getpeername(fd, (struct sockaddr *)&peer, &size))
        return false;
    int port = ntohs(peer.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&peer)->sin6_port
                                                : ((struct sockaddr_in *)&peer)->sin_port);
    for (char **at = environ; *at; at++) {
        if ((strncmp(*at, "PMIX_SERVER_URI", 15) == 0 || strstr(*at, "daemon_uri=") ||
             strstr(*at, "hnp_uri=")) &&
            is_port_of(*at, port))
            return true;
    }
    return false;
}

/* How many TCP sockets lead to others of the job; `cut` resets their connections. */
static int job_sockets(bool cut)
{
    const struct sockaddr none = {.sa_family = AF_UNSPEC};
    int n = 0;
    for (int fd = 3; fd < 1024; fd++) {
        int domain;
        socklen_t size = sizeof domain;
        if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) ||
            (domain != AF_INET && domain != AF_INET6) || is_launchers(fd))
            continue;
        struct sockaddr_storage peer;
        size = sizeof peer;
        bool is_connected = getpeername(fd, (struct sockaddr *)&peer, &size) == 0;
        if (cut && is_connected)
            (void)connect(fd, &none, sizeof none);
        n += !cut || is_connected;
    }
    return n;
}

static int job_mappings(void)
{
    char line[512];
    int n = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof line, maps))
        n += strstr(line, "/dev/shm/p2prep.") != NULL;
    if (maps)
        fclose(maps);
    return n;
}

static void leave_child(void)
{
    mark("parent holds %d sockets", job_sockets(false));
    if (fork() != 0)
        return;
    for (int fd = 0; fd < 3; fd++)
        close(fd);
    mark("child %d", (int)getpid());
    mark("child holds %d sockets, %d mappings", job_sockets(false), job_mappings());
    wait_us(12000000);
    _exit(0);
}

static void in_the_middle(const char *what, int process)
{
    if (strcmp(what, "child") == 0 && process == 1) {
        leave_child();
        die();
    }
    if (strcmp(what, "gone") == 0 && rank == 1)
        die();
    if (strcmp(what, "reset") == 0 && process == 1)
        mark("reset %d", job_sockets(true));
}

static void before_the_end(const char *what, int process)
{
    if (strcmp(what, "early") == 0 && process == 1)
        kill_order_begin(&(struct kill_order){process, -1, 100000});
    else if (strcmp(what, "early") == 0)
        wait_us(400000);
    if (strcmp(what, "late") == 0 && process == 1) {
        for (int i = 0; i < 6; i++) {
            if (i != process)
                mark_wait(i, "us ");
        }
        die();
    }
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    int process = process_number();
    long sum = 0, got;
    if (strcmp(what, "unborn") == 0 && process == 1) {
        mark("pid %d", (int)getpid());
        die();
    }
    if (strcmp(what, "unborn") == 0 && process == 2)
        wait_us(500000);
    begin(&argc, &argv);
    for (int i = 0; i < ROUNDS; i++) {
        long give = sum + rank * 31 + i;
        if (i == DEATH)
            in_the_middle(what, process);
        MPI_Sendrecv(&give, 1, MPI_LONG, (rank + 1) % size, 0, &got, 1, MPI_LONG,
                     (rank + size - 1) % size, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        sum = sum * 3 + got;
    }
    result_add(&sum, sizeof sum);
    before_the_end(what, process);
    return end();
}
