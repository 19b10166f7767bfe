/* SPDX-License-Identifier: BSD-3-Clause */
/* members_list.c - questions about the grid: listings, candidates, state */
#include "config.h"
#include "peer/members_inner.h"

#include "base/clock.h"
#include "base/mem.h"
#include "peer/step.h"

#include <stdio.h>
#include <stdlib.h>

#define LIST_CHUNK     100 /* peers in one Answer to a tool */
#define REFRESH_AGE_MS 1000

size_t members_known(struct daemon *daemon, Wire__Peer ***list_out)
{
    struct members *members = daemon->members;
    const struct peer **sorted = NULL;

    *list_out = NULL;
    if (members == NULL || members->peers == NULL)
        return 0;
    size_t count = peers_sorted(members->peers, &sorted);
    Wire__Peer **list = mem_array(count, sizeof *list);
    for (size_t i = 0; i < count; i++)
        list[i] = sorted[i]->info;
    free(sorted);
    *list_out = list;
    return count;
}

bool members_query(struct daemon *daemon)
{
    Wire__Query query = WIRE__QUERY__INIT;

    if (daemon->members == NULL || daemon->members->directory == NULL)
        return false;
    query.kind = WIRE__QUERY_KIND__QUERY_NEAREST;
    query.limit = QUERY_LIMIT;
    return directory_query(daemon->members->directory, &query, clock_now_ms()) != 0;
}

const char *members_trouble(struct daemon *daemon)
{
    struct members *members = daemon->members;
    static char text[ERR_TEXT_MAX + 128]; /* one thread, one reader */

    if (members == NULL || !members->has_grid || members->trouble[0] == '\0')
        return NULL;
    snprintf(text, sizeof text,
             "no supernode of grid %s can be reached (%s); using the %zu peers known from before",
             members->grid.name, members->trouble, peers_count(members->peers));
    return text;
}

void members_status(struct daemon *daemon, Wire__Status *status)
{
    struct members *members = daemon->members;
    const char *trouble = members_trouble(daemon);

    if (members == NULL || !members->has_grid)
        return;
    status->grid = members->grid.name;
    status->supernodes = (uint32_t)members->grid.supernodes.count;
    status->supernodes_up = directory_state(members->directory) == DIRECTORY_MEMBER;
    status->peers = (uint32_t)peers_count(members->peers);
    for (const struct peer *peer = NULL; (peer = peers_walk(members->peers, peer)) != NULL;)
        status->peers_alive += peer->state == PEER_ALIVE;
    if (trouble != NULL)
        status->warning = (char *)trouble;
}

static void answer_send(struct link *tool, uint64_t question, Wire__Peer **peers, size_t count,
                        uint32_t total)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__Answer answer = WIRE__ANSWER__INIT;

    answer.peers = peers;
    answer.n_peers = count;
    answer.total = total;
    frame.re = question;
    frame.body_case = WIRE__FRAME__BODY_ANSWER;
    frame.answer = &answer;
    link_send(tool, &frame);
}

/* This host first, then the others, nearest first. *self_out is the first element: to be freed. */
static size_t list_all(struct daemon *daemon, Wire__Peer ***list_out, Wire__Peer **self_out)
{
    Wire__Peer **known;
    size_t count = members_known(daemon, &known);
    Wire__Peer **all = mem_array(count + 1, sizeof *all);

    *self_out = daemon_self(daemon);
    (*self_out)->self = true;
    all[0] = *self_out;
    for (size_t i = 0; i < count; i++)
        all[i + 1] = known[i];
    free(known);
    *list_out = all;
    return count + 1;
}

static void list_send(struct members *members, struct link *tool, uint64_t question)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__ListEnd end = WIRE__LIST_END__INIT;
    Wire__Peer **all, *self;
    size_t count = list_all(members->daemon, &all, &self);

    for (size_t at = 0; at < count; at += LIST_CHUNK)
        answer_send(tool, question, all + at, count - at < LIST_CHUNK ? count - at : LIST_CHUNK,
                    (uint32_t)count);
    frame.re = question;
    frame.body_case = WIRE__FRAME__BODY_LIST_END;
    frame.list_end = &end;
    link_send(tool, &frame);
    free(all);
    message_free(self);
}

void members_refreshed(void *arg)
{
    struct members *members = arg;

    while (members->listers != NULL) {
        struct lister *lister = members->listers;
        members->listers = lister->next;
        list_send(members, lister->tool, lister->question);
        free(lister);
    }
}

void members_list(struct daemon *daemon, struct link *tool, const Wire__Frame *question,
                  bool refresh)
{
    struct members *members = daemon->members;

    if (members == NULL) {
        link_answer_error(tool, question, WIRE__CODE__ERR_FAILED,
                          "this p2pmpid serves one job only");
    } else if (refresh && members->probes != NULL) {
        struct lister *lister = mem_alloc(sizeof *lister);
        lister->tool = tool;
        lister->question = question->id;
        lister->next = members->listers;
        members->listers = lister;
        probes_refresh(members->probes, REFRESH_AGE_MS, clock_now_ms());
    } else {
        list_send(members, tool, question->id);
    }
}

void members_forget_tool(struct daemon *daemon, struct link *tool)
{
    if (daemon->members == NULL)
        return;
    for (struct lister **at = &daemon->members->listers; *at != NULL;)
        if ((*at)->tool == tool) {
            struct lister *gone = *at;
            *at = gone->next;
            free(gone);
        } else {
            at = &(*at)->next;
        }
}

void members_tell_step(struct daemon *daemon, struct step *step, const Wire__Frame *question)
{
    uint32_t limit = question->grid_peers->limit;
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__Answer answer = WIRE__ANSWER__INIT;
    Wire__Peer **all, *self;
    size_t count = list_all(daemon, &all, &self);

    answer.peers = all;
    answer.n_peers = limit != 0 && limit < count ? limit : count;
    if (answer.n_peers > QUERY_LIMIT)
        answer.n_peers = QUERY_LIMIT;
    answer.total = (uint32_t)answer.n_peers; /* so much is sent: more than one Answer never is */
    frame.re = question->id;
    frame.body_case = WIRE__FRAME__BODY_ANSWER;
    frame.answer = &answer;
    step_send(step, &frame);
    free(all);
    message_free(self);
}
