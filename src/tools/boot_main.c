/* SPDX-License-Identifier: BSD-3-Clause */
/* boot_main.c - p2pmpi-boot: starts this owner's p2pmpid in the background and tells how it is */
#include "config.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/program.h"
#include "tools/tool_asker.h"
#include "cli/cli_main.h"
#include "cli/cli_wait.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_MS 15000 /* until p2pmpid answers */
#define GRID_MS  3000  /* until a supernode has taken it; then we say that none has */
#define ASK_MS   5000
#define LOOK_MS  50

extern char **environ;

static const char usage[] =
    "usage: p2pmpi-boot [OPTION]...\n"
    "Starts p2pmpid in the background: this machine lends its processors and may use the grid's.\n"
    "\n"
    "      --grid FILE       the grid to belong to; without it the one joined with p2pmpi-grid\n"
    "      --port PORT       TCP port for other peers; 0: any\n"
    "      --slots N         lend so many\n"
    "      --name NAME       the name that others see\n"
    "      --config FILE     configuration instead of the usual p2pmpid.conf\n"
    "      --set KEY=VALUE   any other key of p2pmpid.conf(5); may be given several times\n"
    "  -V, --version         tell the version\n"
    "  -h, --help            tell this\n";

/* The command line of p2pmpid. */
struct command {
    char **words; /* NULL-ended, owned */
    size_t count;
};

static void add_take(struct command *command, char *word)
{
    command->words = mem_grow(command->words, command->count + 2, sizeof(char *));
    command->words[command->count++] = word;
    command->words[command->count] = NULL;
}

static void add_setting(struct command *command, const char *key, const char *value)
{
    add_take(command, mem_string("--set"));
    add_take(command, key != NULL ? mem_format("%s=%s", key, value) : mem_string(value));
}

/* p2pmpid leaves our directory. */
static char *whole_path(const char *path)
{
    char *whole = realpath(path, NULL);

    if (whole == NULL) {
        fprintf(stderr, "p2pmpi-boot: cannot read %s: %s\n", path, strerror(errno));
        exit(1);
    }
    return whole;
}

static void add_path(struct command *command, int code)
{
    char *path = whole_path(optarg);

    if (code == 'g') {
        add_setting(command, "grid", path);
    } else {
        add_take(command, mem_string("--config"));
        add_take(command, mem_string(path));
    }
    free(path);
}

static void read_options(struct command *command, int argc, char **argv)
{
    static const struct option longs[] = {{"grid", required_argument, NULL, 'g'},
                                          {"port", required_argument, NULL, 'p'},
                                          {"slots", required_argument, NULL, 's'},
                                          {"name", required_argument, NULL, 'n'},
                                          {"config", required_argument, NULL, 'c'},
                                          {"set", required_argument, NULL, 'k'},
                                          TOOL_OPTIONS,
                                          {0}};
    int code;

    add_take(command, mem_string("p2pmpid"));
    add_take(command, mem_string("--daemon"));
    while ((code = tool_option(argc, argv, "", longs, usage)) != -1)
        switch (code) {
        case 'g':
        case 'c':
            add_path(command, code);
            break;
        case 'p':
            add_setting(command, "port", optarg);
            break;
        case 's':
            add_setting(command, "slots", optarg);
            break;
        case 'n':
            add_setting(command, "name", optarg);
            break;
        case 'k':
            add_setting(command, NULL, optarg);
            break;
        }
}

/* p2pmpid says on our standard error what is wrong with its configuration. */
static pid_t start(const struct command *command, struct err *err)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    sigset_t pipe_signal;
    pid_t pid;

    char *program = program_find("p2pmpid", err);
    if (program == NULL)
        return -1;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    posix_spawnattr_init(&how);
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    posix_spawnattr_setsigdefault(&how, &pipe_signal);
    posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGDEF);
    int failed = posix_spawn(&pid, program, &files, &how, command->words, environ);
    posix_spawnattr_destroy(&how);
    posix_spawn_file_actions_destroy(&files);
    errno = failed;
    if (failed != 0)
        err_sys(err, "cannot start %s", program);
    free(program);
    return failed != 0 ? -1 : pid;
}

/* 1 when it has failed: its own sentence stands on standard error already. */
static int has_failed(pid_t *pid, struct err *err)
{
    int status;

    if (*pid <= 0 || waitpid(*pid, &status, WNOHANG) <= 0)
        return 0;
    *pid = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0; /* it went into the background */
    if (WIFSIGNALED(status))
        err_set(err, "p2pmpid did not start: it was killed by signal %d", WTERMSIG(status));
    else
        err_set(err, "p2pmpid did not start (exit code %d)", WEXITSTATUS(status));
    return 1;
}

