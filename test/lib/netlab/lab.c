/* SPDX-License-Identifier: BSD-3-Clause */
/* lab.c - the processes that hold a lab of namespace hosts together */
#include "config.h"
#include "lab.h"

#include "base/file.h"
#include "base/mem.h"
#include "labnet.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOST_SPACES (CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC)

static pid_t fork_into(unsigned long namespaces)
{
    return (pid_t)syscall(SYS_clone, namespaces | SIGCHLD, NULL, NULL, NULL, NULL);
}

static int pidfd_of(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* Lets go of everything that belongs to who called, keep apart, which moves to descriptor 3: a test
 * that reads our output to its end would wait for ever. */
static int silence(int keep)
{
    int null = open("/dev/null", O_RDWR);

    for (int fd = 0; fd < 3; fd++)
        dup2(null, fd);
    if (keep >= 0)
        dup2(keep, 3);
    syscall(SYS_close_range, keep >= 0 ? 4u : 3u, ~0u, 0u);
    return 3;
}

static void wait_gone(pid_t pid)
{
    int fd = pidfd_of(pid);
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

    if (fd < 0)
        return;
    while (poll(&poll_fd, 1, -1) < 0 && errno == EINTR)
        ;
    close(fd);
}

/* ------------------------------------------------------------ files of the lab: dir/NAME, one
 * number each */

static int number_put(const char *dir, const char *name, long value, struct err *err)
{
    char *path = mem_format("%s/%s", dir, name);
    char *text = mem_format("%ld\n", value);
    int result = file_write(path, text, strlen(text), 0600, err);

    free(path);
    free(text);
    return result;
}

static long number_get(const char *dir, const char *name)
{
    char *path = mem_format("%s/%s", dir, name);
    char *text = file_read(path, 64, NULL, NULL);
    long value = text != NULL ? atol(text) : -1;

    free(path);
    free(text);
    return value;
}

static void file_drop(const char *dir, const char *name)
{
    char *path = mem_format("%s/%s", dir, name);

    file_remove_tree(path, NULL);
    free(path);
}

static void host_name(int host, char name[16])
{
    if (host == 0)
        snprintf(name, 16, "hub.pid");
    else
        snprintf(name, 16, "h%d.pid", host);
}

/* What lab_boot() must know again: "hosts mbit" and a line per bind */
static int options_save(const char *dir, const struct lab_options *options, struct err *err)
{
    char *path = mem_format("%s/options", dir);
    FILE *file = fopen(path, "we");

    free(path);
    if (file == NULL)
        return err_sys(err, "cannot write %s/options", dir);
    fprintf(file, "%d %u\n", options->hosts, options->mbit);
    for (size_t i = 0; i < options->bind_count; i++)
        fprintf(file, "%d %d %s\t%s\n", options->binds[i].host, options->binds[i].writable,
                options->binds[i].source, options->binds[i].target);
    return fclose(file) == 0 ? 0 : err_sys(err, "cannot write %s/options", dir);
}

void lab_options_clear(struct lab_options *options)
{
    for (size_t i = 0; i < options->bind_count; i++) {
        free(options->binds[i].source);
        free(options->binds[i].target);
    }
    free(options->binds);
}

static int options_load(const char *dir, struct lab_options *out, struct err *err)
{
    struct lab_options options = {0};
    char *path = mem_format("%s/options", dir);
    FILE *file = fopen(path, "re");
    struct labroot_bind bind;

    free(path);
    if (file == NULL || fscanf(file, "%d %u\n", &options.hosts, &options.mbit) != 2)
        return err_set(err, "no lab in %s", dir);
    while (fscanf(file, "%d %d %m[^\t]\t%m[^\n]\n", &bind.host, &bind.writable, &bind.source,
                  &bind.target) == 4) {
        options.binds = mem_grow(options.binds, options.bind_count + 1, sizeof bind);
        options.binds[options.bind_count++] = bind;
    }
    fclose(file);
    *out = options;
    return 0;
}

pid_t lab_pid(const char *dir, int host, struct err *err)
{
    char name[16];

    host_name(host, name);
    long pid = number_get(dir, name);
    if (pid <= 0 && host == 0)
        return err_set(err, "no lab in %s", dir);
    if (pid <= 0)
        return err_set(err, "there is no host h%d, or it was killed", host);
    return (pid_t)pid;
}

/* ------------------------------------------------------------ namespaces */

static int is_same_user_namespace(pid_t pid)
{
    char path[64];
    struct stat mine, theirs;

    snprintf(path, sizeof path, "/proc/%d/ns/user", (int)pid);
    return stat("/proc/self/ns/user", &mine) == 0 && stat(path, &theirs) == 0 &&
           mine.st_ino == theirs.st_ino;
}

int lab_join(pid_t pid, int user_and_net_only, struct err *err)
{
    int spaces = user_and_net_only ? CLONE_NEWNET : HOST_SPACES;
    int fd = pidfd_of(pid);

    if (fd < 0)
        return err_sys(err, "the host is gone");
    if (!is_same_user_namespace(pid))
        spaces |= CLONE_NEWUSER;
    if (setns(fd, spaces) < 0) {
        close(fd);
        return err_sys(err, "cannot enter the host");
    }
    close(fd);
    return 0;
}

/* a child in the network namespace of pid does one thing there */
static int in_network_of(pid_t pid, int (*work)(void *arg, struct err *err), void *arg,
                         struct err *err)
{
    int answer[2];
    struct err told = {{0}};
    int status;

    if (pipe2(answer, O_CLOEXEC) < 0)
        return err_sys(err, "cannot make a pipe");
    pid_t child = fork();
    if (child < 0)
        return err_sys(err, "cannot fork");
    if (child == 0) {
        int result = lab_join(pid, 1, &told) == 0 ? work(arg, &told) : -1;
        if (result < 0 && write(answer[1], told.text, strlen(told.text)) < 0)
            _exit(2);
        _exit(result < 0);
    }
    close(answer[1]);
    ssize_t got = read(answer[0], told.text, sizeof told.text - 1);
    told.text[got > 0 ? got : 0] = '\0';
    close(answer[0]);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return status == 0 ? 0 : err_set(err, "%s", told.text);
}

/* ------------------------------------------------------------ a host */

/* the life of an init: orphans are buried by the kernel */
static void init_loop(void)
{
    signal(SIGCHLD, SIG_IGN);
    for (;;)
        pause();
}

static int host_setup(int host, const char *dir, const struct lab_options *options, struct err *err)
{
    char *root = mem_format("%s/root", dir);
    char name[16];
    int result;

    snprintf(name, sizeof name, "h%d", host);
    if (sethostname(name, strlen(name)) < 0)
        result = err_sys(err, "cannot name the host");
    else
        result = labnet_host_setup(host, err);
    if (result == 0 && options->mbit > 0)
        result = labnet_host_rate(options->mbit, err);
    if (result == 0)
        result =
            labroot_enter(host, options->hosts, root, options->binds, options->bind_count, err);
    free(root);
    return result;
}

/* In the host's namespaces; says "here", waits for its cable, sets up, answers with "" or a
 * sentence. */
static void host_main(int host, const char *dir, const struct lab_options *options, int socket)
{
    struct err err = {{0}};
    char go;

    setsid();
    if (send(socket, "h", 1, 0) != 1 || recv(socket, &go, 1, 0) != 1)
        _exit(1);
    int result = host_setup(host, dir, options, &err);
    if (send(socket, err.text, strlen(err.text) + 1, 0) < 0 || result < 0)
        _exit(1);
    silence(-1);
    init_loop();
}

/* The sender's PID as this process knows it: the kernel translates credentials. */
static pid_t receive_pid(int socket)
{
    char byte;
    char control[CMSG_SPACE(sizeof(struct ucred))];
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};

    if (recvmsg(socket, &message, 0) != 1)
        return -1;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header == NULL || header->cmsg_type != SCM_CREDENTIALS)
        return -1;
    struct ucred who;
    memcpy(&who, CMSG_DATA(header), sizeof who);
    return who.pid;
}

