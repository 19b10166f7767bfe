/* SPDX-License-Identifier: BSD-3-Clause */
/* sim-decide.c - programs whose course depends on timing end as some legal run does, whoever dies
 *
 * Every process is three engines (replica/replica.h, decide.h, matching.h) and an actor of its rank
 * (choices.h). What is queued in a link is first on its way, then delivered: in the receiver's
 * kernel. At a death each link loses a suffix, its own, of what is on its way. The news reaches
 * each process at its own time; a sibling then reads what was delivered to its end. Processes
 * stall. Checked at every step: living replicas of a rank were told the same, equal content per
 * (stream, number). At the end: a legal run goes so (choices-reference.c), with the same result on
 * every replica. Nobody able to move is a failure. In the second test one replica goes another way
 * before its end, by nothing that MPI told it: who follows is named, nobody waits for ever.
 * SEEDS=N: so many; SEED=X: this one, with its trace. */
#include "config.h"

#include "replica/decide.h"
#include "replica/replica.h"
#include "replica/streams.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "choices.h"
#include "program.h"
#include "test/lib/prelude.h"
#include "test/lib/sim.h"
#include <uthash.h>

#define PROCESSES 15
#define KILLS     5
#define IDLE_MAX  400

struct packet {
    struct packet *next;
    struct replica_msg msg;
    size_t size;
    uint8_t bytes[];
};

struct link {
    struct packet *first, **end;
    size_t held; /* bytes */
    uint64_t queued, delivered, received;
    uint32_t pace; /* of its deliveries, permille */
};

struct message { /* came, and is nobody's yet or may be nobody's again */
    struct match_item item;
    struct replica_body *body;
    uint8_t *bytes; /* NULL: the call has them */
    uint32_t cid;
    size_t length;
    struct message *all;
};

struct process {
    struct world_sim *w;
    int self, rank;
    struct replica *replica;
    struct decide *decide;
    struct matching *matching[CHOICE_CIDS];
    struct actor actor;
    struct call *calls;
    struct message *messages;
    struct course course;
    bool is_told; /* a probe's answer, for which the message is not here yet */
    int told_source;
    uint64_t told_seq;
    bool is_alive, has_ended;
    bool is_through;     /* all replicas came to the end the same way */
    int strays;          /* questions that only this one asks before its end */
    uint32_t pace;       /* of its program, permille */
    uint64_t decided_at; /* step of its last decision */
    int stalled;         /* steps */
    uint32_t news;       /* deaths it has not heard of yet */
};

struct content {
    struct {
        uint32_t cid;
        int from, to;
        uint64_t seq;
    } key;
    uint64_t digest;
    UT_hash_handle hh;
};

struct world_sim {
    struct sim *sim;
    struct world *world;
    struct choices *choices;
    struct process process[PROCESSES];
    struct link link[PROCESSES][PROCESSES];
    struct replica_settings settings;
    size_t room, ahead_max;
    struct content *contents;
    int64_t now_ms;
    uint64_t steps;
    uint32_t dead;
    uint64_t uneven_until;         /* step; programs and links go at their paces before */
    int ambush_rank, ambush_after; /* decisions of that rank until ... */
    uint64_t ambush_at;            /* ... this step, at which it is killed; 0: not yet */
    int stray, parted;             /* stray: a process, or -1; parted: who was named for it */
};

/* ---------------------------------------------------------------- links */

static void link_put(struct process *process, int dst, const struct replica_msg *msg,
                     const void *bytes, size_t size)
{
    struct world_sim *w = process->w;
    struct link *link = &w->link[process->self][dst];
    struct packet *packet;

    link->queued++;
    if (w->dead >> dst & 1)
        return;
    packet = mem_alloc(sizeof *packet + size);
    packet->msg = *msg;
    packet->size = size;
    if (size > 0)
        memcpy(packet->bytes, bytes, size);
    *link->end = packet;
    link->end = &packet->next;
    link->held += sizeof packet->msg + size;
}

static struct packet *link_pop(struct link *link)
{
    struct packet *packet = link->first;

    link->first = packet->next;
    if (link->first == NULL)
        link->end = &link->first;
    link->held -= sizeof packet->msg + packet->size;
    link->received++;
    return packet;
}

/* Loses all but the first `keep` packets. */
static void link_cut(struct link *link, uint64_t keep)
{
    struct packet **at = &link->first;

    while (*at != NULL && keep-- > 0)
        at = &(*at)->next;
    while (*at != NULL) {
        struct packet *packet = *at;

        *at = packet->next;
        link->held -= sizeof packet->msg + packet->size;
        link->queued--;
        free(packet);
    }
    link->end = at;
    if (link->delivered > link->queued)
        link->delivered = link->queued;
}

static size_t op_room(void *arg, int dst)
{
    struct process *process = arg;
    size_t held = process->w->link[process->self][dst].held, room = process->w->room;

    return held < room ? room - held : 0;
}

static void op_pack(void *arg, void *token, uint64_t offset, void *to, size_t size)
{
    struct process *process = arg;
    struct call *call = token;

    SIM_CHECK(process->w->sim, !call->is_done && !call->is_detached,
              "a buffer is read after its send is complete");
    memcpy(to, call->bytes + offset, size);
}

