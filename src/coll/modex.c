/* SPDX-License-Identifier: BSD-3-Clause */
/* modex.c - direct modex: asking the host of a rank for what the rank has published */
#include "config.h"
#include "coll/modex.h"

#include "base/mem.h"

#include <stdbool.h>
#include <stdlib.h>
#include <uthash.h>

struct question {
    uint64_t id; /* key */
    uint32_t rank;
    void *tag;
    int64_t deadline_ms;
    UT_hash_handle hh;
};

struct modex {
    int self;
    uint32_t *rank_host;
    bool *rank_gone, *host_lost;
    size_t ranks, hosts;
    struct modex_ops ops;
    void *arg;
    struct question *questions; /* hash by id, in order of asking */
    uint64_t last_id;
    int64_t due_ms; /* no deadline is before */
};

struct modex *modex_create(int self, const uint32_t *rank_host, size_t ranks,
                           const struct modex_ops *ops, void *arg)
{
    struct modex *modex = mem_alloc(sizeof *modex);

    modex->self = self;
    modex->hosts = (size_t)self + 1;
    for (size_t rank = 0; rank < ranks; rank++)
        if (rank_host[rank] >= modex->hosts)
            modex->hosts = rank_host[rank] + (size_t)1;
    modex->rank_host = mem_copy(rank_host, ranks * sizeof *rank_host);
    modex->rank_gone = mem_array(ranks, sizeof *modex->rank_gone);
    modex->host_lost = mem_array(modex->hosts, sizeof *modex->host_lost);
    modex->ranks = ranks;
    modex->ops = *ops;
    modex->arg = arg;
    modex->due_ms = INT64_MAX;
    return modex;
}

void modex_destroy(struct modex *modex)
{
    struct question *question, *next;

    if (modex == NULL)
        return;
    HASH_ITER(hh, modex->questions, question, next)
    {
        HASH_DEL(modex->questions, question);
        free(question);
    }
    free(modex->rank_host);
    free(modex->rank_gone);
    free(modex->host_lost);
    free(modex);
}

/* ---------------------------------------------------------------- asking */

static void question_end(struct modex *modex, struct question *question, int status,
                         const uint8_t *data, size_t size)
{
    void *tag = question->tag;

    HASH_DEL(modex->questions, question);
    free(question);
    modex->ops.done(modex->arg, tag, status, data, size);
}

static void question_send(struct modex *modex, const struct question *question, const char *key,
                          uint32_t timeout_ms)
{
    Wire__ModexGet get = WIRE__MODEX_GET__INIT;
    Wire__Step step = WIRE__STEP__INIT;
    char *copy = mem_string(key != NULL ? key : "");

    get.id = question->id;
    get.rank = question->rank;
    get.key = copy;
    get.timeout_s = timeout_ms / 1000 + (timeout_ms % 1000 != 0);
    step.body_case = WIRE__STEP__BODY_MODEX_GET;
    step.modex_get = &get;
    modex->ops.send(modex->arg, (int)modex->rank_host[question->rank], &step);
    free(copy);
}

int modex_get(struct modex *modex, uint32_t rank, const char *key, uint32_t timeout_ms, void *tag,
              int64_t now_ms, struct err *err)
{
    if (rank >= modex->ranks)
        return err_set(err, "rank %u is asked for, the job has %zu", rank, modex->ranks);
    if ((int)modex->rank_host[rank] == modex->self)
        return err_set(err, "rank %u is on this host", rank);
    if (HASH_COUNT(modex->questions) >= MODEX_MAX)
        return err_set(err, "more than %d questions for ranks' data wait", MODEX_MAX);
    if (modex->rank_gone[rank] || modex->host_lost[modex->rank_host[rank]]) {
        modex->ops.done(modex->arg, tag, MODEX_LOST, NULL, 0);
        return 0;
    }
    if (timeout_ms == 0)
        timeout_ms = MODEX_DEFAULT_MS;
    struct question *question = mem_alloc(sizeof *question);
    *question = (struct question){.id = ++modex->last_id, .rank = rank, .tag = tag};
    question->deadline_ms = now_ms + timeout_ms;
    if (question->deadline_ms < modex->due_ms)
        modex->due_ms = question->deadline_ms;
    HASH_ADD(hh, modex->questions, id, sizeof question->id, question);
    question_send(modex, question, key, timeout_ms);
    return 0;
}

