/* SPDX-License-Identifier: BSD-3-Clause */
/* choices.c - generated programs whose course depends on timing, and who runs them */
#include "config.h"

#include "choices.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "program.h"

#define TICKS_MAX 12

/* ---------------------------------------------------------------- generating */

struct maker {
    struct sim *sim;
    struct choices *choices;
    int order, time, last; /* last: of all that was added */
    int32_t tag;           /* next one that nobody uses */
    uint32_t cid;
};

static void add(struct maker *maker, int rank, int time, struct choice choice)
{
    struct choice_script *script = &maker->choices->script[rank];

    if (script->count == script->size) {
        script->size = script->size == 0 ? 32 : 2 * script->size;
        script->choice = mem_grow(script->choice, (size_t)script->size, sizeof *script->choice);
    }
    choice.time = time;
    choice.order = maker->order++;
    script->choice[script->count++] = choice;
    if (time > maker->last)
        maker->last = time;
}

static int later(struct maker *maker, int time, int by)
{
    return time + (int)sim_below(maker->sim, (uint32_t)by + 1);
}

static uint32_t some_length(struct maker *maker)
{
    switch (sim_below(maker->sim, 6)) {
    case 0:
        return 0;
    case 1:
        return CHOICE_EAGER + 1 + sim_below(maker->sim, 5 * CHOICE_EAGER);
    default:
        return 1 + sim_below(maker->sim, CHOICE_EAGER);
    }
}

static unsigned some_flags(struct maker *maker)
{
    return sim_chance(maker->sim, 700) ? 0 : 1u << sim_below(maker->sim, 3);
}

/* Posts a send; it is waited for at `end`. */
static void add_send(struct maker *maker, int from, int to, int time, int end, uint32_t cid,
                     int32_t tag)
{
    struct choice_script *script = &maker->choices->script[from];
    struct choice send = {
        .kind = DO_SEND,
        .peer = to,
        .slot = script->slots++,
        .cid = cid,
        .tag = tag,
        .length = some_length(maker),
        .flags = some_flags(maker),
    };
    struct choice wait = {.kind = DO_WAIT, .slot = send.slot, .count = 1};

    wait.style = sim_chance(maker->sim, 300) ? STYLE_TEST : STYLE_WAIT;
    add(maker, from, time, send);
    if ((send.flags & (CHOICE_FREED | CHOICE_BUFFERED)) == 0)
        add(maker, from, end, wait);
}

static int slots_take(struct maker *maker, int rank, int count)
{
    int slot = maker->choices->script[rank].slots;

    maker->choices->script[rank].slots += count;
    return slot;
}

static void names_draw(struct maker *maker, uint32_t *cid_out, int32_t *tag_out, bool *is_fresh_out)
{
    *is_fresh_out = maker->cid < CHOICE_CIDS && sim_chance(maker->sim, 400);
    *cid_out = *is_fresh_out ? maker->cid++ : 1 + sim_below(maker->sim, 3);
    *tag_out = maker->tag;
    maker->tag += 4;
}

/* One receives from many: some from any source, some from one, posted in any order; then the rest.
 * Each source sends enough for whatever the receives from any source take. */