static void op_send(void *arg, int dst, const struct replica_msg *msg,
                    const struct replica_bytes *bytes)
{
    uint8_t *packed;

    if (bytes == NULL || bytes->size == 0 || bytes->data != NULL) {
        link_put(arg, dst, msg, bytes == NULL ? NULL : bytes->data,
                 bytes == NULL ? 0 : bytes->size);
        return;
    }
    packed = mem_alloc(bytes->size);
    op_pack(arg, bytes->token, bytes->offset, packed, bytes->size);
    link_put(arg, dst, msg, packed, bytes->size);
    free(packed);
}

/* ---------------------------------------------------------------- messages and receives */

static struct call *call_new(struct process *process)
{
    struct call *call = mem_alloc(sizeof *call);

    call->all = process->calls;
    process->calls = call;
    return call;
}

static void content_check(struct process *process, const struct call *call)
{
    struct world_sim *w = process->w;
    struct content *seen, *content = mem_alloc(sizeof *content);

    content->key.cid = call->cid;
    content->key.from = call->source;
    content->key.to = process->rank;
    content->key.seq = call->seq;
    content->digest = program_mix(program_digest(call->bytes, call->length), (uint64_t)call->tag);
    HASH_FIND(hh, w->contents, &content->key, sizeof content->key, seen);
    if (seen == NULL) {
        HASH_ADD(hh, w->contents, key, sizeof content->key, content);
        return;
    }
    SIM_CHECK(w->sim, seen->digest == content->digest,
              "two replicas of rank %d got different messages %d from rank %d", process->rank,
              (int)call->seq, call->source);
    free(content);
}

static void received(struct process *process, struct call *call)
{
    call->is_done = true;
    content_check(process, call);
}

static void op_fill(void *arg, void *token, uint64_t offset, const void *bytes, size_t size)
{
    struct process *process = arg;
    struct call *call = token;

    SIM_CHECK(process->w->sim, offset == call->got && offset + size <= call->length,
              "a piece at %d of a message of %d, %d are there", (int)offset, (int)call->length,
              (int)call->got);
    if (sim_has_failed(process->w->sim))
        return;
    memcpy(call->bytes + offset, bytes, size);
    call->got += size;
}

static void op_filled(void *arg, void *token)
{
    struct process *process = arg;
    struct call *call = token;
    struct message *message = call->more;

    SIM_CHECK(process->w->sim, call->got == call->length && !call->is_done,
              "a body is done with %d of %d bytes", (int)call->got, (int)call->length);
    message->body = NULL;
    received(process, call);
}

static void message_give(struct process *process, struct call *call, struct message *message)
{
    call->source = message->item.source;
    call->tag = message->item.tag;
    call->seq = message->item.seq;
    call->length = message->length;
    call->got = 0;
    call->more = message;
    if (message->body != NULL) {
        call->bytes = mem_alloc(message->length + 1);
        replica_gate(process->replica, decide_gate(process->decide));
        replica_pull(process->replica, message->body, call);
        return;
    }
    call->bytes = message->bytes;
    call->got = message->length;
    message->bytes = NULL;
    received(process, call);
}

static struct call *call_of(struct match_post *post)
{
    return (struct call *)((char *)post - offsetof(struct call, post));
}

static struct message *message_of(struct match_item *item)
{
    return (struct message *)((char *)item - offsetof(struct message, item));
}

static void op_bind(void *arg, struct match_post *post, struct match_item *item)
{
    struct process *process = arg;
    struct call *call = call_of(post);
    struct match match = {call->cid, false, post->index, item->seq, item->source};

    if (match_post_is_wild(post))
        course_match(&process->course, &match);
    message_give(process, call, message_of(item));
}

/* In some runs one who leads dies soon after one of its decisions. */
static void has_decided(struct process *process)
{
    struct world_sim *w = process->w;

    process->decided_at = w->steps;
    if (process->rank == w->ambush_rank && w->ambush_after > 0 && --w->ambush_after == 0)
        w->ambush_at = w->steps + sim_below(w->sim, 80);
}

static void op_decided(void *arg, const struct match_post *post, const struct match_item *item)
{
    struct process *process = arg;
    struct decide_wild wild = {call_of((struct match_post *)post)->cid, false, post->index};

    has_decided(process);
    decide_match(process->decide, &wild, item->source, item->seq);
}

static struct match_item *op_keep(void *arg, struct match_item *item)
{
    (void)arg;
    return item;
}

static struct match_item *op_unbind(void *arg, struct match_post *post)
{
    struct process *process = arg;
    struct call *call = call_of(post);
    struct message *message = call->more;

    if (message->body != NULL)
        replica_unpull(process->replica, message->body, call->bytes);
    else
        message->bytes = call->bytes;
    call->bytes = NULL;
    call->is_done = false;
    call->got = call->length = 0;
    call->source = post->source;
    call->tag = post->tag;
    call->more = NULL;
    return &message->item;
}

static bool op_told(void *arg, const struct match_post *post, int *source_out, uint64_t *seq_out)
{
    struct process *process = arg;
    struct decide_wild wild = {call_of((struct match_post *)post)->cid, false, post->index};

    return decide_match_of(process->decide, &wild, source_out, seq_out);
}

static bool op_is_matched(void *arg, const struct match_item *item)
{
    struct process *process = arg;
    struct decide_wild wild = {message_of((struct match_item *)item)->cid, false, 0};

    return decide_is_matched(process->decide, &wild, item->source, item->seq);
}

static const struct matching_ops matching_ops = {op_bind,   op_keep, op_decided,
                                                 op_unbind, op_told, op_is_matched};

static struct matching *matching_of(struct process *process, uint32_t cid)
{
    if (process->matching[cid] == NULL)
        process->matching[cid] = matching_create(
            process->w->world->ranks, decide_is_deciding(process->decide), &matching_ops, process);
    return process->matching[cid];
}

