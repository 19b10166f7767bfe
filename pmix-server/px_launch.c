/* SPDX-License-Identifier: BSD-3-Clause */
/* px_launch.c - the ranks of this host: started, and how they ended */
#include "config.h"
#include "pmix-server/px_launch.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "pmix-server/px_child.h"
#include "pmix-server/px_daemon.h"
#include "pmix-server/px_env.h"
#include "pmix-server/px_event.h"
#include "pmix-server/px_fence.h"
#include "pmix-server/px_iface.h"
#include "pmix-server/px_iof.h"
#include "pmix-server/px_map.h"
#include "pmix-server/px_modex.h"
#include "pmix-server/px_nspace.h"
#include "pmix-server/px_reap.h"
#include "pmix-server/px_replicas.h"
#include "pmix-server/px_route.h"
#include "pmix-server/px_step.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct px_launch {
    struct px_step *step; /* borrowed */
    struct event *report; /* the pipe on which children tell that they cannot run the program */
    int report_fd;
    struct err error; /* the first such sentence */
    bool is_told_done;
};

/* Several hosts of a job may be daemons on one machine. */
static bool is_same_machine(const Wire__JobHost *a, const Wire__JobHost *b)
{
    return a == b ||
           (a->peer->host != NULL && b->peer->host != NULL && *a->peer->host->machine_id != '\0' &&
            strcmp(a->peer->host->machine_id, b->peer->host->machine_id) == 0);
}

bool px_launch_is_crowded(const struct px_step *step)
{
    const Wire__JobSpec *spec = px_spec(step);
    size_t ranks = 0;
    cpu_set_t cpus;

    if (spec->oversubscribed)
        return true;
    for (size_t i = 0; i < spec->n_rank_host; i++)
        ranks += is_same_machine(spec->hosts[spec->rank_host[i]], spec->hosts[step->start->host]);
    return sched_getaffinity(0, sizeof cpus, &cpus) == 0 && ranks > (size_t)CPU_COUNT(&cpus);
}

/* ---- the environment */

static void set_user_variables(char ***env, const Wire__JobSpec *spec)
{
    for (size_t i = 0; i < spec->n_env; i++)
        if (spec->env[i]->unset)
            env_unset(env, spec->env[i]->name);
        else
            env_set(env, spec->env[i]->name, spec->env[i]->value);
}

/* Ranks of several hosts must find each other by the address that reaches the others: another
 * network of this host (docker0, virbr0) would be tried too, and time out. Open MPI gets the
 * interface's name: it takes "address/32" for every address (4.1.4, opal_net_prefix2netmask). */
static void set_network(char ***env, const struct px_step *step)
{
    char *interface;

    if (map_hosts_used(px_spec(step)) < 2 || env_get(*env, "OMPI_MCA_btl_tcp_if_exclude") != NULL ||
        env_get(*env, "OMPI_MCA_btl_tcp_if_include") != NULL)
        return;
    interface = px_iface_of(step->start->address);
    if (interface != NULL)
        env_set(env, "OMPI_MCA_btl_tcp_if_include", interface);
    free(interface);
}

/* What Open MPI needs to find the server, and what mpirun sets. */
static void set_open_mpi(char ***env, const struct px_step *step)
{
    const Wire__JobSpec *spec = px_spec(step);

    env_default(env, "OMPI_MCA_schizo",
                "^orte"); /* 4.1: else each rank takes itself for a singleton */
    if (env_get(*env, "OMPI_MCA_mtl") == NULL)
        env_default(env, "OMPI_MCA_pml", "ob1"); /* saves 200 ms of looking for fabrics */
    /* 5.0's netlink component finds no way between two ranks with IPv6 addresses on one host, and
     * says so on standard error, under mpirun too. */
    env_default(env, "OMPI_MCA_reachable", "weighted");
    if (px_launch_is_crowded(step))
        env_default(env, "OMPI_MCA_mpi_yield_when_idle", "1");
    if (*step->shm_dir != '\0') { /* 4.1's name and 5.0's */
        env_default(env, "OMPI_MCA_btl_vader_backing_directory", step->shm_dir);
        env_default(env, "OMPI_MCA_btl_sm_backing_directory", step->shm_dir);
    }
    set_network(env, step);
    env_format(env, "OMPI_COMM_WORLD_SIZE", "%u", px_replicas_ranks(step));
    env_format(env, "OMPI_COMM_WORLD_LOCAL_SIZE", "%zu", step->rank_count);
    env_format(env, "OMPI_UNIVERSE_SIZE", "%u",
               spec->slots_total > spec->ranks ? spec->slots_total : spec->ranks);
    env_format(env, "OMPI_APP_CTX_NUM_PROCS", "%u", px_replicas_ranks(step));
    if (getenv("HOME") != NULL) /* stepd may have had to find one */
        env_default(env, "HOME", getenv("HOME"));
    env_set(env, "OMPI_FIRST_RANKS", "0");
    env_set(env, "OMPI_NUM_APP_CTX", "1");
    env_set(env, "OMPI_COMMAND",
            spec->command != NULL && *spec->command != '\0' ? spec->command : spec->argv[0]);
}

