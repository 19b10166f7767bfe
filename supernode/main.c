/* SPDX-License-Identifier: BSD-3-Clause */
/* main.c - p2pmpi-supernode: the directory of a grid's peers, and the door for new ones */
#include "config.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/authority.h"
#include "net/grid.h"
#include "net/identity.h"
#include "net/tls.h"
#include "supernode/sn_client.h"
#include "supernode/sn_daemon.h"
#include "supernode/sn_options.h"
#include "supernode/sn_registry.h"
#include "supernode/sn_service.h"
#include "cli/cli_main.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define PROGRAM "p2pmpi-supernode"
enum { SELF_DAYS = 7, DAY_S = 24 * 3600, LINKS_MAX = 4096 };

struct supernode {
    const struct sn_options *options; /* borrowed */
    struct event_base *base;
    struct event *signals[2];
    struct event *renewal;
    struct grid grid;
    struct authority *authority;
    struct identity *identity;
    struct tls *tls;
    struct sn_directory directory;
    struct sn_service *service;
};

/* ---- its own certificate: it is the authority, so it makes it itself */

static int certify_self(struct supernode *node, struct err *err)
{
    size_t size;
    uint8_t *chain = authority_issue(node->authority, identity_key(node->identity), clock_wall_s(),
                                     (int64_t)SELF_DAYS * DAY_S, &size, err);

    if (chain == NULL)
        return -1;
    int failed = tls_use_chain(node->tls, chain, size, err);
    free(chain);
    return failed;
}

static void on_renewal(evutil_socket_t fd, short what, void *arg)
{
    struct supernode *node = arg;
    struct err err;

    (void)fd;
    (void)what;
    if (certify_self(node, &err) < 0)
        log_error("own certificate not renewed: %s", err.text);
}

static int open_identity(struct supernode *node, struct err *err)
{
    const struct sn_options *options = node->options;
    char *key = mem_format("%s/authority.key", options->dirs.state);
    char *crt = mem_format("%s/authority.crt", options->dirs.state);
    char *own = mem_format("%s/supernode.key", options->dirs.state);
    int failed = -1;

    node->authority = authority_open(key, crt, err);
    if (node->authority == NULL && errno == ENOENT)
        err_set(err, "no grid's authority is here (%s): make a grid with p2pmpi-grid create NAME",
                key);
    else if (node->authority != NULL)
        node->identity = identity_open(own, err);
    if (node->identity != NULL)
        failed = grid_read(options->grid_path, &node->grid, err);
    if (failed < 0 && node->identity != NULL && errno == ENOENT)
        err_set(err, "no grid file is at %s: put it there with p2pmpi-grid join FILE",
                options->grid_path);
    if (failed == 0 && !id_equal(&node->grid.authority, authority_id(node->authority)))
        failed = err_set(err,
                         "the grid file %s is of another grid than the authority %s: "
                         "name the right one in supernode.conf, \"grid = FILE\"",
                         options->grid_path, key);
    free(key);
    free(crt);
    free(own);
    return failed;
}

/* ---- the program */

static void on_signal(evutil_socket_t number, short what, void *arg)
{
    struct supernode *node = arg;

    (void)what;
    log_info("stop asked for by signal=%d", (int)number);
    event_base_loopexit(node->base, NULL);
}

static int watch_signals(struct supernode *node)
{
    static const int numbers[] = {SIGTERM, SIGINT};

    for (int i = 0; i < 2; i++) {
        node->signals[i] = evsignal_new(node->base, numbers[i], on_signal, node);
        if (node->signals[i] == NULL || event_add(node->signals[i], NULL) < 0)
            return -1;
    }
    return 0;
}

static int start_loop(struct supernode *node, struct err *err)
{
    struct timeval day = {DAY_S, 0};

    node->base = event_base_new();
    if (node->base == NULL || watch_signals(node) < 0)
        return err_set(err, "libevent cannot start");
    node->renewal = event_new(node->base, -1, EV_PERSIST, on_renewal, node);
    if (node->renewal == NULL || event_add(node->renewal, &day) < 0)
        return err_set(err, "libevent cannot start");
    return 0;
}