static void mix(struct maker *maker)
{
    struct sim *sim = maker->sim;
    int ranks = maker->choices->ranks, root = (int)sim_below(sim, (uint32_t)ranks);
    int wilds = (int)sim_between(sim, 1, 3), rest = -wilds, posts = 0, at[16], peer[16];
    int time = maker->time, end = time + 4;
    uint32_t cid;
    int32_t tag;
    bool is_fresh, has_replies = sim_chance(sim, 400);

    names_draw(maker, &cid, &tag, &is_fresh);
    for (int i = 0; i < wilds; i++)
        peer[posts++] = ANY;
    for (int source = 0; source < ranks; source++) {
        if (source == root || !sim_chance(sim, 700))
            continue;
        int own = (int)sim_below(sim, 3), sends = wilds + own + (int)sim_below(sim, 2);

        for (int i = 0; i < own && posts < 16; i++)
            peer[posts++] = source;
        rest += sends - own;
        for (int i = 0; i < sends; i++)
            add_send(maker, source, root, later(maker, time, 3), end + 1, cid,
                     is_fresh ? tag + (int)sim_below(sim, 2) : tag);
        for (int i = 0; i < sends && has_replies; i++) {
            struct choice recv = {.kind = DO_RECV, .peer = root, .cid = cid, .tag = tag + 2};

            recv.slot = slots_take(maker, source, 1);
            add(maker, source, later(maker, time, 4), recv);
            add(maker, source, end + 1,
                (struct choice){.kind = DO_WAIT, .slot = recv.slot, .count = 1});
        }
    }
    if (rest <= -wilds)
        return;
    for (int i = 0; i < posts; i++)
        at[i] = later(maker, time, 3);
    int slot = slots_take(maker, root, posts);

    for (int i = 0; i < posts; i++) {
        int other = (int)sim_below(sim, (uint32_t)posts), swap = peer[i];

        peer[i] = peer[other];
        peer[other] = swap;
    }
    for (int i = 0; i < posts; i++) {
        struct choice recv = {.kind = DO_RECV, .peer = peer[i], .cid = cid, .slot = slot + i};

        recv.tag = is_fresh ? ANY_TAG : tag;
        add(maker, root, at[i], recv);
    }
    int reply = has_replies ? tag + 2 : 0;

    add(maker, root, end,
        (struct choice){.kind = DO_WAIT,
                        .slot = slot,
                        .count = posts,
                        .cid = cid,
                        .style = (int)sim_below(sim, STYLES),
                        .reply = reply});
    add(maker, root, end,
        (struct choice){.kind = DO_REST,
                        .count = rest,
                        .cid = cid,
                        .tag = is_fresh ? ANY_TAG : tag,
                        .style = (int)sim_below(sim, PROBES),
                        .reply = reply});
}

/* All workers ask and are answered, several times, whoever comes first: alone in its time. */
static void farm(struct maker *maker)
{
    struct sim *sim = maker->sim;
    int ranks = maker->choices->ranks, root = (int)sim_below(sim, (uint32_t)ranks);
    int rounds = (int)sim_between(sim, 1, 3);
    uint32_t cid;
    int32_t tag;
    bool is_fresh;

    names_draw(maker, &cid, &tag, &is_fresh);
    maker->time = maker->last + 1;
    for (int round = 0; round < rounds; round++) {
        for (int worker = 0; worker < ranks; worker++) {
            struct choice recv = {.kind = DO_RECV, .peer = root, .cid = cid, .tag = tag + 2};

            if (worker == root)
                continue;
            recv.slot = slots_take(maker, worker, 1);
            add_send(maker, worker, root, maker->time, maker->time + 2, cid, tag);
            add(maker, worker, maker->time, recv);
            add(maker, worker, maker->time + 2,
                (struct choice){.kind = DO_WAIT, .slot = recv.slot, .count = 1});
        }
        add(maker, root, maker->time + 1,
            (struct choice){.kind = DO_REST,
                            .count = ranks - 1,
                            .cid = cid,
                            .tag = tag,
                            .style = (int)sim_below(sim, PROBES),
                            .reply = tag + 2});
        maker->time += 3;
    }
    maker->time = maker->last + 1;
}

/* One tests for a message and tells another each time that it is not there. */
static void ticks(struct maker *maker)
{
    struct sim *sim = maker->sim;
    uint32_t ranks = (uint32_t)maker->choices->ranks, cid;
    int rank = (int)sim_below(sim, ranks), slot = slots_take(maker, rank, 1);
    int source = (rank + 1 + (int)sim_below(sim, ranks - 1)) % (int)ranks;
    int peer = (rank + 1 + (int)sim_below(sim, ranks - 1)) % (int)ranks;
    int32_t tag;
    bool is_fresh;

    names_draw(maker, &cid, &tag, &is_fresh);
    add_send(maker, source, rank, later(maker, maker->time, 3), maker->time + 5, cid, tag);
    add(maker, rank, later(maker, maker->time, 2),
        (struct choice){.kind = DO_RECV,
                        .peer = sim_chance(sim, 500) ? ANY : source,
                        .cid = cid,
                        .tag = tag,
                        .slot = slot});
    add(maker, rank, maker->time + 4,
        (struct choice){.kind = DO_TICKS, .slot = slot, .peer = peer, .cid = cid, .tag = tag + 1});
    add(maker, peer, maker->time + 5,
        (struct choice){.kind = DO_DRAIN, .peer = rank, .cid = cid, .tag = tag + 1});
}

