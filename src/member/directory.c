/* SPDX-License-Identifier: BSD-3-Clause */
/* directory.c - a peer's side of the supernodes: register, renew, ask who is there; one link at a
 * time
 *
 * The states and what moves them are the table `rules`; docs/protocol-grid.md draws it. */
#include "config.h"
#include "member/directory.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/rand.h"
#include "wire/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUESTIONS_MAX 64 /* unanswered at a time */
#define FIRST_ID                                                                                   \
    ((uint64_t)1 << 40)    /* our questions' ids, apart from those of others on the same link */
#define STOP_MS       200  /* for Unregister to leave */
#define SOON_MS       2000 /* between renewals because slots changed */
#define EXPIRES_S     240  /* when a supernode does not say */
#define CERT_RETRY_MS 60000
#define STATES        6

enum event {
    ON_START,
    ON_CONNECTED,
    ON_REGISTERED,
    ON_UNKNOWN,
    ON_FAILED,
    ON_TIMER,
    ON_STOP,
    EVENTS
};

enum question_kind { ASK_REGISTER, ASK_RENEW, ASK_QUERY, ASK_CERT };
struct question {
    uint64_t id;
    enum question_kind kind;
    uint64_t query; /* ASK_QUERY: what directory_query() returned, 0: periodic */
    int64_t until_ms;
};

struct directory {
    struct directory_config config;
    struct directory_ops ops;
    void *arg;
    struct prng prng;
    Wire__Peer *self;
    Wire__LoadInfo *load;
    bool is_advertised;

    enum directory_state state;
    unsigned current;  /* supernode */
    unsigned failures; /* in a row, over all supernodes */
    char why[ERR_TEXT_MAX];
    int64_t state_ms; /* when this state has lasted too long (or long enough) */
    int64_t renew_ms, renewed_ms, query_ms, cert_ms;
    int64_t member_until_ms; /* when we last were a member; -1: never */
    uint32_t expires_s, total;

    struct question questions[QUESTIONS_MAX];
    size_t question_count;
    uint64_t next_id, next_query;
};

static void set_default(uint32_t *value, uint32_t normal)
{
    if (*value == 0)
        *value = normal;
}

struct directory *directory_create(const struct directory_config *config,
                                   const struct directory_ops *ops, void *arg)
{
    struct directory *directory = mem_alloc(sizeof *directory);

    directory->config = *config;
    set_default(&directory->config.answer_ms, 5000);
    set_default(&directory->config.connect_ms, 5000);
    set_default(&directory->config.backoff_ms, 500);
    set_default(&directory->config.backoff_max_ms, 15000);
    set_default(&directory->config.query_ms, 60000);
    set_default(&directory->config.query_limit, 200);
    directory->ops = *ops;
    directory->arg = arg;
    prng_seed(&directory->prng, config->seed);
    directory->state_ms = directory->renew_ms = directory->query_ms = directory->cert_ms =
        INT64_MAX;
    directory->renewed_ms = INT64_MIN / 2;
    directory->member_until_ms = -1;
    directory->next_id = FIRST_ID;
    directory->next_query = 1;
    return directory;
}

void directory_destroy(struct directory *directory)
{
    if (directory == NULL)
        return;
    message_free(directory->self);
    message_free(directory->load);
    free(directory);
}

/* span, less up to a quarter: what many peers do must not fall on one moment. */
static int64_t jittered(struct directory *directory, int64_t span_ms)
{
    return span_ms - prng_below(&directory->prng, (uint32_t)(span_ms / 4) + 1);
}

/* ---- questions */

static void ask(struct directory *directory, Wire__Frame *frame, enum question_kind kind,
                uint64_t query, int64_t now_ms)
{
    if (directory->question_count == QUESTIONS_MAX) {
        if (query != 0)
            directory->ops.answer(query, NULL, directory->arg);
        return;
    }
    frame->id = directory->next_id++;
    directory->questions[directory->question_count++] =
        (struct question){frame->id, kind, query, now_ms + directory->config.answer_ms};
    directory->ops.send(frame, directory->arg);
}

