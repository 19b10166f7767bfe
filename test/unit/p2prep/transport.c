/* SPDX-License-Identifier: BSD-3-Clause */
/* transport.c - the two transports of pml/p2prep, each between two forked processes, without Open
 * MPI
 *
 * Parent and child open the same medium, swap cards over a socket pair, and run a script each; the
 * child's exit code is its verdict (a line on stderr says which check failed). */
#include "config.h"
#include "mca-component/pml_p2prep/pml_p2prep_transport.h"

#include "base/clock.h"
#include "test/lib/dustbin.h"
#include "test/lib/prelude.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 60000
#define BODIES_MAX  4096

/* What is under test: a row per medium and way. */
struct way {
    const char *name;
    const struct p2prep_medium *medium;
    bool no_cma;
};

static const struct way ways[] = {
    {"shm", &p2prep_shm, false},
    {"shm through the ring", &p2prep_shm, true},
    {"tcp", &p2prep_tcp, false},
};

struct head {
    uint32_t number;
    uint32_t size;
    uint32_t what; /* of a body: 0 take, 1 drop, 2 purge */
};

struct body {
    unsigned char *place;
    uint32_t number;
    size_t size;
};

/* One process. */
struct side {
    const struct way *way;
    const char *directory;
    int number, pipe; /* 0 parent, 1 child */
    uint64_t host;    /* the launcher's word for it */
    struct p2prep_transport *tp;
    struct p2prep_link *link;
    uint32_t next_in; /* number of the next message to come */
    struct body bodies[BODIES_MAX];
    int begun, whole, broken, sent_ok, sent_not, lost, dropped;
    enum p2prep_loss loss;
    uint64_t remote;
};

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail_at(__LINE__, #condition);                                                         \
    } while (0)

static pid_t child_pid;

static void fail_at(int line, const char *text)
{
    fprintf(stderr, "# %s: line %d: %s\n", child_pid == 0 ? "child" : "parent", line, text);
    if (child_pid == 0)
        _exit(1);
    kill(child_pid, SIGKILL);
    fail();
}

static unsigned char byte_of(uint32_t number, size_t at)
{
    return (unsigned char)(number * 31 + at * 7 + at / 251);
}

static void fill(unsigned char *bytes, size_t size, uint32_t number)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = byte_of(number, i);
}

static bool is_filled(const unsigned char *bytes, size_t size, uint32_t number)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != byte_of(number, i))
            return false;
    return true;
}

/* ---- upcalls ---- */

static void on_message(void *arg, void *owner, const void *head, size_t head_size,
                       const void *payload, size_t payload_size)
{
    struct side *side = arg;
    const struct head *got = head;

    MUST(owner == &side->link);
    MUST(head_size >= sizeof *got && (uintptr_t)head % 8 == 0);
    MUST(got->number == side->next_in);
    MUST(got->size == payload_size && is_filled(payload, payload_size, got->number));
    side->next_in++;
}

static void *on_body(void *arg, void *owner, const void *head, size_t head_size, size_t size,
                     void **token_out)
{
    struct side *side = arg;
    const struct head *got = head;
    struct body *body = &side->bodies[side->begun];

    MUST(owner == &side->link && head_size == sizeof *got && got->size == size);
    if (got->what == 1) {
        side->dropped++;
        return NULL;
    }
    MUST(side->begun < BODIES_MAX);
    side->begun++;
    *body = (struct body){malloc(size + 1), got->number, size};
    *token_out = body;
    if (got->what == 2)
        side->way->medium->purge(side->link);
    return body->place;
}

static void on_body_done(void *arg, void *owner, void *token, bool is_whole)
{
    struct side *side = arg;
    struct body *body = token;

    MUST(owner == &side->link && body->place != NULL);
    MUST(!is_whole || is_filled(body->place, body->size, body->number));
    free(body->place);
    body->place = NULL;
    if (is_whole)
        side->whole++;
    else
        side->broken++;
}

static void on_sent(void *arg, void *owner, void *token, bool is_ok)
{
    struct side *side = arg;

    MUST(owner == &side->link && token == &side->sent_ok);
    if (is_ok)
        side->sent_ok++;
    else
        side->sent_not++;
}