/* Some receives of one source, of which some are cancelled, and done again if they were. */
static void cancels(struct maker *maker)
{
    struct sim *sim = maker->sim;
    uint32_t ranks = (uint32_t)maker->choices->ranks, cid;
    int rank = (int)sim_below(sim, ranks), count = (int)sim_between(sim, 1, 4), slot;
    int source = (rank + 1 + (int)sim_below(sim, ranks - 1)) % (int)ranks;
    bool is_fresh, is_wild = sim_chance(sim, 250);
    int32_t tag;

    names_draw(maker, &cid, &tag, &is_fresh);
    slot = slots_take(maker, rank, count);
    for (int i = 0; i < count; i++) {
        add_send(maker, source, rank, later(maker, maker->time, 5), maker->time + 7, cid, tag);
        add(maker, rank, later(maker, maker->time, 1),
            (struct choice){.kind = DO_RECV,
                            .peer = is_wild && sim_chance(sim, 500) ? ANY : source,
                            .cid = cid,
                            .tag = tag,
                            .slot = slot + i});
        if (sim_chance(sim, 600))
            add(maker, rank, maker->time + 2 + (int)sim_below(sim, 2),
                (struct choice){.kind = DO_CANCEL, .slot = slot + i});
    }
    /* All that are left come in before any is done again. */
    for (int i = 0; i < count; i++)
        add(maker, rank, maker->time + 6,
            (struct choice){
                .kind = DO_AGAIN, .slot = slot + i, .peer = source, .cid = cid, .tag = tag});
}

/* Receives of any shape; all are cancelled, some too late; then what is left is received. */
static void scramble(struct maker *maker)
{
    struct sim *sim = maker->sim;
    uint32_t ranks = (uint32_t)maker->choices->ranks, cid = maker->cid;
    int root = (int)sim_below(sim, ranks), total = (int)sim_between(sim, 1, 8);
    int posts = (int)sim_between(sim, 1, 6), slot = slots_take(maker, root, posts);
    int32_t tag = maker->tag;

    if (cid == CHOICE_CIDS)
        return;
    maker->cid++;
    maker->tag += 4;
    for (int i = 0; i < total; i++)
        add_send(maker, (root + 1 + (int)sim_below(sim, ranks - 1)) % (int)ranks, root,
                 later(maker, maker->time, 5), maker->time + 7, cid, tag + (int)sim_below(sim, 2));
    for (int i = 0; i < posts; i++) {
        struct choice recv = {.kind = DO_RECV, .cid = cid, .slot = slot + i, .peer = ANY};

        if (sim_chance(sim, 600))
            recv.peer = (root + 1 + (int)sim_below(sim, ranks - 1)) % (int)ranks;
        recv.tag = sim_chance(sim, 300) ? ANY_TAG : tag + (int)sim_below(sim, 2);
        add(maker, root, later(maker, maker->time, 3), recv);
        add(maker, root, maker->time + 4 + (int)sim_below(sim, 2),
            (struct choice){.kind = DO_CANCEL, .slot = slot + i});
    }
    add(maker, root, maker->time + 6,
        (struct choice){.kind = DO_LEFT,
                        .slot = slot,
                        .count = posts,
                        .length = (uint32_t)total,
                        .cid = cid,
                        .tag = ANY_TAG,
                        .style = (int)sim_below(sim, PROBES)});
}

/* Everybody sends synchronously to some, who do not know how much comes: alone in its time. */
static void nbx(struct maker *maker)
{
    struct sim *sim = maker->sim;
    int ranks = maker->choices->ranks;
    uint32_t cid;
    int32_t tag;
    bool is_fresh;

    names_draw(maker, &cid, &tag, &is_fresh);
    maker->time = maker->last + 1;
    for (int rank = 0; rank < ranks; rank++) {
        int count = (int)sim_below(sim, 4), slot = slots_take(maker, rank, count);

        for (int i = 0; i < count; i++)
            add(maker, rank, maker->time,
                (struct choice){.kind = DO_SEND,
                                .peer =
                                    (rank + 1 + (int)sim_below(sim, (uint32_t)ranks - 1)) % ranks,
                                .slot = slot + i,
                                .cid = cid,
                                .tag = tag,
                                .length = some_length(maker),
                                .flags = CHOICE_SYNC});
        add(maker, rank, maker->time + 1,
            (struct choice){.kind = DO_NBX, .slot = slot, .count = count, .cid = cid, .tag = tag});
    }
    maker->time = maker->last + 1;
}