/* It goes into the background: what we started ends by itself. */
static void reap(pid_t pid)
{
    if (pid > 0 && wait_gone(pid, START_MS) == 0)
        waitpid(pid, NULL, 0);
}

static struct asker *wait_until_up(pid_t pid, struct err *err)
{
    int64_t until = clock_now_ms() + START_MS;

    for (;;) {
        struct asker *asker = asker_create("p2pmpi-boot", ASK_MS, err);
        if (asker != NULL) {
            reap(pid);
            return asker;
        }
        if (errno != ENOENT && errno != ECONNREFUSED)
            return NULL;
        if (has_failed(&pid, err))
            return NULL;
        if (clock_now_ms() > until) {
            err_set(err, "p2pmpid does not answer within %d s; look at its log", START_MS / 1000);
            return NULL;
        }
        poll(NULL, 0, LOOK_MS);
    }
}

static bool take_status(const Wire__Frame *frame, void *arg)
{
    if (frame->body_case != WIRE__FRAME__BODY_STATUS)
        return true;
    *(Wire__Status **)arg = message_copy(&frame->status->base);
    return false;
}

static int ask_status(struct asker *asker, Wire__Status **status, struct err *err)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__StatusQuery query = WIRE__STATUS_QUERY__INIT;

    message_free(*status);
    *status = NULL;
    frame.body_case = WIRE__FRAME__BODY_STATUS_QUERY;
    frame.status_query = &query;
    return asker_ask(asker, &frame, ASK_MS, take_status, status, err);
}

/* A fresh daemon needs a moment to reach its supernodes. */
static int ask_until_in_grid(struct asker *asker, Wire__Status **status, struct err *err)
{
    int64_t until = clock_now_ms() + GRID_MS;

    for (;;) {
        if (ask_status(asker, status, err) < 0)
            return -1;
        if ((*status)->supernodes == 0 || (*status)->supernodes_up > 0 || clock_now_ms() > until)
            return 0;
        poll(NULL, 0, LOOK_MS);
    }
}

static void print_status(const Wire__Status *status, const char *how)
{
    const Wire__Peer *self = status->self;

    printf("p2pmpid %s as %s (process %u)", how, self != NULL ? self->name : "?", status->pid);
    if (self != NULL && self->n_addrs > 0)
        printf(", port %u", self->addrs[0]->port);
    if (self != NULL && self->load != NULL)
        printf(", %u slots", self->load->slots);
    putchar('\n');
    if (status->grid[0] == '\0')
        puts("it belongs to no grid; join one with p2pmpi-grid join FILE and start it again");
    else
        printf("grid %s: %u of %u supernode%s, %u peer%s known, %u alive\n", status->grid,
               status->supernodes_up, status->supernodes, status->supernodes == 1 ? "" : "s",
               status->peers, status->peers == 1 ? "" : "s", status->peers_alive);
    if (status->supernodes > 0 && status->supernodes_up == 0 && status->warning[0] == '\0')
        fprintf(
            stderr,
            "p2pmpi-boot: warning: no supernode answers yet; known peers are used, p2pmpid goes on "
            "trying\n");
    if (status->warning[0] != '\0')
        fprintf(stderr, "p2pmpi-boot: warning: %s\n", status->warning);
}

static struct asker *boot(const struct command *command, const char **how, struct err *err)
{
    struct asker *asker = asker_create("p2pmpi-boot", ASK_MS, err);

    *how = "runs already";
    if (asker != NULL || (errno != ENOENT && errno != ECONNREFUSED))
        return asker;
    *how = "runs";
    pid_t pid = start(command, err);
    return pid < 0 ? NULL : wait_until_up(pid, err);
}

int main(int argc, char **argv)
{
    struct command command = {NULL, 0};
    Wire__Status *status = NULL;
    const char *how;
    struct err err;

    tool_begin();
    read_options(&command, argc, argv);
    struct asker *asker = boot(&command, &how, &err);
    int failed = asker == NULL ? -1 : ask_until_in_grid(asker, &status, &err);
    if (failed == 0)
        print_status(status, how);
    asker_destroy(asker);
    message_free(status);
    for (size_t i = 0; i < command.count; i++)
        free(command.words[i]);
    free(command.words);
    return failed < 0 ? tool_fail("p2pmpi-boot", &err) : tool_end("p2pmpi-boot");
}
