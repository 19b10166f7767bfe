/* SPDX-License-Identifier: BSD-3-Clause */
/* px_upcall.c - from PMIx's progress thread to the loop's */
#include "config.h"
#include "pmix-server/px_upcall.h"

#include "pmix-server/px_step.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

static struct {
    pthread_mutex_t lock;
    struct px_call *first, **end;
    int wake;
    struct event *event;
    struct px_step *step;
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER, .end = &queue.first, .wake = -1};

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    uint64_t count;

    (void)what;
    (void)arg;
    if (read(fd, &count, sizeof count) == sizeof count)
        px_upcall_drain();
}

int px_upcall_open(struct px_step *step)
{
    queue.step = step;
    queue.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (queue.wake < 0)
        return -1;
    queue.event = event_new(step->base, queue.wake, EV_READ | EV_PERSIST, on_wake, NULL);
    if (queue.event == NULL)
        return -1;
    return event_add(queue.event, NULL);
}

void px_upcall_post(struct px_call *call)
{
    const uint64_t one = 1;

    call->next = NULL;
    pthread_mutex_lock(&queue.lock);
    *queue.end = call;
    queue.end = &call->next;
    pthread_mutex_unlock(&queue.lock);
    /* a full counter wakes the loop just as well */
    ssize_t written = write(queue.wake, &one, sizeof one);
    (void)written;
}

void px_upcall_drain(void)
{
    pthread_mutex_lock(&queue.lock);
    struct px_call *call = queue.first;
    queue.first = NULL;
    queue.end = &queue.first;
    pthread_mutex_unlock(&queue.lock);
    while (call != NULL) {
        struct px_call *next = call->next;

        call->run(call, queue.step);
        call = next;
    }
}

void px_upcall_close(void)
{
    if (queue.event != NULL)
        event_free(queue.event);
    queue.event = NULL;
    if (queue.wake >= 0)
        close(queue.wake);
    queue.wake = -1;
}
