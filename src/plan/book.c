/* SPDX-License-Identifier: BSD-3-Clause */
/* book.c - a job's home looks for hosts: leases on more than needed, side by side; the surplus goes back at once
 *
 * All decisions are taken by book_pump(), after whatever happened: it compares what is granted with what the
 * placement wants, and asks, waits, starts another round or ends. Diagram: docs/protocol-grid.md. */
#include "config.h"
#include "plan/book.h"

#include "base/mem.h"
#include "base/rand.h"
#include "plan/candidate.h"
#include "plan/place.h"
#include "plan/shortage.h"
#include "wire/frame.h"

#include <stdlib.h>
#include <string.h>

#define BOOK_ALL 65535           /* asked of a host whose slots are not known, when all are wanted */
#define BOOK_MORE_MS 3000        /* wait for more() so long */
#define BOOK_ROUND_MS (BOOK_LEASE_MS * 2 / 3) /* then the first leases would soon run out */
#define BOOK_PAUSE_MS 100        /* between rounds: at first, then doubled */
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
    Wire__Strategy strategy;
    uint32_t ranks; /* as requested; 0: all that there is */
    bool oversubscribe;
    struct prng prng;
    uint32_t wait_ms;

    enum book_state state;
    enum more_state more;
    bool is_pumping, again, is_stale; /* stale: the list wants sorting */
    int64_t deadline_ms, patience_ms;
    int64_t more_ms, grace_ms; /* when each wait is over; INT64_MAX: not waiting */
    int64_t round_ms;          /* asking: when the round is over; pausing: when the next one begins */
    unsigned rounds;
    char denial[ERR_TEXT_MAX / 4];
};

struct book *book_create(const struct book_request *request, const struct book_ops *ops, void *arg)
{
    struct book *book = mem_alloc(sizeof *book);

    book->ops = *ops;
    book->arg = arg;
    candidates_init(&book->list, request->wishes, request->wish_count);
    if (request->needs != NULL)
        book->needs = message_copy(&request->needs->base);
    book->strategy = request->strategy;
    book->ranks = request->ranks;
    book->oversubscribe = request->oversubscribe;
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
    free(book);
}

void book_add(struct book *book, const Wire__Peer *peer, bool is_self)
{
    candidates_add(&book->list, peer, is_self, book->needs);
    book->is_stale = true;
}

static bool is_usable(const struct candidate *candidate)
{
    return candidate->out == CANDIDATE_IN && !(candidate->knows_load && candidate->total == 0);
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* ---- what is wanted of whom */

struct plan {
    struct place_host *hosts; /* as list.order; slots 0 for those that are out */
    uint32_t *counts;
    uint32_t missing;
    uint32_t wanted;
};

static void plan_clear(struct plan *plan)
{
    free(plan->hosts);
    free(plan->counts);
}

/* Without a number from the user every host gives what it has, within his list; without a list, this host. */
static void plan_everything(struct book *book, struct plan *plan)
{
    for (size_t i = 0; i < book->list.count; i++) {
        const struct candidate *candidate = book->list.order[i];
        const Wire__HostInfo *host = candidate->peer->host;
        uint32_t slots = candidate->knows_load ? candidate->total : book->oversubscribe ? 1 : BOOK_ALL;
        if (slots == UINT32_MAX) /* no limit, as in the embedded default: one rank per core */
            slots = host != NULL && host->cores > 0 ? host->cores : 1;
        if (!is_usable(candidate) || (book->list.wish_count == 0 && !candidate->is_self))
            slots = 0;
        else if (candidate->granted > 0 && candidate->asked == 0)
            slots = candidate->granted;
        else if (book->oversubscribe && candidate->limit != UINT32_MAX)
            slots = candidate->limit;
        plan->hosts[i].slots = plan->counts[i] = smaller(slots, candidate->limit);
        plan->wanted += plan->counts[i];
    }
}

/* A second look at hosts that seemed to have nothing, or not enough: what we knew may be old. */
static bool believe_more(struct book *book)
{
    bool changed = false;

    for (size_t i = 0; i < book->list.count; i++) {
        struct candidate *candidate = book->list.order[i];
        if (is_usable(candidate) && candidate->granted == 0 && candidate->asked == 0 &&
            candidate->believed < candidate->total) {
            candidate->believed = candidate->total;
            changed = true;
        }
    }
    return changed;
}

/* Oversubscribed: k ranks per slot everywhere, with the smallest k that does. */
static void plan_oversubscribed(struct book *book, struct plan *plan)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < book->list.count; i++) {
        const struct candidate *candidate = book->list.order[i];
        uint32_t base = candidate->knows_load ? candidate->total : candidate->granted > 0 ? candidate->granted : 1;
        base = smaller(smaller(base, candidate->limit), BOOK_ALL);
        plan->hosts[i].slots = is_usable(candidate) ? base : 0;
        sum += plan->hosts[i].slots;
    }
    if (sum == 0)
        return;
    uint32_t factor = (uint32_t)((plan->wanted + sum - 1) / sum);
    for (size_t i = 0; i < book->list.count; i++)
        plan->hosts[i].slots = (uint32_t)((uint64_t)plan->hosts[i].slots * factor > BOOK_ALL
                                              ? BOOK_ALL
                                              : plan->hosts[i].slots * factor);
    plan->missing = place_counts(book->strategy, plan->hosts, book->list.count, plan->wanted, plan->counts);
}