static void add_recv(struct maker *maker, int rank, int from, int time, int end, uint32_t cid,
                     int32_t tag)
{
    int slot = slots_take(maker, rank, 1);

    add(maker, rank, time,
        (struct choice){.kind = DO_RECV, .peer = from, .cid = cid, .tag = tag, .slot = slot});
    add(maker, rank, end, (struct choice){.kind = DO_WAIT, .slot = slot, .count = 1});
}

/* What root does with the message of `first`: a receive from any source may take it or that of
 * `other`; or a receive of it is cancelled in time or not, and done again in the end. */
static void knot_root(struct maker *maker, int root, int first, int other, uint32_t cid,
                      int32_t tag)
{
    int time = maker->time, slot;

    if (sim_chance(maker->sim, 500)) {
        add_send(maker, other, root, time, time + 11, cid, tag);
        add_recv(maker, root, ANY, time + 1, time + 2, cid, tag);
        add_recv(maker, root, ANY, time + 7, time + 7, cid, tag);
        return;
    }
    slot = slots_take(maker, root, 1);
    add(maker, root, time + 1,
        (struct choice){.kind = DO_RECV, .peer = first, .cid = cid, .tag = tag, .slot = slot});
    add(maker, root, time + 2, (struct choice){.kind = DO_CANCEL, .slot = slot});
    add(maker, root, time + 7,
        (struct choice){.kind = DO_AGAIN, .slot = slot, .peer = first, .cid = cid, .tag = tag});
}

/* Whether root took a synchronous message is seen by another rank before root says so itself:
 * `first` sends it, and when it is through to `other`; that takes this or what root sends after its
 * choice, tells root, and is waited for. A root that changed its mind would wait for ever. */
static void knot(struct maker *maker)
{
    struct sim *sim = maker->sim;
    int ranks = maker->choices->ranks, root = (int)sim_below(sim, (uint32_t)ranks);
    int first = (root + 1) % ranks, other = (root + 2) % ranks, time = maker->time, slot;
    uint32_t cid;
    int32_t tag;
    bool is_fresh;

    if (ranks < 3)
        return;
    names_draw(maker, &cid, &tag, &is_fresh);
    slot = slots_take(maker, first, 1);
    add(maker, first, time,
        (struct choice){.kind = DO_SEND,
                        .peer = root,
                        .slot = slot,
                        .cid = cid,
                        .tag = tag,
                        .length = some_length(maker),
                        .flags = CHOICE_SYNC});
    add(maker, first, time + 8, (struct choice){.kind = DO_WAIT, .slot = slot, .count = 1});
    add_send(maker, first, other, time + 9, time + 11, cid, tag + 1);
    add_recv(maker, other, ANY, time + 1, time + 4, cid, tag + 1);
    add_send(maker, other, root, time + 5, time + 11, cid, tag + 2);
    add_recv(maker, other, ANY, time + 10, time + 10, cid, tag + 1);
    knot_root(maker, root, first, other, cid, tag);
    add_send(maker, root, other, time + 3, time + 11, cid, tag + 1);
    add_recv(maker, root, other, time + 6, time + 6, cid, tag + 2);
}

static void plain(struct maker *maker)
{
    struct sim *sim = maker->sim;
    uint32_t ranks = (uint32_t)maker->choices->ranks;
    int from = (int)sim_below(sim, ranks),
        to = (from + 1 + (int)sim_below(sim, ranks - 1)) % (int)ranks;
    int slot = slots_take(maker, to, 1);
    uint32_t cid;
    int32_t tag;
    bool is_fresh;

    names_draw(maker, &cid, &tag, &is_fresh);
    add_send(maker, from, to, later(maker, maker->time, 2), maker->time + 3, cid, tag);
    add(maker, to, later(maker, maker->time, 2),
        (struct choice){.kind = DO_RECV, .peer = from, .cid = cid, .tag = tag, .slot = slot});
    add(maker, to, maker->time + 3, (struct choice){.kind = DO_WAIT, .slot = slot, .count = 1});
}

static void clock_read(struct maker *maker)
{
    add(maker, (int)sim_below(maker->sim, (uint32_t)maker->choices->ranks), maker->time,
        (struct choice){.kind = DO_CLOCK});
}

