/* SPDX-License-Identifier: BSD-3-Clause */
/* sn_service.c - the supernode's conversations: members over TLS, its owner over a Unix socket
 *
 * Links come and go; what is known of a peer stays until it is silent for too long. */
#include "config.h"
#include "supernode/sn_service.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "supernode/sn_session.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>

enum { LOG_BURST = 10, LOG_WINDOW_MS = 60000, TICK_MAX_MS = 5000, TICK_SHARE = 10 };

struct sn_service {
    struct event_base *base; /* borrowed */
    struct sn_world world;
    struct listener *members, *owner;
    struct sn_session *sessions;
    size_t links, links_max;
    struct event *tick;
    struct log_limit refusals, fulls;
};

/* ---- sessions */

static void session_destroy(struct sn_session *session)
{
    struct sn_service *service = session->service;

    if (session->prev != NULL)
        session->prev->next = session->next;
    else
        service->sessions = session->next;
    if (session->next != NULL)
        session->next->prev = session->prev;
    service->links--;
    link_destroy(session->link);
    free(session);
}

static void on_ready(struct link *link, const Wire__Hello *hello, void *arg)
{
    (void)arg;
    log_debug("link ready host=%s program=%.40s", link_remote_host(link), hello->program);
}

static void on_frame(struct link *link, Wire__Frame *frame, void *arg)
{
    struct sn_session *session = arg;
    struct sn_service *service = session->service;

    (void)link;
    sn_session_frame(session, &service->world, frame);
}

static void on_writable(struct link *link, void *arg)
{
    struct sn_session *session = arg;
    struct sn_service *service = session->service;

    (void)link;
    sn_session_writable(session, &service->world);
}

static void on_closed(struct link *link, enum link_end end, const char *why, void *arg)
{
    struct sn_session *session = arg;
    struct sn_service *service = session->service;

    if (end == LINK_END_PROTOCOL &&
        log_allowed(&service->refusals, LOG_BURST, LOG_WINDOW_MS, clock_now_ms()))
        log_warning("peer refused host=%s why=\"%s\"", link_remote_host(link), why);
    else
        log_debug("link closed: %s", why);
    session_destroy(session);
}

static const struct link_ops link_ops = {
    .ready = on_ready, .frame = on_frame, .writable = on_writable, .closed = on_closed};

static void session_create(struct sn_service *service, struct link *link, bool is_owner)
{
    struct sn_session *session = mem_alloc(sizeof *session);

    session->link = link;
    session->is_owner = is_owner;
    session->service = service;
    session->next = service->sessions;
    if (session->next != NULL)
        session->next->prev = session;
    service->sessions = session;
    service->links++;
    link_set_ops(link, &link_ops, session);
}

/* The link that has been silent for longest makes room: who is alive renews, and comes back. */
static void make_room(struct sn_service *service)
{
    struct sn_session *oldest = NULL;

    if (service->links < service->links_max)
        return;
    for (struct sn_session *each = service->sessions; each != NULL; each = each->next)
        if (!each->is_owner &&
            (oldest == NULL || link_idle_ms(each->link) > link_idle_ms(oldest->link)))
            oldest = each;
    if (log_allowed(&service->fulls, 1, LOG_WINDOW_MS, clock_now_ms()))
        log_warning("too many links, the most silent one is closed links=%zu", service->links);
    if (oldest != NULL)
        session_destroy(oldest);
}

static void on_member(struct listener *listener, struct link *link, void *arg)
{
    (void)listener;
    make_room(arg);
    session_create(arg, link, false);
}

static void on_refused(struct listener *listener, const char *host, const char *why, void *arg)
{
    struct sn_service *service = arg;

    (void)listener;
    if (log_allowed(&service->refusals, LOG_BURST, LOG_WINDOW_MS, clock_now_ms()))
        log_warning("stranger refused host=%s why=\"%s\"", host, why);
}