static void on_lost(void *arg, void *owner, enum p2prep_loss loss, const char *why)
{
    struct side *side = arg;

    MUST(owner == &side->link && why != NULL && why[0] != '\0');
    side->lost++;
    side->loss = loss;
}

/* ---- two sides ---- */

#define DIRECTORY_MAX 64

/* A new directory in shared memory, `path`. It must be empty at the end; where a test fails or is
 * ended, all go. */
static const char *directory_make(char path[DIRECTORY_MAX])
{
    static char top[] = "/dev/shm/p2prep-test-XXXXXX";
    static bool is_open;

    is_open = is_open || dustbin_open(top) >= 0;
    assert_true(is_open);
    snprintf(path, DIRECTORY_MAX, "%s/XXXXXX", top);
    assert_non_null(mkdtemp(path));
    return path;
}

static void open_side(struct side *side)
{
    struct p2prep_setup setup = {.self = 10 + (uint64_t)side->number,
                                 .up = {side, on_message, on_body, on_body_done, on_sent, on_lost},
                                 .job = "test",
                                 .directory = side->directory,
                                 .host = side->host,
                                 .slot = (uint32_t)side->number,
                                 .slots = 2,
                                 .ring_size = 128 * 1024,
                                 .no_cma = side->way->no_cma,
                                 .address = "127.0.0.1"};
    struct err err = {""};

    side->tp = side->way->medium->open(&setup, &err);
    if (side->tp == NULL)
        fprintf(stderr, "# %s\n", err.text);
    MUST(side->tp != NULL);
}

/* Sends mine, takes the other's. */
static void swap_cards(struct side *side)
{
    unsigned char card[P2PREP_CARD_MAX];
    struct err err = {""};
    const void *mine;
    size_t size;
    ssize_t n;

    mine = side->way->medium->card(side->tp, &size);
    MUST(size <= sizeof card);
    MUST(send(side->pipe, mine, size, 0) == (ssize_t)size);
    n = recv(side->pipe, card, sizeof card, 0);
    MUST(n == (ssize_t)size);
    side->link = side->way->medium->add_peer(side->tp, 11 - (uint64_t)side->number, card, size,
                                             &side->link, &err);
    if (side->link == NULL)
        fprintf(stderr, "# %s\n", err.text);
    MUST(side->link != NULL);
    MUST(send(side->pipe, "", 1, 0) == 1 &&
         recv(side->pipe, card, 1, 0) == 1); /* the job's fence */
}

/* A word over the socket pair, so that the other knows where we are. */
static void tell(struct side *side)
{
    MUST(send(side->pipe, "x", 1, MSG_NOSIGNAL) == 1);
}

static bool is_told(struct side *side)
{
    char word;

    return recv(side->pipe, &word, 1, MSG_DONTWAIT) == 1;
}

static void step(struct side *side)
{
    if (side->way->medium->progress(side->tp) == 0)
        sched_yield();
}

#define UNTIL(side, condition)                                                                     \
    do {                                                                                           \
        int64_t end_ms = clock_now_ms() + PATIENCE_MS;                                             \
        while (!(condition)) {                                                                     \
            MUST(clock_now_ms() < end_ms);                                                         \
            step(side);                                                                            \
        }                                                                                          \
    } while (0)

typedef void script_fn(struct side *side);

static void run_child(struct side *side, script_fn *script)
{
    child_pid = 0;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    open_side(side);
    swap_cards(side);
    script(side);
    side->way->medium->close(side->tp);
    _exit(0);
}