struct port {
    int host;
    pid_t pid;
    unsigned mbit;
};

static int port_work(void *arg, struct err *err)
{
    const struct port *port = arg;

    if (labnet_port_create(port->host, port->pid, err) < 0)
        return -1;
    return port->mbit > 0 ? labnet_port_rate(port->host, port->mbit, err) : 0;
}

/* Forks twice: the first child enters the hub's PID namespace, the second gets the host's own. */
static void host_fork(pid_t hub, int host, const char *dir, const struct lab_options *options,
                      int socket)
{
    struct err err = {{0}};

    if (lab_join(hub, 0, &err) < 0) {
        dprintf(2, "netlab: %s\n", err.text);
        _exit(1);
    }
    pid_t inside = fork();
    if (inside == 0) {
        pid_t init = fork_into(HOST_SPACES);
        if (init == 0)
            host_main(host, dir, options, socket);
        _exit(init < 0);
    }
    _exit(inside < 0 || waitpid(inside, NULL, 0) < 0);
}

static int host_start(const char *dir, int host, const struct lab_options *options, struct err *err)
{
    int pair[2], on = 1;
    char name[16], said[ERR_TEXT_MAX];
    pid_t hub = lab_pid(dir, 0, err);

    if (hub < 0)
        return -1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ||
        setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0)
        return err_sys(err, "cannot make a socket");
    pid_t helper = fork();
    if (helper == 0)
        host_fork(hub, host, dir, options, pair[1]);
    close(pair[1]);
    struct port port = {host, receive_pid(pair[0]), options->mbit};
    waitpid(helper, NULL, 0);
    int result = -1;
    if (port.pid <= 0)
        err_set(err, "host h%d did not start", host);
    else if (in_network_of(hub, port_work, &port, err) == 0) {
        ssize_t got = send(pair[0], "g", 1, 0) == 1 ? recv(pair[0], said, sizeof said, 0) : -1;
        if (got <= 0)
            err_set(err, "host h%d died while it was set up", host);
        else if (said[0] != '\0')
            err_set(err, "h%d: %s", host, said);
        else
            result = 0;
    }
    close(pair[0]);
    host_name(host, name);
    return result == 0 ? number_put(dir, name, port.pid, err) : -1;
}

