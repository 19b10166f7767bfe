/* SPDX-License-Identifier: BSD-3-Clause */
/* decide.c - the decisions of one rank: made by its leader, taken by its followers, in one order
 *
 * A replica follows until every replica of a lower index is dead; then it asks its siblings, and
 * leads when all that live have answered. What it adopted its own program takes first: until then
 * it decides nothing, so that a cancel in the log finds its receive unmatched. */
#include "config.h"

#include "replica/decide.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "replica/declog.h"
#include <uthash.h>

#define PIECE     1024u /* bytes of log in one message */
#define UNSENT    4096u /* ... that wait for decide_flush() at most */
#define MARKS     16    /* places in a link that are watched at a time */
#define AHEAD_MAX (1u << 20)

enum decide_flags { DECIDE_ONLY_YOU = 1 }; /* LOG: no other sibling lives, so it is stable */

enum role { FOLLOWS, ASKS, LEADS };

/* When so much was delivered, the sibling has the log up to number. */
struct mark {
    uint64_t queued, number;
};

struct sibling {
    int process;
    uint64_t sent, has,
        taken; /* of the log: queued for it, sure to be read, taken by its program */
    struct mark mark[MARKS];
    int marks;
    bool is_here;     /* it has begun: what is delivered to it, it will read */
    bool is_asked;    /* we lead soon and wait for its answer */
    bool has_asked;   /* it leads soon and waits for ours ... */
    uint64_t ask_end; /* ... beyond this */
};

struct told_key {
    uint64_t index;
    uint32_t cid;
    uint32_t is_library;
    int64_t source; /* index 0: of the message, else 0, as is its number */
    uint64_t seq;
};

struct told { /* the match of a receive, or of a message (index 0), that is not here yet */
    struct told_key key;
    int source;
    uint64_t seq;
    UT_hash_handle hh;
};

struct decide {
    const struct world *world; /* borrowed */
    struct decide_ops ops;
    void *arg;
    int rank, set;
    size_t ahead_max;
    enum role role;
    bool has_led;  /* ops.lead() was called */
    bool is_first; /* no replica has a lower index */
    bool is_started, is_ended;
    uint32_t siblings; /* living ones */
    struct sibling sibling[WORLD_REPLICAS_MAX];
    struct declog log;
    uint64_t known;  /* whole entries up to here */
    uint64_t taken;  /* by our program, or matches */
    uint64_t stable; /* everybody has it up to here */
    uint64_t shared; /* what was sent without ONLY_YOU ends here: STABLE is owed */
    uint64_t told_stable, told_taken;
    uint64_t nos;      /* leader: "no" since the last entry */
    uint64_t nos_left; /* follower: still to be taken of the entry before `taken` */
    uint8_t *value;    /* of the last outcome given */
    size_t value_room;
    struct told *told;
    struct decide_stats stats;
};

#define EACH_SIBLING(set, decide)                                                                  \
    for (uint32_t left_ = (decide)->siblings, set = 0;                                             \
         left_ != 0 && (set = (uint32_t)__builtin_ctz(left_), true); left_ &= left_ - 1)

__attribute__((format(printf, 2, 3))) static void end(struct decide *decide, const char *format,
                                                      ...)
{
    char sentence[384];
    va_list args;

    if (decide->is_ended)
        return;
    decide->is_ended = true;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    decide->ops.end(decide->arg, sentence);
}

static void tell(struct decide *decide, uint32_t set, enum decide_kind_of_message kind,
                 uint64_t offset)
{
    struct replica_msg msg = {.kind = (uint8_t)kind,
                              .offset = offset,
                              .seq = decide->taken,
                              .rank = (uint32_t)decide->rank};

    decide->ops.send(decide->arg, decide->sibling[set].process, &msg, NULL, 0);
}

/* ---------------------------------------------------------------- sending the log */

static void mark_add(struct decide *decide, struct sibling *sibling)
{
    struct mark mark = {decide->ops.queued(decide->arg, sibling->process), sibling->sent};

    if (sibling->marks == MARKS)
        sibling->marks--;
    sibling->mark[sibling->marks++] = mark;
}