static void op_deliver(void *arg, const struct replica_envelope *envelope)
{
    struct process *process = arg;
    struct message *message = mem_alloc(sizeof *message);

    message->all = process->messages;
    process->messages = message;
    message->item.source = envelope->source;
    message->item.tag = envelope->tag;
    message->item.seq = envelope->seq;
    message->item.is_sync = envelope->is_sync;
    message->cid = envelope->cid;
    message->length = envelope->length;
    message->body = envelope->body;
    if (envelope->data != NULL) {
        message->bytes = mem_alloc(envelope->length + 1);
        memcpy(message->bytes, envelope->data, envelope->length);
    }
    matching_arrive(matching_of(process, envelope->cid), &message->item);
}

static void op_complete(void *arg, void *token)
{
    struct process *process = arg;
    struct call *call = token;

    SIM_CHECK(process->w->sim, !call->is_done && !call->is_detached, "a send is completed twice");
    call->is_done = true;
}

static void op_end(void *arg, enum replica_end why, int rank, const char *sentence)
{
    struct process *process = arg;

    process->has_ended = true;
    if (process->w->stray >= 0 && strstr(sentence, "where its leader came to") != NULL)
        process->w->parted++;
    else
        sim_fail(process->w->sim, "process %d: %s", process->self, sentence);
    (void)why;
    (void)rank;
}

static const struct replica_ops replica_ops = {
    .send = op_send,
    .room = op_room,
    .pack = op_pack,
    .complete = op_complete,
    .deliver = op_deliver,
    .fill = op_fill,
    .filled = op_filled,
    .end = op_end,
};

/* ---------------------------------------------------------------- decisions */

static void op_decide_send(void *arg, int dst, const struct replica_msg *msg, const void *bytes,
                           size_t size)
{
    link_put(arg, dst, msg, bytes, size);
}

static uint64_t op_queued(void *arg, int dst)
{
    struct process *process = arg;

    return process->w->link[process->self][dst].queued;
}

static uint64_t op_delivered(void *arg, int dst)
{
    struct process *process = arg;

    return process->w->link[process->self][dst].delivered;
}

static bool op_matched(void *arg, const struct decide_wild *wild, int source, uint64_t seq)
{
    struct process *process = arg;
    struct matching *matching = process->matching[wild->cid];

    return matching != NULL && matching_told(matching, wild->is_library, wild->index, source, seq);
}

static bool op_is_caught_up(void *arg)
{
    const struct process *process = arg;

    for (uint32_t cid = 0; cid < CHOICE_CIDS; cid++)
        if (process->matching[cid] != NULL && !matching_is_caught_up(process->matching[cid]))
            return false;
    return true;
}

static void op_lead(void *arg)
{
    struct process *process = arg;

    sim_trace(process->w->sim, "step %d: process %d leads rank %d", (int)process->w->steps,
              process->self, process->rank);
    for (uint32_t cid = 0; cid < CHOICE_CIDS; cid++)
        if (process->matching[cid] != NULL)
            matching_lead(process->matching[cid]);
}

static void op_stable(void *arg, uint64_t number)
{
    struct process *process = arg;

    replica_stable(process->replica, number);
}

static void op_decide_end(void *arg, const char *sentence)
{
    op_end(arg, REPLICA_END_BROKEN, 0, sentence);
}

static const char *op_name(int kind)
{
    static const char *const names[] = {[ASK_TEST] = "a test",
                                        [ASK_PROBE] = "a probe",
                                        [ASK_CANCEL] = "a cancel",
                                        [ASK_CLOCK] = "a clock"};

    return kind == DECIDE_END                      ? "its end"
           : kind >= ASK_TEST && kind <= ASK_CLOCK ? names[kind]
                                                   : "?";
}

static const struct decide_ops decide_ops = {
    .send = op_decide_send,
    .queued = op_queued,
    .delivered = op_delivered,
    .matched = op_matched,
    .is_caught_up = op_is_caught_up,
    .lead = op_lead,
    .stable = op_stable,
    .end = op_decide_end,
    .name = op_name,
};

/* ---------------------------------------------------------------- what an actor calls */

static struct call *mpi_send(void *arg, int dest, uint32_t cid, int32_t tag, unsigned flags,
                             uint8_t *bytes_take, size_t length)
{
    struct process *process = arg;
    struct call *call = call_new(process);
    struct replica_held *held = NULL;
    unsigned how =
        (flags & CHOICE_SYNC ? REPLICA_SYNC : 0) | (flags & CHOICE_BUFFERED ? REPLICA_COPY : 0);

    /* A follower may be told that it is complete before anybody matched it here. */
    if (!decide_is_deciding(process->decide))
        how |= REPLICA_HIDE;
    call->is_send = true;
    call->source = dest;
    call->cid = cid;
    call->tag = tag;
    call->flags = flags;
    call->length = length;
    call->bytes = bytes_take;
    replica_gate(process->replica, decide_gate(process->decide));
    if (replica_send(process->replica, dest, cid, tag, how,
                     length <= CHOICE_EAGER && sim_chance(process->w->sim, 800) ? bytes_take : NULL,
                     length, call, &held))
        call->is_done = true; /* complete() may have come already, too */
    call->more = held;
    if (!call->is_done && (flags & CHOICE_FREED)) {
        call->is_detached = replica_detach(process->replica, held);
    }
    return call;
}