static void plan_as_believed(struct book *book, struct plan *plan)
{
    for (size_t i = 0; i < book->list.count; i++) {
        const struct candidate *candidate = book->list.order[i];
        plan->hosts[i].slots = is_usable(candidate) ? smaller(candidate->believed, candidate->limit) : 0;
    }
    plan->missing = place_counts(book->strategy, plan->hosts, book->list.count, plan->wanted, plan->counts);
}

static struct plan plan_create(const struct book *book)
{
    struct plan plan = {.wanted = book->ranks};

    plan.hosts = mem_array(book->list.count + 1, sizeof *plan.hosts);
    plan.counts = mem_array(book->list.count + 1, sizeof *plan.counts);
    return plan;
}

static unsigned ceil_log2(uint64_t value)
{
    unsigned bits = 0;

    while (((uint64_t)1 << bits) < value)
        bits++;
    return bits;
}

/* More hosts than needed: some will refuse, and the nearest of those that grant are taken. */
static void plan_surplus(struct book *book, struct plan *plan)
{
    uint32_t need = 0, most = 0;

    for (size_t i = 0; i < book->list.count; i++) {
        need += plan->counts[i] > 0;
        most = plan->counts[i] > most ? plan->counts[i] : most;
    }
    unsigned extra = need > 0 ? 3 * ceil_log2((uint64_t)need + 1) : 0;
    for (size_t i = 0; i < book->list.count && extra > 0; i++) {
        if (plan->counts[i] == 0 && plan->hosts[i].slots > 0) {
            plan->counts[i] = smaller(most, plan->hosts[i].slots);
            extra--;
        }
    }
}

static struct plan plan_make(struct book *book)
{
    struct plan plan = plan_create(book);

    if (book->ranks == 0) {
        plan_everything(book, &plan);
        return plan;
    }
    plan_as_believed(book, &plan);
    if (plan.missing > 0 && believe_more(book))
        plan_as_believed(book, &plan);
    if (plan.missing > 0 && book->oversubscribe)
        plan_oversubscribed(book, &plan);
    plan_surplus(book, &plan);
    return plan;
}

/* ---- what is there */

static bool is_waiting(const struct book *book)
{
    for (size_t i = 0; i < book->list.count; i++)
        if (book->list.order[i]->asked > 0)
            return true;
    return false;
}

/* Where the ranks would go with what is granted; with_asked: and with what is on its way. */
static struct plan plan_granted(const struct book *book, bool with_asked)
{
    struct plan plan = plan_create(book);
    uint64_t sum = 0;

    for (size_t i = 0; i < book->list.count; i++) {
        const struct candidate *candidate = book->list.order[i];
        uint32_t slots = candidate->granted;
        if (with_asked && candidate->asked > slots)
            slots = candidate->asked;
        plan.hosts[i].slots = smaller(slots, book->oversubscribe ? UINT32_MAX : candidate->limit);
        plan.hosts[i].machine_id = candidate->peer->host != NULL ? candidate->peer->host->machine_id : NULL;
        sum += plan.hosts[i].slots;
    }
    if (book->ranks == 0)
        plan.wanted = sum < BOOK_ALL ? (uint32_t)sum : BOOK_ALL;
    plan.missing = place_counts(book->strategy, plan.hosts, book->list.count, plan.wanted, plan.counts);
    return plan;
}

static bool has_enough(const struct book *book)
{
    struct plan plan = plan_granted(book, false);
    bool enough = plan.missing == 0 && plan.wanted > 0;

    plan_clear(&plan);
    return enough && book->list.unmatched == book->list.wish_count;
}

/* True when no answer on its way would change where the ranks go. */
static bool is_settled(const struct book *book)
{
    bool settled = true;

    if (book->ranks == 0)
        return !is_waiting(book);
    struct plan plan = plan_granted(book, true);
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
    struct book_result result = {.ok = false, .ranks = book->ranks};

    shortage_tell(&book->list, book->ranks, book->needs, book->oversubscribe, book->denial, &result.err);
    let_all_go(book);
    finish(book, &result);
}

