/* SPDX-License-Identifier: BSD-3-Clause */
/* book.c - a job's home looks for hosts: leases on more than needed, side by side; the surplus goes
 * back at once
 *
 * All decisions are taken by book_pump(), after whatever happened: it compares what is granted with
 * what the placement wants, and asks, waits, starts another round or ends. Diagram:
 * docs/protocol-grid.md. */
#include "config.h"
#include "plan/book.h"

#include "base/mem.h"
#include "base/rand.h"
#include "plan/candidate.h"
#include "plan/demand.h"
#include "plan/place.h"
#include "plan/shortage.h"
#include "wire/frame.h"

#include <stdlib.h>
#include <string.h>

#define BOOK_MORE_MS      3000                    /* wait for more() so long */
#define BOOK_ROUND_MS     (BOOK_LEASE_MS * 2 / 3) /* then the first leases would soon run out */
#define BOOK_PAUSE_MS     100                     /* between rounds: at first, then doubled */
#define BOOK_PAUSE_MAX_MS 2000

enum book_state {
    BOOK_IDLE,    /* not started */
    BOOK_ASKING,  /* a round: asking, or waiting for answers */
    BOOK_PAUSING, /* between rounds: nothing is held */
    BOOK_DONE
};
enum more_state { MORE_NOT_ASKED, MORE_ASKED, MORE_HAD };

struct book {
    struct book_ops ops;
    void *arg;
    struct candidates list;
    Wire__Needs *needs;
    struct demand demand;
    uint32_t *degrees; /* demand's */
    struct prng prng;
    uint32_t wait_ms;

    enum book_state state;
    enum more_state more;
    bool is_pumping, again, is_stale; /* stale: the list wants sorting */
    int64_t deadline_ms, patience_ms;
    int64_t more_ms, grace_ms; /* when each wait is over; INT64_MAX: not waiting */
    int64_t round_ms; /* asking: when the round is over; pausing: when the next one begins */
    unsigned rounds;
};

struct book *book_create(const struct book_request *request, const struct book_ops *ops, void *arg)
{
    struct book *book = mem_alloc(sizeof *book);

    book->ops = *ops;
    book->arg = arg;
    candidates_init(&book->list, request->wishes, request->wish_count);
    if (request->needs != NULL)
        book->needs = message_copy(&request->needs->base);
    if (request->degrees != NULL)
        book->degrees = mem_copy(request->degrees, request->ranks * sizeof *request->degrees);
    book->demand.job = (struct place_job){request->strategy, request->ranks, book->degrees};
    book->demand.oversubscribe = request->oversubscribe;
    book->wait_ms = request->wait_ms;
    book->more = ops->more != NULL ? MORE_NOT_ASKED : MORE_HAD;
    book->more_ms = book->grace_ms = book->round_ms = INT64_MAX;
    prng_seed(&book->prng, request->seed);
    return book;
}

void book_destroy(struct book *book)
{
    if (book == NULL)
        return;
    candidates_clear(&book->list);
    message_free(book->needs);
    free(book->degrees);
    free(book);
}

