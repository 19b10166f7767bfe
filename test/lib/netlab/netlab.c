/* SPDX-License-Identifier: BSD-3-Clause */
/* netlab.c - hosts for tests: namespaces on one machine, joined by a bridge
 *
 * Several labs may be up at once: each lives in the directory that NETLAB_DIR names. See lab.h for
 * the processes, labroot.h for what a host sees, labnet.h for its cables. */
#include "config.h"

#include "base/err.h"
#include "base/mem.h"
#include "lab.h"
#include "labnet.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static const char usage[] =
    "netlab up N [--rate MBIT] [--bind [hI:]SOURCE[:TARGET]]... [--bind-rw ...]... [--watch PID] "
    "[--userns]\n"
    "            hosts h1..hN (10.77.0.1.., fd00::1..); they end with process PID (default: who "
    "called; 0: never)\n"
    "netlab exec HOST COMMAND [ARG]...   runs it there as a login would; HOST \"hub\" is the "
    "switch between them\n"
    "netlab cut HOST | mend HOST         unplugs the cable, plugs it in again\n"
    "netlab rate HOST MBIT               limits its cable; 0: no limit\n"
    "netlab hide HOST PATH...            removes a file or folder of /usr or /etc on that host "
    "alone\n"
    "netlab kill HOST | boot HOST        pulls the plug; starts it anew, with empty disks\n"
    "netlab pid HOST                     process id of the host's init\n"
    "netlab down\n"
    "The environment variable NETLAB_DIR names the directory of the lab, empty at `up`.\n";

static int parse_host(const char *name, struct err *err)
{
    char *end;
    long host = name[0] == 'h' ? strtol(name + 1, &end, 10) : -1;

    if (strcmp(name, "hub") == 0)
        return 0;
    if (host < 1 || host > LAB_HOSTS_MAX || *end != '\0')
        return err_set(err, "\"%s\" is no host; they are h1, h2, ...", name);
    return (int)host;
}

static int parse_bind(struct lab_options *options, char *text, int writable, struct err *err)
{
    struct labroot_bind bind = {.writable = writable};
    char *colon = strchr(text, ':');

    if (text[0] == 'h' && colon != NULL) {
        *colon = '\0';
        bind.host = parse_host(text, err);
        if (bind.host < 0)
            return -1;
        text = colon + 1;
        colon = strchr(text, ':');
    }
    if (colon != NULL)
        *colon = '\0';
    bind.source = realpath(text, NULL);
    if (bind.source == NULL)
        return err_sys(err, "cannot bind %s", text);
    bind.target = mem_string(colon != NULL ? colon + 1 : bind.source);
    options->binds = mem_grow(options->binds, options->bind_count + 1, sizeof bind);
    options->binds[options->bind_count++] = bind;
    return 0;
}

static int parse_up(struct lab_options *options, int argc, char **argv, struct err *err)
{
    static const struct option longs[] = {
        {"rate", required_argument, NULL, 'r'},    {"bind", required_argument, NULL, 'b'},
        {"bind-rw", required_argument, NULL, 'w'}, {"watch", required_argument, NULL, 'p'},
        {"userns", no_argument, NULL, 'u'},        {NULL, 0, NULL, 0}};
    int option;

    while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        if (option == 'r')
            options->mbit = (unsigned)atoi(optarg);
        else if (option == 'p')
            options->watch = atoi(optarg);
        else if (option == 'u')
            options->userns = 1;
        else if (option == '?')
            return err_set(err, "usage:\n%s", usage);
        else if (parse_bind(options, optarg, option == 'w', err) < 0)
            return -1;
    }
    options->hosts = optind < argc ? atoi(argv[optind]) : 0;
    if (options->hosts < 1 || options->hosts > LAB_HOSTS_MAX)
        return err_set(err, "a lab has 1 to %d hosts", LAB_HOSTS_MAX);
    return 0;
}

static int command_up(const char *dir, int argc, char **argv, struct err *err)
{
    struct lab_options options = {.watch = getppid()};
    int result = parse_up(&options, argc, argv, err);

    if (result == 0)
        result = lab_up(dir, &options, err);
    lab_options_clear(&options);
    return result;
}

/* ------------------------------------------------------------ exec */

static pid_t exec_child;

/* A signal from the terminal reaches the child by itself; one that was sent to us alone is passed
 * on. */
static void pass_signal(int number, siginfo_t *info, void *context)
{
    (void)context;
    if (info->si_code <= 0)
        kill(exec_child, number);
}

static void pass_signals(void)
{
    static const int numbers[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM,
                                  SIGUSR1, SIGUSR2, SIGCONT, SIGWINCH};
    struct sigaction action = {.sa_sigaction = pass_signal, .sa_flags = SA_SIGINFO | SA_RESTART};

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        sigaction(numbers[i], &action, NULL);
}

/* The environment of a fresh login, and what sanitizers and the variable NETLAB_PASS ("A B C") ask
 * for. */
static void login_environment(void)
{
    static const char fixed[] = "TERM LANG LC_ALL ASAN_OPTIONS UBSAN_OPTIONS LSAN_OPTIONS";
    const char *more = getenv("NETLAB_PASS");
    const char *programs = getenv("NETLAB_PATH");
    char *path = mem_format("%s%s/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
                            programs != NULL ? programs : "", programs != NULL ? ":" : "");
    char *names = mem_format("%s %s", fixed, more != NULL ? more : "");
    char *keep[64], *rest = names, *name;
    size_t count = 0;

    while (count < 64 && (name = strsep(&rest, " ")) != NULL) {
        const char *value = *name != '\0' ? getenv(name) : NULL;
        if (value != NULL)
            keep[count++] = mem_format("%s=%s", name, value);
    }
    clearenv();
    for (size_t i = 0; i < count; i++)
        putenv(keep[i]);
    setenv("HOME", "/root", 1);
    setenv("USER", "root", 1);
    setenv("LOGNAME", "root", 1);
    setenv("SHELL", "/bin/sh", 1);
    setenv("PATH", path, 1);
    free(path);
}