static int start_service(struct supernode *node, struct err *err)
{
    const struct sn_options *options = node->options;
    struct sn_settings settings = {.host = options->listen,
                                   .port = (uint16_t)options->port,
                                   .socket_path = options->socket_path,
                                   .expiry_s = options->expiry_s,
                                   .links_max = sn_links_max(LINKS_MAX)};

    node->tls = tls_create(node->identity, &node->grid, err);
    if (node->tls == NULL || certify_self(node, err) < 0)
        return -1;
    node->directory = sn_registry_create(1000 * (int64_t)options->expiry_s, options->peers_max);
    node->service =
        sn_service_create(node->base, node->tls, node->authority, &node->directory, &settings, err);
    if (node->service == NULL && errno == EADDRINUSE)
        err_set(err, "a supernode of yours runs on this machine already: %s --stop ends it",
                PROGRAM);
    return node->service != NULL ? 0 : -1;
}

static void supernode_fini(struct supernode *node)
{
    sn_service_destroy(node->service);
    if (node->directory.destroy != NULL)
        node->directory.destroy(node->directory.self);
    tls_destroy(node->tls);
    for (int i = 0; i < 2; i++)
        if (node->signals[i] != NULL)
            event_free(node->signals[i]);
    if (node->renewal != NULL)
        event_free(node->renewal);
    if (node->base != NULL)
        event_base_free(node->base);
    identity_destroy(node->identity);
    authority_destroy(node->authority);
    grid_clear(&node->grid);
}

static int serve(const struct sn_options *options)
{
    struct supernode node = {.options = options};
    struct err err = {""};
    int told = -1;

    if (options->daemon && sn_daemon_start(&told, &err) < 0)
        return tool_fail(PROGRAM, &err);
    int failed = open_identity(&node, &err);
    if (failed == 0)
        failed = start_loop(&node, &err);
    if (failed == 0)
        failed = start_service(&node, &err);
    if (failed == 0 &&
        log_open(PROGRAM, options->log_level, options->daemon ? options->log_path : NULL) < 0)
        failed = err_sys(&err, "cannot write the log %s", options->log_path);
    if (failed == 0) {
        log_info("started grid=%s port=%u expiry_s=%u", node.grid.name,
                 sn_service_port(node.service), options->expiry_s);
        if (options->daemon)
            sn_daemon_ready(told, sn_service_port(node.service));
        else
            fprintf(stderr, PROGRAM ": serves the grid \"%s\" on port %u\n", node.grid.name,
                    sn_service_port(node.service));
        event_base_dispatch(node.base);
        log_info("ended");
    } else {
        tool_fail(PROGRAM, &err);
    }
    supernode_fini(&node);
    log_close();
    return failed == 0 ? 0 : 1;
}

static int stop(const struct sn_options *options)
{
    struct err err;

    if (sn_client_stop(options->socket_path, &err) == 0)
        return tool_end(PROGRAM);
    if (errno != ENOENT)
        return tool_fail(PROGRAM, &err);
    puts("no supernode of yours runs on this machine");
    return tool_end(PROGRAM);
}

static int list(const struct sn_options *options)
{
    struct err err;

    if (sn_client_list(options->socket_path, options->json, &err) < 0)
        return tool_fail(PROGRAM, &err);
    return tool_end(PROGRAM);
}

int main(int argc, char **argv)
{
    struct sn_options options;
    struct err err;
    int code;

    signal(SIGPIPE, SIG_IGN);
    if (sn_options_read(argc, argv, &options, &err) < 0)
        return tool_fail(PROGRAM, &err);
    if (options.stop)
        code = stop(&options);
    else if (options.list)
        code = list(&options);
    else
        code = serve(&options);
    sn_options_clear(&options);
    return code;
}
