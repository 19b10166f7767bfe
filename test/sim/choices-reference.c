/* SPDX-License-Identifier: BSD-3-Clause */
/* choices-reference.c - is there a legal run that goes as the replicas were told?
 *
 * One process a rank, no network: a message that was sent may arrive whenever that is wanted. A
 * receiver matches as MPI says, without knowing of decisions; messages arrive only when something
 * that was told asks for it. Before a message arrives that would go to a receive from any source
 * which was told another one, that other one must arrive. What cannot be brought about so was not
 * legal. */
#include "config.h"

#include "choices.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct letter {
    struct letter *next;      /* of its stream */
    struct letter *next_kept; /* nobody took it yet; in order of arrival */
    struct call *send;
    uint8_t *bytes; /* as they were sent */
    int from;
    uint64_t seq;
    bool is_taken;
};

struct stream {
    struct letter *first, **end, *here; /* here: the next to arrive */
    uint64_t sent;
    bool is_arriving;
};

struct reference;

struct rank {
    struct reference *reference;
    int rank;
    struct actor actor;
    const struct course *course;
    int outcome; /* the next one */
    struct call *posted, **posted_end, *calls;
    struct letter *kept, **kept_end;
    uint64_t next_index[CHOICE_CIDS];
    struct stream stream[CHOICE_RANKS][CHOICE_CIDS]; /* to here, by sender */
};

struct reference {
    struct sim *sim;
    struct rank rank[CHOICE_RANKS];
    int ranks;
};

/* struct call's `more` is the letter of a send, the next posted one of a receive. */
static struct call *next_of(const struct call *call)
{
    return call->more;
}

static bool fits(const struct call *recv, const struct letter *letter)
{
    return recv->cid == letter->send->cid &&
           (recv->source == ANY || recv->source == letter->from) &&
           (recv->tag == letter->send->tag || recv->tag == ANY_TAG);
}

static const struct match *match_of(const struct rank *rank, const struct call *recv)
{
    for (int i = 0; i < rank->course->matches; i++) {
        const struct match *match = &rank->course->match[i];

        if (match->cid == recv->cid && match->index == recv->post.index)
            return match;
    }
    return NULL;
}

static void bind(struct call *recv, struct letter *letter)
{
    const struct call *send = letter->send;

    letter->is_taken = true;
    recv->is_done = true;
    recv->source = letter->from;
    recv->tag = send->tag;
    recv->length = send->length;
    recv->seq = letter->seq;
    recv->bytes = mem_copy(letter->bytes, send->length + 1);
}

static void posted_remove(struct rank *rank, const struct call *recv)
{
    struct call *at, *before = NULL;

    for (at = rank->posted; at != recv; at = next_of(at))
        before = at;
    if (before == NULL)
        rank->posted = next_of(recv);
    else
        before->more = next_of(recv);
}

static void posted_add(struct rank *rank, struct call *recv)
{
    struct call *last = rank->posted;

    recv->more = NULL;
    while (last != NULL && next_of(last) != NULL)
        last = next_of(last);
    if (last == NULL)
        rank->posted = recv;
    else
        last->more = recv;
}

static bool ensure(struct rank *rank, int source, uint32_t cid, uint64_t seq);

/* The receive that a message would go to now. */
static struct call *receive_for(const struct rank *rank, const struct letter *letter)
{
    struct call *recv = rank->posted;

    while (recv != NULL && !fits(recv, letter))
        recv = next_of(recv);
    return recv;
}

/* The next message of a stream arrives. False: it cannot, not yet. */
static bool arrive(struct rank *rank, int source, uint32_t cid)
{
    struct stream *stream = &rank->stream[source][cid];
    struct letter *letter = stream->here;
    struct call *recv;

    if (letter == NULL || stream->is_arriving)
        return false;
    while ((recv = receive_for(rank, letter)) != NULL && recv->post.source == ANY) {
        const struct match *told = match_of(rank, recv);

        if (told == NULL) {
            sim_fail(rank->reference->sim,
                     "rank %d: receive %d of communicator %u takes a message, but was told none",
                     rank->rank, (int)recv->post.index, cid);
            return false;
        }
        if (told->source == source && told->seq == letter->seq)
            break;
        stream->is_arriving = true;
        bool is_there = ensure(rank, told->source, cid, told->seq);
        stream->is_arriving = false;
        if (!is_there)
            return false;
        if (receive_for(rank, letter) == recv) {
            sim_fail(rank->reference->sim,
                     "rank %d: receive %d of communicator %u did not take what it was told",
                     rank->rank, (int)recv->post.index, cid);
            return false;
        }
    }
    stream->here = letter->next;
    if (recv != NULL) {
        posted_remove(rank, recv);
        bind(recv, letter);
    } else {
        struct letter **at = &rank->kept;

        while (*at != NULL)
            at = &(*at)->next_kept;
        *at = letter;
        letter->next_kept = NULL;
    }
    return true;
}