static void send_register(struct directory *directory, int64_t now_ms)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__Register message = WIRE__REGISTER__INIT;

    message.peer = directory->self;
    message.advertised = directory->is_advertised;
    if (directory->self != NULL && directory->load != NULL) {
        if (directory->self->load != NULL)
            message_free(directory->self->load);
        directory->self->load = message_copy(&directory->load->base);
    }
    frame.body_case = WIRE__FRAME__BODY_REGISTER;
    frame.register_ = &message;
    directory->renewed_ms = now_ms;
    ask(directory, &frame, ASK_REGISTER, 0, now_ms);
}

static void send_renew(struct directory *directory, int64_t now_ms)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__Renew message = WIRE__RENEW__INIT;

    message.load = directory->load;
    frame.body_case = WIRE__FRAME__BODY_RENEW;
    frame.renew = &message;
    directory->renewed_ms = now_ms;
    directory->renew_ms = now_ms + jittered(directory, (int64_t)directory->expires_s * 1000 / 3);
    ask(directory, &frame, ASK_RENEW, 0, now_ms);
}

static void send_query(struct directory *directory, const Wire__Query *query, uint64_t number,
                       int64_t now_ms)
{
    Wire__Frame frame = WIRE__FRAME__INIT;

    frame.body_case = WIRE__FRAME__BODY_QUERY;
    frame.query = (Wire__Query *)query;
    ask(directory, &frame, ASK_QUERY, number, now_ms);
}

static void send_periodic_query(struct directory *directory, int64_t now_ms)
{
    Wire__Query query = WIRE__QUERY__INIT;

    query.kind = WIRE__QUERY_KIND__QUERY_NEAREST;
    query.limit = directory->config.query_limit;
    directory->query_ms = now_ms + jittered(directory, directory->config.query_ms);
    send_query(directory, &query, 0, now_ms);
}

static void send_cert_renew(struct directory *directory, int64_t now_ms)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__CertRenew message = WIRE__CERT_RENEW__INIT;

    frame.body_case = WIRE__FRAME__BODY_CERT_RENEW;
    frame.cert_renew = &message;
    directory->cert_ms = now_ms + CERT_RETRY_MS;
    ask(directory, &frame, ASK_CERT, 0, now_ms);
}

/* The link is gone: whoever waits for an answer hears that there will be none. */
static void drop_questions(struct directory *directory)
{
    struct question questions[QUESTIONS_MAX];
    size_t count = directory->question_count;

    memcpy(questions, directory->questions, count * sizeof *questions);
    directory->question_count = 0;
    for (size_t i = 0; i < count; i++)
        if (questions[i].kind == ASK_QUERY && questions[i].query != 0)
            directory->ops.answer(questions[i].query, NULL, directory->arg);
}

/* ---- actions of the table */

static void act_dial(struct directory *directory, int64_t now_ms)
{
    directory->state_ms = now_ms + directory->config.connect_ms;
    directory->ops.connect(directory->current, directory->arg);
}

static void act_register(struct directory *directory, int64_t now_ms)
{
    directory->state_ms = INT64_MAX; /* the question has its own time */
    send_register(directory, now_ms);
}

static void act_settle(struct directory *directory, int64_t now_ms)
{
    directory->failures = 0;
    directory->state_ms = INT64_MAX;
    directory->renew_ms = now_ms + jittered(directory, (int64_t)directory->expires_s * 1000 / 3);
    send_periodic_query(directory, now_ms);
}

static void act_renewed(struct directory *directory, int64_t now_ms)
{
    directory->renew_ms = now_ms + jittered(directory, (int64_t)directory->expires_s * 1000 / 3);
}