void book_add(struct book *book, const Wire__Peer *peer, bool is_self)
{
    candidates_add(&book->list, peer, is_self, book->needs);
    book->is_stale = true;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* ---- what is there */

static bool is_waiting(const struct book *book)
{
    for (size_t i = 0; i < book->list.count; i++)
        if (book->list.order[i]->asked > 0)
            return true;
    return false;
}

static bool has_enough(const struct book *book)
{
    struct plan plan = plan_granted(&book->list, &book->demand, false);
    bool enough = plan.missing == 0 && plan.wanted > 0;

    plan_clear(&plan);
    return enough && book->list.unmatched == book->list.wish_count;
}

/* True when no answer on its way would change where the ranks go. */
static bool is_settled(const struct book *book)
{
    bool settled = true;

    if (book->demand.job.ranks == 0)
        return !is_waiting(book);
    struct plan plan = plan_granted(&book->list, &book->demand, true);
    for (size_t i = 0; i < book->list.count; i++)
        settled = settled && plan.counts[i] <= book->list.order[i]->granted;
    plan_clear(&plan);
    return settled;
}

/* ---- ends */

static void let_go(struct book *book, struct candidate *candidate)
{
    bool held = candidate->granted > 0 || candidate->asked > 0;

    candidate->granted = candidate->asked = 0;
    if (held)
        book->ops.release(&candidate->id, book->arg);
}

static void let_all_go(struct book *book)
{
    struct candidate *candidate, *next;

    HASH_ITER(hh, book->list.table, candidate, next)
    let_go(book, candidate);
}

static void finish(struct book *book, struct book_result *result)
{
    book->state = BOOK_DONE;
    book->more_ms = book->grace_ms = book->round_ms = INT64_MAX;
    book->ops.done(result, book->arg); /* may destroy the book */
}

static void fail(struct book *book)
{
    struct book_result result = {.ok = false, .ranks = book->demand.job.ranks};

    shortage_tell(&book->list, &book->demand, book->needs, &result.err);
    let_all_go(book);
    finish(book, &result);
}

/* Numbers the hosts that got ranks, and lets the others go. */
static void choose(struct book *book, const struct plan *plan, struct book_result *result,
                   struct place_host *hosts)
{
    for (size_t i = 0; i < book->list.count; i++) {
        struct candidate *candidate = book->list.order[i];
        if (plan->counts[i] == 0) {
            let_go(book, candidate);
            continue;
        }
        hosts[result->count] = plan->hosts[i];
        hosts[result->count].slots = plan->counts[i];
        result->grants[result->count++] = (struct book_grant){candidate->id, candidate->peer,
                                                              candidate->granted, plan->counts[i]};
        result->slots_total += candidate->granted;
    }
}

static void succeed(struct book *book)
{
    struct plan plan = plan_granted(&book->list, &book->demand, false);
    struct book_result result = {.ok = true, .ranks = plan.wanted};
    struct place_host *hosts = mem_array(book->list.count + 1, sizeof *hosts);
    struct book_grant *grants = result.grants = mem_array(book->list.count + 1, sizeof *grants);
    uint32_t *rank_host = result.rank_host = mem_array((size_t)plan.wanted + 1, sizeof *rank_host);

    choose(book, &plan, &result, hosts);
    struct place_job job = book->demand.job;
    if (job.ranks == 0)
        job.ranks = plan.wanted;
    if (place_processes_on(&job, hosts, result.count, rank_host, &result.err) < 0)
        result.ok = false; /* cannot be: the same arithmetic found room */
    finish(book, &result);
    free(rank_host);
    free(grants);
    free(hosts);
    plan_clear(&plan);
}

/* ---- rounds */

static bool could_hold_it(const struct book *book)
{
    struct place_host *hosts = mem_array(book->list.count + 1, sizeof *hosts);
    uint32_t *counts = mem_array(book->list.count + 1, sizeof *counts);
    uint64_t total = 0;

    for (size_t i = 0; i < book->list.count; i++) {
        const struct candidate *candidate = book->list.order[i];
        hosts[i] = demand_host(candidate);
        if (candidate->out == CANDIDATE_IN || candidate->out == CANDIDATE_FULL)
            hosts[i].slots = smaller(candidate->total, candidate->limit);
        total += hosts[i].slots;
    }
    uint32_t missing = place_counts(&book->demand.job, hosts, book->list.count, counts);
    free(counts);
    free(hosts);
    return total > 0 && missing == 0 && book->list.unmatched == book->list.wish_count;
}

static void pause_round(struct book *book, int64_t now_ms, int64_t last_ms)
{
    uint32_t pause_ms = book->rounds < 5 ? BOOK_PAUSE_MS << book->rounds : BOOK_PAUSE_MAX_MS;

    let_all_go(book);
    book->rounds++;
    book->state = BOOK_PAUSING;
    book->grace_ms = INT64_MAX;
    book->round_ms = now_ms + pause_ms / 2 + prng_below(&book->prng, pause_ms);
    if (book->round_ms > last_ms)
        book->round_ms = last_ms;
}

static void begin_round(struct book *book, int64_t now_ms)
{
    struct candidate *candidate, *next;

    book->state = BOOK_ASKING;
    book->round_ms = now_ms + BOOK_ROUND_MS;
    if (book->rounds > 0 && book->ops.more != NULL)
        book->more = MORE_NOT_ASKED;
    HASH_ITER(hh, book->list.table, candidate, next)
    {
        if (candidate->out == CANDIDATE_FULL || candidate->out == CANDIDATE_SILENT)
            candidate->out = CANDIDATE_IN;
        if (book->rounds > 0)
            candidate->believed = candidate->total > 0 ? candidate->total : UINT32_MAX;
    }
    book->is_stale = true;
}

/* No round begins after this. */
static int64_t until_ms(const struct book *book)
{
    return could_hold_it(book) ? book->patience_ms : book->deadline_ms;
}

/* Returns true when that was the last one: the book may be gone. */
static bool end_round(struct book *book, int64_t now_ms)
{
    if (now_ms < until_ms(book)) {
        pause_round(book, now_ms, until_ms(book));
        return false;
    }
    fail(book);
    return true;
}

static void ask_for_more(struct book *book, int64_t now_ms)
{
    book->more = MORE_ASKED;
    book->more_ms = now_ms + BOOK_MORE_MS;
    book->ops.more(book->arg);
}

/* Asks whoever is wanted for more than he was asked before. True if an answer is awaited
 * afterwards. */
static bool ask_all(struct book *book, const struct plan *plan, int64_t now_ms)
{
    for (size_t i = 0; i < book->list.count; i++) {
        struct candidate *candidate = book->list.order[i];
        if (candidate->asked > 0 || plan->counts[i] <= candidate->granted ||
            !candidate_is_usable(candidate))
            continue;
        candidate->asked = plan->counts[i];
        candidate->asked_ms = now_ms;
        book->ops.ask(&candidate->id, plan->counts[i], book->arg);
        if (candidate->asked == 0 && has_enough(book) && is_settled(book))
            break; /* answered at once, as this host does: the others need not be troubled */
    }
    return is_waiting(book);
}

/* One look at everything. Returns true when a second look is worth while. *ended_out: done() was
 * called, and the book may be gone. */
static bool look(struct book *book, int64_t now_ms, bool *ended_out)
{
    if (book->is_stale) {
        candidates_sort(&book->list);
        book->is_stale = false;
    }
    if (!has_enough(book)) {
        book->grace_ms = INT64_MAX;
    } else if (is_settled(book) || now_ms >= book->grace_ms) {
        *ended_out = true;
        succeed(book);
        return false;
    } else if (book->grace_ms == INT64_MAX) {
        book->grace_ms = now_ms + BOOK_GRACE_MS;
    }
    if (now_ms >= book->round_ms) {
        *ended_out = end_round(book, now_ms);
        return false;
    }
    struct plan plan = plan_wanted(&book->list, &book->demand);
    bool missing = plan.missing > 0,
         short_of = missing || plan.wanted == 0 || book->list.unmatched < book->list.wish_count;
    bool waits = ask_all(book, &plan, now_ms);
    plan_clear(&plan);
    if (book->again)
        return true;
    if (short_of && book->more == MORE_NOT_ASKED) {
        ask_for_more(book, now_ms);
        return true;
    }
    if (book->more == MORE_ASKED)
        return false;
    if (waits && !(missing && now_ms < until_ms(book)))
        return false; /* else no answer can help: others shall have what we hold, without delay */
    *ended_out = end_round(book, now_ms);
    return false;
}

static void book_pump(struct book *book, int64_t now_ms)
{
    bool ended = false;

    if (book->state != BOOK_ASKING)
        return;
    book->again = true;
    if (book->is_pumping)
        return;
    book->is_pumping = true;
    do {
        book->again = false;
    } while (look(book, now_ms, &ended) || (!ended && book->again && book->state == BOOK_ASKING));
    if (!ended)
        book->is_pumping = false;
}

void book_start(struct book *book, int64_t now_ms)
{
    if (book->state != BOOK_IDLE)
        return;
    book->deadline_ms = now_ms + book->wait_ms;
    book->patience_ms =
        now_ms + (book->wait_ms > BOOK_PATIENCE_MS ? book->wait_ms : BOOK_PATIENCE_MS);
    begin_round(book, now_ms);
    book_pump(book, now_ms);
}

void book_added(struct book *book, int64_t now_ms)
{
    if (book->more != MORE_ASKED)
        return;
    book->more = MORE_HAD;
    book->more_ms = INT64_MAX;
    book_pump(book, now_ms);
}

/* ---- answers */

void book_granted(struct book *book, const struct id *id, uint32_t slots,
                  const Wire__HostInfo *host, int64_t now_ms)
{
    struct candidate *candidate = candidates_find(&book->list, id);

    if (candidate == NULL || candidate->asked == 0 || slots == 0) {
        if (candidate == NULL || candidate->granted == 0)
            book->ops.release(id, book->arg); /* too late, or not asked for */
        return;
    }
    uint32_t asked = candidate->asked;
    candidate->granted = smaller(slots, asked);
    candidate->asked = 0;
    if (slots < asked)
        candidate->believed = candidate->free = slots;
    else if (candidate->free < slots && !book->demand.oversubscribe)
        candidate->free = slots;
    if (candidate->total < candidate->free)
        candidate->total = candidate->free;
    if (host != NULL)
        candidate_set_host(candidate, host, book->needs);
    if (candidate->out != CANDIDATE_IN)
        let_go(book, candidate);
    book_pump(book, now_ms);
}

static void candidate_leaves(struct book *book, struct candidate *candidate, enum candidate_out out,
                             int64_t now_ms)
{
    candidate->asked = candidate->granted = 0;
    candidate->out = out;
    if (out == CANDIDATE_FULL)
        candidate->believed = candidate->free = 0;
    book_pump(book, now_ms);
}

static void note_denial(struct candidate *candidate, const char *why)
{
    free(candidate->denial);
    candidate->denial = mem_string(why);
}

void book_refused(struct book *book, const struct id *id, Wire__Code code, const char *why,
                  int64_t now_ms)
{
    struct candidate *candidate = candidates_find(&book->list, id);
    bool full = code == WIRE__CODE__ERR_NO_SLOTS || code == WIRE__CODE__ERR_BUSY;

    if (candidate == NULL || (candidate->asked == 0 && candidate->granted == 0))
        return;
    if (!full && why != NULL)
        note_denial(candidate, why);
    candidate_leaves(book, candidate, full ? CANDIDATE_FULL : CANDIDATE_DENIED, now_ms);
}

void book_lost(struct book *book, const struct id *id, const char *why, int64_t now_ms)
{
    struct candidate *candidate = candidates_find(&book->list, id);

    if (candidate == NULL || (candidate->asked == 0 && candidate->granted == 0))
        return;
    if (why != NULL)
        note_denial(candidate, why);
    candidate_leaves(book, candidate, CANDIDATE_SILENT, now_ms);
}

void book_cancel(struct book *book)
{
    book->state = BOOK_DONE;
    book->more_ms = book->grace_ms = book->round_ms = INT64_MAX;
    let_all_go(book);
}

/* ---- time */

static void give_up_the_silent(struct book *book, int64_t now_ms)
{
    struct candidate *candidate, *next;

    HASH_ITER(hh, book->list.table, candidate, next)
    {
        if (candidate->asked > 0 && now_ms - candidate->asked_ms >= BOOK_ANSWER_MS) {
            let_go(book, candidate);
            candidate->out = CANDIDATE_SILENT;
        }
    }
}

void book_tick(struct book *book, int64_t now_ms)
{
    if (book->state == BOOK_PAUSING && now_ms >= book->round_ms)
        begin_round(book, now_ms);
    if (book->state != BOOK_ASKING || book->is_pumping)
        return;
    give_up_the_silent(book, now_ms);
    if (now_ms >= book->more_ms) {
        book->more = MORE_HAD;
        book->more_ms = INT64_MAX;
    }
    book_pump(book, now_ms);
}

int64_t book_next_ms(const struct book *book)
{
    const struct candidate *candidate, *next;
    int64_t next_ms = book->round_ms;

    if (book->more_ms < next_ms)
        next_ms = book->more_ms;
    if (book->grace_ms < next_ms)
        next_ms = book->grace_ms;
    if (book->state != BOOK_ASKING)
        return next_ms;
    HASH_ITER(hh, book->list.table, candidate, next)
    {
        if (candidate->asked > 0 && candidate->asked_ms + BOOK_ANSWER_MS < next_ms)
            next_ms = candidate->asked_ms + BOOK_ANSWER_MS;
    }
    return next_ms;
}

void book_progress(const struct book *book, uint32_t *slots_out, uint32_t *hosts_out)
{
    *slots_out = *hosts_out = 0;
    for (size_t i = 0; i < book->list.count; i++) {
        *slots_out += book->list.order[i]->granted;
        *hosts_out += book->list.order[i]->granted > 0;
    }
}
