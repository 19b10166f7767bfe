/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_daemon.c - what the launcher's daemon says about deaths, where it does
 *
 * p2pmpi-stepd tells ranks by a PMIx event with a code of our own (pmix-server/px_status.h). Stock
 * launchers send none; mpirun answers when asked, each daemon about its own host at least. Events
 * and answers come in PMIx's thread, even when Open MPI has closed the component: its code stays.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "mca-component/pml_p2prep/pml_p2prep_daemon.h"

#include <dlfcn.h>
#include <pmix.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { RANK_DIED = -30001 };

static struct {
    pthread_mutex_t lock;
    struct ctl *ctl; /* NULL: nobody listens */
    int processes;
    size_t id;
    bool is_registered;
} listener = {.lock = PTHREAD_MUTEX_INITIALIZER}; /* PMIx handlers have no argument */

static void tell(const pmix_proc_t *dead)
{
    const char *job = getenv("PMIX_NAMESPACE");
    if (job && strncmp(job, dead->nspace, sizeof dead->nspace) != 0)
        return;
    (void)pthread_mutex_lock(&listener.lock);
    if (listener.ctl && dead->rank < (pmix_rank_t)listener.processes)
        ctl_news(listener.ctl, (int)dead->rank);
    (void)pthread_mutex_unlock(&listener.lock);
}

static void on_event(size_t id, pmix_status_t status, const pmix_proc_t *source, pmix_info_t info[],
                     size_t count, pmix_info_t *results, size_t results_count,
                     pmix_event_notification_cbfunc_fn_t next, void *arg)
{
    (void)id;
    (void)status;
    (void)source;
    (void)results;
    (void)results_count;
    for (size_t i = 0; i < count; i++) {
        if (PMIX_CHECK_KEY(&info[i], PMIX_EVENT_AFFECTED_PROC) && info[i].value.type == PMIX_PROC)
            tell(info[i].value.data.proc);
    }
    if (next) /* complete: Open MPI's own handler would abort the process */
        next(PMIX_EVENT_ACTION_COMPLETE, NULL, 0, NULL, NULL, arg);
}

static void on_registered(pmix_status_t status, size_t id, void *arg)
{
    (void)arg;
    (void)pthread_mutex_lock(&listener.lock);
    listener.is_registered = status == PMIX_SUCCESS;
    listener.id = id;
    (void)pthread_mutex_unlock(&listener.lock);
}

static void stay_loaded(void)
{
    Dl_info self;
    if (dladdr(&listener, &self) && self.dli_fname)
        (void)dlopen(self.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}

void p2prep_daemon_listen(struct ctl *ctl, int processes)
{
    pmix_status_t code = RANK_DIED;
    if (!PMIx_Initialized())
        return;
    stay_loaded();
    (void)pthread_mutex_lock(&listener.lock);
    listener.ctl = ctl;
    listener.processes = processes;
    (void)pthread_mutex_unlock(&listener.lock);
    (void)PMIx_Register_event_handler(&code, 1, NULL, 0, on_event, on_registered, NULL);
}

void p2prep_daemon_unlisten(void)
{
    (void)pthread_mutex_lock(&listener.lock);
    bool was_registered = listener.is_registered;
    listener.ctl = NULL;
    listener.is_registered = false;
    (void)pthread_mutex_unlock(&listener.lock);
    if (was_registered && PMIx_Initialized())
        (void)PMIx_Deregister_event_handler(listener.id, NULL, NULL);
}

static void told_state(const pmix_proc_info_t *process)
{
    if (process->state >= PMIX_PROC_STATE_TERMINATED)
        tell(&process->proc);
}

/* Bare process states, or (4.2) each in an info of its own. */
static void told_table(const pmix_data_array_t *table)
{
    const pmix_info_t *infos = table->array;
    const pmix_proc_info_t *states = table->array;
    for (size_t i = 0; i < table->size; i++) {
        if (table->type == PMIX_PROC_INFO)
            told_state(&states[i]);
        else if (table->type == PMIX_INFO && infos[i].value.type == PMIX_PROC_INFO)
            told_state(infos[i].value.data.pinfo);
    }
}

static void on_answer(pmix_status_t status, pmix_info_t *info, size_t count, void *arg,
                      pmix_release_cbfunc_t release, void *release_arg)
{
    pmix_query_t *query = arg;
    (void)status;
    for (size_t i = 0; i < count; i++) {
        if (info[i].value.type == PMIX_DATA_ARRAY && info[i].value.data.darray)
            told_table(info[i].value.data.darray);
    }
    if (release)
        release(release_arg);
    PMIX_QUERY_FREE(query, 1);
}

void p2prep_daemon_ask(void)
{
    const char *job = getenv("PMIX_NAMESPACE");
    pmix_query_t *query;
    pmix_proc_t all;
    pmix_status_t rc;
    if (!job || !PMIx_Initialized())
        return;
    PMIX_QUERY_CREATE(query, 1);
    PMIX_ARGV_APPEND(rc, query->keys, PMIX_QUERY_PROC_TABLE);
    PMIX_QUERY_QUALIFIERS_CREATE(query, 2);
    PMIX_LOAD_PROCID(&all, job, PMIX_RANK_WILDCARD);
    (void)PMIX_INFO_LOAD(&query->qualifiers[0], PMIX_PROCID, &all, PMIX_PROC);  /* 4.1's mpirun */
    (void)PMIX_INFO_LOAD(&query->qualifiers[1], PMIX_NSPACE, job, PMIX_STRING); /* 5.0's */
    rc = PMIx_Query_info_nb(query, 1, on_answer, query);
    if (rc != PMIX_SUCCESS) /* not asked: no answer */
        PMIX_QUERY_FREE(query, 1);
}

void *p2prep_daemon_card(uint32_t process, const char *key, size_t *size_out)
{
    const char *job = getenv("PMIX_NAMESPACE");
    pmix_value_t *value = NULL;
    pmix_info_t now;
    pmix_proc_t who;
    void *card = NULL;
    if (!job)
        return NULL;
    PMIX_LOAD_PROCID(&who, job, process);
    (void)PMIX_INFO_LOAD(&now, PMIX_IMMEDIATE, NULL, PMIX_BOOL);
    if (PMIx_Get(&who, key, &now, 1, &value) != PMIX_SUCCESS || !value)
        return NULL;
    if (value->type == PMIX_BYTE_OBJECT) {
        card = value->data.bo.bytes;
        *size_out = value->data.bo.size;
        value->data.bo.bytes = NULL; /* ours now */
    }
    PMIX_VALUE_RELEASE(value);
    return card;
}