static bool is_post(const struct choice *choice)
{
    return choice->kind == DO_SEND || choice->kind == DO_RECV || choice->kind == DO_CLOCK;
}

static int choice_order(const void *a, const void *b)
{
    const struct choice *first = a, *second = b;

    if (first->time != second->time)
        return first->time < second->time ? -1 : 1;
    if (is_post(first) != is_post(second))
        return is_post(first) ? -1 : 1;
    return (first->order > second->order) - (first->order < second->order);
}

struct choices *choices_create(struct sim *sim, int ranks)
{
    static void (*const pattern[])(struct maker *) = {mix,     mix,      mix,       farm, ticks,
                                                      cancels, scramble, scramble,  nbx,  knot,
                                                      knot,    plain,    clock_read};
    struct choices *choices = mem_alloc(sizeof *choices);
    struct maker maker = {.sim = sim, .choices = choices, .time = 1, .tag = 10, .cid = 10};
    int patterns = (int)sim_between(sim, 1, 9);

    choices->ranks = ranks;
    for (int i = 0; i < patterns; i++) {
        pattern[sim_below(sim, sizeof pattern / sizeof pattern[0])](&maker);
        maker.time += (int)sim_below(sim, 3);
    }
    for (int rank = 0; rank < ranks; rank++)
        if (choices->script[rank].count > 0)
            qsort(choices->script[rank].choice, (size_t)choices->script[rank].count,
                  sizeof *choices->script[rank].choice, choice_order);
    return choices;
}

void choices_destroy(struct choices *choices)
{
    for (int rank = 0; rank < choices->ranks; rank++)
        free(choices->script[rank].choice);
    free(choices);
}

/* ---------------------------------------------------------------- courses */

void course_outcome(struct course *course, int question, const void *bytes, size_t size)
{
    if (course->outcomes == course->size) {
        course->size = course->size == 0 ? 64 : 2 * course->size;
        course->outcome = mem_grow(course->outcome, (size_t)course->size, sizeof *course->outcome);
    }
    struct outcome *outcome = &course->outcome[course->outcomes++];

    *outcome = (struct outcome){.question = question, .size = size};
    if (size > 0)
        memcpy(outcome->bytes, bytes, size);
}

void course_match(struct course *course, const struct match *match)
{
    if (course->matches == course->match_size) {
        course->match_size = course->match_size == 0 ? 64 : 2 * course->match_size;
        course->match = mem_grow(course->match, (size_t)course->match_size, sizeof *course->match);
    }
    course->match[course->matches++] = *match;
}

void course_free(struct course *course)
{
    free(course->outcome);
    free(course->match);
    *course = (struct course){0};
}

/* ---------------------------------------------------------------- a rank at work */

void actor_init(struct actor *actor, const struct choices *choices, int rank, const struct mpi *mpi,
                void *arg)
{
    *actor = (struct actor){
        .script = &choices->script[rank],
        .mpi = mpi,
        .arg = arg,
        .rank = rank,
        .ranks = choices->ranks,
        .state = program_start(rank, 0),
        .slot = mem_array((size_t)choices->script[rank].slots + 1, sizeof(struct call *)),
    };
}

void actor_free(struct actor *actor)
{
    free(actor->slot);
}

bool actor_is_done(const struct actor *actor)
{
    return actor->at == actor->script->count;
}

static void see(struct actor *actor, uint64_t what)
{
    actor->state = program_mix(actor->state, what);
}

/* The program has what a request brought, and does with the buffer what it likes. */
static void have(struct actor *actor, struct call *call)
{
    if (call->is_cancelled) {
        see(actor, 77);
    } else if (!call->is_send) {
        see(actor, (uint64_t)call->source << 32 | (uint32_t)call->tag);
        see(actor, program_digest(call->bytes, call->length));
    }
    actor->mpi->forget(actor->arg, call);
    if (call->bytes != NULL)
        memset(call->bytes, 0xee, call->length);
}

static struct call *send(struct actor *actor, int dest, uint32_t cid, int32_t tag, unsigned flags,
                         size_t length, bool is_last)
{
    uint8_t *bytes = mem_alloc(length + 1);

    program_fill(actor->state, tag, bytes, length);
    if (length > 0 && (flags & CHOICE_SYNC) == 0)
        bytes[0] = is_last ? 1 : 0;
    return actor->mpi->send(actor->arg, dest, cid, tag, flags, bytes, length);
}