static struct call *mpi_recv(void *arg, int source, uint32_t cid, int32_t tag)
{
    struct process *process = arg;
    struct call *call = call_new(process);

    call->source = call->post.source = source;
    call->tag = call->post.tag = tag;
    call->cid = cid;
    matching_post(matching_of(process, cid), &call->post);
    return call;
}

static struct call *mpi_mrecv(void *arg, const struct seen *seen, uint32_t cid)
{
    struct call *call = call_new(arg);

    call->cid = cid;
    message_give(arg, call, seen->message);
    return call;
}

static bool mpi_wait(void *arg, struct call *call)
{
    (void)arg;
    return call->is_done;
}

static bool mpi_finish(void *arg, struct call *call)
{
    struct process *process = arg;

    if (call->is_done || !call->is_send)
        return call->is_done;
    if (!call->is_detached)
        call->is_detached = replica_detach(process->replica, call->more);
    SIM_CHECK(process->w->sim, call->is_detached, "a hidden send cannot be detached");
    return call->is_detached;
}

static void mpi_forget(void *arg, struct call *call)
{
    struct process *process = arg;

    if (!call->is_send)
        matching_forget(matching_of(process, call->cid), &call->post);
}

/* Living replicas of a rank take the same outcomes. */
static void course_check(const struct process *process)
{
    const struct world_sim *w = process->w;
    int last = process->course.outcomes - 1;
    const struct outcome *mine = &process->course.outcome[last];

    for (int i = 0; i < w->world->processes; i++) {
        const struct process *other = &w->process[i];

        if (other->rank == process->rank && other->is_alive && other->course.outcomes > last)
            SIM_CHECK(w->sim, memcmp(mine, &other->course.outcome[last], sizeof *mine) == 0,
                      "processes %d and %d took different outcomes %d", process->self, i, last);
    }
}

static void course_add(struct process *process, int question, const void *bytes, size_t size)
{
    course_outcome(&process->course, question, bytes, size);
    course_check(process);
}

static void answer_yes(struct process *process, int question, const void *bytes, size_t size)
{
    has_decided(process);
    decide_outcome(process->decide, question, bytes, size);
    course_add(process, question, bytes, size);
}

static void answer_no(struct process *process)
{
    decide_no(process->decide);
    course_add(process, 0, NULL, 0);
}

/* Asks; answers that were given are noted. */
static enum decide_answer ask(struct process *process, int question, const void **value_out,
                              size_t *size_out)
{
    enum decide_answer answer = decide_ask(process->decide, question, value_out, size_out);

    if (answer == DECIDE_NO)
        course_add(process, 0, NULL, 0);
    else if (answer == DECIDE_GIVEN)
        course_add(process, question, *value_out, *size_out);
    return answer;
}

/* Complete ones of calls: all, or the first. */
static int complete_ones(struct call **calls, int count, bool all, int *index_out)
{
    int done = 0;

    for (int i = 0; i < count && (all || done == 0); i++)
        if (calls[i]->is_done || calls[i]->is_detached)
            index_out[done++] = i;
    return done;
}

static int mpi_test(void *arg, struct call **calls, int count, enum choice_style style,
                    int *index_out)
{
    struct process *process = arg;
    bool blocks = style == STYLE_WAITANY || style == STYLE_WAITSOME;
    bool all = style == STYLE_TESTSOME || style == STYLE_WAITSOME;
    uint8_t bytes[32];
    const void *value;
    size_t size;
    int done;

    switch (ask(process, ASK_TEST, &value, &size)) {
    case DECIDE_WAIT:
        return -1;
    case DECIDE_NO:
        return 0;
    case DECIDE_GIVEN:
        for (size_t i = 0; i < size; i++)
            index_out[i] = ((const uint8_t *)value)[i];
        return (int)size;
    default:
        break;
    }
    done = complete_ones(calls, count, all, index_out);
    if (done == 0 && blocks)
        return -1;
    for (int i = 0; i < done; i++)
        bytes[i] = (uint8_t)index_out[i];
    if (done == 0)
        answer_no(process);
    else
        answer_yes(process, ASK_TEST, bytes, (size_t)done);
    return done;
}

static int seen(struct process *process, uint32_t cid, struct match_item *item, bool takes,
                struct seen *seen_out)
{
    struct message *message = message_of(item);

    *seen_out = (struct seen){.source = item->source, .tag = item->tag, .length = message->length};
    if (takes) {
        matching_take(matching_of(process, cid), item);
        seen_out->message = message;
    }
    process->is_told = false;
    return 1;
}

static int probe_told(struct process *process, uint32_t cid, int32_t tag, bool takes,
                      struct seen *seen_out)
{
    struct match_item *item =
        matching_find(matching_of(process, cid), process->told_source, tag, process->told_seq);

    return item == NULL ? -1 : seen(process, cid, item, takes, seen_out);
}

static int mpi_probe(void *arg, int source, uint32_t cid, int32_t tag, bool blocks, bool takes,
                     struct seen *seen_out)
{
    struct process *process = arg;
    struct match_item *item;
    uint8_t bytes[9];
    const void *value;
    size_t size;

