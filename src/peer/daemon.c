/* SPDX-License-Identifier: BSD-3-Clause */
/* daemon.c - p2pmpid put together: what it consists of, how its parts reach each other, start and
 * stop */
#include "config.h"
#include "peer/daemon.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "peer/front.h"
#include "peer/homes.h"
#include "peer/hosting.h"
#include "peer/members.h"
#include "peer/mesh.h"
#include "peer/sandbox.h"
#include "peer/toolstep.h"
#include "peer/watches.h"
#include "plan/host.h"
#include "stage/store.h"

#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define TICK_MS 500
#define REAP_MS 5000
#define STOP_MS 8000 /* what has not ended by then is left to the kernel */

/* ---- frames and links */

int daemon_send(struct daemon *daemon, const struct id *to, const Wire__Frame *frame)
{
    char who[ID_SHORT_SIZE];

    if (mesh_send(daemon->mesh, to, frame) == 0)
        return 0;
    id_short(to, who);
    log_debug("frame dropped to=%s frame=%s", who, frame_name(frame));
    return -1;
}

static void route_in(struct daemon *daemon, const struct id *from, const Wire__Route *route)
{
    if (watches_is_lost(daemon->watches, route->job, route->src))
        return;
    if (route->dst == HOME_HOST) {
        if (homes_is_from(daemon->homes, from, route))
            homes_route(daemon->homes, route);
    } else if (hosting_is_from(daemon->hosting, from, route)) {
        hosting_route(daemon->hosting, route);
    }
}

static void on_frame(const struct id *from, Wire__Frame *frame, void *arg)
{
    struct daemon *daemon = arg;
    char who[ID_SHORT_SIZE];

    if (frame->body_case == WIRE__FRAME__BODY_ROUTE) {
        route_in(daemon, from, frame->route);
    } else if (!watches_frame(daemon->watches, from, frame) &&
               !hosting_frame(daemon->hosting, from, frame) &&
               !homes_frame(daemon->homes, from, frame)) {
        id_short(from, who);
        log_debug("unexpected frame from=%s frame=%s", who, frame_name(frame));
    }
}

static void on_up(const struct id *peer, const Wire__Hello *hello, void *arg)
{
    struct daemon *daemon = arg;

    if (daemon->members != NULL)
        members_up(daemon->members, peer, hello);
    homes_peer_up(daemon->homes, peer);
    hosting_peer_up(daemon->hosting, peer);
}

static void on_down(const struct id *peer, enum link_end end, const char *why, void *arg)
{
    static struct log_limit limit;
    struct daemon *daemon = arg;
    char id[ID_SHORT_SIZE];

    if ((end == LINK_END_PROTOCOL || end == LINK_END_TLS) &&
        log_allowed(&limit, 10, 60000, clock_now_ms())) {
        id_short(peer, id);
        log_warning("peer cannot be used id=%s why=\"%s\"", id, why);
    }
    if (daemon->members != NULL)
        members_down(daemon->members, peer);
    watches_down(daemon->watches, peer, end);
    homes_peer_down(daemon->homes, peer, end, why);
    hosting_peer_down(daemon->hosting, peer);
}

static void on_pong(const struct id *peer, int64_t rtt_us, const Wire__LoadInfo *load, void *arg)
{
    struct daemon *daemon = arg;

    watches_heard(daemon->watches, peer);
    if (daemon->members != NULL)
        members_pong(daemon->members, peer, rtt_us, load);
}

static void on_load(Wire__LoadInfo *load_out, void *arg)
{
    daemon_load(arg, load_out);
}

static const struct mesh_ops mesh_ops = {on_frame, on_up, on_down, on_pong, on_load};

/* For members_create(), which knows identity and certificate; and for the private daemon, which has
 * none. */
struct mesh *daemon_mesh(struct daemon *daemon, struct tls *tls)
{
    return mesh_create(daemon->base, tls, &daemon->self, daemon->hello, &mesh_ops, daemon);
}

/* ---- what this host is */

void daemon_load(struct daemon *daemon, Wire__LoadInfo *load_out)
{
    host_load(load_out);
    leases_load(daemon->leases, load_out);
}

uint32_t daemon_lease_ms(const Wire__JobSpec *spec)
{
    return spec->rejoin_ms > 3 * RENEW_MS ? spec->rejoin_ms : 3 * RENEW_MS;
}

