/* SPDX-License-Identifier: BSD-3-Clause */
/* step.c - a p2pmpi-stepd as p2pmpid sees it: started, or found again after a restart; spoken to;
 * ended */
#include "config.h"
#include "peer/step.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/program.h"
#include "net/link.h"
#include "peer/sandbox.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define STEP_FD 3

struct step {
    struct event_base *base;
    struct link *link;
    const struct step_ops *ops; /* borrowed */
    void *arg;
    pid_t pid; /* our child, bwrap or stepd; 0: retaken or waited for */
    char *job;
    char *pid_path; /* where a p2pmpid after us finds that pid */
    char *dir;      /* as the step sees it */
    struct event *limit;
    bool started, ending;
    char why[ERR_TEXT_MAX]; /* the link's end, while the process is waited for */
};

static void step_gone(struct step *step, const char *why)
{
    event_del(step->limit);
    link_destroy(step->link);
    step->link = NULL;
    step->ops->gone(step, why, step->arg);
}

/* The process that an earlier p2pmpid started for this job; 0 when the number belongs to another by
 * now. */
static pid_t retaken_pid(const struct step *step)
{
    size_t size;
    char *text = file_read(step->pid_path, 64, NULL, NULL);
    pid_t pid = text != NULL ? (pid_t)atol(text) : 0;

    free(text);
    if (pid <= 1)
        return 0;
    char path[64], line[4096];
    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    size = fread(line, 1, sizeof line, file);
    fclose(file);
    return memmem(line, size, step->job, strlen(step->job)) != NULL ? pid : 0;
}

/* It leads a session: in a sandbox the group's other members are what holds the job. */
static void step_kill(const struct step *step)
{
    pid_t pid = step->pid != 0 ? step->pid : retaken_pid(step);

    if (pid <= 1)
        return;
    kill(-pid, SIGKILL);
    kill(pid, SIGKILL);
}

static void limit_passed(evutil_socket_t fd, short what, void *arg)
{
    struct step *step = arg;

    (void)fd;
    (void)what;
    step_kill(step);
    if (step->why[0] != '\0')
        step_gone(step, step->why);
    else
        step_gone(step, step->ending ? "it did not end in time and was killed"
                                     : "it did not start in time");
}

static void step_limit(struct step *step, unsigned ms)
{
    struct timeval limit = {ms / 1000, ms % 1000 * 1000};

    event_add(step->limit, &limit);
}

static void on_ready(struct link *link, const Wire__Hello *hello, void *arg)
{
    (void)link;
    (void)hello;
    (void)arg;
}

static void on_frame(struct link *link, Wire__Frame *frame, void *arg)
{
    struct step *step = arg;

    (void)link;
    switch (frame->body_case) {
    case WIRE__FRAME__BODY_STEP_ATTACH:
        if (step->started && !step->ending) /* a retaken one has shown itself */
            event_del(step->limit);
        step->ops->attached(step, frame->step_attach, step->arg);
        break;
    case WIRE__FRAME__BODY_STEP_STARTED:
        step->started = true;
        if (!step->ending)
            event_del(step->limit);
        step->ops->started(step, frame->step_started, step->arg);
        break;
    default:
        step->ops->frame(step, frame, step->arg);
        break;
    }
}

/* Our own child is waited for: it tidies up behind itself before it ends. */
static void on_closed(struct link *link, enum link_end end, const char *why, void *arg)
{
    struct step *step = arg;

    if (step->pid == 0) {
        step_gone(step, why);
        return;
    }
    if (end == LINK_END_PROTOCOL) /* of another version: would not understand StepEnd */
        step_kill(step);
    snprintf(step->why, sizeof step->why, "%s", why);
    link_destroy(link);
    step->link = NULL;
    step->ending = true;
    step_limit(step, STEP_END_MS);
}

static const struct link_ops step_link_ops = {on_ready, on_frame, NULL, on_closed};

/* Binds dir/step.sock, mode 0600, and listens. The fd is close-on-exec. */
static int bind_socket(const char *dir, struct err *err)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    char *path = mem_format("%s/step.sock", dir);

    if (strlen(path) >= sizeof addr.sun_path) {
        err_set(
            err,
            "the path %s is longer than a socket's may be (%zu); set P2PMPI_DIR to a shorter one",
            path, sizeof addr.sun_path - 1);
        free(path);
        return -1;
    }
    strcpy(addr.sun_path, path);
    unlink(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    mode_t old = umask(077);
    if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof addr) < 0 || listen(fd, 8) < 0) {
        err_sys(err, "cannot make the socket %s", path);
        if (fd >= 0)
            close(fd);
        fd = -1;
    }
    umask(old);
    free(path);
    return fd;
}