static void reply(struct actor *actor, const struct choice *choice, const struct call *call)
{
    if (choice->reply != 0 && !call->is_send)
        (void)send(actor, call->source, choice->cid, choice->reply, CHOICE_BUFFERED,
                   8 + actor->state % 60, false);
}

/* Each of `wait`'s styles: calls until all slots are done. */
static void wait_begin(struct actor *actor, const struct choice *choice)
{
    actor->opens = choice->count;
    for (int i = 0; i < choice->count; i++)
        actor->open[i] = choice->slot + i;
    actor->indices = 0;
    actor->phase = 1;
}

static bool wait_finish(struct actor *actor, const struct choice *choice)
{
    bool has_moved = false;

    while (actor->indices > 0) {
        int index = actor->index[actor->indices - 1];
        struct call *call = actor->slot[actor->open[index]];

        if (!actor->mpi->finish(actor->arg, call))
            return has_moved;
        see(actor, (uint64_t)actor->open[index]);
        have(actor, call);
        reply(actor, choice, call);
        actor->slot[actor->open[index]] = NULL;
        actor->indices--;
        has_moved = true;
    }
    int left = 0;

    for (int i = 0; i < actor->opens; i++)
        if (actor->slot[actor->open[i]] != NULL)
            actor->open[left++] = actor->open[i];
    actor->opens = left;
    if (left == 0)
        actor->phase = 2;
    return true;
}

static bool wait_step(struct actor *actor, const struct choice *choice)
{
    struct call *calls[32];
    int count = actor->opens;

    if (actor->phase == 0)
        wait_begin(actor, choice);
    if (actor->indices > 0)
        return wait_finish(actor, choice);
    if (choice->style == STYLE_WAIT) {
        struct call *call = actor->slot[actor->open[0]];

        if (!actor->mpi->wait(actor->arg, call))
            return false;
        actor->index[0] = 0;
        actor->indices = 1;
        return wait_finish(actor, choice);
    }
    count = choice->style == STYLE_TEST ? 1 : actor->opens;
    for (int i = 0; i < count; i++)
        calls[i] = actor->slot[actor->open[i]];
    int done =
        actor->mpi->test(actor->arg, calls, count, (enum choice_style)choice->style, actor->index);

    if (done < 0)
        return false;
    see(actor, (uint64_t)done + 1);
    actor->indices = done;
    return done == 0 ? true : wait_finish(actor, choice);
}

static bool is_probed(int style)
{
    return style != PROBE_RECV;
}

static bool takes(int style)
{
    return style == PROBE_IMPROBE || style == PROBE_MPROBE;
}

/* One more message from any source: found, then received. */
static bool rest_step(struct actor *actor, const struct choice *choice)
{
    const struct mpi *mpi = actor->mpi;
    bool blocks = choice->style == PROBE_PROBE || choice->style == PROBE_MPROBE;

    if (actor->phase == 0 && is_probed(choice->style)) {
        int found = mpi->probe(actor->arg, ANY, choice->cid, choice->tag, blocks,
                               takes(choice->style), &actor->seen);

        if (found < 0)
            return false;
        see(actor, (uint64_t)found + 3);
        if (found == 0)
            return true;
        see(actor, actor->seen.length);
        actor->phase = 1;
        return true;
    }
    if (actor->phase <= 1) {
        if (takes(choice->style))
            actor->call = mpi->mrecv(actor->arg, &actor->seen, choice->cid);
        else if (is_probed(choice->style))
            actor->call = mpi->recv(actor->arg, actor->seen.source, choice->cid, actor->seen.tag);
        else
            actor->call = mpi->recv(actor->arg, ANY, choice->cid, choice->tag);
        if (actor->call == NULL)
            return false;
        actor->phase = 2;
        return true;
    }
    if (!mpi->wait(actor->arg, actor->call))
        return false;
    have(actor, actor->call);
    reply(actor, choice, actor->call);
    actor->count++;
    actor->phase = 0;
    return true;
}