    if (process->is_told)
        return probe_told(process, cid, tag, takes, seen_out);
    switch (ask(process, ASK_PROBE, &value, &size)) {
    case DECIDE_WAIT:
        return -1;
    case DECIDE_NO:
        return 0;
    case DECIDE_GIVEN:
        process->is_told = true;
        process->told_source = *(const uint8_t *)value;
        memcpy(&process->told_seq, (const uint8_t *)value + 1, 8);
        return probe_told(process, cid, tag, takes, seen_out);
    default:
        break;
    }
    item = matching_probe(matching_of(process, cid), source, tag);
    if (item == NULL && blocks)
        return -1;
    if (item == NULL) {
        answer_no(process);
        return 0;
    }
    bytes[0] = (uint8_t)item->source;
    memcpy(bytes + 1, &item->seq, 8);
    answer_yes(process, ASK_PROBE, bytes, sizeof bytes);
    return seen(process, cid, item, takes, seen_out);
}

static int mpi_cancel(void *arg, struct call *call)
{
    struct process *process = arg;
    struct matching *matching = matching_of(process, call->cid);
    const void *value;
    size_t size;
    uint8_t is_cancelled;

    if (process->is_told) {
        process->is_told = !match_post_is_bound(&call->post);
        return process->is_told ? -1 : 0;
    }
    switch (ask(process, ASK_CANCEL, &value, &size)) {
    case DECIDE_GIVEN:
        is_cancelled = *(const uint8_t *)value;
        if (is_cancelled)
            matching_revoke(matching, &call->post);
        else if (!match_post_is_bound(&call->post)) {
            process->is_told = true;
            return -1;
        }
        break;
    case DECIDE_FREE:
        is_cancelled = matching_cancel(matching, &call->post);
        answer_yes(process, ASK_CANCEL, &is_cancelled, 1);
        break;
    default:
        return -1;
    }
    if (is_cancelled)
        call->is_done = call->is_cancelled = true;
    return is_cancelled;
}

static int mpi_clock(void *arg, uint64_t *value_out)
{
    struct process *process = arg;
    const void *value;
    size_t size;

    switch (ask(process, ASK_CLOCK, &value, &size)) {
    case DECIDE_GIVEN:
        memcpy(value_out, value, sizeof *value_out);
        return 1;
    case DECIDE_FREE:
        *value_out = process->w->steps;
        answer_yes(process, ASK_CLOCK, value_out, sizeof *value_out);
        return 1;
    default:
        return -1;
    }
}

static const struct mpi mpi = {mpi_send,   mpi_recv, mpi_mrecv, mpi_wait,   mpi_finish,
                               mpi_forget, mpi_test, mpi_probe, mpi_cancel, mpi_clock};

/* ---------------------------------------------------------------- the end of the program */

/* Asks what the other replicas do not ask. */
static bool stray_step(struct process *process)
{
    const void *value;
    size_t size;

    switch (decide_ask(process->decide, ASK_CLOCK, &value, &size)) {
    case DECIDE_WAIT:
        return false;
    case DECIDE_FREE:
        if (sim_chance(process->w->sim, 500))
            decide_no(process->decide);
        else
            decide_outcome(process->decide, ASK_CLOCK, NULL, 0);
        break;
    default:
        break;
    }
    process->strays--;
    return true;
}

static bool end_step(struct process *process)
{
    const void *value;
    size_t size;

    if (process->strays > 0)
        return stray_step(process);
    switch (decide_ask(process->decide, DECIDE_END, &value, &size)) {
    case DECIDE_FREE:
        decide_outcome(process->decide, DECIDE_END, NULL, 0);
        process->is_through = true;
        break;
    case DECIDE_GIVEN:
        process->is_through = true;
        break;
    default:
        break;
    }
    return process->is_through;
}

static bool program_step(struct process *process)
{
    if (!actor_is_done(&process->actor))
        return actor_step(&process->actor);
    return !process->is_through && end_step(process);
}

/* ---------------------------------------------------------------- deaths */

static void process_kill(struct world_sim *w, int victim)
{
    struct process *process = &w->process[victim];

    sim_trace(w->sim, "step %d: process %d (rank %d, replica %d) dies", (int)w->steps, victim,
              process->rank, w->world->set[victim]);
    process->is_alive = false;
    w->dead |= 1u << victim;
    for (int other = 0; other < w->world->processes; other++) {
        struct link *out = &w->link[victim][other];
        uint64_t there = out->delivered - out->received, way = out->queued - out->delivered;

        if (sim_chance(w->sim, 300))
            way = 0;
        link_cut(&w->link[other][victim], 0);
        link_cut(out, there + sim_below(w->sim, (uint32_t)way + 1));
        w->process[other].news |= 1u << victim;
    }
}

/* Who decided last has told the fewest. */
static int last_to_decide(const struct world_sim *w)
{
    int last = 0;

    for (int i = 1; i < w->world->processes; i++)
        if (w->process[i].is_alive && w->process[i].decided_at >= w->process[last].decided_at)
            last = i;
    return last;
}

/* The first living replica of a rank that has another one, or -1. */
static int leader_of(const struct world_sim *w, int rank)
{
    int living = 0, first = -1;

    for (int set = w->world->replicas - 1; set >= 0; set--) {
        int process = world_process(w->world, rank, set);

        if (process < 0 || !w->process[process].is_alive)
            continue;
        living++;
        first = process;
    }
    return living > 1 ? first : -1;
}

/* A process that may die so that each rank keeps a replica, or -1. Leaders are preferred. */
static int some_victim(struct world_sim *w)
{
    for (int tries = 0; tries < 20; tries++) {
        int victim = (int)sim_below(w->sim, (uint32_t)w->world->processes), leader;

        if (tries == 0 && sim_chance(w->sim, 400))
            victim = last_to_decide(w);
        leader = leader_of(w, w->world->rank[victim]);
        if (leader >= 0 && sim_chance(w->sim, 600))
            victim = leader;
        if (leader >= 0 && w->process[victim].is_alive)
            return victim;
    }
    return -1;
}