static void child(const struct step_place *place, const char *stepd, const char *dir, int listen_fd)
{
    const char *argv[SANDBOX_ARGS_MAX + 8];
    char *component = program_component();
    size_t count = 0;
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL); /* p2pmpid ignores it; ranks are not to inherit that */
    setsid();
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(null, 0);
    if (!place->inherit_stderr) {
        char *log = mem_format("%s/log", place->dir);
        int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        dup2(fd >= 0 ? fd : null, 1);
        dup2(fd >= 0 ? fd : null, 2);
    }
    if (listen_fd == STEP_FD)
        fcntl(listen_fd, F_SETFD, 0);
    else
        dup2(listen_fd, STEP_FD);
    if (place->sandbox != NULL)
        count = sandbox_argv(argv, place->sandbox, stepd, component, place->dir);
    else
        argv[count++] = stepd;
    argv[count++] = "--dir";
    argv[count++] = dir;
    argv[count++] = "--job";
    argv[count++] = place->job;
    if (place->tools)
        argv[count++] = "--tools";
    argv[count] = NULL;
    execv(argv[0], (char *const *)argv);
    _exit(127);
}

static struct step *step_new(struct event_base *base, const char *dir, const char *job,
                             const struct step_ops *ops, void *arg)
{
    struct step *step = mem_alloc(sizeof *step);

    step->base = base;
    step->ops = ops;
    step->arg = arg;
    step->dir = mem_string(dir);
    step->job = mem_string(job);
    step->pid_path = mem_format("%s/pid", dir);
    step->limit = event_new(base, -1, 0, limit_passed, step);
    return step;
}

static int write_pid(const struct step *step, struct err *err)
{
    char text[24];
    int length = snprintf(text, sizeof text, "%d\n", (int)step->pid);

    return file_write(step->pid_path, text, (size_t)length, 0600, err);
}

static int step_connect(struct step *step, const char *dir, const Wire__Hello *hello,
                        struct err *err)
{
    char *path = mem_format("%s/step.sock", dir);

    step->link =
        link_connect_unix(step->base, path, hello, STEP_START_MS, &step_link_ops, step, err);
    free(path);
    return step->link != NULL ? 0 : -1;
}

struct step *step_spawn(struct event_base *base, const struct step_place *place,
                        const Wire__Hello *hello, const struct step_ops *ops, void *arg,
                        struct err *err)
{
    char *stepd =
        place->program != NULL ? mem_string(place->program) : program_find("p2pmpi-stepd", err);
    struct step *step = NULL;
    int fd = -1;

    if (stepd == NULL)
        return NULL;
    fd = bind_socket(place->dir, err);
    if (fd < 0)
        goto out;
    step = step_new(base, place->dir, place->job, ops, arg);
    if (place->sandbox != NULL) {
        free(step->dir);
        step->dir = mem_string(SANDBOX_DIR);
    }
    step->pid = fork();
    if (step->pid == 0)
        child(place, stepd, step->dir, fd);
    if (step->pid < 0)
        err_sys(err, "cannot start %s", stepd);
    if (step->pid < 0 || write_pid(step, err) < 0 ||
        step_connect(step, place->dir, hello, err) < 0) {
        step_destroy(step);
        step = NULL;
        goto out;
    }
    step_limit(step, STEP_START_MS);
out:
    if (fd >= 0)
        close(fd);
    free(stepd);
    return step;
}

struct step *step_retake(struct event_base *base, const char *dir, const char *job,
                         const Wire__Hello *hello, const struct step_ops *ops, void *arg,
                         struct err *err)
{
    struct step *step = step_new(base, dir, job, ops, arg);

    if (step_connect(step, dir, hello, err) < 0) {
        step_destroy(step);
        return NULL;
    }
    step->started = true;
    step_limit(step, STEP_RETAKE_MS);
    return step;
}

int step_send(struct step *step, const Wire__Frame *frame)
{
    return step->link != NULL ? link_send(step->link, frame) : -1;
}

void step_end(struct step *step)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__StepEnd end = WIRE__STEP_END__INIT;

    if (step->ending)
        return;
    step->ending = true;
    end.kill = true;
    frame.body_case = WIRE__FRAME__BODY_STEP_END;
    frame.step_end = &end;
    step_send(step, &frame);
    step_limit(step, STEP_END_MS);
}

const char *step_dir(const struct step *step)
{
    return step->dir;
}

bool step_reaped(struct step *step, pid_t pid, int status)
{
    if (step->pid != pid)
        return false;
    log_debug("stepd ended pid=%d status=%d", (int)pid, status);
    step->pid = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        step_gone(step, "it could not be executed");
    else if (step->link == NULL)
        step_gone(step, step->why);
    else if (!link_is_ready(step->link))
        step_gone(step, "it ended before it was ready");
    /* else what it sent last is still in the socket: gone() comes with the end of that */
    return true;
}

void step_destroy(struct step *step)
{
    if (step == NULL)
        return;
    step_kill(step);
    link_destroy(step->link);
    event_free(step->limit);
    free(step->dir);
    free(step->job);
    free(step->pid_path);
    free(step);
}