/* Sends what a sibling lacks up to `known`. */
static void log_send(struct decide *decide, struct sibling *sibling, bool is_only)
{
    while (sibling->sent < decide->known) {
        uint64_t left = decide->known - sibling->sent;
        size_t size = left < PIECE ? (size_t)left : PIECE;
        struct replica_msg msg = {
            .kind = DECIDE_LOG,
            .flags = is_only ? DECIDE_ONLY_YOU : 0,
            .rank = (uint32_t)decide->rank,
            .offset = sibling->sent,
            .length = size,
        };

        decide->ops.send(decide->arg, sibling->process, &msg,
                         declog_at(&decide->log, sibling->sent), size);
        sibling->sent += size;
        decide->stats.sent++;
    }
}

static void log_trim(struct decide *decide)
{
    uint64_t needed = decide->taken < decide->stable ? decide->taken : decide->stable;

    if (needed > decide->log.base)
        declog_trim(&decide->log, needed);
}

static void stable_is(struct decide *decide, uint64_t number)
{
    if (number <= decide->stable)
        return;
    decide->stable = number;
    log_trim(decide);
    decide->ops.stable(decide->arg, number);
}

static void stable_tell(struct decide *decide)
{
    if (decide->told_stable >= decide->stable || decide->told_stable >= decide->shared)
        return;
    decide->told_stable = decide->stable;
    EACH_SIBLING(set, decide)
    tell(decide, set, DECIDE_STABLE, decide->stable);
}

/* Leader: stable is what each living sibling has. */
static void stable_find(struct decide *decide)
{
    uint64_t number = decide->known;

    EACH_SIBLING(set, decide)
    if (decide->sibling[set].has < number)
        number = decide->sibling[set].has;
    stable_is(decide, number);
    stable_tell(decide);
}

static void sibling_poll(struct decide *decide, struct sibling *sibling)
{
    uint64_t delivered;
    int done = 0;

    if (!sibling->is_here)
        return;
    delivered = decide->ops.delivered(decide->arg, sibling->process);

    while (done < sibling->marks && sibling->mark[done].queued <= delivered)
        sibling->has = sibling->mark[done++].number;
    if (done == 0)
        return;
    sibling->marks -= done;
    memmove(sibling->mark, sibling->mark + done, (size_t)sibling->marks * sizeof sibling->mark[0]);
}

static void deliveries_poll(struct decide *decide)
{
    EACH_SIBLING(set, decide)
    if (decide->sibling[set].marks > 0)
        sibling_poll(decide, &decide->sibling[set]);
    stable_find(decide);
}

static void all_send(struct decide *decide)
{
    bool is_only = __builtin_popcount(decide->siblings) == 1;

    if (!is_only)
        decide->shared = decide->known;
    EACH_SIBLING(set, decide)
    {
        struct sibling *sibling = &decide->sibling[set];

        if (sibling->sent == decide->known)
            continue;
        log_send(decide, sibling, is_only);
        mark_add(decide, sibling);
    }
    deliveries_poll(decide);
}

/* ---------------------------------------------------------------- the leader decides */

static void entry_add(struct decide *decide, const struct declog_entry *entry)
{
    declog_write(&decide->log, entry);
    decide->known = decide->taken = decide->log.end;
}

static void nos_close(struct decide *decide)
{
    struct declog_entry entry = {.kind = DECLOG_NO, .count = decide->nos};

    if (decide->nos == 0)
        return;
    decide->nos = 0;
    decide->stats.no_runs++;
    entry_add(decide, &entry);
}

static void decided(struct decide *decide, const struct declog_entry *entry)
{
    decide->stats.decided++;
    if (decide->siblings == 0)
        return;
    nos_close(decide);
    entry_add(decide, entry);
    if (decide->log.end - decide->log.base > UNSENT)
        decide_flush(decide);
}

void decide_no(struct decide *decide)
{
    if (decide->siblings != 0)
        decide->nos++;
}

void decide_outcome(struct decide *decide, int kind, const void *value, size_t size)
{
    struct declog_entry entry = {.kind = DECLOG_OUTCOME + kind, .value = value, .size = size};

    decided(decide, &entry);
}

void decide_match(struct decide *decide, const struct decide_wild *wild, int source, uint64_t seq)
{
    struct declog_entry entry = {
        .kind = DECLOG_MATCH,
        .cid = wild->cid,
        .is_library = wild->is_library,
        .index = wild->index,
        .source = source,
        .seq = seq,
    };

    decided(decide, &entry);
}