/* Numbers the hosts that got ranks, and lets the others go. */
static void choose(struct book *book, const struct plan *plan, struct book_result *result, struct place_host *hosts)
{
    for (size_t i = 0; i < book->list.count; i++) {
        struct candidate *candidate = book->list.order[i];
        if (plan->counts[i] == 0) {
            let_go(book, candidate);
            continue;
        }
        hosts[result->count] = (struct place_host){plan->counts[i], plan->hosts[i].machine_id};
        result->grants[result->count++] =
            (struct book_grant){candidate->id, candidate->peer, candidate->granted, plan->counts[i]};
        result->slots_total += candidate->granted;
    }
}

static void succeed(struct book *book)
{
    struct plan plan = plan_granted(book, false);
    struct book_result result = {.ok = true, .ranks = plan.wanted};
    struct place_host *hosts = mem_array(book->list.count + 1, sizeof *hosts);
    struct book_grant *grants = result.grants = mem_array(book->list.count + 1, sizeof *grants);
    uint32_t *rank_host = result.rank_host = mem_array((size_t)plan.wanted + 1, sizeof *rank_host);

    choose(book, &plan, &result, hosts);
    if (place_ranks(book->strategy, hosts, result.count, result.ranks, 1, rank_host, &result.err) < 0)
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
    uint64_t total = 0;

    for (size_t i = 0; i < book->list.count; i++) {
        const struct candidate *candidate = book->list.order[i];
        if (candidate->out == CANDIDATE_IN || candidate->out == CANDIDATE_FULL)
            total += smaller(candidate->total, candidate->limit);
    }
    return total > 0 && total >= book->ranks && book->list.unmatched == book->list.wish_count;
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
    HASH_ITER(hh, book->list.table, candidate, next) {
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

/* Asks whoever is wanted for more than he was asked before. True if an answer is awaited afterwards. */
static bool ask_all(struct book *book, const struct plan *plan, int64_t now_ms)
{
    for (size_t i = 0; i < book->list.count; i++) {
        struct candidate *candidate = book->list.order[i];
        if (candidate->asked > 0 || plan->counts[i] <= candidate->granted || !is_usable(candidate))
            continue;
        candidate->asked = plan->counts[i];
        candidate->asked_ms = now_ms;
        book->ops.ask(&candidate->id, plan->counts[i], book->arg);
        if (candidate->asked == 0 && has_enough(book) && is_settled(book))
            break; /* answered at once, as this host does: the others need not be troubled */
    }
    return is_waiting(book);
}

/* One look at everything. Returns true when a second look is worth while. *ended_out: done() was called, and the
 * book may be gone. */
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
    struct plan plan = plan_make(book);
    bool missing = plan.missing > 0, short_of = missing || plan.wanted == 0 || book->list.unmatched < book->list.wish_count;
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
    book->patience_ms = now_ms + (book->wait_ms > BOOK_PATIENCE_MS ? book->wait_ms : BOOK_PATIENCE_MS);
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

void book_granted(struct book *book, const struct id *id, uint32_t slots, const Wire__HostInfo *host,
                  int64_t now_ms)
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
    else if (candidate->free < slots && !book->oversubscribe)
        candidate->free = slots;
    if (candidate->total < candidate->free)
        candidate->total = candidate->free;
    if (host != NULL)
        candidate_set_host(candidate, host, book->needs);
    if (candidate->out != CANDIDATE_IN)
        let_go(book, candidate);
    book_pump(book, now_ms);
}

static void candidate_leaves(struct book *book, struct candidate *candidate, enum candidate_out out, int64_t now_ms)
{
    candidate->asked = candidate->granted = 0;
    candidate->out = out;
    if (out == CANDIDATE_FULL)
        candidate->believed = candidate->free = 0;
    book_pump(book, now_ms);
}

void book_refused(struct book *book, const struct id *id, Wire__Code code, const char *why, int64_t now_ms)
{
    struct candidate *candidate = candidates_find(&book->list, id);
    bool full = code == WIRE__CODE__ERR_NO_SLOTS || code == WIRE__CODE__ERR_BUSY;

    if (candidate == NULL || (candidate->asked == 0 && candidate->granted == 0))
        return;
    if (!full && why != NULL) {
        size_t length = strnlen(why, sizeof book->denial - 1);
        memcpy(book->denial, why, length);
        book->denial[length] = '\0';
    }
    candidate_leaves(book, candidate, full ? CANDIDATE_FULL : CANDIDATE_DENIED, now_ms);
}

void book_lost(struct book *book, const struct id *id, const char *why, int64_t now_ms)
{
    struct candidate *candidate = candidates_find(&book->list, id);

    (void)why;
    if (candidate != NULL && (candidate->asked > 0 || candidate->granted > 0))
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

    HASH_ITER(hh, book->list.table, candidate, next) {
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
    HASH_ITER(hh, book->list.table, candidate, next) {
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