static char *working_dir(const struct px_step *step)
{
    const Wire__JobSpec *spec = px_spec(step);
    const char *wdir = spec->wdir != NULL ? spec->wdir : "";

    if (*wdir == '/')
        return mem_string(wdir);
    if (!spec->embedded)
        return mem_format("%s/work%s%s", step->dir, *wdir != '\0' ? "/" : "", wdir);
    char *here = getcwd(NULL, 0);
    if (here == NULL || *wdir == '\0')
        return here != NULL ? here : mem_string("/");
    char *dir = mem_format("%s/%s", here, wdir);
    free(here);
    return dir;
}

/* p2pmpirun may itself be started by mpirun, or by a script in a job. */
static void unset_outer_job(char ***env)
{
    static const char *const names[] = {
        "OMPI_MCA_orte_local_daemon_uri",
        "OMPI_MCA_orte_hnp_uri",
        "OMPI_MCA_orte_launch",
        "OMPI_MCA_orte_ess_num_procs",
        "OMPI_MCA_ess_base_jobid",
        "OMPI_MCA_ess_base_vpid",
        "OMPI_MCA_orte_app_num",
        "OMPI_MCA_orte_num_nodes",
        "OMPI_MCA_orte_precondition_transports",
        "OMPI_MCA_orte_ess_node_rank",
        "OMPI_MCA_orte_tmpdir_base",
        "OMPI_MCA_orte_top_session_dir",
        "OMPI_MCA_orte_jobfam_session_dir",
        "OMPI_FILE_LOCATION",
        "OMPI_ARGV",
    };

    env_unset_prefix(env, "PMIX_", "PMIX_MCA_");
    env_unset_prefix(env, "OMPI_COMM_WORLD_", NULL);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        env_unset(env, names[i]);
}

static char **job_environment(const struct px_step *step, const char *wdir)
{
    const Wire__JobSpec *spec = px_spec(step);
    char **env = spec->embedded ? env_copy(step->environment) : env_clean(step->environment);
    char *libraries = mem_format("%s/lib", step->dir);

    unset_outer_job(&env);
    if (!spec->embedded) {
        char *scratch = mem_format("%s/tmp", step->dir);
        env_set(&env, "TMPDIR", scratch);
        free(scratch);
    }
    set_user_variables(&env, spec);
    set_open_mpi(&env, step);
    env_set(&env, "PWD", wdir);
    env_set(&env, "OMPI_MCA_initial_wdir", wdir);
    if (access(libraries, F_OK) == 0)
        env_prepend(&env, "LD_LIBRARY_PATH", libraries);
    free(libraries);
    return env;
}

/* The same for every rank, then what only this rank has. */
static char **rank_environment(const struct px_step *step, const struct px_rank *rank,
                               char *const *common, struct err *err)
{
    char **env = env_copy(common);

    env_format(&env, "OMPI_COMM_WORLD_RANK", "%u", px_replicas_rank(step, rank->rank));
    env_format(&env, "OMPI_COMM_WORLD_LOCAL_RANK", "%u", rank->local);
    env_format(&env, "OMPI_COMM_WORLD_NODE_RANK", "%u", rank->local);
    if (px_nspace_environment(step, rank->rank, &env, err) != 0) {
        env_free(env);
        return NULL;
    }
    return env;
}

/* ---- the program */

static char *find_in_path(const char *name, const char *path, const char *wdir)
{
    while (path != NULL && *path != '\0') {
        size_t length = strcspn(path, ":");
        char *file = *path == '/' ? mem_format("%.*s/%s", (int)length, path, name)
                                  : mem_format("%s/%.*s/%s", wdir, (int)length, path, name);

        if (access(file, X_OK) == 0)
            return file;
        free(file);
        path += length + (path[length] == ':');
    }
    return NULL;
}

