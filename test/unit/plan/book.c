/* SPDX-License-Identifier: BSD-3-Clause */
/* book.c - a home books hosts: a made-up grid answers its questions */
#include "config.h"
#include "plan/book.h"

#include "base/mem.h"
#include "test/lib/prelude.h"
#include "wire/frame.h"

#include <stdio.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Wmissing-field-initializers" /* tables of hosts read better so */

enum how { ANSWERS, AT_ONCE, SILENT, REFUSES, BREAKS };

struct host {
    const char *name;
    uint32_t total, known, free; /* lent; free as the cache has it; free in truth */
    uint32_t rtt_us;             /* 0: not measured */
    enum how how;
    const char *mpi;
    const char *machine; /* NULL: a machine of its own */
    bool dead;           /* as the cache has it */
    bool later;          /* known only to the supernode */
    uint32_t held;       /* what the booking holds now */
    int asks;
};

struct grid {
    struct host *hosts;
    size_t count;
    struct book *book;
    int64_t now_ms;
    struct question {
        size_t host;
        uint32_t slots;
    } queue[256];
    size_t first, last;
    int dones, mores;
    bool ok;
    struct err err;
    char map[256];
    uint32_t kept[16];
    bool destroys; /* done() destroys the book */
};

static struct id id_of(size_t host)
{
    struct id id = {{0}};

    memset(id.bytes, (int)host + 1, sizeof id.bytes);
    return id;
}

static size_t host_of(const struct id *id)
{
    return (size_t)id->bytes[0] - 1;
}

static void answer(struct grid *grid, size_t index, uint32_t slots)
{
    struct host *host = &grid->hosts[index];
    struct id id = id_of(index);
    uint32_t granted = slots < host->free + host->held ? slots : host->free + host->held;

    if (host->how == SILENT)
        return;
    if (host->how == BREAKS) {
        book_lost(grid->book, &id, "connection refused", grid->now_ms);
    } else if (host->how == REFUSES) {
        book_refused(grid->book, &id, WIRE__CODE__ERR_REFUSED, "not at night", grid->now_ms);
    } else if (granted == 0) {
        book_refused(grid->book, &id, WIRE__CODE__ERR_NO_SLOTS, "no slot is free", grid->now_ms);
    } else {
        host->free -= granted - host->held;
        host->held = granted;
        book_granted(grid->book, &id, granted, NULL, grid->now_ms);
    }
}

static void on_ask(const struct id *id, uint32_t slots, void *arg)
{
    struct grid *grid = arg;

    grid->hosts[host_of(id)].asks++;
    if (grid->hosts[host_of(id)].how == AT_ONCE)
        answer(grid, host_of(id), slots);
    else
        grid->queue[grid->last++ % 256] = (struct question){host_of(id), slots};
}

static void on_release(const struct id *id, void *arg)
{
    struct grid *grid = arg;
    struct host *host = &grid->hosts[host_of(id)];

    host->free += host->held;
    host->held = 0;
}

static void add_host(struct grid *grid, size_t index)
{
    const struct host *host = &grid->hosts[index];
    struct id id = id_of(index);
    Wire__Peer peer = WIRE__PEER__INIT;
    Wire__HostInfo info = WIRE__HOST_INFO__INIT;
    Wire__LoadInfo load = WIRE__LOAD_INFO__INIT;

    peer.id = (ProtobufCBinaryData){ID_SIZE, id.bytes};
    peer.name = (char *)host->name;
    peer.rtt_us = host->rtt_us;
    peer.alive = !host->dead;
    info.mpi = (char *)(host->mpi != NULL ? host->mpi : "4.1.4");
    info.arch = (char *)"x86_64";
    if (host->machine != NULL)
        info.machine_id = (char *)host->machine;
    peer.host = &info;
    load.slots = host->total;
    load.slots_free = host->known;
    peer.load = &load;
    book_add(grid->book, &peer, index == 0);
}

static void on_more(void *arg)
{
    struct grid *grid = arg;

    grid->mores++;
    for (size_t i = 0; i < grid->count; i++)
        if (grid->hosts[i].later)
            add_host(grid, i);
    book_added(grid->book, grid->now_ms);
}

static void on_done(const struct book_result *result, void *arg)
{
    struct grid *grid = arg;

    grid->dones++;
    grid->ok = result->ok;
    grid->err = result->err;
    for (uint32_t rank = 0; result->ok && rank < result->ranks && rank < 255; rank++)
        grid->map[rank] = (char)('a' + host_of(&result->grants[result->rank_host[rank]].id));
    for (size_t i = 0; i < result->count; i++)
        grid->kept[host_of(&result->grants[i].id)] = result->grants[i].ranks;
    if (grid->destroys) {
        book_destroy(grid->book);
        grid->book = NULL;
    }
}

