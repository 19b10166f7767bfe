/* SPDX-License-Identifier: BSD-3-Clause */
/* link_tls.c - links over TLS 1.3 and TCP (under construction: says so) */
#include "config.h"
#include "net/link.h"

struct link *link_connect_tls(struct event_base *base, struct tls *tls, const char *host,
                              uint16_t port, const struct id *want, const Wire__Hello *hello,
                              unsigned timeout_ms, const struct link_ops *ops, void *arg,
                              struct err *err)
{
    (void)base, (void)tls, (void)host, (void)port, (void)want, (void)hello, (void)timeout_ms,
        (void)ops, (void)arg;
    err_set(err, "TLS links are not built yet");
    return NULL;
}

struct listener *listener_tls(struct event_base *base, struct tls *tls, const char *host,
                              uint16_t port, const Wire__Hello *hello,
                              const struct listener_ops *ops, void *arg, struct err *err)
{
    (void)base, (void)tls, (void)host, (void)port, (void)hello, (void)ops, (void)arg;
    err_set(err, "TLS links are not built yet");
    return NULL;
}
