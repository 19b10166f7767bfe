/* SPDX-License-Identifier: BSD-3-Clause */
/* px_log.c - PMIx_Log: standard output and error are served; syslog, mail and data stores are not
 */
#include "config.h"
#include "pmix-server/px_log.h"

#include "base/mem.h"
#include "pmix-server/px_route.h"
#include "pmix-server/px_showhelp.h"
#include "pmix-server/px_step.h"
#include "pmix-server/px_upcall.h"

#include <stdbool.h>
#include <stdlib.h>

struct log_call {
    struct px_call call;
    uint32_t rank;
    uint32_t stream;
    char *text; /* NULL: nothing to show */
    pmix_op_cbfunc_t done;
    pmix_status_t status;
    void *done_arg;
};

static void send_log(struct px_step *step, const struct log_call *log)
{
    Wire__Step message = WIRE__STEP__INIT;
    Wire__Log body = WIRE__LOG__INIT;

    body.rank = log->rank;
    body.stream = log->stream;
    body.text = log->text;
    message.body_case = WIRE__STEP__BODY_LOG;
    message.log = &body;
    px_route_send(step, HOME_HOST, &message);
}

static void log_run(struct px_call *call, struct px_step *step)
{
    struct log_call *log = (struct log_call *)call;

    if (log->text != NULL)
        send_log(step, log);
    if (log->done != NULL)
        log->done(log->status, log->done_arg);
    free(log->text);
    free(log);
}

/* The text to show, or NULL. Open MPI 4.1 wraps its help messages: px_showhelp.h. */
static const char *text_of(const pmix_info_t *info, bool *is_error_out)
{
    const pmix_value_t *value = &info->value;
    const char *topic;

    *is_error_out = !PMIX_CHECK_KEY(info, PMIX_LOG_STDOUT);
    if (PMIX_CHECK_KEY(info, PMIX_LOG_MSG) && value->type == PMIX_BYTE_OBJECT &&
        value->data.bo.bytes != NULL)
        return showhelp_text(value->data.bo.bytes, value->data.bo.size, &topic);
    if ((PMIX_CHECK_KEY(info, PMIX_LOG_STDERR) || PMIX_CHECK_KEY(info, PMIX_LOG_STDOUT)) &&
        value->type == PMIX_STRING)
        return value->data.string;
    return NULL;
}

static bool post_line(const pmix_proc_t *client, const pmix_info_t *info)
{
    bool is_error;
    const char *text = text_of(info, &is_error);

    if (text == NULL)
        return false;
    struct log_call *log = mem_alloc(sizeof *log);
    log->call.run = log_run;
    log->rank = client->rank;
    log->stream = is_error ? 2 : 1;
    log->text = mem_string(text);
    px_upcall_post(&log->call);
    return true;
}

/* The answer comes from the loop: called from here, 5.0's library waits for itself. */
static void post_answer(pmix_status_t status, pmix_op_cbfunc_t done, void *done_arg)
{
    struct log_call *log = mem_alloc(sizeof *log);

    log->call.run = log_run;
    log->status = status;
    log->done = done;
    log->done_arg = done_arg;
    px_upcall_post(&log->call);
}

void px_log(const pmix_proc_t *client, const pmix_info_t data[], size_t data_count,
            const pmix_info_t directives[], size_t directive_count, pmix_op_cbfunc_t done,
            void *done_arg)
{
    bool served = false;

    (void)directives;
    (void)directive_count;
    for (size_t i = 0; i < data_count; i++)
        served |= post_line(client, &data[i]);
    post_answer(served ? PMIX_SUCCESS : PMIX_ERR_NOT_SUPPORTED, done, done_arg);
}