void decide_flush(struct decide *decide)
{
    if (!decide->has_led)
        return;
    nos_close(decide);
    all_send(decide);
}

/* ---------------------------------------------------------------- the beginning of leading */

static void lead_if_due(struct decide *decide)
{
    if (decide->has_led || decide->role != LEADS || decide->taken < decide->known ||
        decide->nos_left > 0 || decide->told != NULL || !decide->ops.is_caught_up(decide->arg))
        return;
    decide->has_led = true;
    decide->ops.lead(decide->arg);
}

/* Everybody has answered: gives all of them what one of them had. */
static void ask_settle(struct decide *decide)
{
    if (decide->role != ASKS)
        return;
    EACH_SIBLING(set, decide)
    if (decide->sibling[set].is_asked)
        return;
    decide->role = LEADS;
    declog_cut(&decide->log, decide->known);
    decide->told_stable = 0;
    decide->shared = decide->known;
    all_send(decide);
}

/* Is there nobody before us? Who is the first by birth has nobody to ask. */
static void lead_begin(struct decide *decide)
{
    if (decide->role != FOLLOWS || !decide->is_started ||
        (decide->siblings & ((1u << decide->set) - 1)) != 0)
        return;
    decide->role = decide->is_first ? LEADS : ASKS;
    if (decide->is_first)
        return;
    decide->stats.led++;
    declog_cut(&decide->log, decide->known);
    EACH_SIBLING(set, decide)
    {
        decide->sibling[set].is_asked = true;
        tell(decide, set, DECIDE_ASK, decide->known);
    }
    ask_settle(decide);
}

/* Its question is answered when we know the same of the dead: from these nothing more comes here.
 */
static void ask_answer(struct decide *decide, uint32_t set)
{
    struct sibling *sibling = &decide->sibling[set];

    if (!sibling->has_asked || (decide->siblings & ((1u << set) - 1)) != 0 ||
        decide->set < (int)set)
        return;
    sibling->has_asked = false;
    declog_cut(&decide->log, decide->known);
    sibling->sent = sibling->ask_end;
    if (sibling->sent < decide->log.base) {
        end(decide, "replica %u of rank %d lacks decisions that were stable", set, decide->rank);
        return;
    }
    log_send(decide, sibling, false);
    tell(decide, set, DECIDE_HAVE, decide->known);
}

/* ---------------------------------------------------------------- the follower takes */

static void told_add(struct decide *decide, const struct declog_entry *entry)
{
    struct told *told = mem_alloc(sizeof *told);

    told->key = (struct told_key){.index = entry->index,
                                  .cid = entry->cid,
                                  .is_library = entry->is_library,
                                  .source = entry->index == 0 ? entry->source : 0,
                                  .seq = entry->index == 0 ? entry->seq : 0};
    told->source = entry->source;
    told->seq = entry->seq;
    HASH_ADD(hh, decide->told, key, sizeof told->key, told);
}

static bool told_take(struct decide *decide, const struct told_key *key, int *source_out,
                      uint64_t *seq_out)
{
    struct told *told;

    if (decide->told == NULL)
        return false;
    HASH_FIND(hh, decide->told, key, sizeof *key, told);
    if (told == NULL)
        return false;
    *source_out = told->source;
    *seq_out = told->seq;
    HASH_DEL(decide->told, told);
    free(told);
    return true;
}

bool decide_match_of(struct decide *decide, const struct decide_wild *wild, int *source_out,
                     uint64_t *seq_out)
{
    struct told_key key = {wild->index, wild->cid, wild->is_library, 0, 0};

    return told_take(decide, &key, source_out, seq_out);
}

bool decide_is_matched(struct decide *decide, const struct decide_wild *wild, int source,
                       uint64_t seq)
{
    struct told_key key = {wild->index, wild->cid, wild->is_library, source, seq};

    return told_take(decide, &key, &source, &seq);
}

static void match_hear(struct decide *decide, const struct declog_entry *entry)
{
    struct decide_wild wild = {entry->cid, entry->is_library, entry->index};

    decide->stats.followed++;
    if (!decide->ops.matched(decide->arg, &wild, entry->source, entry->seq))
        told_add(decide, entry);
}

