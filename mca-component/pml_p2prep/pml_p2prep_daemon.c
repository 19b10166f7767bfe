/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_daemon.c - what the launcher's daemon says about deaths, where it does
 *
 * p2pmpi-stepd tells ranks by a PMIx event with a code of our own (pmix-server/px_status.h). Stock
 * launchers send none. Events come in PMIx's thread, as do answers: who closes waits for them, for
 * this code may be gone afterwards. */
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
    enum { UNREGISTERED, ASKED, REGISTERED } state;
    pthread_cond_t answered;
} listener = {.lock = PTHREAD_MUTEX_INITIALIZER,
              .answered = PTHREAD_COND_INITIALIZER}; /* PMIx handlers have no argument */

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
    listener.state = status == PMIX_SUCCESS ? REGISTERED : UNREGISTERED;
    listener.id = id;
    (void)pthread_cond_signal(&listener.answered);
    (void)pthread_mutex_unlock(&listener.lock);
}

static void state_set(int state)
{
    (void)pthread_mutex_lock(&listener.lock);
    listener.state = state;
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
    listener.state = ASKED;
    (void)pthread_mutex_unlock(&listener.lock);
    if (PMIx_Register_event_handler(&code, 1, NULL, 0, on_event, on_registered, NULL) !=
        PMIX_SUCCESS)
        state_set(UNREGISTERED);
}

void p2prep_daemon_unlisten(void)
{
    (void)pthread_mutex_lock(&listener.lock);
    listener.ctl = NULL;
    while (listener.state == ASKED)
        (void)pthread_cond_wait(&listener.answered, &listener.lock);
    bool was_registered = listener.state == REGISTERED;
    listener.state = UNREGISTERED;
    (void)pthread_mutex_unlock(&listener.lock);
    if (was_registered && PMIx_Initialized())
        (void)PMIx_Deregister_event_handler(listener.id, NULL, NULL); /* NULL: waits */
}