static void packet_take(struct process *process, int src)
{
    struct packet *packet = link_pop(&process->w->link[src][process->self]);

    if (packet->msg.kind < DECIDE_LOG)
        replica_receive(process->replica, src, &packet->msg, packet->bytes, packet->size);
    else if (!replica_is_dead(process->replica, src))
        decide_receive(process->decide, src, &packet->msg, packet->bytes, packet->size);
    free(packet);
}

/* What a sibling's kernel acknowledged is read before its door is closed. */
static void news_arrive(struct process *process, int victim)
{
    struct link *link = &process->w->link[victim][process->self];

    process->news &= ~(1u << victim);
    if (process->w->world->rank[victim] == process->rank)
        while (link->first != NULL && link->received < link->delivered)
            packet_take(process, victim);
    replica_dead(process->replica, victim);
    decide_dead(process->decide, victim);
}

/* ---------------------------------------------------------------- stepping */

static bool deliver_one(struct world_sim *w, struct process *process, int src, bool carries)
{
    struct link *link = &w->link[src][process->self];

    if (carries && link->delivered < link->queued)
        link->delivered++;
    if (link->first == NULL || link->received == link->delivered)
        return false;
    packet_take(process, src);
    return true;
}

static bool goes_at(struct world_sim *w, uint32_t pace)
{
    return w->steps >= w->uneven_until || sim_chance(w->sim, pace);
}

static bool carry(struct world_sim *w)
{
    int count = w->world->processes;
    struct link *link =
        &w->link[sim_below(w->sim, (uint32_t)count)][sim_below(w->sim, (uint32_t)count)];
    uint64_t way = link->queued - link->delivered;

    if (way == 0 || !goes_at(w, link->pace))
        return false;
    link->delivered += 1 + sim_below(w->sim, (uint32_t)way);
    return true;
}

/* Something random happens at a random process. Returns whether anything moved. */
static bool step(struct world_sim *w)
{
    struct sim *sim = w->sim;
    int count = w->world->processes;
    struct process *process = &w->process[sim_below(sim, (uint32_t)count)];
    bool has_moved = false;

    w->steps++;
    w->now_ms += w->steps % 256 == 0; /* test loops spin: time passes while they do */
    if (carry(w))
        has_moved = true;
    if (!process->is_alive || process->has_ended)
        return has_moved;
    if (process->stalled > 0) {
        process->stalled--;
        return true;
    }
    uint32_t what = sim_below(sim, 100);

    if (what < 50) {
        int from = (int)sim_below(sim, (uint32_t)count);

        for (int i = 0; i < count && !has_moved; i++) {
            int src = (from + i) % count;

            has_moved = goes_at(w, w->link[src][process->self].pace) &&
                        deliver_one(w, process, src, sim_chance(sim, 300));
        }
    } else if (what < 85) {
        if (goes_at(w, process->pace))
            has_moved |= program_step(process);
    } else if (what < 94) {
        decide_poll(process->decide);
        replica_progress(process->replica);
    } else if (what < 97) {
        decide_flush(process->decide);
        replica_tick(process->replica, w->now_ms);
    } else if (process->news != 0) {
        news_arrive(process, __builtin_ctz(process->news));
        has_moved = true;
    }
    if (sim_below(sim, 1000) == 0)
        process->stalled = (int)sim_below(sim, 300);
    return has_moved;
}

/* Everybody does everything once, and time passes. Returns whether anything moved. */
static bool sweep(struct world_sim *w)
{
    bool has_moved = false;

    w->now_ms += 3;
    for (int i = 0; i < w->world->processes; i++) {
        struct process *process = &w->process[i];

        if (!process->is_alive || process->has_ended)
            continue;
        process->stalled = 0;
        for (int src = 0; src < w->world->processes; src++)
            has_moved |= deliver_one(w, process, src, true);
        has_moved |= program_step(process);
        decide_poll(process->decide);
        decide_flush(process->decide);
        replica_progress(process->replica);
        replica_tick(process->replica, w->now_ms);
        has_moved |= process->news != 0;
        if (process->news != 0 && sim_chance(w->sim, 100))
            news_arrive(process, __builtin_ctz(process->news));
    }
    return has_moved;
}

static bool all_finished(const struct world_sim *w)
{
    for (int i = 0; i < w->world->processes; i++)
        if (w->process[i].is_alive && !w->process[i].is_through)
            return false;
    return true;
}

static void tell_call(struct world_sim *w, const struct call *call)
{
    sim_trace(w->sim,
              "  waits for a %s: source %d cid %u tag %d flags %u length %d got %d seq %d%s",
              call->is_send ? "send" : "receive", call->source, call->cid, call->tag, call->flags,
              (int)call->length, (int)call->got, (int)call->seq,
              call->post.is_listed ? call->post.is_told ? ", told" : ", open" : "");
}

