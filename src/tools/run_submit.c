/* SPDX-License-Identifier: BSD-3-Clause */
/* run_submit.c - the job as p2pmpid is asked for it */
#include "config.h"
#include "tools/run_submit.h"

#include "base/mem.h"
#include "stage/needs.h"
#include "tools/run_env.h"
#include "tools/run_replicas.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROCESSES_MAX 65536 /* of a job: LIST_MAX of wire/limits.h */
#define COMMAND_MAX   4096  /* bytes of the command line as told to people */

extern char **environ;

/* For people to read: cut when it gets long. A string of the environment (OMPI_COMMAND) may have
 * 128 KiB, and the ranks' own arguments are elsewhere. */
static char *join_words(char *const *words, int count)
{
    char *text = mem_string("");
    size_t length = 0;

    for (int i = 0; i < count && length <= COMMAND_MAX; i++) {
        char *longer = mem_format("%s%s%s", text, i > 0 ? " " : "", words[i]);
        free(text);
        text = longer;
        length = strlen(text);
    }
    if (length > COMMAND_MAX) {
        length = COMMAND_MAX;
        while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
            length--; /* not inside a character */
        strcpy(text + length, "...");
    }
    return text;
}

/* As the shell left it, with its links, if that is where we are: so programs print the path that
 * people know. */
static char *current_dir(struct err *err)
{
    const char *shell = getenv("PWD");
    struct stat there, here;

    if (shell != NULL && shell[0] == '/' && stat(shell, &there) == 0 && stat(".", &here) == 0 &&
        there.st_dev == here.st_dev && there.st_ino == here.st_ino)
        return mem_string(shell);
    char *path = getcwd(NULL, 0);
    if (path == NULL && errno == ENOENT)
        err_set(err, "the current directory has been removed; cd to another one");
    else if (path == NULL)
        err_sys(err, "the current directory has no name");
    return path;
}

static int check_wdir(struct run_submit *submit, const char *wanted, struct err *err)
{
    struct stat st;

    if (wanted == NULL)
        submit->wdir = mem_string(submit->cwd);
    else
        submit->wdir =
            wanted[0] == '/' ? mem_string(wanted) : mem_format("%s/%s", submit->cwd, wanted);
    if (stat(submit->wdir, &st) < 0)
        return err_sys(err, "cannot change to the working directory %s", submit->wdir);
    if (!S_ISDIR(st.st_mode))
        return err_set(err, "the working directory %s is not a directory", submit->wdir);
    if (access(submit->wdir, X_OK) < 0)
        return err_sys(err, "cannot change to the working directory %s", submit->wdir);
    return 0;
}

/* mpirun takes "app" from the working directory when PATH has none. */
static int find_program(struct run_submit *submit, const char *name, struct err *err)
{
    struct err second;

    submit->program = needs_program(name, submit->wdir, NULL, err);
    if (submit->program == NULL && strchr(name, '/') == NULL) {
        char *here = mem_format("./%s", name);
        submit->program = needs_program(here, submit->wdir, NULL, &second);
        free(here);
    }
    if (submit->program == NULL)
        return -1;
    return 0;
}

static int add_inputs(struct run_submit *submit, const struct run_options *options, struct err *err)
{
    submit->manifest = manifest_create(submit->cwd);
    for (size_t i = 0; i < options->preload.count; i++)
        if (manifest_add_inputs(submit->manifest, options->preload.items[i], err) < 0)
            return -1;
    for (size_t i = 0; i < options->lists.count; i++)
        if (manifest_add_list(submit->manifest, options->lists.items[i], err) < 0)
            return -1;
    return 0;
}

static void fill_hosts(struct run_submit *submit, const struct run_options *options)
{
    size_t count = options->hosts.count;

    submit->hosts = mem_array(count + 1, sizeof(Wire__HostWish *));
    for (size_t i = 0; i < count; i++) {
        Wire__HostWish *wish = mem_alloc(sizeof *wish);
        wire__host_wish__init(wish);
        wish->name = options->hosts.items[i].name;
        wish->slots = options->hosts.items[i].slots;
        wish->slots_given = options->hosts.items[i].slots_given;
        submit->hosts[i] = wish;
    }
    submit->message.n_hosts = count;
    submit->message.hosts = submit->hosts;
}