static bool ticks_step(struct actor *actor, const struct choice *choice)
{
    struct call *call = actor->slot[choice->slot];

    if (actor->phase == 0) {
        int done = actor->mpi->test(actor->arg, &call, 1, STYLE_TEST, actor->index);

        if (done < 0)
            return false;
        if (done == 1)
            actor->phase = 1;
        else if (actor->count++ < TICKS_MAX)
            (void)send(actor, choice->peer, choice->cid, choice->tag, CHOICE_BUFFERED, 8, false);
        see(actor, (uint64_t)done + 9);
        return true;
    }
    if (!actor->mpi->finish(actor->arg, call))
        return false;
    have(actor, call);
    (void)send(actor, choice->peer, choice->cid, choice->tag, CHOICE_BUFFERED, 8, true);
    actor->phase = 2;
    return true;
}

static bool drain_step(struct actor *actor, const struct choice *choice)
{
    if (actor->phase == 0) {
        actor->call = actor->mpi->recv(actor->arg, choice->peer, choice->cid, choice->tag);
        actor->phase = actor->call != NULL;
        return actor->call != NULL;
    }
    if (!actor->mpi->wait(actor->arg, actor->call))
        return false;
    actor->phase = actor->call->bytes[0] == 1 ? 2 : 0;
    have(actor, actor->call);
    return true;
}

/* Counts what came before it receives the rest. */
static bool left_step(struct actor *actor, const struct choice *choice)
{
    if (actor->opens == choice->count)
        return rest_step(actor, choice);
    struct call *call = actor->slot[choice->slot + actor->opens];

    if (!actor->mpi->wait(actor->arg, call))
        return false;
    actor->opens++;
    actor->count += !call->is_cancelled;
    have(actor, call);
    return true;
}

static bool left_is_done(const struct actor *actor, const struct choice *choice)
{
    return actor->phase == 0 && actor->opens == choice->count &&
           actor->count == (int)choice->length;
}

static bool cancel_step(struct actor *actor, const struct choice *choice)
{
    int done = actor->mpi->cancel(actor->arg, actor->slot[choice->slot]);

    if (done < 0)
        return false;
    see(actor, (uint64_t)done + 5);
    actor->phase = 2;
    return true;
}

static bool again_step(struct actor *actor, const struct choice *choice)
{
    if (actor->phase == 0) {
        struct call *call = actor->slot[choice->slot];
        bool was_cancelled = call->is_cancelled;

        if (!actor->mpi->wait(actor->arg, call))
            return false;
        have(actor, call);
        actor->phase = was_cancelled ? 1 : 2;
        return true;
    }
    if (actor->phase == 1) {
        actor->call = actor->mpi->recv(actor->arg, choice->peer, choice->cid, choice->tag);
        actor->phase = actor->call == NULL ? 1 : 3;
        return actor->call != NULL;
    }
    if (!actor->mpi->wait(actor->arg, actor->call))
        return false;
    have(actor, actor->call);
    actor->phase = 2;
    return true;
}

/* ---------------------------------------------------------------- NBX
 *
 * Phases: 0 probe, 1 and 3 receive what was found, 4 test own sends, then tell rank 0; 5 look for
 * its "go" (rank 0: count who told), round and round. */

static bool nbx_found(struct actor *actor, const struct choice *choice)
{
    if (actor->phase == 1) {
        actor->call =
            actor->mpi->recv(actor->arg, actor->seen.source, choice->cid, actor->seen.tag);
        actor->phase = actor->call == NULL ? 1 : 3;
        return actor->call != NULL;
    }
    if (!actor->mpi->wait(actor->arg, actor->call))
        return false;
    have(actor, actor->call);
    actor->phase = 0;
    return true;
}

static void nbx_tell(struct actor *actor, const struct choice *choice)
{
    if (actor->rank == 0)
        actor->count++;
    else
        (void)send(actor, 0, choice->cid, choice->tag + 1, CHOICE_BUFFERED, 8, false);
}

static bool nbx_sends(struct actor *actor, const struct choice *choice)
{
    while (actor->opens < choice->count) {
        struct call *call = actor->slot[choice->slot + actor->opens];

        if (actor->indices == 0) {
            int done = actor->mpi->test(actor->arg, &call, 1, STYLE_TEST, actor->index);

            if (done < 0)
                return false;
            see(actor, (uint64_t)done + 11);
            if (done == 0) {
                actor->phase = 0;
                return true;
            }
            actor->indices = 1;
        }
        if (!actor->mpi->finish(actor->arg, call))
            return false;
        have(actor, call);
        actor->indices = 0;
        if (++actor->opens == choice->count)
            nbx_tell(actor, choice);
    }
    if (choice->count == 0 && actor->opens == 0) {
        actor->opens = 1;
        nbx_tell(actor, choice);
    }
    actor->phase = 5;
    return true;
}