/* Answers what was asked, 1 ms each; lets time pass when nobody answers. */
static void run(struct grid *grid, const struct book_request *request)
{
    static const struct book_ops ops = {on_ask, on_release, on_more, on_done};

    grid->book = book_create(request, &ops, grid);
    for (size_t i = 0; i < grid->count; i++)
        if (!grid->hosts[i].later)
            add_host(grid, i);
    book_start(grid->book, grid->now_ms);
    for (int step = 0; step < 10000 && grid->dones == 0; step++) {
        if (grid->first < grid->last) {
            struct question question = grid->queue[grid->first++ % 256];
            grid->now_ms++;
            answer(grid, question.host, question.slots);
        } else {
            int64_t next_ms = book_next_ms(grid->book);
            assert_true(next_ms != INT64_MAX); /* it always ends */
            grid->now_ms = next_ms > grid->now_ms ? next_ms : grid->now_ms;
            book_tick(grid->book, grid->now_ms);
        }
    }
    assert_int_equal(grid->dones, 1);
}

/* After the end: what was asked and not chosen has come back, also from hosts that answer late. */
static void assert_no_leak(struct grid *grid)
{
    while (grid->first < grid->last && grid->book != NULL) {
        struct question question = grid->queue[grid->first++ % 256];
        answer(grid, question.host, question.slots);
    }
    for (size_t i = 0; i < grid->count; i++)
        if (grid->hosts[i].how != SILENT)
            assert_int_equal(grid->hosts[i].held > 0, grid->kept[i] > 0);
}

