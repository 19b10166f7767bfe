/* SPDX-License-Identifier: BSD-3-Clause */
/* px_query.c - PMIx_Query_info and PMIx_Lookup of PX_KEY_PEERS
 *
 * The answer of p2pmpid may come in several Answer frames, ended by ListEnd or by the last of
 * `total` peers. */
#include "config.h"
#include "pmix-server/px_query.h"

#include "base/log.h"
#include "base/mem.h"
#include "pmix-server/px_daemon.h"
#include "pmix-server/px_peers.h"
#include "pmix-server/px_status.h"
#include "pmix-server/px_step.h"
#include "pmix-server/px_upcall.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT_DEFAULT 1000
#define WAIT_S        5

struct question {
    struct px_call call; /* as long as it comes from PMIx's thread */
    struct px_step *step;
    struct question *next;
    uint64_t id;
    uint32_t limit;
    struct peers_json *peers;
    struct event *timer;
    pmix_info_cbfunc_t query_done; /* this one or the next */
    pmix_lookup_cbfunc_t lookup_done;
    void *done_arg;
};

struct px_query {
    struct question *first;
    uint64_t last_id;
};

struct answer {
    pmix_info_t *infos;
};

static void answer_free(void *arg)
{
    struct answer *answer = arg;

    PMIX_INFO_FREE(answer->infos, 1);
    free(answer);
}

static void tell_query(const struct question *question, pmix_status_t status, const char *text)
{
    if (status != PMIX_SUCCESS) {
        question->query_done(status, NULL, 0, question->done_arg, NULL, NULL);
        return;
    }
    struct answer *answer = mem_alloc(sizeof *answer);
    PMIX_INFO_CREATE(answer->infos, 1);
    PMIX_INFO_LOAD(&answer->infos[0], PX_KEY_PEERS, text, PMIX_STRING);
    question->query_done(PMIX_SUCCESS, answer->infos, 1, question->done_arg, answer_free, answer);
}

static void tell_lookup(const struct question *question, pmix_status_t status, const char *text)
{
    pmix_pdata_t *found;
    pmix_proc_t server;

    if (status != PMIX_SUCCESS) {
        question->lookup_done(status, NULL, 0, question->done_arg);
        return;
    }
    PMIX_LOAD_PROCID(&server, "p2pmpi", 0);
    PMIX_PDATA_CREATE(found, 1);
    PMIX_PDATA_LOAD(&found[0], &server, PX_KEY_PEERS, text, PMIX_STRING);
    question->lookup_done(PMIX_SUCCESS, found, 1, question->done_arg);
    PMIX_PDATA_FREE(found, 1);
}

static void question_end(struct question *question, pmix_status_t status)
{
    char *text = status == PMIX_SUCCESS ? peers_json_text(question->peers) : NULL;

    if (question->query_done != NULL)
        tell_query(question, status, text);
    else
        tell_lookup(question, status, text);
    free(text);
    if (question->timer != NULL)
        event_free(question->timer);
    peers_json_destroy(question->peers);
    free(question);
}

static void question_unlink(struct px_query *query, struct question *question)
{
    struct question **place = &query->first;

    while (*place != question)
        place = &(*place)->next;
    *place = question->next;
}

static void on_late(evutil_socket_t fd, short what, void *arg)
{
    struct question *question = arg;

    (void)fd;
    (void)what;
    question_unlink(question->step->query, question);
    question_end(question, PMIX_ERR_TIMEOUT);
}

static void ask(struct px_call *call, struct px_step *step)
{
    struct question *question = (struct question *)call;
    struct timeval wait = {.tv_sec = WAIT_S};
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__GridPeers wanted = WIRE__GRID_PEERS__INIT;

    question->step = step;
    question->peers = peers_json_create();
    if (step->query == NULL) {
        question_end(question, PMIX_ERR_UNREACH);
        return;
    }
    question->id = ++step->query->last_id;
    frame.id = question->id;
    frame.body_case = WIRE__FRAME__BODY_GRID_PEERS;
    frame.grid_peers = &wanted;
    wanted.limit = question->limit;
    if (px_daemon_send(step, &frame) != 0) {
        question_end(question, PMIX_ERR_UNREACH);
        return;
    }
    question->timer = evtimer_new(step->base, on_late, question);
    event_add(question->timer, &wait);
    question->next = step->query->first;
    step->query->first = question;
}

void px_query_answered(struct px_step *step, const Wire__Frame *frame)
{
    struct question *question = step->query != NULL ? step->query->first : NULL;
    bool is_last = true;
    pmix_status_t status = PMIX_SUCCESS;

    while (question != NULL && question->id != frame->re)
        question = question->next;
    if (question == NULL)
        return;
    if (frame->body_case == WIRE__FRAME__BODY_ERROR)
        status = px_status_of_code(frame->error->code);
    if (frame->body_case == WIRE__FRAME__BODY_ANSWER) {
        size_t known = peers_json_add(question->peers, frame->answer);
        is_last = known >= frame->answer->total || known >= question->limit;
    }
    if (!is_last)
        return;
    question_unlink(step->query, question);
    question_end(question, status);
}

void px_query_open(struct px_step *step)
{
    step->query = mem_alloc(sizeof *step->query);
}

void px_query_close(struct px_step *step)
{
    struct px_query *query = step->query;

    if (query == NULL)
        return;
    step->query = NULL;
    while (query->first != NULL) {
        struct question *question = query->first;

        query->first = question->next;
        question_end(question, PMIX_ERR_UNREACH);
    }
    free(query);
}

/* ---- upcalls */

static uint32_t limit_of(const pmix_info_t infos[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (PMIX_CHECK_KEY(&infos[i], PX_KEY_LIMIT) && infos[i].value.type == PMIX_UINT32 &&
            infos[i].value.data.uint32 > 0)
            return infos[i].value.data.uint32;
    return LIMIT_DEFAULT;
}

static bool has_key(char *const *keys)
{
    for (; keys != NULL && *keys != NULL; keys++)
        if (strcmp(*keys, PX_KEY_PEERS) == 0)
            return true;
    return false;
}

static struct question *question_new(uint32_t limit, void *done_arg)
{
    struct question *question = mem_alloc(sizeof *question);

    question->call.run = ask;
    question->limit = limit;
    question->done_arg = done_arg;
    return question;
}

pmix_status_t px_query(pmix_proc_t *proc, pmix_query_t *queries, size_t count,
                       pmix_info_cbfunc_t done, void *done_arg)
{
    (void)proc; /* the library names itself here, not the asker */
    for (size_t i = 0; i < count; i++) {
        if (!has_key(queries[i].keys))
            continue;
        struct question *question =
            question_new(limit_of(queries[i].qualifiers, queries[i].nqual), done_arg);
        question->query_done = done;
        px_upcall_post(&question->call);
        return PMIX_SUCCESS;
    }
    return PMIX_ERR_NOT_SUPPORTED;
}

pmix_status_t px_lookup(const pmix_proc_t *proc, char **keys, const pmix_info_t infos[],
                        size_t count, pmix_lookup_cbfunc_t done, void *done_arg)
{
    (void)proc;
    if (!has_key(keys))
        return PMIX_ERR_NOT_SUPPORTED;
    struct question *question = question_new(limit_of(infos, count), done_arg);
    question->lookup_done = done;
    px_upcall_post(&question->call);
    return PMIX_SUCCESS;
}