/* Iprobe for word of the others: rank 0 for each that is through, the others for its go. */
static bool nbx_word(struct actor *actor, const struct choice *choice)
{
    const struct mpi *mpi = actor->mpi;

    if (actor->phase == 5) {
        int found = mpi->probe(actor->arg, actor->rank == 0 ? ANY : 0, choice->cid, choice->tag + 1,
                               false, true, &actor->seen);

        if (found < 0)
            return false;
        see(actor, (uint64_t)found + 13);
        actor->phase = found == 1 ? 6 : 0;
    }
    if (actor->phase == 6) {
        actor->call = mpi->mrecv(actor->arg, &actor->seen, choice->cid);
        actor->phase = 7;
    }
    if (actor->phase == 7) {
        if (!mpi->wait(actor->arg, actor->call))
            return false;
        have(actor, actor->call);
        actor->count++;
        actor->phase = actor->rank == 0 ? 0 : 2;
    }
    if (actor->rank == 0 && actor->phase == 0 && actor->count == actor->ranks) {
        for (int rank = 1; rank < actor->ranks; rank++)
            (void)send(actor, rank, choice->cid, choice->tag + 1, CHOICE_BUFFERED, 8, false);
        actor->phase = 2;
    }
    return true;
}

static bool nbx_step(struct actor *actor, const struct choice *choice)
{
    if (actor->phase == 0) {
        int found = actor->mpi->probe(actor->arg, ANY, choice->cid, choice->tag, false, false,
                                      &actor->seen);

        if (found < 0)
            return false;
        see(actor, (uint64_t)found + 15);
        actor->phase = found == 1 ? 1 : 4;
        return true;
    }
    if (actor->phase == 1 || actor->phase == 3)
        return nbx_found(actor, choice);
    return actor->phase == 4 ? nbx_sends(actor, choice) : nbx_word(actor, choice);
}

/* ---------------------------------------------------------------- stepping */

static bool post_step(struct actor *actor, const struct choice *choice)
{
    const struct mpi *mpi = actor->mpi;
    struct call *call;

    if (choice->kind == DO_SEND)
        call = send(actor, choice->peer, choice->cid, choice->tag, choice->flags, choice->length,
                    false);
    else
        call = mpi->recv(actor->arg, choice->peer, choice->cid, choice->tag);
    actor->slot[choice->slot] = call;
    if (call != NULL)
        actor->phase = 2;
    return call != NULL;
}

static bool clock_step(struct actor *actor)
{
    uint64_t value;
    int done = actor->mpi->clock(actor->arg, &value);

    if (done < 0)
        return false;
    see(actor, value);
    actor->phase = 2;
    return true;
}

static bool choice_step(struct actor *actor, const struct choice *choice)
{
    switch (choice->kind) {
    case DO_SEND:
    case DO_RECV:
        return post_step(actor, choice);
    case DO_WAIT:
        return wait_step(actor, choice);
    case DO_REST: {
        bool has_moved = rest_step(actor, choice);

        if (actor->phase == 0 && actor->count == choice->count)
            actor->at++, actor->count = 0;
        return has_moved;
    }
    case DO_LEFT: {
        bool has_moved = left_step(actor, choice);

        if (left_is_done(actor, choice))
            actor->at++, actor->count = actor->opens = 0;
        return has_moved;
    }
    case DO_TICKS:
        return ticks_step(actor, choice);
    case DO_DRAIN:
        return drain_step(actor, choice);
    case DO_CANCEL:
        return cancel_step(actor, choice);
    case DO_AGAIN:
        return again_step(actor, choice);
    case DO_NBX:
        return nbx_step(actor, choice);
    case DO_CLOCK:
    default:
        return clock_step(actor);
    }
}

bool actor_step(struct actor *actor)
{
    if (actor_is_done(actor))
        return false;
    const struct choice *choice = &actor->script->choice[actor->at];

    if (choice->kind == DO_REST && choice->count == 0) {
        actor->at++;
        return true;
    }
    bool has_moved = choice_step(actor, choice);

    if (actor->phase == 2 && choice->kind != DO_REST && choice->kind != DO_LEFT) {
        actor->at++;
        actor->phase = actor->count = actor->opens = actor->indices = 0;
    }
    return has_moved;
}
