/* SPDX-License-Identifier: BSD-3-Clause */
/* ctl.c - the control sockets of pml/p2prep among forked processes that are killed, cut off, given
 * up
 *
 * The processes of a job are children of the test. Cards, orders to them and what they know lie in
 * memory that all share. */
#include "config.h"
#include "mca-component/pml_p2prep/pml_p2prep_ctl.h"
#include "mca-component/pml_p2prep/pml_p2prep_ctl_inner.h"

#include "base/clock.h"
#include "test/lib/prelude.h"

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX = 24, PATIENCE_MS = 60000, CARD_MAX = 1024 };
enum order { NONE, DONE, CUT, LINK, GIVE_UP, TOLD, FORK, COMPLAIN };

struct cell {
    unsigned char card[CARD_MAX];
    size_t card_size;
    atomic_int is_open, is_up, order, whom, deaths, is_refused, is_over, child;
    atomic_int dead[MAX];
};

struct job {
    int count, mesh_max;
    pid_t pids[MAX];
    struct cell *cells;
};

static void on_dead(void *arg, int process)
{
    struct cell *cell = arg;
    cell->dead[process]++;
    cell->deaths++;
}

static void on_refused(void *arg)
{
    struct cell *cell = arg;
    cell->is_refused = 1;
}

/* Resets every connection of this process, as a broken middlebox would. */
static void cut(void)
{
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    struct sockaddr_storage peer;
    for (int fd = 3; fd < 256; fd++) {
        socklen_t size = sizeof peer;
        if (getpeername(fd, (struct sockaddr *)&peer, &size) == 0)
            (void)connect(fd, &none, sizeof none);
    }
}

static void obey(struct ctl *ctl, struct cell *cell)
{
    int order = cell->order;
    if (order == NONE)
        return;
    if (order == DONE)
        ctl_done(ctl);
    else if (order == CUT)
        cut();
    else if (order == LINK)
        ctl_cut(ctl, cell->whom);
    else if (order == GIVE_UP)
        ctl_dead(ctl, cell->whom);
    else if (order == COMPLAIN)
        ctl_lags(ctl, cell->whom);
    else if (order == TOLD)
        ctl_news(ctl, cell->whom);
    else if (order == FORK) {
        pid_t child = fork();
        while (child == 0) {
            pause();
        }
        cell->child = child; /* by the parent alone: the memory is shared */
    }
    cell->order = NONE;
}

static _Noreturn void process_run(struct job *job, int self)
{
    struct cell *cell = &job->cells[self];
    struct err err = {{0}};
    struct ctl_setup setup = {.self = self,
                              .count = job->count,
                              .mesh_max = job->mesh_max,
                              .up = {cell, on_dead, on_refused}};
    struct ctl *ctl = ctl_create(&setup, &err);
    if (!ctl)
        _exit(1);
    const void *card = ctl_card(ctl, &cell->card_size);
    memcpy(cell->card, card, cell->card_size);
    cell->is_open = 1;
    for (int i = 0; i < job->count; i++) {
        while (!job->cells[i].is_open)
            usleep(100);
        if (i != self && ctl_peer(ctl, i, job->cells[i].card, job->cells[i].card_size))
            _exit(2);
    }
    ctl_start(ctl, clock_now_ms());
    for (;;) {
        struct pollfd fd = {.fd = ctl_fd(ctl), .events = POLLIN};
        (void)poll(&fd, 1, 1);
        ctl_poll(ctl, clock_now_ms());
        obey(ctl, cell);
        cell->is_over = ctl_is_over(ctl);
        cell->is_up = 1;
    }
}

