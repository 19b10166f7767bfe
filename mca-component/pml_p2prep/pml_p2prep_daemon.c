/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_daemon.c - what the launcher's daemon says about deaths, where it does
 *
 * p2pmpi-stepd tells ranks by a PMIx event with a code of our own (pmix-server/px_status.h). Stock
 * launchers send none. Events come in PMIx's thread. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "mca-component/pml_p2prep/pml_p2prep_daemon.h"

#include <pmix.h>
#include <pthread.h>
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

void p2prep_daemon_listen(struct ctl *ctl, int processes)
{
    pmix_status_t code = RANK_DIED;
    if (!PMIx_Initialized())
        return;
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