static void tell_stuck(struct world_sim *w)
{
    for (int i = 0; i < w->world->processes; i++) {
        struct process *process = &w->process[i];
        const struct actor *actor = &process->actor;

        if (process->is_alive)
            sim_trace(w->sim,
                      "process %d rank %d set %d: %d of %d, kind %d phase %d; outcomes %d leads %d "
                      "stable %d gate %d",
                      i, process->rank, w->world->set[i], actor->at, actor->script->count,
                      actor_is_done(actor) ? -1 : (int)actor->script->choice[actor->at].kind,
                      actor->phase, process->course.outcomes, decide_is_deciding(process->decide),
                      (int)decide_stable(process->decide), (int)decide_gate(process->decide));
        for (uint32_t cid = 0; cid < CHOICE_CIDS; cid++)
            if (process->is_alive && process->matching[cid] != NULL &&
                matching_kept(process->matching[cid]) > 0)
                sim_trace(w->sim, "  keeps %u of cid %u", matching_kept(process->matching[cid]),
                          cid);
        for (int j = 0; process->is_alive && j < actor->opens && j < 32; j++)
            if (!actor_is_done(actor) && actor->script->choice[actor->at].kind == DO_WAIT)
                tell_call(w, actor->slot[actor->open[j]]);
    }
    sim_fail(w->sim, "nobody can move after %d steps", (int)w->steps);
}

static void ambush(struct world_sim *w)
{
    int leader;

    if (w->ambush_at == 0 || w->steps < w->ambush_at)
        return;
    w->ambush_at = 0;
    leader = leader_of(w, w->ambush_rank);
    if (leader >= 0)
        process_kill(w, leader);
}

/* Who was named leaves. */
static void parted_leave(struct world_sim *w)
{
    for (int i = 0; i < w->world->processes; i++)
        if (w->process[i].is_alive && w->process[i].has_ended)
            process_kill(w, i);
}

static void run_to_end(struct world_sim *w, const uint64_t *kill_at, int kills)
{
    int next_kill = 0, idle = 0, quiet = 0;

    while (!sim_has_failed(w->sim) && !all_finished(w)) {
        if (next_kill < kills && w->steps >= kill_at[next_kill]) {
            int victim = some_victim(w);

            next_kill++;
            if (victim >= 0)
                process_kill(w, victim);
        }
        ambush(w);
        parted_leave(w);
        if (step(w)) {
            idle = quiet = 0;
        } else if (++quiet > 40 * w->world->processes) {
            idle = sweep(w) ? 0 : idle + 1;
            quiet = idle > 0 ? quiet : 0;
        }
        if (idle > IDLE_MAX || w->steps > 3000000)
            tell_stuck(w);
    }
}

/* After the end nothing is owed: what was kept is released, decisions are stable. */
static void settle(struct world_sim *w)
{
    for (int round = 0, idle = 0; round < 100000 && idle < 40; round++)
        idle = sweep(w) ? 0 : idle + 1;
    for (int i = 0; i < w->world->processes; i++) {
        struct process *process = &w->process[i];

        if (!process->is_alive || process->has_ended)
            continue;
        SIM_CHECK(w->sim, replica_is_idle(process->replica),
                  "process %d keeps messages after the end", i);
        SIM_CHECK(w->sim, decide_stable(process->decide) == decide_gate(process->decide),
                  "process %d has decisions after the end that are not stable", i);
    }
}

static void check_results(struct world_sim *w)
{
    const struct course *course[CHOICE_RANKS] = {NULL};
    uint64_t state[CHOICE_RANKS];

    for (int i = 0; i < w->world->processes; i++)
        if (w->process[i].is_alive)
            course[w->process[i].rank] = &w->process[i].course;
    choices_reference(w->sim, w->choices, course, state);
    for (int i = 0; i < w->world->processes && !sim_has_failed(w->sim); i++) {
        const struct process *process = &w->process[i];

        SIM_CHECK(w->sim, !process->is_alive || process->actor.state == state[process->rank],
                  "process %d: not the result of rank %d", i, process->rank);
    }
}

/* ---------------------------------------------------------------- one world */

static struct world *some_world(struct sim *sim)
{
    int ranks = (int)sim_between(sim, 2, CHOICE_RANKS), replicas = sim_chance(sim, 500) ? 3 : 2;
    char map[4 * CHOICE_RANKS] = "";
    int sum = 0;

    if (!sim_chance(sim, 250))
        return world_create(ranks * replicas, replicas, NULL);
    for (int rank = 0; rank < ranks; rank++) {
        int degree = (int)sim_between(sim, 1, 3);

        sum += degree;
        snprintf(map + strlen(map), sizeof map - strlen(map), "%s%d", rank > 0 ? "," : "", degree);
    }
    return world_create_map(sum, map, NULL);
}

static void settings_draw(struct world_sim *w)
{
    struct sim *sim = w->sim;
    struct replica_settings *settings = &w->settings;

    replica_settings_default(settings);
    settings->eager = CHOICE_EAGER;
    settings->retain_max =
        sim_chance(sim, 300) ? sim_below(sim, 1500) : sim_between(sim, 1500, 40000);
    settings->resend_eager = sim_chance(sim, 500) ? 0 : sim_below(sim, 300);
    settings->piece = sim_between(sim, 16, 100);
    settings->copy_delay_ms = sim_below(sim, 20);
    w->room = sim_between(sim, CHOICE_EAGER + sizeof(struct replica_msg) + 60, 2000);
    w->ahead_max = sim_chance(sim, 300) ? sim_between(sim, 1, 100) : 0;
}

static uint32_t some_pace(struct sim *sim)
{
    return sim_chance(sim, 300) ? sim_between(sim, 1, sim_chance(sim, 500) ? 20 : 300) : 1000;
}

