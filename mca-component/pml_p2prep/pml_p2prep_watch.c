/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_watch.c - with replicas: who is dead, who has come to the end
 *
 * Open MPI's side of the control sockets (pml_p2prep_ctl.h): cards through the modex, deaths to the
 * replica engine and the transports. */
#include "mca-component/pml_p2prep/pml_p2prep_watch.h"

#include "mca-component/pml_p2prep/pml_p2prep_ctl.h"
#include "mca-component/pml_p2prep/pml_p2prep_daemon.h"
#include "mca-component/pml_p2prep/pml_p2prep_replica.h"
#include "mca-component/pml_p2prep/pml_p2prep_wire.h"

#include <opal/util/show_help.h>

#include <time.h>

#define HELP "help-mpi-pml-p2prep.txt"
#define KEY  (char *)"pml.p2prep.watch"

enum {
    ASK_MS =
        100, /* MPI_Init waits so long before it asks the daemon about deaths, and asks again */
    AWAIT_US = 500, /* between two looks for a card */
};

static struct ctl *ctl; /* this process's, like the component itself */
static int64_t asked_ms;

static int64_t clock_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void on_dead(void *arg, int process)
{
    (void)arg;
    p2prep_replica_dead((uint32_t)process);
}

static void on_refused(void *arg)
{
    (void)arg;
    p2prep_replica_refused();
}

static bool can_leave(void *arg, int process)
{
    const struct world *world = mca_pml_p2prep.world;
    (void)arg;
    for (int set = 0; set < world->replicas; set++) {
        int sibling = world_process(world, world->rank[process], set);
        if (sibling >= 0 && sibling != process && !ctl_is_dead(ctl, sibling))
            return true;
    }
    return false;
}

int p2prep_watch_open(void)
{
    struct err err = {{0}};
    struct ctl_setup setup = {
        .self = (int)OMPI_PROC_MY_NAME->vpid,
        .count = (int)ompi_process_info.num_procs,
        .interfaces = p2prep_wire_interfaces(),
        .host = ompi_process_info.nodename,
        .up = {.dead = on_dead, .refused = on_refused, .can_leave = can_leave}};
    size_t size;
    int rc;
    ctl = ctl_create(&setup, &err);
    if (!ctl) {
        opal_show_help(HELP, "no watch", true, ompi_process_info.nodename, err.text);
        return OMPI_ERR_NOT_AVAILABLE;
    }
    p2prep_daemon_listen(ctl, setup.count);
    asked_ms = clock_ms();
    const void *card = ctl_card(ctl, &size);
    OPAL_MODEX_SEND_STRING(rc, P2PREP_MODEX_GLOBAL, KEY, card, size);
    return rc;
}

bool p2prep_watch_knows_dead(void)
{
    if (clock_ms() - asked_ms >= ASK_MS) {
        asked_ms = clock_ms();
        p2prep_daemon_ask();
    }
    return ctl_hear(ctl);
}

/* Takes what it has published, if it has. */
static bool card_fetch(uint32_t process)
{
    size_t size = 0;
    void *card = p2prep_daemon_card(process, KEY, &size);
    bool is_good = card && ctl_peer(ctl, (int)process, card, size) == 0;
    free(card);
    return is_good;
}

bool p2prep_watch_await(uint32_t process)
{
    const struct timespec pause = {.tv_nsec = AWAIT_US * 1000};
    while (!card_fetch(process)) {
        if (p2prep_watch_knows_dead() && ctl_is_dead(ctl, (int)process))
            return false;
        opal_progress();
        (void)nanosleep(&pause, NULL);
    }
    return true;
}

void p2prep_watch_connect(void)
{
    const struct world *world = mca_pml_p2prep.world;
    uint32_t me = OMPI_PROC_MY_NAME->vpid;
    for (uint32_t i = 0; i < mca_pml_p2prep.n_peers; i++) {
        if (i != me && world->rank[i] == world->rank[me])
            ctl_friend(ctl, (int)i);
    }
    ctl_start(ctl, clock_ms());
    ctl_poll(ctl, clock_ms()); /* tells who is dead from the start */
}

bool p2prep_watch_is_dead(uint32_t process)
{
    const struct timespec pause = {.tv_nsec = AWAIT_US * 1000};
    for (;;) {
        ctl_poll(ctl, clock_ms()); /* twice: a connection that came, and its end of file */
        ctl_poll(ctl, clock_ms());
        if (ctl_is_dead(ctl, (int)process) || ctl_is_up(ctl, (int)process))
            return ctl_is_dead(ctl, (int)process);
        ctl_look(ctl, (int)process);
        (void)nanosleep(&pause, NULL);
    }
}

void p2prep_watch_close(void)
{
    p2prep_daemon_unlisten();
    ctl_destroy(ctl);
    ctl = NULL;
}

void p2prep_watch_cut(uint32_t process)
{
    if (ctl)
        ctl_cut(ctl, (int)process);
}

bool p2prep_watch_evict(uint32_t process)
{
    if (!ctl || !can_leave(NULL, (int)process))
        return false;
    ctl_lags(ctl, (int)process);
    return true;
}

void p2prep_watch_poll(void)
{
    if (ctl)
        ctl_poll(ctl, clock_ms());
}

void p2prep_watch_goodbye(void)
{
    ctl_done(ctl);
}

bool p2prep_watch_is_alone(void)
{
    return ctl_is_over(ctl);
}

bool p2prep_watch_is_over(void)
{
    return ctl && ctl_is_done(ctl);
}

const char *p2prep_watch_host(int process)
{
    return ctl_host(ctl, process);
}

void p2prep_watch_hosts(int rank, char *text, size_t size)
{
    const struct world *world = mca_pml_p2prep.world;
    size_t used = 0;
    text[0] = '\0';
    for (int set = 0; set < world->replicas && used < size; set++) {
        int process = world_process(world, rank, set);
        int n = process < 0 ? 0
                            : snprintf(text + used, size - used, "%s%s (process %d)",
                                       used ? ", " : "", ctl_host(ctl, process), process);
        used += n > 0 ? (size_t)n : 0;
    }
}