/* What execve() gets. A name that is nowhere is handed to it as it is: it knows best why not. */
static char *program_path(const struct px_step *step, char *const *env, const char *wdir)
{
    const Wire__JobSpec *spec = px_spec(step);
    char *found = NULL;

    if (spec->program != NULL && *spec->program == '/')
        return mem_string(spec->program);
    if (spec->program != NULL && *spec->program != '\0')
        return mem_format("%s/%s", step->dir, spec->program);
    if (strchr(spec->argv[0], '/') == NULL)
        found = find_in_path(spec->argv[0], env_get(env, "PATH"), wdir);
    return found != NULL ? found : mem_string(spec->argv[0]);
}

/* ---- starting */

static void tell_started(struct px_launch *launch)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__StepStarted started = WIRE__STEP_STARTED__INIT;

    started.host = launch->step->start->host;
    started.pid = (uint32_t)getpid();
    started.error = launch->error.text;
    frame.body_case = WIRE__FRAME__BODY_STEP_STARTED;
    frame.step_started = &started;
    px_daemon_send(launch->step, &frame);
    log_debug("ranks started count=%zu error=\"%s\"", launch->step->rank_count, launch->error.text);
}

static void set_exec_error(struct px_launch *launch, const struct child_failure *failure)
{
    const struct px_step *step = launch->step;
    const char *name = px_spec(step)->argv[0];

    errno = failure->number;
    if (failure->step == CHILD_CHDIR) {
        char *wdir = working_dir(step);
        err_sys(&launch->error, "the working directory %s cannot be used on host %s", wdir,
                px_host_name(step));
        free(wdir);
    } else if (failure->step == CHILD_EXEC && failure->number == ENOENT && failure->is_there) {
        err_set(
            &launch->error,
            "%s cannot be started on host %s: the interpreter or loader that it names is missing",
            name, px_host_name(step));
    } else {
        err_sys(&launch->error, "%s cannot be started on host %s", name, px_host_name(step));
    }
}

static void report_close(struct px_launch *launch)
{
    if (launch->report == NULL)
        return;
    event_free(launch->report);
    launch->report = NULL;
    close(launch->report_fd);
}

/* Each child that cannot run its program writes why; end-of-file: the rest do run it. */
static void report_read(struct px_launch *launch)
{
    struct child_failure failure;
    ssize_t size;

    if (launch->report == NULL)
        return;
    do
        size = read(launch->report_fd, &failure, sizeof failure);
    while (size < 0 && errno == EINTR);
    if (size < 0)
        return;
    if (size == sizeof failure)
        set_exec_error(launch, &failure);
    report_close(launch);
    tell_started(launch);
}

static void on_report(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    report_read(arg);
}

static int start_rank(struct px_step *step, struct px_rank *rank, const struct child_plan *common,
                      char *const *env, struct err *err)
{
    struct child_plan plan = *common;

    plan.env = rank_environment(step, rank, env, err);
    if (plan.env == NULL)
        return -1;
    plan.wants_input = px_replicas_rank(step, rank->rank) == 0;
    struct child_pipes pipes;
    rank->pid = child_start(&plan, &pipes, err);
    env_free(plan.env);
    if (rank->pid < 0) {
        rank->pid = 0;
        return -1;
    }
    step->rank_living++;
    px_iof_add(step, rank->rank, pipes.out, pipes.err, pipes.in);
    return 0;
}

static int start_ranks(struct px_step *step, int report_fd, struct err *err)
{
    char *wdir = working_dir(step);
    char **env = job_environment(step, wdir);
    char *program = program_path(step, env, wdir);
    struct child_plan plan = {.program = program, .wdir = wdir, .report_fd = report_fd};
    int result = px_replicas_environment(step, &env, err);

    plan.argv = child_argv(px_spec(step)->argv, px_spec(step)->n_argv);
    for (size_t i = 0; result == 0 && i < step->rank_count; i++)
        result = start_rank(step, &step->ranks[i], &plan, env, err);
    free(plan.argv);
    free(program);
    env_free(env);
    free(wdir);
    return result;
}

static int make_dirs(const struct px_step *step, struct err *err)
{
    char *scratch = mem_format("%s/tmp/job", step->dir);
    int result = file_mkdirs(scratch, 0700, err);

    free(scratch);
    return result;
}

