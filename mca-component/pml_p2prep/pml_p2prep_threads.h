/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_threads.h - POSIX threads under the names by which Open MPI 5.0's headers call them
 *
 * These headers include those of the thread component that the library was built with, which
 * packages leave out. This file takes their place where they lack; it comes before any that wants
 * them. Sizes are compared with the library's when the component is opened. */
#ifndef PML_P2PREP_THREADS_H
#define PML_P2PREP_THREADS_H

#include <ompi_config.h>

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>

#undef MCA_threads_base_include_HEADER
#undef MCA_threads_mutex_base_include_HEADER
#undef MCA_threads_tsd_base_include_HEADER
#define MCA_threads_base_include_HEADER       "mca-component/pml_p2prep/pml_p2prep_threads.h"
#define MCA_threads_mutex_base_include_HEADER "mca-component/pml_p2prep/pml_p2prep_threads.h"
#define MCA_threads_tsd_base_include_HEADER   "mca-component/pml_p2prep/pml_p2prep_threads.h"

typedef pthread_mutex_t opal_thread_internal_mutex_t;
typedef pthread_cond_t opal_thread_internal_cond_t;
typedef pthread_key_t opal_tsd_key_t;
#define OPAL_THREAD_INTERNAL_MUTEX_INITIALIZER PTHREAD_MUTEX_INITIALIZER
#define OPAL_THREAD_INTERNAL_COND_INITIALIZER  PTHREAD_COND_INITIALIZER

extern void (*opal_threads_pthreads_yield_fn)(void);

static inline void opal_thread_yield(void)
{
    opal_threads_pthreads_yield_fn();
}

static inline int opal_thread_internal_mutex_init(pthread_mutex_t *mutex, bool is_recursive)
{
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    if (is_recursive)
        pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    int rc = pthread_mutex_init(mutex, &attr);
    pthread_mutexattr_destroy(&attr);
    return rc;
}

static inline void opal_thread_internal_mutex_lock(pthread_mutex_t *mutex)
{
    (void)pthread_mutex_lock(mutex);
}

/* 0: locked, 1: not. */
static inline int opal_thread_internal_mutex_trylock(pthread_mutex_t *mutex)
{
    return pthread_mutex_trylock(mutex) != 0;
}

static inline void opal_thread_internal_mutex_unlock(pthread_mutex_t *mutex)
{
    (void)pthread_mutex_unlock(mutex);
}

static inline void opal_thread_internal_mutex_destroy(pthread_mutex_t *mutex)
{
    (void)pthread_mutex_destroy(mutex);
}

static inline int opal_thread_internal_cond_init(pthread_cond_t *cond)
{
    return pthread_cond_init(cond, NULL);
}

static inline void opal_thread_internal_cond_signal(pthread_cond_t *cond)
{
    (void)pthread_cond_signal(cond);
}

static inline void opal_thread_internal_cond_destroy(pthread_cond_t *cond)
{
    (void)pthread_cond_destroy(cond);
}

static inline int opal_tsd_get(opal_tsd_key_t key, void **value_out)
{
    *value_out = pthread_getspecific(key);
    return 0;
}

#endif