static bool ensure(struct rank *rank, int source, uint32_t cid, uint64_t seq)
{
    struct stream *stream = &rank->stream[source][cid];

    while (stream->here != NULL && stream->here->seq <= seq)
        if (!arrive(rank, source, cid))
            return false;
    return stream->sent >= seq;
}

static struct letter **kept_for(struct rank *rank, int source, uint32_t cid, int32_t tag)
{
    struct letter **at = &rank->kept;

    while (*at != NULL && !((*at)->send->cid == cid && (source == ANY || (*at)->from == source) &&
                            (tag == ANY_TAG || (*at)->send->tag == tag)))
        at = &(*at)->next_kept;
    return at;
}

static struct letter *kept_take(struct letter **at)
{
    struct letter *letter = *at;

    *at = letter->next_kept;
    return letter;
}

/* ---------------------------------------------------------------- what a rank calls */

static struct call *call_new(struct rank *rank)
{
    struct call *call = mem_alloc(sizeof *call);

    call->all = rank->calls;
    rank->calls = call;
    return call;
}

static struct call *ref_send(void *arg, int dest, uint32_t cid, int32_t tag, unsigned flags,
                             uint8_t *bytes_take, size_t length)
{
    struct rank *rank = arg;
    struct stream *stream = &rank->reference->rank[dest].stream[rank->rank][cid];
    struct call *call = call_new(rank);
    struct letter *letter = mem_alloc(sizeof *letter);

    call->is_send = true;
    call->dest = dest;
    call->cid = cid;
    call->tag = tag;
    call->flags = flags;
    call->length = length;
    call->bytes = bytes_take;
    call->more = letter;
    letter->send = call;
    letter->bytes = mem_copy(bytes_take, length + 1);
    letter->from = rank->rank;
    letter->seq = ++stream->sent;
    if (stream->end == NULL)
        stream->end = &stream->first;
    *stream->end = letter;
    stream->end = &letter->next;
    if (stream->here == NULL)
        stream->here = letter;
    return call;
}

/* A receive from any source that finds messages takes one of those that are here: its own must be.
 */
static bool wild_take(struct rank *rank, struct call *recv, bool *is_taken_out)
{
    const struct match *told = match_of(rank, recv);
    struct letter **at;

    *is_taken_out = false;
    if (*kept_for(rank, ANY, recv->cid, recv->tag) == NULL)
        return true;
    if (told == NULL) {
        sim_fail(rank->reference->sim, "rank %d: a receive found a message, but was told none",
                 rank->rank);
        return false;
    }
    if (!ensure(rank, told->source, recv->cid, told->seq))
        return false;
    at = kept_for(rank, told->source, recv->cid, recv->tag);
    if (*at == NULL || (*at)->seq != told->seq) {
        sim_fail(rank->reference->sim,
                 "rank %d: a receive was told message %d of rank %d, which is not the next",
                 rank->rank, (int)told->seq, told->source);
        return false;
    }
    bind(recv, kept_take(at));
    *is_taken_out = true;
    return true;
}

static struct call *ref_recv(void *arg, int source, uint32_t cid, int32_t tag)
{
    struct rank *rank = arg;
    struct call *recv = call_new(rank);
    bool is_taken = false;

    recv->source = recv->post.source = source;
    recv->cid = cid;
    recv->tag = tag;
    if (source == ANY) {
        recv->post.index = rank->next_index[cid] + 1;
        if (!wild_take(rank, recv, &is_taken))
            return NULL;
        rank->next_index[cid]++;
    } else {
        struct letter **at = kept_for(rank, source, cid, tag);

        is_taken = *at != NULL;
        if (is_taken)
            bind(recv, kept_take(at));
    }
    if (!is_taken)
        posted_add(rank, recv);
    return recv;
}

static struct call *ref_mrecv(void *arg, const struct seen *seen, uint32_t cid)
{
    struct call *recv = call_new(arg);

    recv->cid = cid;
    bind(recv, seen->message);
    return recv;
}

static bool ref_wait(void *arg, struct call *call)
{
    struct rank *rank = arg;

    if (call->is_send)
        return (call->flags & CHOICE_SYNC) == 0 || ((struct letter *)call->more)->is_taken;
    if (call->is_done)
        return true;
    if (call->post.source == ANY) {
        const struct match *told = match_of(rank, call);

        if (told == NULL) {
            sim_fail(rank->reference->sim, "rank %d: a receive is complete, but was told nothing",
                     rank->rank);
            return false;
        }
        (void)ensure(rank, told->source, call->cid, told->seq);
    } else {
        while (!call->is_done && arrive(rank, call->source, call->cid))
            continue;
    }
    return call->is_done;
}

