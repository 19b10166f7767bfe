/* SPDX-License-Identifier: BSD-3-Clause */
/* labnet.c - the lab's cables: one bridge, a veth pair per host, rate limits */
#include "config.h"
#include "labnet.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void run_child(const char *const argv[], int in, int out)
{
    int null = open("/dev/null", O_RDWR);

    dup2(in >= 0 ? in : null, 0);
    dup2(null, 1);
    dup2(out, 2);
    execvp(argv[0], (char *const *)argv);
    dprintf(2, "%s: %s", argv[0], strerror(errno));
    _exit(127);
}

static size_t read_all(int fd, char *buffer, size_t size)
{
    size_t have = 0;
    ssize_t got;

    while (have < size - 1 && (got = read(fd, buffer + have, size - 1 - have)) != 0)
        if (got > 0)
            have += (size_t)got;
        else if (errno != EINTR)
            break;
    buffer[have] = '\0';
    while (have > 0 && buffer[have - 1] == '\n')
        buffer[--have] = '\0';
    return have;
}

int labnet_run(const char *const argv[], const char *text, struct err *err)
{
    char said[ERR_TEXT_MAX / 2];
    int in[2] = {-1, -1};
    int out[2];
    int status;

    if (pipe2(out, O_CLOEXEC) < 0 || (text != NULL && pipe2(in, O_CLOEXEC) < 0))
        return err_sys(err, "cannot make a pipe");
    pid_t pid = fork();
    if (pid < 0)
        return err_sys(err, "cannot start %s", argv[0]);
    if (pid == 0)
        run_child(argv, in[0], out[1]);
    close(out[1]);
    if (text != NULL) {
        close(in[0]);
        if (write(in[1], text, strlen(text)) < 0 && errno != EPIPE)
            err_sys(err, "cannot write to %s", argv[0]);
        close(in[1]);
    }
    read_all(out[0], said, sizeof said);
    close(out[0]);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (status != 0)
        return err_set(err, "%s failed: %s", argv[0], said);
    return 0;
}

/* Takes the text of an ip batch. */
static int ip_batch_take(char *text, struct err *err)
{
    const char *argv[] = {"ip", "-batch", "-", NULL};
    int result = labnet_run(argv, text, err);

    free(text);
    return result;
}

int labnet_bridge_create(struct err *err)
{
    return ip_batch_take(
        mem_string("link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0\n"
                   "address add 10.77.0.254/24 dev br0\n"
                   "address add fd00::fe/64 dev br0 nodad\n"
                   "link set lo up\n"
                   "link set br0 up\n"),
        err);
}

int labnet_port_create(int host, pid_t pid, struct err *err)
{
    char *port = mem_format("p%d", host);
    const char *old[] = {"ip", "link", "del", port, NULL};

    labnet_run(old, NULL,
               NULL); /* of a host killed before: the kernel takes its time to remove it */
    free(port);
    return ip_batch_take(mem_format("link add p%d type veth peer name eth0 netns %d\n"
                                    "link set p%d master br0 up\n",
                                    host, (int)pid, host),
                         err);
}

int labnet_port_switch(int host, int up, struct err *err)
{
    return ip_batch_take(mem_format("link set p%d %s\n", host, up ? "up" : "down"), err);
}

int labnet_host_setup(int host, struct err *err)
{
    return ip_batch_take(mem_format("link set lo up\n"
                                    "address add 10.77.0.%d/24 dev eth0\n"
                                    "address add fd00::%x/64 dev eth0 nodad\n"
                                    "link set eth0 up\n",
                                    host, (unsigned)host),
                         err);
}

static int device_rate(const char *device, unsigned mbit, struct err *err)
{
    char *rate = mem_format("%umbit", mbit);
    const char *none[] = {"tc", "qdisc", "del", "dev", device, "root", NULL};
    const char *limit[] = {"tc",   "qdisc", "replace", "dev",  device,    "root", "tbf",
                           "rate", rate,    "burst",   "64kb", "latency", "50ms", NULL};
    int result = 0;

    if (mbit == 0)
        labnet_run(none, NULL, NULL); /* fails when there was no limit */
    else
        result = labnet_run(limit, NULL, err);
    free(rate);
    return result;
}

int labnet_port_rate(int host, unsigned mbit, struct err *err)
{
    char *port = mem_format("p%d", host);
    int result = device_rate(port, mbit, err);

    free(port);
    return result;
}

int labnet_host_rate(unsigned mbit, struct err *err)
{
    return device_rate("eth0", mbit, err);
}
