/* SPDX-License-Identifier: BSD-3-Clause */
/* px_event.c - PMIx events
 *
 * The library serves the ranks of one host by itself; here events pass between hosts. One that came
 * from another host does not come up again: it names a rank as its source, not this server. */
#include "config.h"
#include "pmix-server/px_event.h"

#include "base/log.h"
#include "base/mem.h"
#include "pmix-server/px_route.h"
#include "pmix-server/px_status.h"
#include "pmix-server/px_step.h"
#include "pmix-server/px_upcall.h"

#include <stdlib.h>
#include <string.h>

#define INFOS_MAX 64 /* infos of one event that we carry to other hosts */

struct event_call {
    struct px_call call;
    pmix_status_t code;
    pmix_proc_t source;
    pmix_data_range_t range;
    pmix_info_t *infos;
    size_t count;
};

/* A notification under way: its infos must live until the library is done. */
struct notice {
    pmix_info_t *infos;
    size_t count;
};

static void notice_free(pmix_status_t status, void *arg)
{
    struct notice *notice = arg;

    (void)status;
    PMIX_INFO_FREE(notice->infos, notice->count);
    free(notice);
}

static void notify(pmix_status_t code, const pmix_proc_t *source, pmix_data_range_t range,
                   pmix_info_t *infos, size_t count)
{
    struct notice *notice = mem_alloc(sizeof *notice);

    notice->infos = infos;
    notice->count = count;
    pmix_status_t status =
        PMIx_Notify_event(code, source, range, infos, count, notice_free, notice);
    if (status != PMIX_SUCCESS)
        notice_free(status, notice);
    if (status != PMIX_SUCCESS && status != PMIX_OPERATION_SUCCEEDED)
        log_warning("event not told code=%d why=%s", code, PMIx_Error_string(status));
}

/* ---- from a rank to other hosts */

static void send_event(struct px_step *step, const struct event_call *call,
                       pmix_byte_object_t *packed)
{
    Wire__Step message = WIRE__STEP__INIT;
    Wire__Event event = WIRE__EVENT__INIT;
    Wire__ProcRange source = WIRE__PROC_RANGE__INIT;

    source.namespace_ = (char *)(uintptr_t)call->source.nspace;
    source.rank = call->source.rank;
    event.code = call->code;
    event.source = &source;
    event.range = call->range;
    event.info.data = (uint8_t *)packed->bytes;
    event.info.len = packed->size;
    message.body_case = WIRE__STEP__BODY_EVENT;
    message.event = &event;
    px_route_send_hosts(step, &message);
}

static void event_run(struct px_call *base_call, struct px_step *step)
{
    struct event_call *call = (struct event_call *)base_call;
    pmix_data_buffer_t buffer;
    pmix_byte_object_t packed = {0};
    int32_t count = (int32_t)call->count;

    PMIX_DATA_BUFFER_CONSTRUCT(&buffer);
    pmix_status_t status = PMIx_Data_pack(NULL, &buffer, &count, 1, PMIX_INT32);
    if (status == PMIX_SUCCESS && count > 0)
        status = PMIx_Data_pack(NULL, &buffer, call->infos, count, PMIX_INFO);
    if (status == PMIX_SUCCESS)
        status = PMIx_Data_unload(&buffer, &packed);
    if (status == PMIX_SUCCESS && step->start != NULL)
        send_event(step, call, &packed);
    free(packed.bytes);
    PMIX_DATA_BUFFER_DESTRUCT(&buffer);
    PMIX_INFO_FREE(call->infos, call->count);
    free(call);
}

pmix_status_t px_notify_event(pmix_status_t code, const pmix_proc_t *source,
                              pmix_data_range_t range, pmix_info_t infos[], size_t count,
                              pmix_op_cbfunc_t done, void *done_arg)
{
    (void)done;
    (void)done_arg;
    if (range == PMIX_RANGE_LOCAL || range == PMIX_RANGE_PROC_LOCAL || count > INFOS_MAX ||
        code == PMIX_ERR_LOST_CONNECTION)
        return PMIX_OPERATION_SUCCEEDED;
    struct event_call *call = mem_alloc(sizeof *call);
    call->call.run = event_run;
    call->code = code;
    call->source = *source;
    call->range = range;
    PMIX_INFO_CREATE(call->infos, count);
    call->count = count;
    for (size_t i = 0; i < count; i++)
        PMIX_INFO_XFER(&call->infos[i], &infos[i]);
    px_upcall_post(&call->call);
    return PMIX_OPERATION_SUCCEEDED;
}

