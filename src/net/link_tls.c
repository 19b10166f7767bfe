/* SPDX-License-Identifier: BSD-3-Clause */
/* link_tls.c - opens links over TLS 1.3 and TCP */
#include "config.h"
#include "net/link.h"

#include "base/mem.h"
#include "net/tcpdial.h"
#include "net/link_inner.h"
#include "net/tls_inner.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct tls_opening {
    struct link *link;
    struct tcpdial *dial;
    struct tls *tls; /* borrowed */
};

static void opening_free(void *arg)
{
    struct tls_opening *opening = arg;

    tcpdial_destroy(opening->dial);
    free(opening);
}

static void on_dialed(int fd, enum link_end end, const char *why, void *arg)
{
    struct tls_opening *opening = arg;
    struct link *link = opening->link;

    if (fd < 0) {
        link_fail(link, end, "%s", why);
        return;
    }
    link_note_addresses(link, fd);
    struct bufferevent *stream =
        tls_stream(link->base, opening->tls, fd, TLS_MEMBER_CLIENT, link->check);
    if (stream == NULL) {
        close(fd);
        link_fail(link, LINK_END_TLS, "cannot start TLS with %s", link->name);
        return;
    }
    link_attach_take(link, stream);
}

struct link *link_connect_tls(struct event_base *base, struct tls *tls, const char *host,
                              uint16_t port, const struct id *want, const Wire__Hello *hello,
                              unsigned timeout_ms, const struct link_ops *ops, void *arg,
                              struct err *err)
{
    errno = EINVAL;
    if (!tls_is_member(tls)) {
        err_set(err, "this host is not a member of the grid \"%s\" (yet, or no longer)",
                tls_grid(tls));
        return NULL;
    }
    if (host[0] == '\0' || port == 0) {
        err_set(err, "no address to connect to");
        return NULL;
    }
    struct link *link = link_create(base, hello, timeout_ms, ops, arg);
    struct tls_opening *opening = mem_alloc(sizeof *opening);
    snprintf(link->name, sizeof link->name, "%.255s port %u", host, port);
    snprintf(link->remote_host, sizeof link->remote_host, "%.63s", host);
    link->remote_port = port;
    link->check = mem_alloc(sizeof *link->check);
    if (want != NULL) {
        link->check->has_want = true;
        link->check->want = *want;
        link->peer_id = *want;
    }
    opening->link = link;
    opening->tls = tls;
    opening->dial = tcpdial_start(base, host, port, timeout_ms, on_dialed, opening);
    link->opening = opening;
    link->opening_free = opening_free;
    return link;
}