static void ref_forget(void *arg, struct call *call)
{
    (void)arg;
    (void)call;
}

/* The next outcome, which must be of this question or a "no". */
static const struct outcome *outcome_next(struct rank *rank, int question)
{
    const struct course *course = rank->course;

    if (rank->outcome == course->outcomes) {
        sim_fail(rank->reference->sim, "rank %d asks for more than it was told", rank->rank);
        return NULL;
    }
    const struct outcome *outcome = &course->outcome[rank->outcome];

    if (outcome->question != 0 && outcome->question != question) {
        sim_fail(rank->reference->sim, "rank %d asks %d and was told of %d", rank->rank, question,
                 outcome->question);
        return NULL;
    }
    return outcome;
}

static int ref_test(void *arg, struct call **calls, int count, enum choice_style style,
                    int *index_out)
{
    struct rank *rank = arg;
    const struct outcome *outcome = outcome_next(rank, ASK_TEST);

    if (outcome == NULL)
        return -1;
    for (size_t i = 0; i < outcome->size; i++) {
        if (outcome->bytes[i] >= count) {
            sim_fail(rank->reference->sim, "rank %d was told of a request that is not there",
                     rank->rank);
            return -1;
        }
        if (!ref_wait(arg, calls[outcome->bytes[i]]))
            return -1;
        index_out[i] = outcome->bytes[i];
    }
    rank->outcome++;
    (void)style;
    return (int)outcome->size;
}

static int probed(struct rank *rank, struct letter **at, bool takes, struct seen *seen_out)
{
    *seen_out = (struct seen){
        .source = (*at)->from, .tag = (*at)->send->tag, .length = (*at)->send->length};
    if (takes)
        seen_out->message = kept_take(at);
    (void)rank;
    return 1;
}

static int ref_probe(void *arg, int source, uint32_t cid, int32_t tag, bool blocks, bool takes,
                     struct seen *seen_out)
{
    struct rank *rank = arg;
    const struct outcome *outcome = outcome_next(rank, ASK_PROBE);
    uint64_t seq;

    if (outcome == NULL)
        return -1;
    if (outcome->question == 0) {
        SIM_CHECK(rank->reference->sim, !blocks, "rank %d: a blocking probe found nothing",
                  rank->rank);
        rank->outcome++;
        return 0;
    }
    int from = outcome->bytes[0];
    memcpy(&seq, outcome->bytes + 1, sizeof seq);
    if (!ensure(rank, from, cid, seq))
        return -1;
    struct letter **at = kept_for(rank, from, cid, tag);

    if ((source != ANY && source != from) || *at == NULL || (*at)->seq != seq) {
        sim_fail(rank->reference->sim, "rank %d: a probe was told a message that it cannot see",
                 rank->rank);
        return -1;
    }
    rank->outcome++;
    return probed(rank, at, takes, seen_out);
}

static int ref_cancel(void *arg, struct call *call)
{
    struct rank *rank = arg;
    const struct outcome *outcome = outcome_next(rank, ASK_CANCEL);

    if (outcome == NULL)
        return -1;
    if (outcome->bytes[0] == 1) {
        if (call->is_done) {
            sim_fail(rank->reference->sim, "rank %d: a receive was cancelled that has a message",
                     rank->rank);
            return -1;
        }
        posted_remove(rank, call);
        call->is_done = call->is_cancelled = true;
    } else if (!ref_wait(arg, call)) {
        return -1;
    }
    rank->outcome++;
    return outcome->bytes[0];
}

static int ref_clock(void *arg, uint64_t *value_out)
{
    struct rank *rank = arg;
    const struct outcome *outcome = outcome_next(rank, ASK_CLOCK);

    if (outcome == NULL || outcome->question == 0)
        return -1;
    memcpy(value_out, outcome->bytes, sizeof *value_out);
    rank->outcome++;
    return 1;
}

/* ---------------------------------------------------------------- running */

/* Nobody moves: then a synchronous send that is waited for must have arrived. */
static bool push(struct reference *reference)
{
    bool has_moved = false;

    for (int i = 0; i < reference->ranks; i++)
        for (const struct call *call = reference->rank[i].calls; call != NULL; call = call->all) {
            const struct letter *letter = call->more;

            if (!call->is_send || (call->flags & CHOICE_SYNC) == 0 || letter->is_taken)
                continue;
            struct rank *to = &reference->rank[call->dest];
            const struct letter *here = to->stream[i][call->cid].here;

            if (here != NULL && here->seq <= letter->seq)
                has_moved |= arrive(to, i, call->cid);
        }
    return has_moved;
}

