/* SPDX-License-Identifier: BSD-3-Clause */
/* run_signals.c - signals sent to p2pmpirun: ends of the job, stops, and those that are for the
 * ranks */
#include "config.h"
#include "tools/run_signals.h"

#include "base/mem.h"

#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGTSTP, SIGCONT};
enum { NUMBERS = sizeof numbers / sizeof numbers[0] };

struct run_signals {
    struct event *events[NUMBERS]; /* NULL: left as it was */
    unsigned ends;
    const struct run_signals_ops *ops;
    void *arg;
};

static void on_signal(evutil_socket_t number, short what, void *arg)
{
    struct run_signals *signals = arg;

    (void)what;
    switch (number) {
    case SIGINT:
    case SIGTERM:
    case SIGHUP:
        signals->ops->end((int)number, ++signals->ends, signals->arg);
        break;
    case SIGTSTP:
        signals->ops->stop(signals->arg);
        break;
    default:
        signals->ops->pass((int)number, signals->arg);
    }
}

static bool is_ignored(int number)
{
    struct sigaction now;

    return sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

struct run_signals *run_signals_create(struct event_base *base, const struct run_signals_ops *ops,
                                       void *arg)
{
    struct run_signals *signals = mem_alloc(sizeof *signals);

    signals->ops = ops;
    signals->arg = arg;
    for (int i = 0; i < NUMBERS; i++) {
        /* nohup and shells without job control mean it; INT and TERM always end a job, as with
         * mpirun. */
        if ((numbers[i] == SIGHUP || numbers[i] == SIGTSTP) && is_ignored(numbers[i]))
            continue;
        signals->events[i] = evsignal_new(base, numbers[i], on_signal, signals);
        event_add(signals->events[i], NULL);
    }
    return signals;
}

void run_signals_destroy(struct run_signals *signals)
{
    if (signals == NULL)
        return;
    for (int i = 0; i < NUMBERS; i++)
        if (signals->events[i] != NULL)
            event_free(signals->events[i]);
    free(signals);
}

void run_signals_stop_self(void)
{
    kill(getpid(), SIGSTOP);
}