/* Runs both scripts; the child must end well, unless it was killed by the parent's. */
static void run_pair(const struct way *way, script_fn *parent, script_fn *child)
{
    char directory[DIRECTORY_MAX];
    struct side side = {.way = way, .directory = directory_make(directory)};
    int ends[2], status;

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    child_pid = fork();
    if (child_pid == 0) {
        close(ends[0]);
        side.number = 1;
        side.pipe = ends[1];
        run_child(&side, child);
    }
    close(ends[1]);
    side.pipe = ends[0];
    open_side(&side);
    swap_cards(&side);
    parent(&side);
    way->medium->close(side.tp);
    close(side.pipe);
    assert_int_equal(waitpid(child_pid, &status, 0), child_pid);
    assert_true(status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
    assert_int_equal(rmdir(directory), 0);
}

static void each_way(script_fn *parent, script_fn *child)
{
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        run_pair(&ways[i], parent, child);
}

/* Says goodbye: nobody closes before the other has all. */
static void part(struct side *side)
{
    UNTIL(side, side->way->medium->is_idle(side->tp));
    tell(side);
    UNTIL(side, is_told(side));
}

/* ---- messages ---- */

static enum p2prep_sent put_message(struct side *side, uint32_t number)
{
    static unsigned char bytes[128 * 1024];
    size_t max = side->way->medium->send_max(side->link) - P2PREP_HEAD_MAX;
    size_t size = number % 50 == 0 ? max : number * 2654435761u % 300;
    struct {
        struct head head;
        char more[P2PREP_HEAD_MAX - sizeof(struct head)];
    } head = {{number, (uint32_t)size, 0}, {0}};

    fill(bytes, size, number);
    return side->way->medium->send(side->link, &head, sizeof head.head + number % 100, bytes, size);
}

/* Both sides talk at once, so that over TCP both dial. */
static void chatter(struct side *side)
{
    const uint32_t count = 3000;
    uint32_t out = 0;

    tell(side);
    while (!is_told(side))
        sched_yield();
    while (out < count) {
        enum p2prep_sent sent = put_message(side, out);

        MUST(sent == P2PREP_SENT || sent == P2PREP_FULL);
        if (sent == P2PREP_SENT)
            out++;
        if (sent == P2PREP_FULL || out % 7 == 0)
            step(side);
    }
    UNTIL(side, side->next_in == count);
    part(side);
    MUST(side->lost == 0);
}

static void messages_come_whole_and_in_order_both_ways(void **state)
{
    (void)state;
    each_way(chatter, chatter);
}

/* ---- bodies ---- */

static const size_t body_sizes[] = {0, 1, 5000, 1 << 20, (1 << 20) + 1, 5000003, 300000, 12};
#define BODIES (sizeof body_sizes / sizeof *body_sizes)

static void put_body(struct side *side, unsigned char *bytes, size_t size, uint32_t number,
                     uint32_t what)
{
    struct head head = {number, (uint32_t)size, what};
    enum p2prep_sent sent;

    fill(bytes, size, number);
    UNTIL(side, (sent = side->way->medium->send_body(side->link, &head, sizeof head, bytes, size,
                                                     &side->sent_ok)) != P2PREP_FULL);
    MUST(sent == P2PREP_SENT || sent == P2PREP_DONE);
    if (sent == P2PREP_DONE)
        side->sent_ok++;
}

/* Bodies of all sizes, messages between them, one body that the receiver does not want. */
static void heavy(struct side *side)
{
    unsigned char *memory[BODIES];

    for (uint32_t i = 0; i < BODIES; i++) {
        memory[i] = malloc(body_sizes[i] + 1);
        put_body(side, memory[i], body_sizes[i], i, i == 4);
        UNTIL(side, put_message(side, i + 1) == P2PREP_SENT);
    }
    UNTIL(side, side->sent_ok == (int)BODIES && side->whole == (int)BODIES - 1);
    UNTIL(side, side->next_in == BODIES + 1);
    MUST(side->dropped == 1 && side->broken == 0 && side->sent_not == 0);
    part(side);
    for (size_t i = 0; i < BODIES; i++)
        free(memory[i]);
}

static void heavy_from_one(struct side *side)
{
    side->next_in = 1;
    heavy(side);
}

static void bodies_arrive_between_messages(void **state)
{
    (void)state;
    each_way(heavy_from_one, heavy_from_one);
}

/* ---- reading across ---- */

static unsigned char shelf[3000000];

static void reader(struct side *side)
{
    unsigned char *copy = malloc(sizeof shelf);
    uint64_t remote;

    MUST(recv(side->pipe, &remote, sizeof remote, 0) == sizeof remote);
    MUST(side->way->medium->link_has_get(side->link));
    MUST(side->way->medium->get(side->link, copy, remote, sizeof shelf) == 0);
    MUST(is_filled(copy, sizeof shelf, 5));
    MUST(side->way->medium->get(side->link, copy, 16, 100) != 0 && errno == EFAULT);
    kill(child_pid, SIGKILL);
    MUST(waitid(P_PID, (id_t)child_pid, &(siginfo_t){0}, WEXITED | WNOWAIT) == 0);
    MUST(side->way->medium->get(side->link, copy, remote, sizeof shelf) != 0 && errno == ESRCH);
    side->way->medium->purge(side->link);
    free(copy);
}

static void shelver(struct side *side)
{
    uint64_t address = (uint64_t)(uintptr_t)shelf;

    fill(shelf, sizeof shelf, 5);
    MUST(send(side->pipe, &address, sizeof address, 0) == sizeof address);
    pause();
}

static void a_receiver_reads_the_senders_memory_until_it_dies(void **state)
{
    (void)state;
    run_pair(&ways[0], reader, shelver);
}

static void no_get(struct side *side)
{
    char byte;

    MUST(!side->way->medium->link_has_get(side->link));
    MUST(side->way->medium->get(side->link, &byte, (uint64_t)(uintptr_t)&byte, 1) != 0 &&
         errno == EPERM);
    tell(side);
}

static void nothing(struct side *side)
{
    UNTIL(side, is_told(side));
}

static void where_reading_is_not_allowed_get_says_so(void **state)
{
    (void)state;
    run_pair(&ways[1], no_get, nothing);
    run_pair(&ways[2], no_get, nothing);
}

/* ---- death ---- */

/* Sends for ever: messages, bodies; dies somewhere in between. */
static void pour(struct side *side)
{
    static unsigned char memory[700000];

    fill(memory, sizeof memory, 9);
    for (uint32_t number = 0;; step(side)) {
        struct head head = {9, sizeof memory, 0};

        if (put_message(side, number) == P2PREP_SENT)
            number++;
        if (number % 20 == 1 && side->sent_ok % 4 == 0)
            (void)side->way->medium->send_body(side->link, &head, sizeof head, memory,
                                               sizeof memory, &side->sent_ok);
    }
}

static void bury(struct side *side)
{
    const struct p2prep_medium *medium = side->way->medium;
    static unsigned char memory[9000000];
    struct head head = {1, sizeof memory, 0};
    enum p2prep_sent sent;

    fill(memory, sizeof memory, 1);
    UNTIL(side, side->next_in > 500 || side->begun > 30);
    /* One that is under way; the kernel may take whole ones at once. */
    do
        UNTIL(side, (sent = medium->send_body(side->link, &head, sizeof head, memory, sizeof memory,
                                              &side->sent_ok)) != P2PREP_FULL);
    while (sent == P2PREP_DONE);
    MUST(sent == P2PREP_SENT);
    kill(child_pid, SIGKILL);
    if (medium == &p2prep_tcp) {
        UNTIL(side, side->lost > 0);
        MUST(side->loss == P2PREP_LOSS_EOF && side->lost == 1);
        MUST(put_message(side, 1) == P2PREP_GONE);
    }
    medium->purge(side->link);
    medium->purge(side->link);
    MUST(side->begun == side->whole + side->broken);
    UNTIL(side, side->sent_ok + side->sent_not == 1);
    MUST(put_message(side, 1) == P2PREP_GONE);
    head.size = 5;
    MUST(medium->send_body(side->link, &head, sizeof head, memory, 5, NULL) == P2PREP_GONE);
    step(side);
    MUST(medium->is_idle(side->tp));
}

static void a_peer_killed_while_it_sends_is_buried(void **state)
{
    (void)state;
    for (int round = 0; round < 5; round++)
        each_way(bury, pour);
}

/* The child purges us from within body(): it hears no more, over TCP we are told. */
static void is_purged(struct side *side)
{
    static unsigned char memory[100000];

    side->next_in = 0;
    put_body(side, memory, sizeof memory, 3, 2);
    if (side->way->medium == &p2prep_tcp)
        UNTIL(side, side->lost == 1);
    UNTIL(side, is_told(side));
}

static void purges(struct side *side)
{
    UNTIL(side, side->begun == 1);
    MUST(side->broken == 1 && side->whole == 0);
    for (int i = 0; i < 50; i++)
        step(side);
    MUST(put_message(side, 1) == P2PREP_GONE);
    tell(side);
}

static void a_peer_may_be_purged_from_an_upcall(void **state)
{
    (void)state;
    each_way(is_purged, purges);
}

static void denied(struct side *side)
{
    UNTIL(side, is_told(side));
    MUST(put_message(side, 0) == P2PREP_SENT);
    UNTIL(side, side->lost == 1);
    MUST(side->loss == P2PREP_LOSS_DENIED);
    tell(side);
}

static void denies(struct side *side)
{
    side->way->medium->purge(side->link);
    tell(side);
    UNTIL(side, is_told(side));
    MUST(side->next_in == 0 && side->lost == 0);
}

static void the_dead_are_refused(void **state)
{
    (void)state;
    run_pair(&ways[2], denied, denies);
}

static void sends_no_head(struct side *side)
{
    unsigned char bytes[64] = {0};

    UNTIL(side, is_told(side));
    MUST(side->way->medium->send(side->link, bytes, 0, bytes, sizeof bytes) == P2PREP_SENT);
    while (!is_told(side))
        step(side);
}

static void takes_no_headless(struct side *side)
{
    tell(side);
    UNTIL(side, side->lost == 1);
    MUST(side->loss == P2PREP_LOSS_FAULT && side->next_in == 0);
    tell(side);
}

static void a_message_without_a_head_is_nonsense(void **state)
{
    (void)state;
    each_way(sends_no_head, takes_no_headless);
}

static void calls_the_dead(struct side *side)
{
    kill(child_pid, SIGKILL);
    MUST(waitid(P_PID, (id_t)child_pid, &(siginfo_t){0}, WEXITED | WNOWAIT) == 0);
    (void)put_message(side, 0);
    UNTIL(side, side->lost == 1);
    MUST(side->loss == P2PREP_LOSS_REFUSED);
    MUST(put_message(side, 0) == P2PREP_GONE);
}

static void sleeps(struct side *side)
{
    (void)side;
    pause();
}

static void a_closed_port_is_told(void **state)
{
    (void)state;
    run_pair(&ways[2], calls_the_dead, sleeps);
}

/* ---- what is sure to be read ---- */

static uint64_t taken(const struct side *side)
{
    return side->way->medium->taken(side->link);
}

static uint64_t delivered(const struct side *side)
{
    return side->way->medium->delivered(side->link);
}

/* The first message is delivered for good, however much is jammed behind it. */
static void jams(struct side *side)
{
    uint32_t count = 1;

    MUST(put_message(side, 0) == P2PREP_SENT);
    UNTIL(side, delivered(side) == taken(side) && is_told(side));
    uint64_t first = taken(side);

    while (put_message(side, count) == P2PREP_SENT)
        count++;
    if (side->way->medium == &p2prep_tcp)
        MUST(delivered(side) >= first && delivered(side) < taken(side));
    else
        MUST(delivered(side) == taken(side));
    MUST(send(side->pipe, &count, sizeof count, 0) == sizeof count);
    UNTIL(side, delivered(side) == taken(side) && side->way->medium->is_idle(side->tp));
    UNTIL(side, is_told(side));
}

static void is_jammed(struct side *side)
{
    uint32_t count;

    UNTIL(side, side->next_in == 1);
    tell(side);
    MUST(recv(side->pipe, &count, sizeof count, 0) == sizeof count);
    UNTIL(side, side->next_in == count);
    tell(side);
}

static void what_is_delivered_is_known_to_the_byte(void **state)
{
    (void)state;
    each_way(jams, is_jammed);
}

/* ---- files ---- */

static int files_in(const char *path)
{
    DIR *directory = opendir(path);
    int count = 0;

    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(directory);
    return count;
}

static void no_name(struct side *side)
{
    tell(side);
    UNTIL(side, is_told(side));
    for (int i = 0; i < 1100; i++)
        step(side);
    tell(side);
    UNTIL(side, is_told(side));
    MUST(files_in(side->directory) == 0);
    tell(side);
    UNTIL(side, is_told(side));
}

static void names_go_when_all_have_opened_the_files(void **state)
{
    (void)state;
    run_pair(&ways[0], no_name, no_name);
}

static void the_file_of_a_killed_owner_is_swept_by_the_next(void **state)
{
    char directory[DIRECTORY_MAX];
    struct side side = {.way = &ways[0], .directory = directory_make(directory)};
    struct side other = side;
    int status;

    (void)state;
    other.number = 1;
    child_pid = fork();
    if (child_pid == 0) {
        open_side(&other);
        raise(SIGKILL);
    }
    waitpid(child_pid, &status, 0);
    assert_int_equal(files_in(directory), 1);
    open_side(&side);
    assert_int_equal(files_in(directory), 1); /* its own */
    open_side(&other);
    assert_int_equal(files_in(directory), 2); /* the living are left alone */
    p2prep_shm.close(side.tp);
    p2prep_shm.close(other.tp);
    assert_int_equal(files_in(directory), 0);
    assert_int_equal(rmdir(directory), 0);
}

static bool takes(struct side *side, struct side *other)
{
    struct err err = {""};
    size_t size;
    const void *card = p2prep_shm.card(other->tp, &size);

    return p2prep_shm.add_peer(side->tp, 10 + (uint64_t)other->number, card, size, other, &err) !=
           NULL;
}

/* Hosts in name only share a kernel and /dev/shm, and each has a process of local rank 0. */
static void both_sides_tell_alike_whether_they_are_on_one_host(void **state)
{
    static const struct {
        uint64_t hosts[3];
        int slots[3];
        bool is_one[3]; /* 0 and 1, 0 and 2, 1 and 2 */
    } cases[] = {
        {{1, 2, 3}, {0, 0, 0}, {false, false, false}},
        {{1, 1, 2}, {0, 1, 0}, {true, false, false}},
        {{1, 2, 2}, {0, 1, 0}, {false, false, true}},
        {{1, 1, 1}, {0, 0, 0}, {false, false, false}},
    };
    static const int pairs[3][2] = {{0, 1}, {0, 2}, {1, 2}};
    char directory[DIRECTORY_MAX];

    (void)state;
    directory_make(directory);
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        struct side sides[3];

        for (int i = 0; i < 3; i++) {
            sides[i] = (struct side){.way = &ways[0],
                                     .directory = directory,
                                     .number = cases[c].slots[i],
                                     .host = cases[c].hosts[i]};
            open_side(&sides[i]);
        }
        for (int i = 0; i < 3; i++) {
            struct side *one = &sides[pairs[i][0]], *other = &sides[pairs[i][1]];

            assert_int_equal(takes(one, other), cases[c].is_one[i]);
            assert_int_equal(takes(other, one), cases[c].is_one[i]);
        }
        for (int i = 0; i < 3; i++)
            p2prep_shm.close(sides[i].tp);
    }
    assert_int_equal(rmdir(directory), 0);
}

UNIT_MAIN(cmocka_unit_test(both_sides_tell_alike_whether_they_are_on_one_host),
          cmocka_unit_test(messages_come_whole_and_in_order_both_ways),
          cmocka_unit_test(bodies_arrive_between_messages),
          cmocka_unit_test(a_receiver_reads_the_senders_memory_until_it_dies),
          cmocka_unit_test(where_reading_is_not_allowed_get_says_so),
          cmocka_unit_test(a_peer_killed_while_it_sends_is_buried),
          cmocka_unit_test(a_peer_may_be_purged_from_an_upcall),
          cmocka_unit_test(the_dead_are_refused),
          cmocka_unit_test(a_message_without_a_head_is_nonsense),
          cmocka_unit_test(a_closed_port_is_told),
          cmocka_unit_test(what_is_delivered_is_known_to_the_byte),
          cmocka_unit_test(names_go_when_all_have_opened_the_files),
          cmocka_unit_test(the_file_of_a_killed_owner_is_swept_by_the_next))
