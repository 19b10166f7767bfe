/* SPDX-License-Identifier: BSD-3-Clause */
/* sn_client.c - p2pmpi-supernode --list and --stop: talks to the one that runs */
#include "config.h"
#include "supernode/sn_client.h"

#include "base/clock.h"
#include "base/mem.h"
#include "net/link.h"
#include "supernode/sn_table.h"
#include "cli/cli_wait.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

enum { ANSWER_MS = 5000, END_MS = 10000 };

struct client {
    struct event_base *base;
    struct link *link;
    struct event *timer;
    Wire__Frame question;
    struct sn_peers peers;
    bool done, stopping;
    enum link_end end;
    pid_t pid;
    struct err why;
};

static void finish(struct client *client)
{
    client->done = true;
    event_base_loopbreak(client->base);
}

static void on_ready(struct link *link, const Wire__Hello *hello, void *arg)
{
    struct client *client = arg;

    (void)hello;
    client->pid = link_pid(link);
    link_send(link, &client->question);
}

static void on_frame(struct link *link, Wire__Frame *frame, void *arg)
{
    struct client *client = arg;

    (void)link;
    if (frame->body_case == WIRE__FRAME__BODY_ANSWER)
        sn_peers_add(&client->peers, frame->answer);
    else if (frame->body_case == WIRE__FRAME__BODY_LIST_END)
        finish(client);
}

static void on_closed(struct link *link, enum link_end end, const char *why, void *arg)
{
    struct client *client = arg;

    link_destroy(link);
    client->link = NULL;
    client->end = end;
    err_set(&client->why, "%s", why);
    finish(client);
    client->done = client->stopping && client->pid > 0; /* closing is the answer to Stop */
}

static void on_late(evutil_socket_t fd, short what, void *arg)
{
    struct client *client = arg;

    (void)fd;
    (void)what;
    err_set(&client->why, "the supernode (process %d) does not answer", (int)client->pid);
    event_base_loopbreak(client->base);
}

static const struct link_ops ops = {.ready = on_ready, .frame = on_frame, .closed = on_closed};

/* Runs the conversation to its end. Returns 0, or -1 with a sentence. */
static int talk(struct client *client, const char *socket_path, struct err *err)
{
    struct timeval wait = {ANSWER_MS / 1000, 0};
    Wire__Hello hello = WIRE__HELLO__INIT;

    hello.protocol = PROTOCOL_VERSION;
    hello.version = (char *)PACKAGE_VERSION;
    hello.program = (char *)"p2pmpi-supernode";
    client->base = event_base_new();
    client->timer = event_new(client->base, -1, 0, on_late, client);
    event_add(client->timer, &wait);
    client->link =
        link_connect_unix(client->base, socket_path, &hello, ANSWER_MS, &ops, client, err);
    if (client->link == NULL)
        goto end;
    event_base_dispatch(client->base);
    if (!client->done && client->link == NULL && client->end == LINK_END_REFUSED) {
        err_set(err, "no supernode of yours runs on this machine");
        errno = ENOENT;
    } else if (!client->done) {
        err_set(err, "%s", client->why.text);
        errno = EIO;
    }
end:;
    int saved = errno;
    link_destroy(client->link);
    event_free(client->timer);
    event_base_free(client->base);
    errno = saved;
    return client->done ? 0 : -1;
}

int sn_client_list(const char *socket_path, bool json, struct err *err)
{
    struct client client = {0};
    Wire__List list = WIRE__LIST__INIT;

    wire__frame__init(&client.question);
    client.question.id = 1;
    client.question.body_case = WIRE__FRAME__BODY_LIST;
    client.question.list = &list;
    int failed = talk(&client, socket_path, err);
    int saved = errno;
    if (failed == 0 && json)
        sn_peers_print_json(&client.peers);
    else if (failed == 0)
        sn_peers_print(&client.peers, (uint64_t)clock_wall_s());
    sn_peers_clear(&client.peers);
    errno = saved;
    return failed;
}

int sn_client_stop(const char *socket_path, struct err *err)
{
    struct client client = {.stopping = true};
    Wire__Stop stop = WIRE__STOP__INIT;

    wire__frame__init(&client.question);
    client.question.body_case = WIRE__FRAME__BODY_STOP;
    client.question.stop = &stop;
    if (talk(&client, socket_path, err) < 0)
        return -1;
    if (wait_gone(client.pid, END_MS) < 0) {
        errno = ETIMEDOUT;
        return err_set(err, "the supernode (process %d) does not end", (int)client.pid);
    }
    printf("p2pmpi-supernode (process %d) has ended\n", (int)client.pid);
    return 0;
}