static bool all_done(const struct reference *reference)
{
    for (int i = 0; i < reference->ranks; i++)
        if (!actor_is_done(&reference->rank[i].actor))
            return false;
    return true;
}

static void tell(const struct rank *rank)
{
    struct sim *sim = rank->reference->sim;
    const struct choice_script *script = rank->actor.script;

    sim_trace(sim, "rank %d stands at %d of %d, outcome %d of %d", rank->rank, rank->actor.at,
              script->count, rank->outcome, rank->course->outcomes);
    for (int i = 0; i < script->count; i++) {
        const struct choice *choice = &script->choice[i];

        sim_trace(sim, "  %d: kind %d peer %d slot %d+%d style %d cid %u tag %d flags %u time %d",
                  i, (int)choice->kind, choice->peer, choice->slot, choice->count, choice->style,
                  choice->cid, choice->tag, choice->flags, choice->time);
    }
    for (int i = 0; i < rank->course->outcomes; i++)
        sim_trace(sim, "  outcome %d: %d, %d %d", i, rank->course->outcome[i].question,
                  rank->course->outcome[i].bytes[0], rank->course->outcome[i].bytes[1]);
    for (int i = 0; i < rank->course->matches; i++)
        sim_trace(sim, "  match: cid %u receive %d message %d of rank %d",
                  rank->course->match[i].cid, (int)rank->course->match[i].index,
                  (int)rank->course->match[i].seq, rank->course->match[i].source);
}

static void run(struct reference *reference)
{
    while (!sim_has_failed(reference->sim) && !all_done(reference)) {
        bool has_moved = false;

        for (int i = 0; i < reference->ranks; i++)
            while (!sim_has_failed(reference->sim) && actor_step(&reference->rank[i].actor))
                has_moved = true;
        if (!has_moved && !push(reference) && !sim_has_failed(reference->sim)) {
            for (int i = 0; i < reference->ranks; i++)
                tell(&reference->rank[i]);
            sim_fail(reference->sim, "no legal run goes as this one did");
        }
    }
}

static void check_end(struct rank *rank)
{
    struct sim *sim = rank->reference->sim;

    SIM_CHECK(sim, rank->outcome == rank->course->outcomes, "rank %d was told more than it asked",
              rank->rank);
    for (int from = 0; from < rank->reference->ranks; from++)
        for (uint32_t cid = 0; cid < CHOICE_CIDS; cid++)
            for (const struct letter *letter = rank->stream[from][cid].first; letter != NULL;
                 letter = letter->next)
                SIM_CHECK(sim, letter->is_taken, "rank %d ends, message %d of rank %d is left",
                          rank->rank, (int)letter->seq, from);
}

static void rank_free(struct rank *rank)
{
    actor_free(&rank->actor);
    for (int from = 0; from < rank->reference->ranks; from++)
        for (uint32_t cid = 0; cid < CHOICE_CIDS; cid++)
            while (rank->stream[from][cid].first != NULL) {
                struct letter *next = rank->stream[from][cid].first->next;

                free(rank->stream[from][cid].first->bytes);
                free(rank->stream[from][cid].first);
                rank->stream[from][cid].first = next;
            }
    while (rank->calls != NULL) {
        struct call *next = rank->calls->all;

        free(rank->calls->bytes);
        free(rank->calls);
        rank->calls = next;
    }
}

void choices_reference(struct sim *sim, const struct choices *choices,
                       const struct course *const *course, uint64_t *state_out)
{
    static const struct mpi mpi = {ref_send,   ref_recv, ref_mrecv, ref_wait,   ref_wait,
                                   ref_forget, ref_test, ref_probe, ref_cancel, ref_clock};
    struct reference *reference = mem_alloc(sizeof *reference);

    reference->sim = sim;
    reference->ranks = choices->ranks;
    for (int i = 0; i < choices->ranks; i++) {
        struct rank *rank = &reference->rank[i];

        rank->reference = reference;
        rank->rank = i;
        rank->course = course[i];
        actor_init(&rank->actor, choices, i, &mpi, rank);
    }
    run(reference);
    for (int i = 0; i < choices->ranks; i++) {
        if (!sim_has_failed(sim))
            check_end(&reference->rank[i]);
        state_out[i] = reference->rank[i].actor.state;
    }
    for (int i = 0; i < choices->ranks; i++)
        rank_free(&reference->rank[i]);
    free(reference);
}