/* Ends all questions about a rank, or about those of a host (the other is -1), or all (both -1). */
static void questions_end(struct modex *modex, int64_t rank, int64_t host, int status)
{
    struct question *question = modex->questions, *next;
    uint64_t last_id = modex->last_id; /* callbacks may ask anew: those wait */

    for (; question != NULL && question->id <= last_id; question = next) {
        next = question->hh.next;
        if ((rank < 0 || question->rank == rank) &&
            (host < 0 || modex->rank_host[question->rank] == host))
            question_end(modex, question, status, NULL, 0);
    }
}

void modex_rank_gone(struct modex *modex, uint32_t rank)
{
    if (rank >= modex->ranks || modex->rank_gone[rank])
        return;
    modex->rank_gone[rank] = true;
    questions_end(modex, rank, -1, MODEX_LOST);
}

void modex_host_lost(struct modex *modex, int host)
{
    if (host < 0 || (size_t)host >= modex->hosts || modex->host_lost[host])
        return;
    modex->host_lost[host] = true;
    questions_end(modex, -1, host, MODEX_LOST);
}

void modex_fail_all(struct modex *modex, int status)
{
    questions_end(modex, -1, -1, status);
}

/* ---------------------------------------------------------------- being asked */

void modex_answer(struct modex *modex, int src, uint64_t id, int status, const void *data,
                  size_t size)
{
    Wire__ModexData answer = WIRE__MODEX_DATA__INIT;
    Wire__Step step = WIRE__STEP__INIT;

    if (src < 0 || (size_t)src >= modex->hosts || modex->host_lost[src])
        return;
    if (status == MODEX_OK && size > MODEX_DATA_MAX)
        status = MODEX_TOO_BIG;
    answer.id = id;
    answer.status = status;
    if (status == MODEX_OK) {
        answer.data.data = (uint8_t *)(uintptr_t)data; /* protobuf-c knows no const */
        answer.data.len = size;
    }
    step.body_case = WIRE__STEP__BODY_MODEX_DATA;
    step.modex_data = &answer;
    modex->ops.send(modex->arg, src, &step);
}

static int get_receive(struct modex *modex, int src, const Wire__ModexGet *get, struct err *err)
{
    uint32_t timeout_ms = get->timeout_s > 86400 ? 86400000 : get->timeout_s * 1000;

    if (get->rank >= modex->ranks || (int)modex->rank_host[get->rank] != modex->self) {
        modex_answer(modex, src, get->id, MODEX_LOST, NULL, 0);
        return err_set(err, "host %d asks for rank %u, which is not on this host", src, get->rank);
    }
    modex->ops.asked(modex->arg, src, get->id, get->rank, get->key, timeout_ms);
    return 0;
}

static int data_receive(struct modex *modex, int src, const Wire__ModexData *data, struct err *err)
{
    struct question *question;

    HASH_FIND(hh, modex->questions, &data->id, sizeof data->id, question);
    if (question == NULL)
        return 0; /* its time ran out */
    if ((int)modex->rank_host[question->rank] != src)
        return err_set(err, "host %d answers a question that was another's", src);
    bool is_ok = data->status == MODEX_OK;
    question_end(modex, question, data->status, is_ok ? data->data.data : NULL,
                 is_ok ? data->data.len : 0);
    return 0;
}

int modex_receive(struct modex *modex, int src, const Wire__Step *step, int64_t now_ms,
                  struct err *err)
{
    (void)now_ms;
    if (src < 0 || (size_t)src >= modex->hosts || modex->host_lost[src])
        return err_set(err, "a modex message from endpoint %d, which is no living host of the job",
                       src);
    if (step->body_case == WIRE__STEP__BODY_MODEX_GET)
        return get_receive(modex, src, step->modex_get, err);
    if (step->body_case == WIRE__STEP__BODY_MODEX_DATA)
        return data_receive(modex, src, step->modex_data, err);
    return 0;
}

/* ---------------------------------------------------------------- time */

int modex_tick(struct modex *modex, int64_t now_ms)
{
    struct question *question, *next;
    uint64_t last_id = modex->last_id;

    if (modex->due_ms > now_ms)
        return modex_next(modex, now_ms);
    modex->due_ms = INT64_MAX;
    for (question = modex->questions; question != NULL && question->id <= last_id;
         question = next) {
        next = question->hh.next;
        if (question->deadline_ms <= now_ms)
            question_end(modex, question, MODEX_TIMEOUT, NULL, 0);
        else if (question->deadline_ms < modex->due_ms)
            modex->due_ms = question->deadline_ms;
    }
    return modex_next(modex, now_ms);
}

int modex_next(const struct modex *modex, int64_t now_ms)
{
    if (modex->questions == NULL)
        return -1;
    return modex->due_ms <= now_ms ? 0 : (int)(modex->due_ms - now_ms);
}