/* The next supernode at once, more or less; a wait that doubles when all of them have failed. */
static void act_wait(struct directory *directory, int64_t now_ms)
{
    unsigned rounds = ++directory->failures / directory->config.supernodes;
    int64_t wait_ms = directory->config.backoff_ms / 4 + 1;

    directory->current = (directory->current + 1) % directory->config.supernodes;
    if (directory->failures % directory->config.supernodes == 0) {
        wait_ms = directory->config.backoff_ms;
        for (unsigned i = 1; i < rounds && wait_ms < directory->config.backoff_max_ms; i++)
            wait_ms *= 2;
        if (wait_ms > directory->config.backoff_max_ms)
            wait_ms = directory->config.backoff_max_ms;
    }
    directory->renew_ms = directory->query_ms = INT64_MAX;
    directory->state_ms = now_ms + jittered(directory, wait_ms);
    drop_questions(directory);
}

static void act_leave(struct directory *directory, int64_t now_ms)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__Unregister message = WIRE__UNREGISTER__INIT;

    frame.body_case = WIRE__FRAME__BODY_UNREGISTER;
    frame.unregister = &message;
    directory->renew_ms = directory->query_ms = INT64_MAX;
    directory->state_ms = now_ms + STOP_MS;
    drop_questions(directory);
    directory->ops.send(&frame, directory->arg);
}

static void act_close(struct directory *directory, int64_t now_ms)
{
    (void)now_ms;
    directory->state_ms = INT64_MAX;
    directory->ops.close(directory->arg);
}

static void act_rest(struct directory *directory, int64_t now_ms)
{
    (void)now_ms;
    directory->state_ms = INT64_MAX;
}

struct rule {
    bool applies;
    enum directory_state next;
    void (*act)(struct directory *directory, int64_t now_ms);
};

/* What is not named does nothing. */
static const struct rule rules[STATES][EVENTS] = {
    [DIRECTORY_OFF] = {[ON_START] = {true, DIRECTORY_CONNECTING, act_dial}},
    [DIRECTORY_CONNECTING] = {[ON_CONNECTED] = {true, DIRECTORY_REGISTERING, act_register},
                              [ON_FAILED] = {true, DIRECTORY_WAITING, act_wait},
                              [ON_STOP] = {true, DIRECTORY_OFF, act_close}},
    [DIRECTORY_REGISTERING] = {[ON_REGISTERED] = {true, DIRECTORY_MEMBER, act_settle},
                               [ON_FAILED] = {true, DIRECTORY_WAITING, act_wait},
                               [ON_STOP] = {true, DIRECTORY_STOPPING, act_leave}},
    [DIRECTORY_MEMBER] = {[ON_REGISTERED] = {true, DIRECTORY_MEMBER, act_renewed},
                          [ON_UNKNOWN] = {true, DIRECTORY_REGISTERING, act_register},
                          [ON_FAILED] = {true, DIRECTORY_WAITING, act_wait},
                          [ON_STOP] = {true, DIRECTORY_STOPPING, act_leave}},
    [DIRECTORY_WAITING] = {[ON_TIMER] = {true, DIRECTORY_CONNECTING, act_dial},
                           [ON_STOP] = {true, DIRECTORY_OFF, act_rest}},
    [DIRECTORY_STOPPING] = {[ON_FAILED] = {true, DIRECTORY_OFF, act_rest},
                            [ON_TIMER] = {true, DIRECTORY_OFF, act_close}},
};

static void on_event(struct directory *directory, enum event event, int64_t now_ms)
{
    const struct rule *rule = &rules[directory->state][event];
    enum directory_state before = directory->state;

    if (!rule->applies)
        return;
    directory->state = rule->next;
    if (before == DIRECTORY_MEMBER && rule->next != DIRECTORY_MEMBER)
        directory->member_until_ms = now_ms;
    if (rule->next != before && directory->ops.state != NULL)
        directory->ops.state(rule->next, event == ON_FAILED ? directory->why : NULL,
                             directory->arg);
    if (directory->state == rule->next)
        rule->act(directory, now_ms);
}