static void jobs_find_their_hosts(void **state)
{
    static const struct {
        const char *what;
        struct host hosts[8];
        uint32_t ranks;
        Wire__Strategy strategy;
        bool oversubscribe;
        const char *map; /* hosts of the ranks, a b c ...; NULL: fails */
        int64_t within_ms;
    } cases[] = {
        {"one rank a host, nearest first, self first",
         {{"a", 2, 2, 2, 0}, {"b", 2, 2, 2, 300}, {"c", 2, 2, 2, 100}, {"d", 2, 2, 2, 200}},
         4,
         WIRE__STRATEGY__SPREAD,
         false,
         "acdb",
         10},
        {"more ranks than hosts: round after round",
         {{"a", 2, 2, 2, 0}, {"b", 2, 2, 2, 1}, {"c", 2, 2, 2, 2}, {"d", 2, 2, 2, 3}},
         8,
         WIRE__STRATEGY__SPREAD,
         false,
         "abcdabcd",
         10},
        {"concentrate fills the nearest",
         {{"a", 2, 2, 2, 0}, {"b", 2, 2, 2, 1}, {"c", 2, 2, 2, 2}, {"d", 2, 2, 2, 3}},
         3,
         WIRE__STRATEGY__CONCENTRATE,
         false,
         "aab",
         10},
        {"a full host is passed over",
         {{"a", 2, 2, 2, 0}, {"b", 2, 2, 0, 1}, {"c", 2, 2, 2, 2}, {"d", 2, 2, 2, 3}},
         3,
         WIRE__STRATEGY__SPREAD,
         false,
         "acd",
         10},
        {"fewer granted than asked: others are asked",
         {{"a", 4, 4, 1, 0}, {"b", 4, 4, 1, 1}, {"c", 4, 4, 4, 2}, {"d", 4, 4, 4, 3}},
         8,
         WIRE__STRATEGY__CONCENTRATE,
         false,
         "abccccdd",
         10},
        {"what the cache takes for full may be free",
         {{"a", 2, 0, 2, 0}, {"b", 2, 0, 2, 1}},
         4,
         WIRE__STRATEGY__SPREAD,
         false,
         "abab",
         10},
        {"a silent host costs the grace, not its time-out",
         {{"a", 2, 2, 2, 0}, {"b", 2, 2, 2, 1, SILENT}, {"c", 2, 2, 2, 2}, {"d", 2, 2, 2, 3}},
         3,
         WIRE__STRATEGY__SPREAD,
         false,
         "acd",
         BOOK_GRACE_MS + 20},
        {"but when it is needed it is waited for, then replaced",
         {{"a", 1, 1, 1, 0}, {"b", 1, 1, 1, 1, SILENT}, {"c", 1, 1, 1, 2, .later = true}},
         2,
         WIRE__STRATEGY__SPREAD,
         false,
         "ac",
         BOOK_ANSWER_MS + 20},
        {"a broken connection is no reason to wait",
         {{"a", 2, 2, 2, 0}, {"b", 2, 2, 2, 1, BREAKS}, {"c", 2, 2, 2, 2}},
         2,
         WIRE__STRATEGY__SPREAD,
         false,
         "ac",
         10},
        {"supernodes know more",
         {{"a", 1, 1, 1, 0}, {"b", 3, 3, 3, 1, .later = true}},
         4,
         WIRE__STRATEGY__SPREAD,
         false,
         "abbb",
         10},
        {"hosts without the library are not asked",
         {{"a", 2, 2, 2, 0},
          {"b", 2, 2, 2, 1, .mpi = ""},
          {"c", 2, 2, 2, 2, .mpi = "5.0.7"},
          {"d", 2, 2, 2, 3}},
         3,
         WIRE__STRATEGY__SPREAD,
         false,
         "ada",
         10},
        {"not measured comes after measured, dead last",
         {{"a", 1, 1, 1, 0},
          {"b", 1, 1, 1, 0},
          {"c", 1, 1, 1, 900},
          {"d", 1, 1, 1, 5, .dead = true}},
         3,
         WIRE__STRATEGY__SPREAD,
         false,
         "acb",
         10},
        {"this host alone answers at once and nobody is troubled",
         {{"a", 4, 4, 4, 0, AT_ONCE}, {"b", 4, 4, 4, 1}},
         4,
         WIRE__STRATEGY__CONCENTRATE,
         false,
         "aaaa",
         0},
        {"without limit",
         {{"a", UINT32_MAX, UINT32_MAX, 1000, 0, AT_ONCE}},
         5,
         WIRE__STRATEGY__SPREAD,
         false,
         "aaaaa",
         0},
        {"oversubscribed evenly",
         {{"a", 1, 1, 99, 0}, {"b", 2, 2, 99, 1}},
         6,
         WIRE__STRATEGY__CONCENTRATE,
         true,
         "aabbbb",
         10},
        {"who lends nothing is left alone",
         {{"a", 0, 0, 0, 0}, {"b", 2, 2, 2, 1}},
         2,
         WIRE__STRATEGY__SPREAD,
         false,
         "bb",
         10},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct host hosts[8];
        struct grid grid = {.hosts = hosts, .now_ms = 1000};
        Wire__Needs needs = WIRE__NEEDS__INIT;
        needs.mpi = (char *)"4.1";
        struct book_request request = {.ranks = cases[i].ranks,
                                       .strategy = cases[i].strategy,
                                       .needs = &needs,
                                       .oversubscribe = cases[i].oversubscribe,
                                       .seed = i};
        memcpy(hosts, cases[i].hosts, sizeof hosts);
        while (grid.count < 8 && hosts[grid.count].name != NULL)
            grid.count++;
        run(&grid, &request);
        if (!grid.ok || strcmp(grid.map, cases[i].map) != 0)
            fail_msg("%s: \"%s\" instead of \"%s\" %s", cases[i].what, grid.map, cases[i].map,
                     grid.err.text);
        if (grid.now_ms - 1000 > cases[i].within_ms)
            fail_msg("%s: took %lld ms", cases[i].what, (long long)grid.now_ms - 1000);
        assert_no_leak(&grid);
        book_destroy(grid.book);
    }
}