Wire__Peer *daemon_self(struct daemon *daemon)
{
    Wire__Peer *self = message_copy(&daemon->hello->self->base);

    if (self->load == NULL) {
        self->load = mem_alloc(sizeof *self->load);
        wire__load_info__init(self->load);
    }
    daemon_load(daemon, self->load);
    self->alive = true;
    self->seen_s = (uint64_t)clock_wall_s();
    return self;
}

static int describe(struct daemon *daemon, struct err *err)
{
    const struct host_options options = {.quick = daemon->is_private};
    char name[256] = "localhost";
    Wire__Hello *hello = mem_alloc(sizeof *hello);

    wire__hello__init(hello);
    daemon->hello = hello;
    hello->protocol = PROTOCOL_VERSION;
    hello->version = mem_string(PACKAGE_VERSION);
    hello->program = mem_string("p2pmpid");
    hello->self = mem_alloc(sizeof *hello->self);
    wire__peer__init(hello->self);
    gethostname(name, sizeof name - 1);
    hello->self->name = mem_string(daemon->settings.name != NULL ? daemon->settings.name : name);
    hello->self->version = mem_string(PACKAGE_VERSION);
    hello->self->id.data = mem_copy(daemon->self.bytes, ID_SIZE);
    hello->self->id.len = ID_SIZE;
    hello->self->host = host_describe(&options, err);
    return hello->self->host != NULL ? 0 : -1;
}

/* ---- time and signals */

static void lease_expired(const struct lease *lease, void *arg)
{
    struct daemon *daemon = arg;
    char job[LEASE_JOB_MAX + 1];

    strcpy(job, lease->job);
    log_info("lease over job=%s slots=%u", job, lease->slots);
    hosting_lease_over(daemon->hosting, job);
}

static void check_stopped(struct daemon *daemon)
{
    if (!daemon->stopping)
        return;
    bool is_late = clock_now_ms() - daemon->stopping_ms > STOP_MS;
    if (!is_late && (homes_count(daemon->homes) > 0 || hosting_count(daemon->hosting) > 0))
        return;
    if (is_late || daemon->members == NULL || members_stop(daemon->members))
        event_base_loopbreak(daemon->base);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    static const struct timeval often = {0, TICK_MS * 1000}, stopping = {0, 5000};
    struct daemon *daemon = arg;
    int64_t now_ms = clock_now_ms();

    (void)fd;
    (void)what;
    leases_tick(daemon->leases, now_ms);
    hosting_tick(daemon->hosting, now_ms);
    if (daemon->members != NULL)
        members_tick(daemon->members, now_ms);
    event_add(daemon->tick, daemon->stopping ? &stopping : &often);
    check_stopped(daemon);
}

static void on_child(evutil_socket_t fd, short what, void *arg)
{
    struct daemon *daemon = arg;
    int status;
    pid_t pid;

    (void)fd;
    (void)what;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        hosting_reaped(daemon->hosting, pid, status);
        toolstep_reaped(daemon->toolstep, pid, status);
    }
}

static void on_term(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    log_info("signal number=%d", (int)fd);
    daemon_stop(arg);
}

void daemon_stop(struct daemon *daemon)
{
    static const struct timeval soon = {0, 0};

    if (daemon->stopping)
        return;
    daemon->stopping = true;
    daemon->stopping_ms = clock_now_ms();
    homes_stop(daemon->homes);
    if (!daemon->is_private || homes_count(daemon->homes) == 0)
        hosting_stop(daemon->hosting);
    event_add(daemon->tick, &soon);
}

/* ---- start and end */