/* A shell starts background commands with SIGINT ignored; a login has it. */
static void login_signals(void)
{
    static const int numbers[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE};

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        signal(numbers[i], SIG_DFL);
}

static void exec_here(char **argv)
{
    login_signals();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    login_environment();
    execvp(argv[0], argv);
    int code = errno == ENOENT ? 127 : 126;
    fprintf(stderr, "netlab: cannot run %s: %s\n", argv[0], strerror(errno));
    _exit(code);
}

static int command_exec(const char *dir, int host, char **argv, struct err *err)
{
    sigset_t all, old;
    int status;
    pid_t pid = lab_pid(dir, host, err);

    if (pid < 0 || lab_join(pid, 0, err) < 0)
        return -1;
    if (host != 0 && chdir("/root") < 0)
        return err_sys(err, "cannot go to /root");
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &old);
    exec_child = fork();
    if (exec_child < 0)
        return err_sys(err, "cannot fork");
    if (exec_child == 0) {
        sigprocmask(SIG_SETMASK, &old, NULL);
        exec_here(argv);
    }
    pass_signals();
    sigprocmask(SIG_SETMASK, &old, NULL);
    while (waitpid(exec_child, &status, 0) < 0)
        if (errno != EINTR)
            return err_sys(err, "cannot wait");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* ------------------------------------------------------------ the rest: something small inside a
 * host or the hub */

static int enter(const char *dir, int host, struct err *err)
{
    pid_t pid = lab_pid(dir, host, err);

    return pid < 0 ? -1 : lab_join(pid, 0, err);
}

static int command_switch(const char *dir, int host, int up, struct err *err)
{
    if (host == 0)
        return err_set(err, "the hub has no cable");
    return enter(dir, 0, err) < 0 ? -1 : labnet_port_switch(host, up, err);
}

static int command_rate(const char *dir, int host, const char *mbit, struct err *err)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        if (enter(dir, host, err) == 0 && labnet_host_rate((unsigned)atoi(mbit), err) == 0)
            _exit(0);
        fprintf(stderr, "netlab: %s\n", err->text);
        _exit(1);
    }
    if (child < 0 || waitpid(child, &status, 0) < 0 || status != 0)
        return err_set(err, "cannot limit h%d", host);
    return enter(dir, 0, err) < 0 ? -1 : labnet_port_rate(host, (unsigned)atoi(mbit), err);
}

static int command_hide(const char *dir, int host, char **paths, struct err *err)
{
    if (host == 0)
        return err_set(err, "the hub has no files of its own");
    for (char **path = paths; *path != NULL; path++)
        if (**path != '/' || (*path)[1] == '\0')
            return err_set(err, "%s is no absolute path", *path);
    return enter(dir, host, err) < 0 ? -1 : labroot_hide(paths, err);
}

static int command_pid(const char *dir, int host, struct err *err)
{
    pid_t pid = lab_pid(dir, host, err);

    if (pid > 0)
        printf("%d\n", (int)pid);
    return pid < 0 ? -1 : 0;
}

static int command_run(const char *dir, int argc, char **argv, struct err *err)
{
    const char *command = argv[1];

    if (strcmp(command, "up") == 0)
        return command_up(dir, argc - 1, argv + 1, err);
    if (strcmp(command, "down") == 0)
        return lab_down(dir, err);
    int host = argc > 2 ? parse_host(argv[2], err) : err_set(err, "which host?\n%s", usage);
    if (host < 0)
        return -1;
    if (strcmp(command, "exec") == 0 && argc > 3)
        return command_exec(dir, host, argv + 3, err);
    if (strcmp(command, "cut") == 0 || strcmp(command, "mend") == 0)
        return command_switch(dir, host, command[0] == 'm', err);
    if (strcmp(command, "rate") == 0 && argc > 3)
        return command_rate(dir, host, argv[3], err);
    if (strcmp(command, "hide") == 0 && argc > 3)
        return command_hide(dir, host, argv + 3, err);
    if (strcmp(command, "kill") == 0)
        return lab_kill(dir, host, err);
    if (strcmp(command, "boot") == 0)
        return lab_boot(dir, host, err);
    if (strcmp(command, "pid") == 0)
        return command_pid(dir, host, err);
    return err_set(err, "no such command: %s\n%s", command, usage);
}

#ifdef __SANITIZE_ADDRESS__
/* The search for leaks wants a thread, which a process between two PID namespaces cannot have: it
 * would spin for ever. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return 1;
}
#endif

int main(int argc, char **argv)
{
    struct err err = {{0}};
    const char *dir = getenv("NETLAB_DIR");
    const char *path = getenv("PATH");

    if (argc < 2 || strcmp(argv[1], "--help") == 0) {
        fputs(usage, argc < 2 ? stderr : stdout);
        return argc < 2;
    }
    char *wider = mem_format("%s:/usr/sbin:/sbin", path != NULL ? path : "/usr/bin:/bin");
    setenv("PATH", wider, 1); /* ip and tc, for an ordinary user */
    free(wider);
    char *real = dir != NULL ? realpath(dir, NULL) : NULL;
    int result = real == NULL ? err_set(&err, "NETLAB_DIR must name a directory")
                              : command_run(real, argc, argv, &err);
    free(real);
    if (result < 0)
        fprintf(stderr, "netlab: %s\n", err.text);
    return result < 0 ? 125 : result;
}