int px_launch(struct px_step *step, struct err *err)
{
    int report[2];

    if (make_dirs(step, err) != 0 || px_nspace_register(step, err) != 0)
        return -1;
    if (pipe2(report, O_CLOEXEC | O_NONBLOCK) != 0)
        return err_sys(err, "no pipe for the ranks");
    struct px_launch *launch = mem_alloc(sizeof *launch);
    launch->step = step;
    launch->report_fd = report[0];
    launch->report = event_new(step->base, report[0], EV_READ | EV_PERSIST, on_report, launch);
    event_add(launch->report, NULL);
    step->launch = launch;
    start_ranks(step, report[1], &launch->error); /* told when the pipe says that the others run */
    close(report[1]);
    return 0;
}

void px_launch_close(struct px_step *step)
{
    struct px_launch *launch = step->launch;

    if (launch == NULL)
        return;
    report_close(launch);
    free(launch);
    step->launch = NULL;
}

/* ---- ending */

static Wire__RankExit *make_exit(const struct px_rank *rank, int status)
{
    Wire__RankExit body = WIRE__RANK_EXIT__INIT;

    body.rank = rank->rank;
    body.pid = (uint32_t)rank->pid;
    body.code = WIFEXITED(status) ? (uint32_t)WEXITSTATUS(status) : 0;
    body.signal = WIFSIGNALED(status) ? (uint32_t)WTERMSIG(status) : 0;
    body.finalized = rank->finalized;
    body.was_init = rank->was_init;
    if (rank->aborted)
        body.reason = (char *)(uintptr_t) "aborted";
    return message_copy(&body.base);
}

/* A rank that other ranks may wait for: fences must do without it, and whoever asked is told. */
static bool is_death(const Wire__RankExit *exit)
{
    return exit->signal != 0 || exit->code != 0 || (exit->was_init && !exit->finalized);
}

static void tell_exit(struct px_step *step, const struct px_rank *rank)
{
    Wire__Step message = WIRE__STEP__INIT;

    message.body_case = WIRE__STEP__BODY_RANK_EXIT;
    message.rank_exit = rank->exit;
    px_route_send(step, HOME_HOST, &message);
    if (is_death(rank->exit))
        px_route_send_hosts(step, &message);
}

void px_launch_exit_heard(struct px_step *step, const Wire__RankExit *exit)
{
    px_fence_rank_gone(step, exit->rank);
    px_modex_rank_gone(step, exit->rank);
    if (is_death(exit))
        px_event_rank_died(step, exit->rank);
}

void px_launch_rank_ended(struct px_step *step, struct px_rank *rank, int status)
{
    rank->exit = make_exit(rank, status);
    rank->ended = true;
    rank->pid = 0;
    step->rank_living--;
    log_debug("rank ended rank=%u code=%u signal=%u init=%d finalized=%d", rank->rank,
              rank->exit->code, rank->exit->signal, rank->was_init, rank->finalized);
    if (step->is_ending)
        return;
    report_read(step->launch); /* that it never ran its program goes first */
    px_iof_drain(step);
    if (px_replicas_rank(step, rank->rank) == 0)
        px_iof_close_input(step);
    tell_exit(step, rank);
    px_launch_exit_heard(step, rank->exit);
    if (step->rank_living == 0 || is_death(rank->exit))
        px_reap_strays(step);
    px_launch_check_done(step);
}

void px_launch_tell_state(struct px_step *step)
{
    Wire__Step message = WIRE__STEP__INIT;
    Wire__StepState state = WIRE__STEP_STATE__INIT;

    state.exits = mem_array(step->rank_count + 1, sizeof *state.exits);
    for (size_t i = 0; i < step->rank_count; i++)
        if (step->ranks[i].ended)
            state.exits[state.n_exits++] = step->ranks[i].exit;
    state.started = (uint32_t)step->rank_count;
    state.output_done = px_iof_is_done(step);
    state.all_done = step->rank_living == 0 && state.output_done;
    message.body_case = WIRE__STEP__BODY_STATE;
    message.state = &state;
    px_route_send(step, HOME_HOST, &message);
    free(state.exits);
}

void px_launch_check_done(struct px_step *step)
{
    if (step->launch == NULL || step->launch->is_told_done || step->rank_living > 0 ||
        !px_iof_is_done(step))
        return;
    step->launch->is_told_done = true;
    px_launch_tell_state(step);
}