static void failures_say_what_to_do(void **state)
{
    static const struct {
        struct host hosts[6];
        const char *wishes[3];
        uint32_t ranks;
        bool oversubscribe;
        const char *text;
    } cases[] = {
        {{{"a", 4, 4, 2, 0}, {"b", 4, 4, 2, 1}, {"c", 4, 4, 2, 2}, {"d", 4, 4, 2, 3}},
         {0},
         12,
         false,
         "12 ranks wanted, the grid has 8 free slots on 4 hosts (16 in all): use -n 8, wait with "
         "-w, or --oversubscribe"},
        {{{"a", 2, 2, 2, 0}, {"b", 2, 2, 2, 1}},
         {0},
         5,
         false,
         "5 ranks wanted, the grid has 4 free slots on 2 hosts (4 in all): use -n 4 or "
         "--oversubscribe"},
        {{{"a", 1, 1, 0, 0}},
         {0},
         1,
         false,
         "1 rank wanted, the grid has 0 free slots (1 in all on 1 host): wait with -w or "
         "--oversubscribe"},
        {{{"a", 1, 1, 1, 0},
          {"b", 8, 8, 8, 1, .mpi = ""},
          {"c", 8, 8, 8, 1, .mpi = "5.0.7"},
          {"d", 1, 1, 1, 3, SILENT},
          {"e", 1, 1, 1, 4, REFUSES}},
         {0},
         4,
         false,
         "4 ranks wanted, the grid has 1 free slot on 1 host (1 in all): use -n 1 or "
         "--oversubscribe; "
         "2 hosts have no Open MPI 4.1, 1 host did not answer, 1 host refused (not at night)"},
        {{{"a", 8, 8, 8, 0, .mpi = ""}},
         {0},
         4,
         false,
         "4 ranks wanted, the grid has no host that can take any; a has no Open MPI, the program "
         "needs 4.1"},
        {{{"a", 1, 1, 1, 0},
          {"b", 8, 8, 8, 1, .mpi = "5.0.7"},
          {"c", 8, 8, 8, 1, SILENT},
          {"d", 1, 1, 1, 3, SILENT},
          {"e", 1, 1, 1, 4, REFUSES}},
         {"b", "e", "c"},
         2,
         false,
         "2 ranks wanted, the hosts named have no host that can take any; b has Open MPI 5.0.7, "
         "the "
         "program needs 4.1, e refused (not at night), c does not answer"},
        {{{"a", 2, 2, 2, 0}, {"b", 2, 2, 2, 1}},
         {"b"},
         4,
         false,
         "4 ranks wanted, the hosts named have 2 free slots on 1 host (2 in all): use -n 2 or "
         "--oversubscribe"},
        {{{"a", 2, 2, 2, 0}, {"b", 2, 2, 2, 1}},
         {"a", "zzz"},
         2,
         false,
         "no host \"zzz\" is known in the grid: p2pmpi-hosts lists those that are"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct host hosts[6];
        Wire__HostWish wish[3], *wishes[3];
        struct grid grid = {.hosts = hosts, .now_ms = 1000};
        Wire__Needs needs = WIRE__NEEDS__INIT;
        needs.mpi = (char *)"4.1";
        struct book_request request = {.ranks = cases[i].ranks,
                                       .needs = &needs,
                                       .wishes = wishes,
                                       .oversubscribe = cases[i].oversubscribe};
        memcpy(hosts, cases[i].hosts, sizeof hosts);
        while (grid.count < 6 && hosts[grid.count].name != NULL)
            grid.count++;
        for (size_t w = 0; w < 3 && cases[i].wishes[w] != NULL; w++) {
            wire__host_wish__init(&wish[w]);
            wish[w].name = (char *)cases[i].wishes[w];
            wishes[request.wish_count++] = &wish[w];
        }
        run(&grid, &request);
        assert_false(grid.ok);
        assert_string_equal(grid.err.text, cases[i].text);
        assert_no_leak(&grid);
        book_destroy(grid.book);
    }
}

static void replicas_find_machines_of_their_own(void **state)
{
    static const struct {
        struct host hosts[4];
        uint32_t degree;
        bool oversubscribe;
        const char *map; /* hosts of the first replicas, then of the second; or the sentence */
    } cases[] = {
        {{{"a", 2, 2, 2, 0}, {"b", 2, 2, 2, 1}}, 2, false, "aabb"},
        {{{"a", 2, 2, 2, 0, .machine = "m"}, {"b", 2, 2, 2, 1, .machine = "m"}, {"c", 2, 2, 2, 2}},
         2,
         false,
         "aacc"},
        {{{"a", 2, 2, 2, 0, .machine = "m"}, {"b", 2, 2, 2, 1, .machine = "m"}},
         2,
         false,
         "2 ranks with their replicas are 4 processes, and replicas of a rank never share a "
         "machine; the grid has 4 free slots on 1 machine: the largest -r that fits is 1"},
        {{{"a", 2, 2, 2, 0}, {"b", 1, 1, 1, 1}},
         3,
         true,
         "2 ranks with their replicas are 6 processes, and replicas of a rank never share a "
         "machine; the grid has 2 machines: the largest -r that fits is 2"},
        {{{"a", 1, 1, 1, 0}},
         2,
         false,
         "2 ranks with their replicas are 4 processes, and replicas of a rank never share a "
         "machine; the grid has 1 free slot on 1 machine: not even -r 1 fits, use a smaller -n or "
         "--oversubscribe"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct host hosts[4];
        uint32_t degrees[2] = {cases[i].degree, cases[i].degree};
        struct grid grid = {.hosts = hosts, .now_ms = 1000};
        struct book_request request = {
            .ranks = 2, .degrees = degrees, .oversubscribe = cases[i].oversubscribe};
        memcpy(hosts, cases[i].hosts, sizeof hosts);
        while (grid.count < 4 && hosts[grid.count].name != NULL)
            grid.count++;
        run(&grid, &request);
        assert_string_equal(grid.ok ? grid.map : grid.err.text, cases[i].map);
        assert_no_leak(&grid);
        book_destroy(grid.book);
    }
}

static void wishes_are_taken_in_their_order(void **state)
{
    static const struct {
        struct {
            const char *name;
            uint32_t slots;
            bool given;
        } wishes[4];
        uint32_t ranks;
        Wire__Strategy strategy;
        bool oversubscribe;
        const char *map;
    } cases[] = {
        {{{"delta", 0, false}, {"beta.lab", 0, false}},
         3,
         WIRE__STRATEGY__CONCENTRATE,
         false,
         "ddb"},
        {{{"delta", 1, true}, {"beta", 2, true}}, 3, WIRE__STRATEGY__CONCENTRATE, false, "dbb"},
        {{{"delta", 1, true}, {"beta", 1, true}, {"delta", 1, true}},
         3,
         WIRE__STRATEGY__CONCENTRATE,
         false,
         "ddb"},
        {{{"localhost", 0, false}}, 2, WIRE__STRATEGY__SPREAD, false, "aa"},
        {{{"03030303", 0, false}}, 1, WIRE__STRATEGY__SPREAD, false, "c"},
        {{{"delta", 1, true}, {"beta", 2, true}}, 0, WIRE__STRATEGY__CONCENTRATE, false, "dbb"},
        {{{"delta", 0, false}, {"beta", 0, false}}, 0, WIRE__STRATEGY__CONCENTRATE, false, "ddbb"},
        {{{NULL, 0, false}}, 0, WIRE__STRATEGY__SPREAD, false, "aa"},
        {{{"beta", 1, true}}, 2, WIRE__STRATEGY__CONCENTRATE, true, "bb"},
        {{{"beta", 3, true}}, 0, WIRE__STRATEGY__CONCENTRATE, true, "bbb"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct host hosts[4] = {{"alpha.lab", 2, 2, 2, 0},
                                {"beta.lab", 2, 2, 2, 1},
                                {"gamma.lab", 2, 2, 2, 2},
                                {"delta.lab", 2, 2, 2, 3}};
        Wire__HostWish wish[4], *wishes[4];
        struct grid grid = {.hosts = hosts, .count = 4, .now_ms = 1000};
        struct book_request request = {.ranks = cases[i].ranks,
                                       .strategy = cases[i].strategy,
                                       .wishes = wishes,
                                       .oversubscribe = cases[i].oversubscribe};
        if (cases[i].oversubscribe)
            hosts[1].free = 100;
        for (size_t w = 0; w < 4 && cases[i].wishes[w].name != NULL; w++) {
            wire__host_wish__init(&wish[w]);
            wish[w].name = (char *)cases[i].wishes[w].name;
            wish[w].slots = cases[i].wishes[w].slots;
            wish[w].slots_given = cases[i].wishes[w].given;
            wishes[request.wish_count++] = &wish[w];
        }
        run(&grid, &request);
        assert_true(grid.ok);
        assert_string_equal(grid.map, cases[i].map);
        for (size_t h = 0; h < 4; h++)
            assert_int_equal(hosts[h].asks > 0, strchr(grid.map, 'a' + (int)h) != NULL);
        assert_no_leak(&grid);
        book_destroy(grid.book);
    }
}

static void waiting_gets_slots_that_become_free(void **state)
{
    struct host hosts[2] = {{"a", 2, 2, 0, 0}, {"b", 2, 2, 0, 1}};
    struct grid grid = {.hosts = hosts, .count = 2, .now_ms = 0};
    struct book_request request = {.ranks = 4, .wait_ms = 20000, .seed = 1};
    static const struct book_ops ops = {on_ask, on_release, on_more, on_done};

    (void)state;
    grid.book = book_create(&request, &ops, &grid);
    add_host(&grid, 0);
    add_host(&grid, 1);
    book_start(grid.book, 0);
    while (grid.dones == 0 && grid.now_ms < 30000) {
        if (grid.now_ms >= 7000 && hosts[0].held == 0)
            hosts[0].free = 2;
        if (grid.now_ms >= 9000 && hosts[1].held == 0)
            hosts[1].free = 2;
        if (grid.first < grid.last) {
            struct question question = grid.queue[grid.first++ % 256];
            answer(&grid, question.host, question.slots);
        } else {
            grid.now_ms += 10;
            book_tick(grid.book, grid.now_ms);
        }
    }
    assert_true(grid.ok);
    assert_in_range(grid.now_ms, 9000, 12000);
    assert_true(hosts[0].asks < 40); /* patient, not pushing */
    book_destroy(grid.book);
}

static void waiting_ends(void **state)
{
    struct host hosts[1] = {{"a", 2, 2, 1, 0}};
    struct grid grid = {.hosts = hosts, .count = 1, .now_ms = 0};
    struct book_request request = {.ranks = 2, .wait_ms = 5000};

    (void)state;
    run(&grid, &request);
    assert_false(grid.ok);
    assert_in_range(grid.now_ms, 5000, 5200);
    assert_int_equal(hosts[0].free, 1);
    assert_true(grid.mores >= 2);
    book_destroy(grid.book);
}

static void the_book_may_be_destroyed_in_done(void **state)
{
    struct host hosts[2] = {{"a", 2, 2, 2, 0, AT_ONCE}, {"b", 2, 2, 2, 1, AT_ONCE}};
    struct grid grid = {.hosts = hosts, .count = 2, .destroys = true};
    struct book_request good = {.ranks = 4}, bad = {.ranks = 5};

    (void)state;
    run(&grid, &good);
    assert_true(grid.ok);
    struct host full[1] = {{"a", 1, 1, 1, 0, AT_ONCE}};
    struct grid other = {.hosts = full, .count = 1, .destroys = true};
    run(&other, &bad);
    assert_false(other.ok);
    assert_int_equal(full[0].free, 1);
}

static void a_cancelled_booking_gives_all_back(void **state)
{
    struct host hosts[3] = {{"a", 2, 2, 2, 0, AT_ONCE}, {"b", 2, 2, 2, 1}, {"c", 2, 2, 2, 1}};
    struct grid grid = {.hosts = hosts, .count = 3, .now_ms = 0};
    struct book_request request = {.ranks = 6};
    static const struct book_ops ops = {on_ask, on_release, on_more, on_done};
    uint32_t slots, count;

    (void)state;
    grid.book = book_create(&request, &ops, &grid);
    for (size_t i = 0; i < 3; i++)
        add_host(&grid, i);
    book_start(grid.book, 0);
    answer(&grid, 1, 2);
    book_progress(grid.book, &slots, &count);
    assert_int_equal(slots, 4);
    assert_int_equal(count, 2);
    book_cancel(grid.book);
    answer(&grid, 2, 2); /* late */
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(hosts[i].free, 2);
    assert_int_equal(grid.dones, 0);
    assert_int_equal(book_next_ms(grid.book), INT64_MAX);
    book_destroy(grid.book);
}

static void a_big_grid_is_asked_for_little_more_than_needed(void **state)
{
    struct host hosts[100];
    struct grid grid = {.hosts = hosts, .count = 100, .now_ms = 0};
    struct book_request request = {.ranks = 10};
    int asked = 0;

    (void)state;
    for (size_t i = 0; i < 100; i++)
        hosts[i] = (struct host){"h", 4, 4, 4, (uint32_t)i, .how = ANSWERS};
    run(&grid, &request);
    assert_true(grid.ok);
    assert_string_equal(grid.map, "abcdefghij");
    for (size_t i = 0; i < 100; i++)
        asked += hosts[i].asks;
    assert_int_equal(asked, 10 + 3 * 4);
    book_destroy(grid.book);
}

UNIT_MAIN(cmocka_unit_test(jobs_find_their_hosts), cmocka_unit_test(failures_say_what_to_do),
          cmocka_unit_test(replicas_find_machines_of_their_own),
          cmocka_unit_test(wishes_are_taken_in_their_order),
          cmocka_unit_test(waiting_gets_slots_that_become_free), cmocka_unit_test(waiting_ends),
          cmocka_unit_test(the_book_may_be_destroyed_in_done),
          cmocka_unit_test(a_cancelled_booking_gives_all_back),
          cmocka_unit_test(a_big_grid_is_asked_for_little_more_than_needed))
