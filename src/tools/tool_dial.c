/* SPDX-License-Identifier: BSD-3-Clause */
/* tool_dial.c - a tool's connection to this owner's p2pmpid */
#include "config.h"
#include "tools/tool_dial.h"

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

struct dial {
    struct event_base *base;
    struct link *link; /* NULL: closed */
    struct event *limit;
    bool ready, timed_out, answered;
    struct err why;
    uint64_t next_id;
    dial_answer_fn *answer;
    void *arg;
    pid_t pid;
};

char *dial_path(struct err *err)
{
    struct dirs dirs;

    if (dirs_find(&dirs, err) < 0)
        return NULL;
    char *path = mem_format("%s/p2pmpid.sock", dirs.run);
    dirs_clear(&dirs);
    return path;
}

int dial_fd(const char *path, struct err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return err_set(err, "the path %s is too long for a socket; choose a shorter P2PMPI_DIR", path);
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

static void on_ready(struct link *link, const Wire__Hello *hello, void *arg)
{
    struct dial *dial = arg;

    (void)hello;
    dial->ready = true;
    dial->pid = link_pid(link);
    event_base_loopbreak(dial->base);
}

static void on_frame(struct link *link, Wire__Frame *frame, void *arg)
{
    struct dial *dial = arg;

    (void)link;
    if (frame->body_case == WIRE__FRAME__BODY_ERROR) {
        err_set(&dial->why, "%s", frame->error->text);
        dial->answer = NULL;
        event_base_loopbreak(dial->base);
    } else if (dial->answer != NULL && !dial->answer(frame, dial->arg)) {
        dial->answered = true;
        dial->answer = NULL;
        event_base_loopbreak(dial->base);
    }
}

static void on_closed(struct link *link, enum link_end end, const char *why, void *arg)
{
    struct dial *dial = arg;

    (void)end;
    err_set(&dial->why, "p2pmpid closed the connection: %s", why);
    link_destroy(link);
    dial->link = NULL;
    event_base_loopbreak(dial->base);
}

static const struct link_ops ops = {.ready = on_ready, .frame = on_frame, .closed = on_closed};

static void on_limit(evutil_socket_t fd, short what, void *arg)
{
    struct dial *dial = arg;

    (void)fd;
    (void)what;
    dial->timed_out = true;
    event_base_loopbreak(dial->base);
}

/* Runs the loop until a callback breaks it or the time is over. */
static void run(struct dial *dial, unsigned timeout_ms)
{
    const struct timeval limit = {timeout_ms / 1000, timeout_ms % 1000 * 1000};

    dial->timed_out = false;
    event_add(dial->limit, &limit);
    event_base_dispatch(dial->base);
    event_del(dial->limit);
}

static int fail(struct dial *dial, unsigned timeout_ms, struct err *err)
{
    if (dial->timed_out) {
        errno = ETIMEDOUT;
        return err_set(err, "p2pmpid (process %d) did not answer within %u s", (int)dial->pid,
                       (timeout_ms + 999) / 1000);
    }
    errno = EIO;
    return err_set(err, "%s", dial->why.text);
}

struct dial *dial_create(const char *program, unsigned timeout_ms, struct err *err)
{
    Wire__Hello hello = WIRE__HELLO__INIT;
    char *path = dial_path(err);

    if (path == NULL)
        return NULL;
    int fd = dial_fd(path, err);
    free(path);
    if (fd < 0)
        return NULL;
    struct dial *dial = mem_alloc(sizeof *dial);
    dial->base = event_base_new();
    dial->limit = event_new(dial->base, -1, 0, on_limit, dial);
    hello.protocol = PROTOCOL_VERSION;
    hello.version = (char *)PACKAGE_VERSION;
    hello.program = (char *)program;
    dial->link = link_from_fd_take(dial->base, fd, &hello, &ops, dial);
    dial->pid = link_pid(dial->link);
    run(dial, timeout_ms);
    if (dial->ready)
        return dial;
    fail(dial, timeout_ms, err);
    int saved = errno;
    dial_destroy(dial);
    errno = saved;
    return NULL;
}

void dial_destroy(struct dial *dial)
{
    if (dial == NULL)
        return;
    link_destroy(dial->link);
    event_free(dial->limit);
    event_base_free(dial->base);
    free(dial);
}

int dial_ask(struct dial *dial, Wire__Frame *question, unsigned timeout_ms, dial_answer_fn *answer, void *arg,
             struct err *err)
{
    if (dial->link == NULL)
        return err_set(err, "%s", dial->why.text);
    question->id = ++dial->next_id;
    dial->answer = answer;
    dial->arg = arg;
    dial->answered = false;
    if (link_send(dial->link, question) < 0)
        return err_set(err, "cannot ask p2pmpid: the question is too long or the connection is broken");
    run(dial, timeout_ms);
    dial->answer = NULL;
    return dial->answered ? 0 : fail(dial, timeout_ms, err);
}

int dial_wait_closed(struct dial *dial, unsigned timeout_ms)
{
    while (dial->link != NULL) {
        run(dial, timeout_ms);
        if (dial->timed_out)
            return -1;
    }
    return 0;
}

pid_t dial_pid(const struct dial *dial)
{
    return dial->pid;
}