static void set_why(struct directory *directory, const char *why)
{
    snprintf(directory->why, sizeof directory->why, "%s",
             why != NULL && why[0] != '\0' ? why : "connection lost");
}

/* The supernode is there but of no use: the link is ours to close. */
static void give_up(struct directory *directory, const char *why, int64_t now_ms)
{
    set_why(directory, why);
    directory->ops.close(directory->arg);
    on_event(directory, ON_FAILED, now_ms);
}

/* ---- what the owner tells */

void directory_set_self(struct directory *directory, const Wire__Peer *self, int64_t now_ms)
{
    message_free(directory->self);
    directory->self = message_copy(&self->base);
    if (directory->state == DIRECTORY_MEMBER || directory->state == DIRECTORY_REGISTERING)
        send_register(directory, now_ms);
}

void directory_set_advertised(struct directory *directory, bool advertised)
{
    directory->is_advertised = advertised;
}

void directory_set_load(struct directory *directory, const Wire__LoadInfo *load, int64_t now_ms)
{
    const Wire__LoadInfo *old = directory->load;
    bool changed = old == NULL || old->slots != load->slots || old->slots_free != load->slots_free;
    int64_t soon_ms =
        directory->renewed_ms + SOON_MS > now_ms ? directory->renewed_ms + SOON_MS : now_ms;

    message_free(directory->load);
    directory->load = message_copy(&load->base);
    if (changed && directory->state == DIRECTORY_MEMBER && soon_ms < directory->renew_ms)
        directory->renew_ms = soon_ms;
}

void directory_set_certificate(struct directory *directory, int64_t from_ms, int64_t until_ms)
{
    directory->cert_ms = from_ms + (until_ms - from_ms) / 3 * 2;
}

void directory_start(struct directory *directory, int64_t now_ms)
{
    if (directory->config.supernodes > 0)
        on_event(directory, ON_START, now_ms);
}

void directory_stop(struct directory *directory, int64_t now_ms)
{
    on_event(directory, ON_STOP, now_ms);
}

void directory_connected(struct directory *directory, int64_t now_ms)
{
    on_event(directory, ON_CONNECTED, now_ms);
}

void directory_closed(struct directory *directory, const char *why, int64_t now_ms)
{
    set_why(directory, why);
    on_event(directory, ON_FAILED, now_ms);
}

/* ---- answers */

static void on_registered(struct directory *directory, const Wire__Registered *message,
                          int64_t now_ms)
{
    directory->expires_s =
        message->expires_s > 0 && message->expires_s < 86400 ? message->expires_s : EXPIRES_S;
    if (message->observed != NULL && directory->ops.observed != NULL)
        directory->ops.observed(message->observed, directory->arg);
    on_event(directory, ON_REGISTERED, now_ms);
}

static void on_renewed(struct directory *directory, const Wire__Renewed *message, int64_t now_ms)
{
    if (message->expires_s > 0 && message->expires_s < 86400)
        directory->expires_s = message->expires_s;
    if (!message->known)
        on_event(directory, ON_UNKNOWN, now_ms);
}

static void on_answer(struct directory *directory, const struct question *question,
                      const Wire__Frame *frame)
{
    if (frame->body_case != WIRE__FRAME__BODY_ANSWER) {
        if (question->query != 0)
            directory->ops.answer(question->query, NULL, directory->arg);
        return;
    }
    directory->total = frame->answer->total;
    directory->ops.answer(question->query, frame->answer, directory->arg);
}

static void on_certificate(struct directory *directory, const Wire__Frame *frame)
{
    if (frame->body_case != WIRE__FRAME__BODY_CERT_ISSUED)
        return;                     /* asked again later: cert_ms stands */
    directory->cert_ms = INT64_MAX; /* until the owner says how long the new one lives */
    if (directory->ops.certificate != NULL)
        directory->ops.certificate(frame->cert_issued->certificate.data,
                                   frame->cert_issued->certificate.len, directory->arg);
}