static void process_start(struct world_sim *w, int i)
{
    struct process *process = &w->process[i];

    process->w = w;
    process->self = i;
    process->rank = w->world->rank[i];
    process->is_alive = true;
    process->replica = replica_create(w->world, i, &w->settings, &replica_ops, process);
    process->decide = decide_create(w->world, i, w->ahead_max, &decide_ops, process);
    actor_init(&process->actor, w->choices, process->rank, &mpi, process);
    process->pace = some_pace(w->sim);
    for (int j = 0; j < w->world->processes; j++) {
        w->link[i][j].end = &w->link[i][j].first;
        w->link[i][j].pace = some_pace(w->sim);
    }
}

/* Some die before the start: known to some, news to others. */
static void start_engines(struct world_sim *w)
{
    if (sim_chance(w->sim, 150)) {
        int victim = some_victim(w);

        if (victim >= 0)
            process_kill(w, victim);
    }
    for (int i = 0; i < w->world->processes; i++) {
        struct process *process = &w->process[i];

        if (!process->is_alive)
            continue;
        if (process->news != 0 && sim_chance(w->sim, 500))
            news_arrive(process, __builtin_ctz(process->news));
        replica_start(process->replica);
        decide_start(process->decide);
    }
}

static void process_free(struct process *process)
{
    replica_destroy(process->replica);
    decide_destroy(process->decide);
    for (uint32_t cid = 0; cid < CHOICE_CIDS; cid++)
        matching_destroy(process->matching[cid], NULL);
    actor_free(&process->actor);
    course_free(&process->course);
    while (process->calls != NULL) {
        struct call *next = process->calls->all;

        free(process->calls->bytes);
        free(process->calls);
        process->calls = next;
    }
    while (process->messages != NULL) {
        struct message *next = process->messages->all;

        free(process->messages->bytes);
        free(process->messages);
        process->messages = next;
    }
}

static void world_sim_free(struct world_sim *w)
{
    struct content *content, *next;

    for (int i = 0; i < w->world->processes; i++) {
        process_free(&w->process[i]);
        for (int j = 0; j < w->world->processes; j++)
            link_cut(&w->link[i][j], 0);
    }
    HASH_ITER(hh, w->contents, content, next)
    {
        HASH_DEL(w->contents, content);
        free(content);
    }
    choices_destroy(w->choices);
    world_destroy(w->world);
    free(w);
}

static struct world_sim *world_sim_create(struct sim *sim)
{
    struct world_sim *w = mem_alloc(sizeof *w);

    w->sim = sim;
    w->stray = -1;
    w->world = some_world(sim);
    settings_draw(w);
    w->choices = choices_create(sim, w->world->ranks);
    w->uneven_until = sim_chance(sim, 500) ? 0 : sim_below(sim, 20000);
    for (int i = 0; i < w->world->processes; i++)
        process_start(w, i);
    return w;
}

/* Up to KILLS deaths, often in quick succession, each rank keeping one replica. */
static void kills_run(struct sim *sim)
{
    struct world_sim *w = world_sim_create(sim);
    uint64_t kill_at[KILLS], at = sim_below(sim, sim_chance(sim, 500) ? 500 : 4000);
    int kills = (int)sim_below(sim, KILLS + 2);

    if (kills > KILLS)
        kills = KILLS;
    for (int i = 0; i < kills; i++) {
        kill_at[i] = at;
        at += sim_chance(sim, 600) ? sim_below(sim, 60) : sim_below(sim, 2000);
    }
    if (sim_chance(sim, 500)) {
        w->ambush_rank = (int)sim_below(sim, (uint32_t)w->world->ranks);
        w->ambush_after = (int)sim_between(sim, 1, 12);
    }
    start_engines(w);
    run_to_end(w, kill_at, kills);
    if (!sim_has_failed(sim))
        settle(w);
    if (!sim_has_failed(sim))
        check_results(w);
    sim_trace(sim, "ends after %d steps", (int)w->steps);
    world_sim_free(w);
}

/* One of them strays: its followers are to be named, or the follower that it is. Returns how many.
 */
static int stray_choose(struct world_sim *w)
{
    int process = (int)sim_below(w->sim, (uint32_t)w->world->processes), siblings = 0;
    bool leads = true;

    for (int i = 0; i < w->world->processes; i++) {
        if (i == process || !w->process[i].is_alive ||
            w->process[i].rank != w->process[process].rank)
            continue;
        siblings++;
        leads &= w->world->set[i] > w->world->set[process];
    }
    if (!w->process[process].is_alive || siblings == 0)
        return 0;
    w->stray = process;
    w->process[process].strays = (int)sim_between(w->sim, 1, 3);
    return leads ? siblings : 1;
}

static void stray_run(struct sim *sim)
{
    struct world_sim *w = world_sim_create(sim);

    start_engines(w);
    int named = stray_choose(w);

    run_to_end(w, NULL, 0);
    SIM_CHECK(sim, w->parted == named, "%d were named, not %d", w->parted, named);
    sim_trace(sim, "ends after %d steps", (int)w->steps);
    world_sim_free(w);
}

static void every_run_is_a_legal_one_whoever_dies(void **state)
{
    (void)state;
    assert_int_equal(sim_seeds("decisions, deaths", 5000, kills_run), 0);
}

static void who_goes_another_way_is_named_and_nobody_hangs(void **state)
{
    (void)state;
    assert_int_equal(sim_seeds("decisions, a replica strays", 500, stray_run), 0);
}

UNIT_MAIN(cmocka_unit_test(every_run_is_a_legal_one_whoever_dies),
          cmocka_unit_test(who_goes_another_way_is_named_and_nobody_hangs))