int lab_boot(const char *dir, int host, struct err *err)
{
    struct lab_options options;

    if (options_load(dir, &options, err) < 0)
        return -1;
    int result = host < 1 || host > options.hosts
                     ? err_set(err, "the lab has hosts h1 to h%d", options.hosts)
                 : lab_pid(dir, host, NULL) > 0 ? err_set(err, "h%d is up", host)
                                                : host_start(dir, host, &options, err);
    lab_options_clear(&options);
    return result;
}

static int cut_work(void *arg, struct err *err)
{
    return labnet_port_switch(*(int *)arg, 0, err);
}

int lab_kill(const char *dir, int host, struct err *err)
{
    char name[16];
    pid_t pid = lab_pid(dir, host, err);
    pid_t hub = lab_pid(dir, 0, err);

    if (host < 1 || pid < 0 || hub < 0)
        return -1;
    if (in_network_of(hub, cut_work, &host, err) < 0)
        return -1;
    kill(pid, SIGKILL);
    wait_gone(pid);
    host_name(host, name);
    file_drop(dir, name);
    return 0;
}

/* ------------------------------------------------------------ keeper and hub */

static int write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    int result = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;

    if (fd >= 0)
        close(fd);
    return result;
}

static int map_user(pid_t pid, struct err *err)
{
    char path[64], text[64];

    snprintf(path, sizeof path, "/proc/%d/setgroups", (int)pid);
    write_file(path, "deny");
    snprintf(path, sizeof path, "/proc/%d/uid_map", (int)pid);
    snprintf(text, sizeof text, "0 %u 1\n", (unsigned)geteuid());
    if (write_file(path, text) < 0)
        return err_sys(err, "cannot map the user into a namespace");
    snprintf(path, sizeof path, "/proc/%d/gid_map", (int)pid);
    snprintf(text, sizeof text, "0 %u 1\n", (unsigned)getegid());
    return write_file(path, text) < 0 ? err_sys(err, "cannot map the group into a namespace") : 0;
}

/* Waits for "go", lays the bridge, answers, and lives until the keeper's end of the socket is gone.
 */
static void hub_main(int socket)
{
    struct err err = {{0}};
    char go;

    setsid();
    if (recv(socket, &go, 1, 0) != 1)
        _exit(1);
    int result = labnet_bridge_create(&err);
    if (send(socket, err.text, strlen(err.text) + 1, 0) < 0 || result < 0)
        _exit(1);
    socket = silence(socket);
    signal(SIGCHLD, SIG_IGN);
    while (recv(socket, &go, 1, 0) < 0 && errno == EINTR)
        ;
    _exit(0);
}

