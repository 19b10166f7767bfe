/* SPDX-License-Identifier: BSD-3-Clause */
/* px_client.c - ranks that come to the PMIx server and leave it; tools that knock */
#include "config.h"
#include "pmix-server/px_client.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "pmix-server/px_step.h"
#include "pmix-server/px_upcall.h"

#include <stdio.h>
#include <stdlib.h>

struct client_call {
    struct px_call call;
    uint32_t rank;
    bool is_end;
};

static void client_run(struct px_call *call, struct px_step *step)
{
    struct client_call *client = (struct client_call *)call;
    struct px_rank *rank = px_rank_find(step, client->rank);

    if (rank != NULL) {
        rank->was_init = true;
        rank->finalized = client->is_end;
    }
    free(client);
}

static void client_post(const pmix_proc_t *proc, bool is_end)
{
    struct client_call *client = mem_alloc(sizeof *client);

    client->call.run = client_run;
    client->rank = proc->rank;
    client->is_end = is_end;
    px_upcall_post(&client->call);
}

pmix_status_t px_client_connected(const pmix_proc_t *proc, void *object, pmix_info_t infos[],
                                  size_t count, pmix_op_cbfunc_t done, void *done_arg)
{
    (void)object;
    (void)infos;
    (void)count;
    (void)done;
    (void)done_arg;
    client_post(proc, false);
    return PMIX_OPERATION_SUCCEEDED;
}

pmix_status_t px_client_finalized(const pmix_proc_t *proc, void *object, pmix_op_cbfunc_t done,
                                  void *done_arg)
{
    (void)object;
    (void)done;
    (void)done_arg;
    client_post(proc, true);
    return PMIX_OPERATION_SUCCEEDED;
}

struct tool_call {
    struct px_call call;
    pmix_proc_t tool;
    pmix_tool_connection_cbfunc_t done;
    void *done_arg;
};

/* An error here would crash the library (4.2.2, 5.0.7): everybody is let in under a fresh name, and
 * each request is looked at by itself. The guard has already sent away other users (px_guard.c). */
static void tool_run(struct px_call *call, struct px_step *step)
{
    struct tool_call *tool = (struct tool_call *)call;

    (void)step;
    tool->done(PMIX_SUCCESS, &tool->tool, tool->done_arg);
    free(tool);
}

void px_tool_connected(pmix_info_t *infos, size_t count, pmix_tool_connection_cbfunc_t done,
                       void *done_arg)
{
    struct tool_call *call = mem_alloc(sizeof *call);
    char own[17];

    rand_hex(own, 8);
    PMIX_PROC_CONSTRUCT(&call->tool);
    snprintf(call->tool.nspace, sizeof call->tool.nspace, "p2pmpi-tool-%s", own);
    call->tool.rank = 0;
    for (size_t i = 0; i < count; i++) {
        if (PMIX_CHECK_KEY(&infos[i], PMIX_NSPACE) && infos[i].value.type == PMIX_STRING)
            PMIX_LOAD_NSPACE(call->tool.nspace, infos[i].value.data.string);
        if (PMIX_CHECK_KEY(&infos[i], PMIX_RANK) && infos[i].value.type == PMIX_PROC_RANK)
            call->tool.rank = infos[i].value.data.rank;
    }
    call->call.run = tool_run;
    call->done = done;
    call->done_arg = done_arg;
    px_upcall_post(&call->call);
}
