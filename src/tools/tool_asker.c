/* SPDX-License-Identifier: BSD-3-Clause */
/* tool_asker.c - a tool's connection to this owner's p2pmpid */
#include "config.h"
#include "tools/tool_asker.h"

#include "base/dirs.h"
#include "base/mem.h"
#include "net/link.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct asker {
    struct event_base *base;
    struct link *link; /* NULL: closed */
    struct event *limit;
    bool ready, timed_out, answered;
    struct err why;
    uint64_t next_id;
    asker_answer_fn *answer;
    void *arg;
    pid_t pid;
};

char *asker_path(struct err *err)
{
    struct dirs dirs;

    if (dirs_find_run(&dirs, err) < 0)
        return NULL;
    char *path = mem_format("%s/p2pmpid.sock", dirs.run);
    dirs_clear(&dirs);
    return path;
}

int asker_fd(const char *path, struct err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return err_set(err, "the path %s is too long for a socket; choose a shorter P2PMPI_DIR",
                       path);
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_sys(err, "cannot make a socket");
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    if (errno == ENOENT || errno == ECONNREFUSED)
        return err_set(err, "no p2pmpid of yours runs on this machine; start it with p2pmpi-boot");
    if (errno == EAGAIN)
        return err_set(err, "p2pmpid is too busy to answer at %s; try again", path);
    return err_sys(err, "cannot connect to p2pmpid at %s", path);
}

int asker_other_version(pid_t pid, const char *why, struct err *err)
{
    if (pid <= 0)
        return err_set(err, "%s", why);
    return err_set(err, "%s; \"kill %d\" ends that p2pmpid, then p2pmpi-boot starts this one", why,
                   (int)pid);
}

static void on_ready(struct link *link, const Wire__Hello *hello, void *arg)
{
    struct asker *asker = arg;

    (void)hello;
    asker->ready = true;
    asker->pid = link_pid(link);
    event_base_loopbreak(asker->base);
}

static void on_frame(struct link *link, Wire__Frame *frame, void *arg)
{
    struct asker *asker = arg;

    (void)link;
    if (frame->body_case == WIRE__FRAME__BODY_ERROR) {
        err_set(&asker->why, "%s", frame->error->text);
        asker->answer = NULL;
        event_base_loopbreak(asker->base);
    } else if (asker->answer != NULL && !asker->answer(frame, asker->arg)) {
        asker->answered = true;
        asker->answer = NULL;
        event_base_loopbreak(asker->base);
    }
}

static void on_closed(struct link *link, enum link_end end, const char *why, void *arg)
{
    struct asker *asker = arg;

    if (end == LINK_END_PROTOCOL)
        asker_other_version(link_pid(link), why, &asker->why);
    else
        err_set(&asker->why, "p2pmpid closed the connection: %s", why);
    link_destroy(link);
    asker->link = NULL;
    event_base_loopbreak(asker->base);
}

static const struct link_ops ops = {.ready = on_ready, .frame = on_frame, .closed = on_closed};

static void on_limit(evutil_socket_t fd, short what, void *arg)
{
    struct asker *asker = arg;

    (void)fd;
    (void)what;
    asker->timed_out = true;
    event_base_loopbreak(asker->base);
}

/* Runs the loop until a callback breaks it or the time is over. */
static void run(struct asker *asker, unsigned timeout_ms)
{
    const struct timeval limit = {timeout_ms / 1000, timeout_ms % 1000 * 1000};

    asker->timed_out = false;
    event_add(asker->limit, &limit);
    event_base_dispatch(asker->base);
    event_del(asker->limit);
}

static int fail(struct asker *asker, unsigned timeout_ms, struct err *err)
{
    if (asker->timed_out) {
        errno = ETIMEDOUT;
        return err_set(err, "p2pmpid (process %d) did not answer within %u s", (int)asker->pid,
                       (timeout_ms + 999) / 1000);
    }
    errno = EIO;
    return err_set(err, "%s", asker->why.text);
}

struct asker *asker_create(const char *program, unsigned timeout_ms, struct err *err)
{
    Wire__Hello hello = WIRE__HELLO__INIT;
    char *path = asker_path(err);

    if (path == NULL)
        return NULL;
    int fd = asker_fd(path, err);
    free(path);
    if (fd < 0)
        return NULL;
    struct asker *asker = mem_alloc(sizeof *asker);
    asker->base = event_base_new();
    asker->limit = event_new(asker->base, -1, 0, on_limit, asker);
    hello.protocol = PROTOCOL_VERSION;
    hello.version = (char *)PACKAGE_VERSION;
    hello.program = (char *)program;
    asker->link = link_from_fd_take(asker->base, fd, &hello, &ops, asker);
    asker->pid = link_pid(asker->link);
    run(asker, timeout_ms);
    if (asker->ready)
        return asker;
    fail(asker, timeout_ms, err);
    int saved = errno;
    asker_destroy(asker);
    errno = saved;
    return NULL;
}

void asker_destroy(struct asker *asker)
{
    if (asker == NULL)
        return;
    link_destroy(asker->link);
    event_free(asker->limit);
    event_base_free(asker->base);
    free(asker);
}

int asker_ask(struct asker *asker, Wire__Frame *question, unsigned timeout_ms,
              asker_answer_fn *answer, void *arg, struct err *err)
{
    if (asker->link == NULL)
        return err_set(err, "%s", asker->why.text);
    question->id = ++asker->next_id;
    asker->answer = answer;
    asker->arg = arg;
    asker->answered = false;
    if (link_send(asker->link, question) < 0)
        return err_set(err,
                       "cannot ask p2pmpid: the question is too long or the connection is broken");
    run(asker, timeout_ms);
    asker->answer = NULL;
    return asker->answered ? 0 : fail(asker, timeout_ms, err);
}

int asker_wait_closed(struct asker *asker, unsigned timeout_ms)
{
    while (asker->link != NULL) {
        run(asker, timeout_ms);
        if (asker->timed_out)
            return -1;
    }
    return 0;
}

pid_t asker_pid(const struct asker *asker)
{
    return asker->pid;
}