static pid_t hub_start(const char *dir, int userns, int *socket_out, struct err *err)
{
    char said[ERR_TEXT_MAX];
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return err_sys(err, "cannot make a socket");
    pid_t hub = fork_into(HOST_SPACES | (userns ? CLONE_NEWUSER : 0));
    if (hub < 0)
        return err_sys(err, "cannot make namespaces%s", userns ? " as an ordinary user" : "");
    if (hub == 0) {
        close(pair[0]);
        hub_main(pair[1]);
    }
    close(pair[1]);
    *socket_out = pair[0];
    if (userns && map_user(hub, err) < 0)
        return -1;
    ssize_t got = send(pair[0], "g", 1, 0) == 1 ? recv(pair[0], said, sizeof said, 0) : -1;
    if (got <= 0)
        return err_set(err, "the lab's hub died");
    if (said[0] != '\0')
        return err_set(err, "cannot lay the lab's bridge: %s", said);
    return number_put(dir, "hub.pid", hub, err) < 0 ? -1 : hub;
}

static void files_drop(const char *dir)
{
    static const char *const names[] = {"options", "keeper.pid", "hub.pid", "root"};
    char name[16];

    for (int i = 1; i <= LAB_HOSTS_MAX; i++) {
        host_name(i, name);
        file_drop(dir, name);
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        file_drop(dir, names[i]);
}

/* Lives as long as the watched process; its end, however it comes, closes the hub's socket. */
static void keeper_main(const char *dir, const struct lab_options *options, int answer)
{
    struct err err = {{0}};
    struct pollfd ends[2] = {{.fd = -1, .events = POLLIN}, {.fd = -1, .events = POLLIN}};
    int socket = -1;

    setsid();
    pid_t hub = hub_start(dir, options->userns || geteuid() != 0, &socket, &err);
    if (hub > 0)
        number_put(dir, "keeper.pid", getpid(), &err);
    if (write(answer, err.text, strlen(err.text) + 1) < 0 || err.text[0] != '\0')
        _exit(1);
    socket = silence(socket);
    ends[0].fd = pidfd_of(hub);
    if (options->watch > 0)
        ends[1].fd = pidfd_of(options->watch);
    while (poll(ends, options->watch > 0 && ends[1].fd < 0 ? 0 : 2, -1) < 0 && errno == EINTR)
        ;
    close(socket);
    wait_gone(hub);
    files_drop(dir);
    rmdir(dir);
    _exit(0);
}

static int keeper_start(const char *dir, const struct lab_options *options, struct err *err)
{
    char said[ERR_TEXT_MAX];
    int answer[2];

    if (pipe2(answer, O_CLOEXEC) < 0)
        return err_sys(err, "cannot make a pipe");
    pid_t keeper = fork();
    if (keeper < 0)
        return err_sys(err, "cannot fork");
    if (keeper == 0) {
        close(answer[0]);
        keeper_main(dir, options, answer[1]);
    }
    close(answer[1]);
    ssize_t got = read(answer[0], said, sizeof said - 1);
    said[got > 0 ? got : 0] = '\0';
    close(answer[0]);
    if (got <= 0)
        return err_set(err, "the lab's keeper died");
    return said[0] != '\0' ? err_set(err, "%s", said) : 0;
}

int lab_up(const char *dir, const struct lab_options *options, struct err *err)
{
    char *root = mem_format("%s/root", dir);

    if (number_get(dir, "keeper.pid") > 0) {
        free(root);
        return err_set(err, "there is a lab in %s already", dir);
    }
    int result = mkdir(root, 0755) < 0 ? err_sys(err, "cannot make %s", root) : 0;
    free(root);
    if (result == 0)
        result = options_save(dir, options, err);
    if (result == 0)
        result = keeper_start(dir, options, err);
    for (int i = 1; result == 0 && i <= options->hosts; i++)
        result = host_start(dir, i, options, err);
    if (result < 0)
        lab_down(dir, NULL);
    return result;
}

int lab_down(const char *dir, struct err *err)
{
    long keeper = number_get(dir, "keeper.pid");
    long hub = number_get(dir, "hub.pid");

    if (keeper > 0 && kill((pid_t)keeper, SIGTERM) < 0 && errno != ESRCH)
        return err_sys(err, "cannot end the lab's keeper");
    if (keeper > 0)
        wait_gone((pid_t)keeper);
    if (hub > 0)
        wait_gone((pid_t)hub);
    files_drop(dir);
    return 0;
}