static void events_create(struct daemon *daemon)
{
    static const struct timeval soon = {0, TICK_MS * 1000};

    daemon->tick = event_new(daemon->base, -1, 0, on_tick, daemon);
    daemon->chld = evsignal_new(daemon->base, SIGCHLD, on_child, daemon);
    daemon->term = evsignal_new(daemon->base, SIGTERM, on_term, daemon);
    daemon->intr = evsignal_new(daemon->base, SIGINT, on_term, daemon);
    event_add(daemon->tick, &soon);
    event_add(daemon->chld, NULL);
    event_add(daemon->term, NULL);
    event_add(daemon->intr, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a full quota is an error of write(), with a sentence */
}

static int grid_up(struct daemon *daemon, struct err *err)
{
    char *grid = daemon->settings.grid != NULL ? mem_string(daemon->settings.grid)
                                               : mem_format("%s/grid", daemon->dirs.config);
    char *cache = mem_string(daemon->dirs.cache);
    int result = -1;

    daemon->store = store_open(cache, (uint64_t)daemon->settings.cache_mb << 20, err);
    if (daemon->store != NULL) {
        daemon->members = members_create(daemon, grid, err);
        result = daemon->members != NULL ? 0 : -1;
    }
    free(cache);
    free(grid);
    return result;
}

static int find_sandbox(struct daemon *daemon, struct err *err)
{
    daemon->bwrap = sandbox_find(daemon->settings.sandbox, err);
    if (daemon->bwrap == NULL && strcmp(daemon->settings.sandbox, "bwrap") == 0)
        return err_prefix(err, "sandbox = bwrap is demanded");
    if (err->text[0] != '\0')
        log_warning("jobs run without a sandbox why=\"%s\"", err->text);
    return 0;
}

struct daemon *daemon_create(struct settings *settings, int fd, struct err *err)
{
    struct daemon *daemon = mem_alloc(sizeof *daemon);

    daemon->settings = *settings;
    memset(settings, 0, sizeof *settings);
    daemon->is_private = fd >= 0;
    daemon->base = event_base_new();
    if ((daemon->is_private ? dirs_find_run(&daemon->dirs, err) : dirs_find(&daemon->dirs, err)) <
            0 ||
        describe(daemon, err) < 0)
        goto error;
    uint32_t slots =
        daemon->settings.slots != 0 ? daemon->settings.slots : daemon->hello->self->host->threads;
    daemon->leases =
        leases_create(daemon->is_private ? LEASE_UNLIMITED : slots, lease_expired, daemon);
    daemon->hosting = hosting_create(daemon);
    daemon->homes = homes_create(daemon);
    events_create(daemon);
    if (daemon->is_private) {
        daemon->mesh = daemon_mesh(daemon, NULL);
        daemon->front = front_adopt(daemon, fd);
        return daemon;
    }
    daemon->front = front_listen(daemon, err); /* first: it tells whether another one runs */
    if (daemon->front == NULL || grid_up(daemon, err) < 0)
        goto error;
    if (find_sandbox(daemon, err) < 0)
        goto error;
    hosting_retake(daemon->hosting);
    daemon->toolstep = toolstep_create(daemon);
    return daemon;
error:
    daemon_destroy(daemon);
    return NULL;
}

int daemon_run(struct daemon *daemon)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (daemon->members != NULL)
        members_start(daemon->members); /* the log is open now */
    event_base_dispatch(daemon->base);
    return 0;
}

static void event_drop(struct event *event)
{
    if (event != NULL)
        event_free(event);
}

/* Who sees us gone may count on it that our steps are, too: all were told to end, or killed. */
static void wait_children(void)
{
    int64_t until_ms = clock_now_ms() + REAP_MS;
    pid_t pid;

    while ((pid = waitpid(-1, NULL, WNOHANG)) >= 0 && clock_now_ms() < until_ms)
        if (pid == 0)
            poll(NULL, 0, 5);
    if (pid == 0)
        log_warning("processes are left after_ms=%d", REAP_MS);
}

void daemon_destroy(struct daemon *daemon)
{
    if (daemon == NULL)
        return;
    toolstep_destroy(daemon->toolstep);
    front_destroy(daemon->front);
    homes_destroy(daemon->homes);
    hosting_destroy(daemon->hosting);
    watches_destroy(daemon->watches);
    mesh_destroy(daemon->mesh);
    members_destroy(daemon->members);
    store_close(daemon->store);
    leases_destroy(daemon->leases);
    event_drop(daemon->tick);
    event_drop(daemon->chld);
    event_drop(daemon->term);
    event_drop(daemon->intr);
    event_base_dispatch(daemon->base); /* links that are being closed write what they still have */
    wait_children();
    message_free(daemon->hello);
    dirs_clear(&daemon->dirs);
    settings_clear(&daemon->settings);
    free(daemon->bwrap);
    event_base_free(daemon->base);
    free(daemon);
}