/* The program has what it asked for; matches need no question. */
static void taken_advance(struct decide *decide)
{
    struct declog_entry entry;

    while (decide->taken < decide->known) {
        uint64_t next = declog_read(&decide->log, decide->taken, &entry);

        if (entry.kind != DECLOG_MATCH)
            break;
        decide->taken = next;
    }
    log_trim(decide);
    if (decide->role == FOLLOWS && decide->taken - decide->told_taken >= decide->ahead_max / 8 &&
        decide->siblings != 0) {
        decide->told_taken = decide->taken;
        tell(decide, (uint32_t)__builtin_ctz(decide->siblings), DECIDE_TAKEN, decide->taken);
    }
}

static void log_hear(struct decide *decide)
{
    struct declog_entry entry;

    while (decide->known < decide->log.end) {
        uint64_t next = declog_read(&decide->log, decide->known, &entry);

        if (next == 0)
            break;
        if (next == DECLOG_NONSENSE) {
            end(decide, "a decision of rank %d makes no sense", decide->rank);
            return;
        }
        decide->known = next;
        if (entry.kind == DECLOG_MATCH)
            match_hear(decide, &entry);
    }
    taken_advance(decide);
}

static void log_receive(struct decide *decide, uint32_t set, const struct replica_msg *msg,
                        const uint8_t *bytes, size_t size)
{
    struct declog *log = &decide->log;
    uint64_t here = log->end - msg->offset;

    if (decide->role == LEADS || msg->offset > log->end || msg->offset < log->base) {
        end(decide, "replica %u of rank %d sent decisions out of order", set, decide->rank);
        return;
    }
    if (here > size)
        here = size;
    if (here > 0 && memcmp(declog_at(log, msg->offset), bytes, (size_t)here) != 0) {
        end(decide, "replicas of rank %d have different decisions", decide->rank);
        return;
    }
    declog_append(log, bytes + here, size - (size_t)here);
    log_hear(decide);
    if (msg->flags & DECIDE_ONLY_YOU)
        stable_is(decide, decide->known);
}

/* The program came to something else than its leader: not by anything that MPI told it. */
static enum decide_answer stray(struct decide *decide, int kind, const char *leader)
{
    end(decide,
        "replica %d of rank %d comes to %s where its leader came to %s; the course of the program "
        "must not depend on anything that differs between replicas (clocks other than MPI_Wtime, "
        "random numbers, process numbers, MPI_T)",
        decide->set, decide->rank, decide->ops.name(kind), leader);
    return DECIDE_WAIT;
}

/* One of the leader's "no". */
static enum decide_answer no_take(struct decide *decide, int kind)
{
    if (kind == DECIDE_END)
        return stray(decide, kind, "a test or a probe");
    return DECIDE_NO;
}

static enum decide_answer outcome_take(struct decide *decide, int kind, const void **value_out,
                                       size_t *size_out)
{
    struct declog_entry entry;

    decide->taken = declog_read(&decide->log, decide->taken, &entry);
    if (entry.kind == DECLOG_NO) {
        decide->stats.no_runs++;
        decide->nos_left = entry.count - 1;
        taken_advance(decide);
        return no_take(decide, kind);
    }
    decide->stats.followed++;
    if (entry.kind != DECLOG_OUTCOME + kind)
        return stray(decide, kind, decide->ops.name(entry.kind - DECLOG_OUTCOME));
    if (entry.size > decide->value_room || decide->value == NULL) {
        decide->value_room = 2 * entry.size + 64;
        decide->value = mem_grow(decide->value, decide->value_room, 1);
    }
    if (entry.size > 0)
        memcpy(decide->value, entry.value, entry.size);
    *value_out = decide->value;
    *size_out = entry.size;
    taken_advance(decide);
    return DECIDE_GIVEN;
}

/* Is a follower too far behind our own program? */
static bool is_too_far_ahead(const struct decide *decide)
{
    EACH_SIBLING(set, decide)
    if (decide->known - decide->sibling[set].taken > decide->ahead_max)
        return true;
    return false;
}

enum decide_answer decide_ask(struct decide *decide, int kind, const void **value_out,
                              size_t *size_out)
{
    if (decide->nos_left > 0) {
        decide->nos_left--;
        return no_take(decide, kind);
    }
    if (decide->is_ended)
        return DECIDE_WAIT;
    if (!decide->has_led && decide->taken < decide->known)
        return outcome_take(decide, kind, value_out, size_out);
    lead_if_due(decide);
    if (!decide->has_led)
        return DECIDE_WAIT;
    if (decide->siblings != 0 && is_too_far_ahead(decide)) {
        decide_flush(decide);
        return DECIDE_WAIT;
    }
    return DECIDE_FREE;
}

