/* SPDX-License-Identifier: BSD-3-Clause */
/* p2pmpid.c - the daemon of one owner on one host: lends CPUs, and finds those of others for its owner's jobs */
#include "config.h"

#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/cli_main.h"
#include "peer/daemon.h"
#include "peer/settings.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct options {
    const char *config;
    int fd;             /* private: the inherited socket */
    bool is_daemon;
    const char *sets[64];
    size_t set_count;
};

static const char usage[] =
    "Usage: p2pmpid [--config FILE] [--set KEY=VALUE]... [--daemon]\n"
    "Lends this host's CPUs to a grid and runs its owner's jobs on other hosts.\n\n"
    "  --config FILE    configuration, instead of p2pmpid.conf in the configuration directory\n"
    "  --set KEY=VALUE  a value of the configuration; see p2pmpid.conf(5)\n"
    "  --daemon         go to the background and write a log file\n"
    "  --private --fd N serve one p2pmpirun over an inherited socket (used by p2pmpirun)\n"
    "  --help, --version\n";

static int parse(int argc, char **argv, struct options *options)
{
    enum { OPT_CONFIG = 256, OPT_SET, OPT_DAEMON, OPT_PRIVATE, OPT_FD };
    static const struct option table[] = {
        {"config", required_argument, NULL, OPT_CONFIG}, {"set", required_argument, NULL, OPT_SET},
        {"daemon", no_argument, NULL, OPT_DAEMON},       {"private", no_argument, NULL, OPT_PRIVATE},
        {"fd", required_argument, NULL, OPT_FD},         TOOL_OPTIONS,
        {0}};
    int option;

    while ((option = tool_option(argc, argv, "", table, usage)) != -1)
        switch (option) {
        case OPT_CONFIG:
            options->config = optarg;
            break;
        case OPT_SET:
            if (options->set_count == sizeof options->sets / sizeof options->sets[0])
                return fputs("p2pmpid: too many --set\n", stderr), -1;
            options->sets[options->set_count++] = optarg;
            break;
        case OPT_DAEMON:
            options->is_daemon = true;
            break;
        case OPT_FD:
            options->fd = atoi(optarg);
            break;
        }
    return 0;
}

static int read_settings(const struct options *options, struct settings *settings, enum log_level *level,
                         struct err *err)
{
    struct dirs dirs;
    int result = 0;

    if (options->fd < 0) { /* a private one has no configuration */
        if (dirs_find(&dirs, err) < 0)
            return -1;
        char *path =
            options->config != NULL ? mem_string(options->config) : mem_format("%s/p2pmpid.conf", dirs.config);
        result = settings_read(settings, path, options->config != NULL, err);
        free(path);
        dirs_clear(&dirs);
    }
    for (size_t i = 0; result == 0 && i < options->set_count; i++)
        result = settings_set(settings, options->sets[i], err);
    if (result == 0)
        *level = settings_log_level(settings);
    return result;
}

/* The log goes to STATE/p2pmpid.log of a background daemon; the caller waits until it is up, or says why not. */
static int start_log(bool is_daemon, enum log_level level, struct err *err)
{
    struct dirs dirs;

    if (!is_daemon)
        return log_open("p2pmpid", level, NULL);
    if (dirs_find(&dirs, err) < 0)
        return -1;
    char *path = mem_format("%s/p2pmpid.log", dirs.state);
    int result = log_open("p2pmpid", level, path);
    if (result < 0)
        err_sys(err, "cannot write %s", path);
    free(path);
    dirs_clear(&dirs);
    return result;
}

/* The parent waits for one byte of the child, which says that it is up, and ends. */
static int go_background(int *ready_fd)
{
    int pipes[2];
    char byte = 1;

    if (pipe2(pipes, O_CLOEXEC) < 0)
        return -1;
    pid_t pid = fork();
    if (pid < 0)
        return -1;
    if (pid > 0) {
        close(pipes[1]);
        exit(read(pipes[0], &byte, 1) == 1 && byte == 0 ? 0 : 1);
    }
    close(pipes[0]);
    *ready_fd = pipes[1];
    setsid();
    return chdir("/");
}

static void tell_ready(int ready_fd)
{
    int null = open("/dev/null", O_RDWR);

    dup2(null, 0);
    dup2(null, 1);
    dup2(null, 2);
    if (null > 2)
        close(null);
    if (write(ready_fd, "", 1) == 1)
        close(ready_fd);
}

int main(int argc, char **argv)
{
    struct options options = {.fd = -1};
    struct settings settings;
    enum log_level level = LOG_LEVEL_INFO;
    struct err err;
    int ready_fd = -1;

    if (parse(argc, argv, &options) < 0)
        return 1;
    settings_init(&settings);
    if (read_settings(&options, &settings, &level, &err) < 0)
        goto fail;
    if (options.fd >= 0)
        level = LOG_LEVEL_ERROR;
    if (options.is_daemon && go_background(&ready_fd) < 0) {
        err_sys(&err, "cannot go to the background");
        goto fail;
    }
    struct daemon *daemon = daemon_create(&settings, options.fd, &err);
    if (daemon == NULL || start_log(options.is_daemon, level, &err) < 0)
        goto fail;
    if (ready_fd >= 0)
        tell_ready(ready_fd);
    int code = daemon_run(daemon);
    daemon_destroy(daemon);
    log_close();
    return code;
fail:
    fprintf(stderr, "p2pmpid: %s\n", err.text);
    settings_clear(&settings);
    return 1;
}