static void dispatch(struct directory *directory, const struct question *question,
                     const Wire__Frame *frame, int64_t now_ms)
{
    if (question->kind == ASK_QUERY) {
        on_answer(directory, question, frame);
    } else if (question->kind == ASK_CERT) {
        on_certificate(directory, frame);
    } else if (question->kind == ASK_REGISTER && frame->body_case == WIRE__FRAME__BODY_REGISTERED) {
        on_registered(directory, frame->registered, now_ms);
    } else if (question->kind == ASK_RENEW && frame->body_case == WIRE__FRAME__BODY_RENEWED) {
        on_renewed(directory, frame->renewed, now_ms);
    } else {
        bool refused = frame->body_case == WIRE__FRAME__BODY_ERROR && frame->error->text[0] != '\0';
        give_up(directory, refused ? frame->error->text : "it answers what was not asked", now_ms);
    }
}

bool directory_frame(struct directory *directory, const Wire__Frame *frame, int64_t now_ms)
{
    for (size_t i = 0; i < directory->question_count && frame->re != 0; i++) {
        struct question question = directory->questions[i];
        if (question.id != frame->re)
            continue;
        directory->questions[i] = directory->questions[--directory->question_count];
        dispatch(directory, &question, frame, now_ms);
        return true;
    }
    return false;
}

uint64_t directory_query(struct directory *directory, const Wire__Query *query, int64_t now_ms)
{
    if (directory->state != DIRECTORY_MEMBER || directory->question_count == QUESTIONS_MAX)
        return 0;
    uint64_t number = directory->next_query++;
    send_query(directory, query, number, now_ms);
    return number;
}

/* ---- what the owner asks */

enum directory_state directory_state(const struct directory *directory)
{
    return directory->state;
}

const char *directory_state_name(enum directory_state state)
{
    static const char *const names[STATES] = {"off",    "connecting", "registering",
                                              "member", "waiting",    "stopping"};

    return names[state];
}

unsigned directory_supernode(const struct directory *directory)
{
    return directory->current;
}

uint32_t directory_total(const struct directory *directory)
{
    return directory->total;
}

int64_t directory_absent_ms(const struct directory *directory, int64_t now_ms)
{
    if (directory->state == DIRECTORY_MEMBER)
        return 0;
    return directory->member_until_ms < 0 ? -1 : now_ms - directory->member_until_ms;
}

/* ---- time */

static bool has_unanswered(const struct directory *directory, int64_t now_ms)
{
    for (size_t i = 0; i < directory->question_count; i++)
        if (now_ms >= directory->questions[i].until_ms)
            return true;
    return false;
}

void directory_tick(struct directory *directory, int64_t now_ms)
{
    bool timer = now_ms >= directory->state_ms;

    if (has_unanswered(directory, now_ms) || (timer && directory->state == DIRECTORY_CONNECTING))
        give_up(directory, "no answer", now_ms);
    else if (timer)
        on_event(directory, ON_TIMER, now_ms);
    if (directory->state != DIRECTORY_MEMBER)
        return;
    if (now_ms >= directory->renew_ms)
        send_renew(directory, now_ms);
    if (now_ms >= directory->query_ms)
        send_periodic_query(directory, now_ms);
    if (now_ms >= directory->cert_ms)
        send_cert_renew(directory, now_ms);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t directory_next_ms(const struct directory *directory)
{
    int64_t next_ms = directory->state_ms;

    for (size_t i = 0; i < directory->question_count; i++)
        next_ms = earlier(next_ms, directory->questions[i].until_ms);
    if (directory->state == DIRECTORY_MEMBER)
        next_ms = earlier(earlier(next_ms, directory->renew_ms),
                          earlier(directory->query_ms, directory->cert_ms));
    return next_ms;
}