bool decide_is_deciding(const struct decide *decide)
{
    return decide->has_led;
}

/* ---------------------------------------------------------------- gate */

uint64_t decide_gate(struct decide *decide)
{
    if (decide->has_led && (decide->nos > 0 || decide->stable < decide->known))
        decide_flush(decide);
    return decide->known;
}

uint64_t decide_stable(const struct decide *decide)
{
    return decide->stable;
}

void decide_poll(struct decide *decide)
{
    if (decide->role == LEADS && decide->stable < decide->known)
        deliveries_poll(decide);
    if (!decide->has_led)
        lead_if_due(decide);
}

/* ---------------------------------------------------------------- messages and deaths */

static void have_receive(struct decide *decide, struct sibling *sibling,
                         const struct replica_msg *msg)
{
    if (!sibling->is_asked)
        return;
    sibling->is_asked = false;
    sibling->sent = sibling->has = msg->offset;
    sibling->taken = msg->seq;
    sibling->marks = 0;
    ask_settle(decide);
}

void decide_receive(struct decide *decide, int src, const struct replica_msg *msg,
                    const void *bytes, size_t size)
{
    int set = decide->world->set[src];
    struct sibling *sibling = &decide->sibling[set];

    if (decide->world->rank[src] != decide->rank || (decide->siblings >> set & 1) == 0 ||
        decide->is_ended)
        return;
    sibling->is_here = true;
    switch (msg->kind) {
    case DECIDE_LOG:
        log_receive(decide, (uint32_t)set, msg, bytes, size);
        break;
    case DECIDE_STABLE:
        stable_is(decide, msg->offset < decide->known ? msg->offset : decide->known);
        break;
    case DECIDE_ASK:
        sibling->has_asked = true;
        sibling->ask_end = msg->offset;
        ask_answer(decide, (uint32_t)set);
        break;
    case DECIDE_HAVE:
        have_receive(decide, sibling, msg);
        break;
    case DECIDE_TAKEN:
        if (msg->offset > sibling->taken)
            sibling->taken = msg->offset;
        break;
    default:
        end(decide, "a message of kind %d is not of this version", msg->kind);
    }
}

void decide_dead(struct decide *decide, int process)
{
    int set = decide->world->set[process];

    if (decide->world->rank[process] != decide->rank || (decide->siblings >> set & 1) == 0)
        return;
    decide->siblings &= ~(1u << set);
    lead_begin(decide);
    ask_settle(decide);
    EACH_SIBLING(other, decide)
    ask_answer(decide, other);
    if (decide->role == LEADS)
        stable_find(decide);
}

/* ---------------------------------------------------------------- begin and end */

struct decide *decide_create(const struct world *world, int self, size_t ahead_max,
                             const struct decide_ops *ops, void *arg)
{
    struct decide *decide = mem_alloc(sizeof *decide);

    decide->world = world;
    decide->ops = *ops;
    decide->arg = arg;
    decide->rank = world->rank[self];
    decide->set = world->set[self];
    decide->ahead_max = ahead_max == 0 ? AHEAD_MAX : ahead_max;
    for (int set = 0; set < world->replicas; set++) {
        decide->sibling[set].process = world_process(world, decide->rank, set);
        if (set != decide->set && decide->sibling[set].process >= 0)
            decide->siblings |= 1u << set;
    }
    decide->is_first = (decide->siblings & ((1u << decide->set) - 1)) == 0;
    return decide;
}

void decide_start(struct decide *decide)
{
    decide->is_started = true;
    EACH_SIBLING(set, decide)
    tell(decide, set, DECIDE_TAKEN, 0);
    lead_begin(decide);
    lead_if_due(decide);
}

void decide_destroy(struct decide *decide)
{
    struct told *told, *next;

    if (decide == NULL)
        return;
    HASH_ITER(hh, decide->told, told, next)
    {
        HASH_DEL(decide->told, told);
        free(told);
    }
    declog_free(&decide->log);
    free(decide->value);
    free(decide);
}

void decide_stats(const struct decide *decide, struct decide_stats *stats_out)
{
    *stats_out = decide->stats;
    stats_out->kept = (size_t)(decide->log.end - decide->log.base);
}