static struct job *job_start(int count, int mesh_max)
{
    struct job *job = calloc(1, sizeof *job);
    pid_t parent = getpid();
    job->count = count;
    job->mesh_max = mesh_max;
    job->cells = mmap(NULL, MAX * sizeof *job->cells, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(job->cells, MAP_FAILED);
    for (int i = 0; i < count; i++) {
        job->pids[i] = fork();
        if (job->pids[i] == 0) {
            (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (getppid() != parent)
                _exit(3);
            process_run(job, i);
        }
    }
    return job;
}

static void kill_one(struct job *job, int i)
{
    (void)kill(job->pids[i], SIGKILL);
    (void)waitpid(job->pids[i], NULL, 0);
    job->pids[i] = 0;
}

static void job_end(struct job *job)
{
    for (int i = 0; i < job->count; i++) {
        if (job->pids[i])
            kill_one(job, i);
        if (job->cells[i].child > 0)
            (void)kill(job->cells[i].child, SIGKILL);
    }
    (void)munmap(job->cells, MAX * sizeof *job->cells);
    free(job);
}

static void wait_for(const atomic_int *what, int value)
{
    int64_t end = clock_now_ms() + PATIENCE_MS;
    while (*what != value) {
        assert_true(clock_now_ms() < end);
        usleep(500);
    }
}

static void wait_up(struct job *job)
{
    for (int i = 0; i < job->count; i++)
        wait_for(&job->cells[i].is_up, 1);
}

static void order(struct job *job, int i, enum order what, int whom)
{
    job->cells[i].whom = whom;
    job->cells[i].order = (int)what;
    wait_for(&job->cells[i].order, NONE);
}

/* All that live know exactly those that do not. */
static void expect_dead(struct job *job)
{
    int dead = 0;
    for (int i = 0; i < job->count; i++)
        dead += job->pids[i] == 0;
    for (int i = 0; i < job->count; i++) {
        if (job->pids[i] == 0)
            continue;
        wait_for(&job->cells[i].deaths, dead);
        for (int j = 0; j < job->count; j++)
            assert_int_equal(job->cells[i].dead[j], job->pids[j] == 0);
        assert_int_equal(job->cells[i].is_refused, 0);
    }
}

static void the_killed_are_dead_to_all(void **state)
{
    (void)state;
    struct job *job = job_start(8, 0);
    wait_up(job);
    for (int i = 0; i < 5; i++) {
        kill_one(job, (i * 3 + 1) % 8);
        expect_dead(job);
    }
    job_end(job);
}

static void several_at_once_while_they_connect(void **state)
{
    (void)state;
    for (int round = 0; round < 30; round++) {
        struct job *job = job_start(6, 0);
        for (int i = 0; i < 6; i++)
            wait_for(&job->cells[i].is_open, 1);
        usleep((useconds_t)(round * 150));
        kill_one(job, round % 6);
        kill_one(job, (round + 2) % 6);
        expect_dead(job);
        job_end(job);
    }
}

static void rings_carry_the_news_of_large_jobs(void **state)
{
    (void)state;
    struct job *job = job_start(MAX, 4);
    wait_up(job);
    for (int i = 0; i < MAX - 3; i++) {
        kill_one(job, (i * 7 + 2) % MAX);
        if (i % 3 == 2)
            expect_dead(job);
    }
    expect_dead(job);
    job_end(job);
}

static void a_forked_child_does_not_hide_a_death(void **state)
{
    (void)state;
    struct job *job = job_start(4, 0);
    wait_up(job);
    order(job, 2, FORK, 0);
    kill_one(job, 2);
    expect_dead(job);
    assert_int_equal(kill(job->cells[2].child, 0), 0);
    job_end(job);
}

static void a_reset_link_is_no_death(void **state)
{
    (void)state;
    struct job *job = job_start(5, 0);
    wait_up(job);
    for (int round = 0; round < 20; round++) {
        order(job, round % 5, CUT, 0);
        order(job, (round + 1) % 5, CUT, 0); /* both may dial each other */
    }
    kill_one(job, 3); /* whoever lost somebody found back: the news arrives */
    expect_dead(job);
    job_end(job);
}

static void a_reset_link_in_rings_is_no_death(void **state)
{
    (void)state;
    struct job *job = job_start(12, 2);
    wait_up(job);
    for (int round = 0; round < 24; round++)
        order(job, round % 12, CUT, 0);
    kill_one(job, 7);
    expect_dead(job);
    job_end(job);
}

/* All data links of process 3 broke: it alone leaves. */
static void who_lost_most_links_leaves(void **state)
{
    (void)state;
    struct job *job = job_start(5, 0);
    wait_up(job);
    for (int i = 0; i < 5; i++) {
        if (i == 3)
            continue;
        order(job, i, LINK, 3);
        order(job, 3, LINK, i);
    }
    wait_for(&job->cells[3].is_refused, 1);
    kill_one(job, 3);
    expect_dead(job);
    job_end(job);
}

/* It is dead: nobody else has to leave. */
static void a_link_broken_by_a_death_is_no_cut(void **state)
{
    (void)state;
    struct job *job = job_start(5, 0);
    wait_up(job);
    kill_one(job, 2);
    for (int i = 0; i < 5; i++) {
        if (i != 2)
            order(job, i, LINK, 2);
    }
    expect_dead(job);
    job_end(job);
}

static int stranger(const struct cell *cell)
{
    struct ctl_card card;
    memcpy(&card, cell->card, sizeof card);
    struct sockaddr_in6 to = {.sin6_family = AF_INET6,
                              .sin6_port = htons(card.tcp.port),
                              .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static void idle_strangers_keep_nobody_out(void **state)
{
    (void)state;
    enum { STRANGERS = 300 };
    int fds[STRANGERS];
    struct job *job = job_start(3, 0);
    wait_up(job);
    for (int i = 0; i < STRANGERS; i++)
        fds[i] = stranger(&job->cells[0]);
    order(job, 0, CUT, 0);
    order(job, 1, CUT, 0);
    kill_one(job, 2);
    expect_dead(job);
    for (int i = 0; i < STRANGERS; i++)
        close(fds[i]);
    job_end(job);
}

/* Somebody else has the port of a dead process and says that we are dead. */
static void only_who_knows_us_can_refuse_us(void **state)
{
    (void)state;
    struct err err = {{0}};
    struct cell cell = {.is_open = 0};
    struct ctl_setup setup = {.self = 0, .count = 2, .up = {&cell, on_dead, on_refused}};
    struct sockaddr_in6 any = {.sin6_family = AF_INET6};
    socklen_t size = sizeof any;
    int door = socket(AF_INET6, SOCK_STREAM, 0);
    assert_int_equal(bind(door, (struct sockaddr *)&any, size), 0);
    assert_int_equal(listen(door, 1), 0);
    assert_int_equal(getsockname(door, (struct sockaddr *)&any, &size), 0);
    struct ctl *ctl = ctl_create(&setup, &err);
    struct ctl_card card;
    size_t card_size;
    memcpy(&card, ctl_card(ctl, &card_size), sizeof card);
    card.tcp.port = ntohs(any.sin6_port);
    card.tcp.cookie[0]++;
    assert_int_equal(ctl_peer(ctl, 1, &card, sizeof card), 0);
    ctl_start(ctl, clock_now_ms());
    ctl_look(ctl, 1);
    int guest = accept(door, NULL, NULL);
    struct ctl_frame lie = {.magic = CTL_MAGIC, .kind = CTL_REFUSED};
    assert_int_equal(send(guest, &lie, sizeof lie, MSG_NOSIGNAL), sizeof lie);
    char byte;
    while (recv(guest, &byte, 1, MSG_DONTWAIT) != 0) /* it reads the lie, and hangs up */
        ctl_poll(ctl, clock_now_ms());
    assert_int_equal(cell.is_refused, 0);
    ctl_destroy(ctl);
    close(guest);
    close(door);
}

static void a_card_without_addresses_is_none(void **state)
{
    (void)state;
    struct err err = {{0}};
    struct ctl_setup setup = {.self = 0, .count = 2};
    struct ctl *ctl = ctl_create(&setup, &err);
    struct ctl_card card;
    size_t size;
    memcpy(&card, ctl_card(ctl, &size), sizeof card);
    card.tcp.count = 0;
    assert_int_equal(ctl_peer(ctl, 1, &card, sizeof card), -1);
    ctl_destroy(ctl);
}

/* The daemon knew before anybody was connected. */
static void a_death_before_the_start_is_told(void **state)
{
    (void)state;
    struct err err = {{0}};
    struct cell cell = {.is_open = 0};
    struct ctl_setup setup = {.self = 0, .count = 2, .up = {&cell, on_dead, on_refused}};
    struct ctl *ctl = ctl_create(&setup, &err);
    assert_false(ctl_hear(ctl));
    ctl_news(ctl, 1);
    assert_true(ctl_hear(ctl));
    assert_true(ctl_is_dead(ctl, 1));
    ctl_start(ctl, clock_now_ms());
    ctl_poll(ctl, clock_now_ms());
    assert_int_equal(cell.dead[1], 1);
    assert_true(ctl_is_over(ctl));
    ctl_destroy(ctl);
}

/* The lowest decides for all, but not when it is the one that has stopped. */
static void who_keeps_others_waiting_is_given_up_and_leaves_when_it_wakes(void **state)
{
    static const int stopped[] = {3, 0};
    (void)state;
    for (size_t i = 0; i < sizeof stopped / sizeof stopped[0]; i++) {
        struct job *job = job_start(5, 0);
        int who = stopped[i];
        wait_up(job);
        kill(job->pids[who], SIGSTOP);
        order(job, 2, COMPLAIN, who);
        for (int other = 0; other < 5; other++) {
            if (other != who)
                wait_for(&job->cells[other].dead[who], 1);
        }
        assert_int_equal(job->cells[who].is_refused, 0);
        kill(job->pids[who], SIGCONT);
        wait_for(&job->cells[who].is_refused, 1);
        job_end(job);
    }
}

static void who_is_given_up_leaves(void **state)
{
    (void)state;
    struct job *job = job_start(5, 0);
    wait_up(job);
    order(job, 0, GIVE_UP, 3);
    wait_for(&job->cells[3].is_refused, 1);
    kill_one(job, 3);
    expect_dead(job);
    order(job, 1, TOLD, 4);
    wait_for(&job->cells[4].is_refused, 1);
    kill_one(job, 4);
    expect_dead(job);
    job_end(job);
}

static void the_end_waits_for_the_living_only(void **state)
{
    (void)state;
    for (int mesh_max = 0; mesh_max <= 2; mesh_max += 2) {
        struct job *job = job_start(6, mesh_max);
        wait_up(job);
        for (int i = 0; i < 4; i++)
            order(job, i, DONE, 0);
        kill_one(job, 2); /* done, but it still served the others */
        wait_for(&job->cells[4].dead[2], 1);
        kill_one(job, 4);
        wait_for(&job->cells[0].dead[4], 1);
        assert_int_equal(job->cells[0].is_over, 0);
        wait_for(&job->cells[5].is_over, 1); /* it alone is not done */
        order(job, 5, DONE, 0);
        for (int i = 0; i < 6; i++) {
            if (job->pids[i])
                wait_for(&job->cells[i].is_over, 1);
        }
        job_end(job);
    }
}

UNIT_MAIN(cmocka_unit_test(the_killed_are_dead_to_all),
          cmocka_unit_test(several_at_once_while_they_connect),
          cmocka_unit_test(rings_carry_the_news_of_large_jobs),
          cmocka_unit_test(a_forked_child_does_not_hide_a_death),
          cmocka_unit_test(a_reset_link_is_no_death),
          cmocka_unit_test(a_reset_link_in_rings_is_no_death),
          cmocka_unit_test(who_lost_most_links_leaves),
          cmocka_unit_test(a_link_broken_by_a_death_is_no_cut),
          cmocka_unit_test(idle_strangers_keep_nobody_out),
          cmocka_unit_test(only_who_knows_us_can_refuse_us),
          cmocka_unit_test(a_card_without_addresses_is_none),
          cmocka_unit_test(a_death_before_the_start_is_told),
          cmocka_unit_test(who_keeps_others_waiting_is_given_up_and_leaves_when_it_wakes),
          cmocka_unit_test(who_is_given_up_leaves),
          cmocka_unit_test(the_end_waits_for_the_living_only))
