/* SPDX-License-Identifier: BSD-3-Clause */
/* otherpeer.c - the other end of a link, of another version or of another grid
 *
 * otherpeer [--protocol N] [--release TEXT] WAY...
 *   connect HOST PORT   to a peer or supernode, by TLS
 *   listen PORT         as a peer or supernode; 0: any port, which is printed
 *   unix-connect PATH   to a p2pmpid or p2pmpi-stepd
 *   unix-listen PATH    as a p2pmpid
 *   [--dir D] --job J   as a p2pmpi-stepd is started: the listening socket is fd 3
 * Identity and grid are those of P2PMPI_DIR; where the authority is there too, it makes the
 * certificate. The environment's OTHERPEER_PROTOCOL and OTHERPEER_RELEASE do as the options do.
 * Prints "listens PORT", "meets PROGRAM RELEASE PROTOCOL" and "ends WHY" as it happens. One that
 * connects ends with its link: exit code 0 when it was ready at least for a moment, else 1. One
 * that listens goes on. */
#include "config.h"
#include "base/clock.h"
#include "base/dirs.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/authority.h"
#include "net/link.h"
#include "net/tls.h"
#include "wire/frame.h"

#include <event2/event.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEP_FD = 3, TIMEOUT_MS = 10000, VALID_S = 3600 };

struct other {
    struct event_base *base;
    struct tls *tls;
    Wire__Hello hello;
    struct err err;
    bool connects, met;
};

static void die(const struct err *err)
{
    fprintf(stderr, "otherpeer: %s\n", err->text);
    exit(99);
}

/* ---- links */

static void on_ready(struct link *link, const Wire__Hello *hello, void *arg)
{
    struct other *other = arg;

    (void)link;
    other->met = true;
    printf("meets %s %s %u\n", hello->program, hello->version, hello->protocol);
}

static void on_frame(struct link *link, Wire__Frame *frame, void *arg)
{
    (void)link;
    (void)arg;
    printf("hears %s\n", frame_name(frame));
}

static void on_closed(struct link *link, enum link_end end, const char *why, void *arg)
{
    struct other *other = arg;

    (void)end;
    printf("ends %s\n", why);
    link_destroy(link);
    if (other->connects)
        event_base_loopbreak(other->base);
}

static const struct link_ops link_ops = {on_ready, on_frame, NULL, on_closed};

static void on_accept(struct listener *listener, struct link *link, void *arg)
{
    (void)listener;
    link_set_ops(link, &link_ops, arg);
}

static void on_refused(struct listener *listener, const char *host, const char *why, void *arg)
{
    (void)listener;
    (void)arg;
    printf("refuses %s: %s\n", host, why);
}

static const struct listener_ops listener_ops = {on_accept, on_refused, NULL};

/* ---- who we are */

/* A certificate by the authority in P2PMPI_DIR, or the one that a p2pmpid left there. */
static int certify(struct other *other, const struct identity *identity, const struct dirs *dirs)
{
    char *key = mem_format("%s/authority.key", dirs->state);
    char *certificate = mem_format("%s/authority.crt", dirs->state);
    char *chain_path = mem_format("%s/%s.chain", dirs->state, tls_grid(other->tls));
    struct authority *authority = authority_open(key, certificate, NULL);
    int failed = -1;
    size_t size;

    if (authority == NULL) {
        failed = tls_load_chain(other->tls, chain_path, &other->err);
        goto out;
    }
    uint8_t *chain = authority_issue(authority, identity_key(identity), clock_wall_s(), VALID_S,
                                     &size, &other->err);
    if (chain != NULL)
        failed = tls_use_chain(other->tls, chain, size, &other->err);
    free(chain);
out:
    authority_destroy(authority);
    free(key);
    free(certificate);
    free(chain_path);
    return failed;
}

static void become_member(struct other *other)
{
    struct dirs dirs;
    struct grid grid;

    if (dirs_find(&dirs, &other->err) < 0)
        die(&other->err);
    char *grid_path = mem_format("%s/grid", dirs.config);
    char *key_path = mem_format("%s/key.pem", dirs.state);
    struct identity *identity = identity_open(key_path, &other->err);
    if (identity == NULL || grid_read(grid_path, &grid, &other->err) < 0)
        die(&other->err);
    other->tls = tls_create(identity, &grid, &other->err);
    if (other->tls == NULL || certify(other, identity, &dirs) < 0)
        die(&other->err);
    grid_clear(&grid);
    free(grid_path);
    free(key_path);
    dirs_clear(&dirs);
}

/* ---- ways */

static bool begin(struct other *other, char *const *words, int count)
{
    const char *way = count > 0 ? words[0] : "";
    struct listener *listener;

    if (strcmp(way, "connect") == 0 && count == 3) {
        other->connects = true;
        become_member(other);
        return link_connect_tls(other->base, other->tls, words[1], (uint16_t)atoi(words[2]), NULL,
                                &other->hello, TIMEOUT_MS, &link_ops, other, &other->err) != NULL;
    }
    if (strcmp(way, "unix-connect") == 0 && count == 2) {
        other->connects = true;
        return link_connect_unix(other->base, words[1], &other->hello, TIMEOUT_MS, &link_ops, other,
                                 &other->err) != NULL;
    }
    if (strcmp(way, "unix-listen") == 0 && count == 2)
        return listener_unix(other->base, words[1], &other->hello, &listener_ops, other,
                             &other->err) != NULL;
    if (strcmp(way, "listen") == 0 && count == 2) {
        become_member(other);
        listener = listener_tls(other->base, other->tls, "127.0.0.1", (uint16_t)atoi(words[1]),
                                &other->hello, &listener_ops, other, &other->err);
        if (listener != NULL)
            printf("listens %u\n", listener_port(listener));
        return listener != NULL;
    }
    err_set(&other->err, "no such way: \"%s\" with %d words", way, count);
    return false;
}

static const char *environment(const char *name, const char *fallback)
{
    const char *value = getenv(name);

    return value != NULL ? value : fallback;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"protocol", required_argument, NULL, 'p'}, {"release", required_argument, NULL, 'r'},
        {"dir", required_argument, NULL, 'd'},      {"job", required_argument, NULL, 'j'},
        {"tools", no_argument, NULL, 't'},          {NULL, 0, NULL, 0}};
    struct other other = {.err = {""}};
    bool is_step = false;
    int option;

    wire__hello__init(&other.hello);
    other.hello.protocol = (uint32_t)atoi(environment("OTHERPEER_PROTOCOL", "1"));
    other.hello.version = mem_string(environment("OTHERPEER_RELEASE", PACKAGE_VERSION));
    other.hello.program = (char *)"otherpeer";
    while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1)
        if (option == 'p')
            other.hello.protocol = (uint32_t)atoi(optarg);
        else if (option == 'r')
            other.hello.version = optarg;
        else if (option == 'j')
            is_step = true;
        else if (option == '?')
            return 99;
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGPIPE, SIG_IGN);
    other.base = event_base_new();
    if (is_step)
        listener_from_fd_take(other.base, STEP_FD, &other.hello, &listener_ops, &other);
    else if (!begin(&other, argv + optind, argc - optind))
        die(&other.err);
    event_base_dispatch(other.base);
    return other.met ? 0 : 1;
}