static void on_joined(struct listener *listener, const struct id *id, const char *host, void *arg)
{
    char text[ID_TEXT_SIZE];

    (void)listener;
    (void)arg;
    id_text(id, text);
    log_info("new member id=%s host=%s", text, host);
}

static const struct listener_ops member_ops = {
    .accept = on_member, .refused = on_refused, .joined = on_joined};

static void on_owner(struct listener *listener, struct link *link, void *arg)
{
    (void)listener;
    session_create(arg, link, true);
}

static const struct listener_ops owner_ops = {.accept = on_owner};

/* ---- the service */

static void on_stop(void *arg)
{
    struct sn_service *service = arg;

    event_base_loopexit(service->base, NULL);
}

/* Links that are silent longer than any peer may be are dead or useless. */
static void close_silent(struct sn_service *service)
{
    int64_t limit_ms = 2000 * (int64_t)service->world.expiry_s;

    for (struct sn_session *each = service->sessions, *next; each != NULL; each = next) {
        next = each->next;
        if (link_idle_ms(each->link) > limit_ms)
            session_destroy(each);
    }
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct sn_service *service = arg;
    const struct sn_directory *directory = service->world.directory;

    (void)fd;
    (void)what;
    size_t gone = directory->expire(directory->self, clock_now_ms());
    if (gone > 0)
        log_info("silent peers forgotten count=%zu left=%zu", gone,
                 directory->count(directory->self));
    close_silent(service);
}

static int start_ticking(struct sn_service *service)
{
    uint32_t ms = service->world.expiry_s * 1000 / TICK_SHARE;
    struct timeval period;

    ms = ms < TICK_MAX_MS ? ms : TICK_MAX_MS;
    period = (struct timeval){ms / 1000, ms % 1000 * 1000};
    service->tick = event_new(service->base, -1, EV_PERSIST, on_tick, service);
    return service->tick != NULL ? event_add(service->tick, &period) : -1;
}

static Wire__Hello greeting(void)
{
    Wire__Hello hello = WIRE__HELLO__INIT;

    hello.protocol = PROTOCOL_VERSION;
    hello.version = (char *)PACKAGE_VERSION;
    hello.program = (char *)"p2pmpi-supernode";
    return hello;
}

struct sn_service *sn_service_create(struct event_base *base, struct tls *tls,
                                     const struct authority *authority,
                                     const struct sn_directory *directory,
                                     const struct sn_settings *settings, struct err *err)
{
    struct sn_service *service = mem_alloc(sizeof *service);
    Wire__Hello hello = greeting();

    service->base = base;
    service->links_max = settings->links_max;
    service->world.directory = directory;
    service->world.authority = authority;
    service->world.expiry_s = settings->expiry_s;
    service->world.stop = on_stop;
    service->world.arg = service;
    prng_seed(&service->world.prng, rand_u64());
    /* The Unix socket first: it says whether another supernode of this owner is there. */
    service->owner = listener_unix(base, settings->socket_path, &hello, &owner_ops, service, err);
    if (service->owner == NULL)
        goto error;
    service->members =
        listener_tls(base, tls, settings->host, settings->port, &hello, &member_ops, service, err);
    if (service->members == NULL) {
        errno = EINVAL;
        goto error;
    }
    listener_allow_join(service->members, authority);
    if (start_ticking(service) < 0) {
        err_set(err, "out of memory");
        goto error;
    }
    return service;
error:
    sn_service_destroy(service);
    return NULL;
}

void sn_service_destroy(struct sn_service *service)
{
    int saved = errno;

    if (service == NULL)
        return;
    while (service->sessions != NULL)
        session_destroy(service->sessions);
    listener_destroy(service->members);
    listener_destroy(service->owner);
    if (service->tick != NULL)
        event_free(service->tick);
    free(service);
    errno = saved;
}

uint16_t sn_service_port(const struct sn_service *service)
{
    return listener_port(service->members);
}
