/* SPDX-License-Identifier: BSD-3-Clause */
/* stepd.c - p2pmpi-stepd: the PMIx server of a job's ranks on one host, and their parent */
#include "config.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/cli_main.h"
#include "job/roster.h"
#include "pmix-server/px_abort.h"
#include "pmix-server/px_daemon.h"
#include "pmix-server/px_fence.h"
#include "pmix-server/px_host.h"
#include "pmix-server/px_iof.h"
#include "pmix-server/px_keeper.h"
#include "pmix-server/px_launch.h"
#include "pmix-server/px_modex.h"
#include "pmix-server/px_query.h"
#include "pmix-server/px_reap.h"
#include "pmix-server/px_route.h"
#include "pmix-server/px_step.h"
#include "pmix-server/px_upcall.h"

#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UID_UNMAPPED                                                                               \
    65534 /* whom a user namespace does not know looks like this user: the guard would be blind */
#define PMIX_END_S 2 /* PMIx has that long to end */
#define SOCKET_FD  3 /* bound and listening: DIR/step.sock */

struct px_rank *px_rank_find(struct px_step *step, uint32_t rank)
{
    for (size_t i = 0; i < step->rank_count; i++)
        if (step->ranks[i].rank == rank)
            return &step->ranks[i];
    return NULL;
}

void px_step_end(struct px_step *step)
{
    if (step->is_ending)
        return;
    step->is_ending = true;
    px_reap_signal(step, SIGKILL);
    event_base_loopbreak(step->base);
}

static void on_terminate(evutil_socket_t number, short what, void *arg)
{
    struct px_step *step = arg;

    (void)what;
    log_warning("ended by a signal number=%d", (int)number);
    step->is_orphan = true;
    px_step_end(step);
}

static int read_arguments(int argc, char **argv, struct px_step *step)
{
    static const char usage[] = "usage: p2pmpi-stepd --dir DIR --job JOB [--tools]\n"
                                "Started by p2pmpid, with DIR/step.sock as descriptor 3.\n";
    static const struct option options[] = {{"dir", required_argument, NULL, 'd'},
                                            {"job", required_argument, NULL, 'j'},
                                            {"tools", no_argument, NULL, 't'},
                                            TOOL_OPTIONS,
                                            {0}};
    int option;

    while ((option = tool_option(argc, argv, "", options, usage)) != -1)
        switch (option) {
        case 'd':
            step->dir = optarg;
            break;
        case 'j':
            step->job = optarg;
            break;
        case 't':
            step->is_for_tools = true;
            break;
        }
    if (step->dir != NULL && *step->dir == '/' && step->job != NULL)
        return 0;
    fputs(usage, stderr);
    return -1;
}

/* Shared memory segments of the ranks: where Open MPI would put them, but in a directory of this
 * host's part of this job alone (several hosts of a job may be one machine), which can be removed.
 */
static void make_shm_dir(char *path, size_t size, const char *job)
{
    snprintf(path, size, "/dev/shm/p2pmpi-%.8s-XXXXXX", job);
    if (mkdtemp(path) == NULL)
        *path = '\0';
}

/* Open MPI and PMIx crash where neither the environment nor the system knows a home. */
static void ensure_home(void)
{
    if (getenv("HOME") == NULL && getpwuid(geteuid()) == NULL)
        setenv("HOME", "/", 1);
}

/* Pipes of ranks must not land there. */
static void fill_standard_fds(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

static void open_log(const struct px_step *step)
{
    char *path = mem_format("%s/log", step->dir);
    const char *wanted = getenv("P2PMPI_LOG");
    enum log_level level = LOG_LEVEL_INFO;

    if (wanted != NULL)
        log_level_parse(wanted, &level);
    log_open("p2pmpi-stepd", level, path);
    free(path);
}

static int serve(struct px_step *step)
{
    struct err err;

    step->base = event_base_new();
    struct event *terminate = evsignal_new(step->base, SIGTERM, on_terminate, step);
    event_add(terminate, NULL);
    px_iof_open(step);
    px_query_open(step);
    if (px_upcall_open(step) != 0 || px_reap_open(step) != 0 || px_host_start(step, &err) != 0) {
        log_error("%s", err.text);
        return 1;
    }
    if (px_daemon_open(step, SOCKET_FD) != 0) {
        log_error("descriptor %d is no listening socket", SOCKET_FD);
        return 1;
    }
    event_base_dispatch(step->base);

    step->is_ending = true;
    px_reap_close();
    px_reap_all();
    px_iof_drain(step); /* the last words of ranks that were killed */
    px_upcall_drain();
    px_abort_close(step);
    px_fence_close(step);
    px_modex_close(step);
    px_query_close(step);
    px_launch_close(step);
    px_route_close(step);
    px_iof_close(step);
    px_daemon_close(step);
    px_upcall_close();
    event_free(terminate);
    event_base_dispatch(step->base); /* until the last words are written */
    event_base_free(step->base);
    return 0;
}

static void remove_traces(const struct px_step *step)
{
    static const char *const made[] = {"pmix", "tmp", "tools"};
    static const char *const rest[] = {"work", "lib", "bin", "log", "step.sock"};
    size_t rest_count = step->is_orphan ? sizeof rest / sizeof *rest : 0;

    if (*step->shm_dir != '\0')
        file_remove_tree(step->shm_dir, NULL);
    for (size_t i = 0; i < sizeof made / sizeof *made + rest_count; i++) {
        const char *name = i < 3 ? made[i] : rest[i - 3];
        char *path = mem_format("%s/%s", step->dir, name);

        file_remove_tree(path, NULL);
        free(path);
    }
}

static void give_up(int number)
{
    (void)number;
    _exit(0);
}

/* Last, since all else is done then: a library that hangs must not keep anything. */
static void stop_pmix(void)
{
    signal(SIGALRM, give_up);
    alarm(PMIX_END_S);
    px_host_stop();
    alarm(0);
}

static void step_clear(struct px_step *step)
{
    for (size_t i = 0; i < step->rank_count; i++)
        message_free(step->ranks[i].exit);
    free(step->ranks);
    roster_destroy(step->roster);
    message_free(step->start);
}

int main(int argc, char **argv, char **environment)
{
    struct px_step step = {.environment = environment};
    char shm_dir[64], own_name[256] = "localhost";

    if (read_arguments(argc, argv, &step) < 0)
        return 1;
    if (geteuid() == UID_UNMAPPED) {
        fprintf(stderr,
                "p2pmpi-stepd: user %d cannot be told from strangers; start it as another\n",
                UID_UNMAPPED);
        return 1;
    }
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    ensure_home();
    fill_standard_fds();
    gethostname(own_name, sizeof own_name - 1);
    step.own_name = own_name;
    *shm_dir = '\0';
    if (!step.is_for_tools)
        make_shm_dir(shm_dir, sizeof shm_dir, step.job);
    step.shm_dir = shm_dir;
    if (px_keeper_start(shm_dir, SOCKET_FD) != 0) {
        perror("p2pmpi-stepd");
        return 1;
    }
    open_log(&step);
    int code = serve(&step);
    remove_traces(&step);
    stop_pmix();
    log_close();
    step_clear(&step);
    return code;
}