/* ---- from another host */

static pmix_info_t *unpack_infos(const Wire__Event *event, size_t *count_out)
{
    pmix_byte_object_t packed = {(char *)event->info.data, event->info.len};
    pmix_data_buffer_t buffer;
    pmix_info_t *infos = NULL;
    int32_t count = 0, one = 1;

    *count_out = 0;
    if (packed.size == 0)
        return NULL;
    PMIX_DATA_BUFFER_CONSTRUCT(&buffer);
    packed.bytes = mem_copy(packed.bytes, packed.size); /* the buffer takes it */
    PMIx_Data_load(&buffer, &packed);
    pmix_status_t status = PMIx_Data_unpack(NULL, &buffer, &count, &one, PMIX_INT32);
    if (status == PMIX_SUCCESS && count > 0 && count <= INFOS_MAX) {
        PMIX_INFO_CREATE(infos, (size_t)count);
        size_t wanted = (size_t)count;
        status = PMIx_Data_unpack(NULL, &buffer, infos, &count, PMIX_INFO);
        if (status != PMIX_SUCCESS)
            PMIX_INFO_FREE(infos, wanted);
        else
            *count_out = (size_t)count;
    }
    PMIX_DATA_BUFFER_DESTRUCT(&buffer);
    return infos;
}

void px_event_receive(struct px_step *step, const Wire__Event *event)
{
    pmix_proc_t source;
    size_t count;

    if (event->source == NULL || strcmp(event->source->namespace_, px_spec(step)->namespace_) != 0)
        return;
    pmix_info_t *infos = unpack_infos(event, &count);
    PMIX_LOAD_PROCID(&source, event->source->namespace_, event->source->rank);
    notify(event->code, &source, (pmix_data_range_t)event->range, infos, count);
}

/* ---- a death */

void px_event_rank_died(struct px_step *step, uint32_t rank)
{
    pmix_proc_t dead, everybody;
    pmix_info_t *infos;
    bool yes = true;

    PMIX_LOAD_PROCID(&dead, px_spec(step)->namespace_, rank);
    PMIX_LOAD_PROCID(&everybody, px_spec(step)->namespace_, PMIX_RANK_WILDCARD);
    PMIX_INFO_CREATE(infos, 3);
    PMIX_INFO_LOAD(&infos[0], PMIX_EVENT_AFFECTED_PROC, &dead, PMIX_PROC);
    PMIX_INFO_LOAD(&infos[1], PMIX_EVENT_CUSTOM_RANGE, &everybody, PMIX_PROC);
    PMIX_INFO_LOAD(&infos[2], PMIX_EVENT_NON_DEFAULT, &yes, PMIX_BOOL);
    notify(PX_EVENT_RANK_DIED, &dead, PMIX_RANGE_CUSTOM, infos, 3);
}

/* ---- the rest */

pmix_status_t px_register_events(pmix_status_t *codes, size_t code_count, const pmix_info_t infos[],
                                 size_t count, pmix_op_cbfunc_t done, void *done_arg)
{
    (void)codes;
    (void)code_count;
    (void)infos;
    (void)count;
    (void)done;
    (void)done_arg;
    return PMIX_OPERATION_SUCCEEDED;
}

pmix_status_t px_deregister_events(pmix_status_t *codes, size_t code_count, pmix_op_cbfunc_t done,
                                   void *done_arg)
{
    (void)codes;
    (void)code_count;
    (void)done;
    (void)done_arg;
    return PMIX_OPERATION_SUCCEEDED;
}

/* The loss of a client comes here. Its process's exit tells the same and more: px_reap.c. */
static void on_event(size_t handler, pmix_status_t code, const pmix_proc_t *source,
                     pmix_info_t infos[], size_t count, pmix_info_t *results, size_t result_count,
                     pmix_event_notification_cbfunc_fn_t done, void *done_arg)
{
    (void)handler;
    (void)infos;
    (void)count;
    (void)results;
    (void)result_count;
    log_debug("pmix event code=%s rank=%u", PMIx_Error_string(code),
              source != NULL ? source->rank : 0);
    if (done != NULL)
        done(PMIX_EVENT_ACTION_COMPLETE, NULL, 0, NULL, NULL, done_arg);
}

static void registered(pmix_status_t status, size_t handler, void *arg)
{
    (void)status;
    (void)handler;
    (void)arg;
}

void px_event_listen(void)
{
    PMIx_Register_event_handler(NULL, 0, NULL, 0, on_event, registered, NULL);
}