static void fill_plain(struct run_submit *submit, const struct run_options *options)
{
    Wire__JobSubmit *message = &submit->message;

    message->ranks = options->ranks;
    message->n_argv = (size_t)options->argc;
    message->argv = options->argv;
    message->n_env = submit->env->count;
    message->env = submit->env->vars;
    message->cwd = submit->cwd;
    message->strategy =
        options->strategy == RUN_CONCENTRATE ? WIRE__STRATEGY__CONCENTRATE : WIRE__STRATEGY__SPREAD;
    message->wait_ms = options->wait_ms;
    message->oversubscribe = options->oversubscribe;
    message->timeout_ms = options->timeout_ms;
    message->tag_output = options->tag_output;
    submit->command = join_words(options->argv, options->argc);
    message->command = submit->command;
}

/* Replicas of one each are none. */
static int fill_replicas(struct run_submit *submit, const struct run_options *options,
                         struct err *err)
{
    uint64_t processes = 0;

    if (options->replicas == NULL)
        return 0;
    submit->degrees = mem_array((size_t)options->ranks + 1, sizeof *submit->degrees);
    if (run_replicas_read(options->replicas, options->ranks, submit->degrees, err) < 0)
        return -1;
    for (uint32_t rank = 0; rank < options->ranks; rank++)
        processes += submit->degrees[rank];
    if (processes > PROCESSES_MAX)
        return err_set(err, "-n %u -r %s are %llu processes; a job has at most %d", options->ranks,
                       options->replicas, (unsigned long long)processes, PROCESSES_MAX);
    submit->message.n_degrees = processes > options->ranks ? options->ranks : 0;
    submit->message.degrees = submit->degrees;
    return 0;
}

/* This machine alone: nothing travels, the program runs from where it is, in the user's directory.
 */
static int fill_embedded(struct run_submit *submit, const struct run_options *options,
                         int *exit_code, struct err *err)
{
    *exit_code = EXIT_NO_WDIR;
    if (check_wdir(submit, options->wdir, err) < 0)
        return -1;
    *exit_code = EXIT_NO_PROGRAM;
    if (find_program(submit, options->argv[0], err) < 0)
        return -1;
    submit->message.wdir = submit->wdir;
    submit->message.program = submit->program;
    return 0;
}

static int fill_staged(struct run_submit *submit, const struct run_options *options,
                       manifest_progress_fn *progress, void *arg, int *exit_code, struct err *err)
{
    Wire__JobSubmit *message = &submit->message;

    *exit_code = EXIT_NO_PROGRAM;
    if (manifest_add_program(submit->manifest, options->argv[0], err) < 0) {
        if (errno != ENOENT && errno != EACCES)
            *exit_code = 1;
        return -1;
    }
    *exit_code = 1;
    if (manifest_hash(submit->manifest, progress, arg, err) < 0)
        return -1;
    manifest_fill(submit->manifest, message);
    message->wdir = (char *)(options->wdir != NULL ? options->wdir : "");
    message->n_fetch = options->fetch.count;
    message->fetch = options->fetch.items;
    if (message->program[0] == '\0') /* every host has this interpreter itself */
        options->argv[0] = (char *)manifest_program(submit->manifest);
    return 0;
}

int run_submit_fill(struct run_submit *submit, const struct run_options *options, bool embedded,
                    manifest_progress_fn *progress, void (*warn)(const char *text, void *arg),
                    void *arg, int *exit_code_out, struct err *err)
{
    *submit = (struct run_submit){.message = WIRE__JOB_SUBMIT__INIT};
    *exit_code_out = 1;
    submit->env = mem_alloc(sizeof *submit->env);
    submit->cwd = current_dir(err);
    if (submit->cwd == NULL)
        return -1;
    run_env_fill(submit->env, options, environ, embedded, warn, arg);
    fill_plain(submit, options);
    fill_hosts(submit, options);
    if (fill_replicas(submit, options, err) < 0 || add_inputs(submit, options, err) < 0)
        return -1;
    return embedded ? fill_embedded(submit, options, exit_code_out, err)
                    : fill_staged(submit, options, progress, arg, exit_code_out, err);
}

void run_submit_clear(struct run_submit *submit)
{
    for (size_t i = 0; i < submit->message.n_hosts; i++)
        free(submit->hosts[i]);
    free(submit->hosts);
    free(submit->degrees);
    if (submit->env != NULL)
        run_env_clear(submit->env);
    free(submit->env);
    manifest_destroy(submit->manifest);
    free(submit->cwd);
    free(submit->wdir);
    free(submit->program);
    free(submit->command);
}
