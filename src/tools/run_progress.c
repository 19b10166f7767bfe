/* SPDX-License-Identifier: BSD-3-Clause */
/* run_progress.c - one line on a terminal while a job is prepared; erased before anything else is
 * written */
#include "config.h"
#include "tools/run_progress.h"

#include "base/mem.h"
#include "cli/cli_text.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DRAW_MS      150 /* a job that starts sooner shows no line at all */
#define SENTENCE_MAX 400

struct run_progress {
    struct event *draw;
    bool line, steps, drawn;
    int phase; /* -1: none yet */
    char sentence[SENTENCE_MAX];
};

void run_progress_sentence(Wire__Phase phase, uint64_t done, uint64_t total, const char *text,
                           char *out, size_t size)
{
    static const char *const names[] = {"searching for hosts",
                                        "asking hosts for slots",
                                        "bringing files to the hosts",
                                        "starting ranks",
                                        "running",
                                        "fetching results",
                                        "ending"};
    char numbers[3 * TEXT_SIZE] = "", safe[160], part[TEXT_SIZE], all[TEXT_SIZE];
    const char *name = (unsigned)phase < sizeof names / sizeof names[0] ? names[phase] : "working";

    if (phase == WIRE__PHASE__PHASE_STAGE || phase == WIRE__PHASE__PHASE_FETCH) {
        text_bytes(done, part);
        text_bytes(total, all);
        if (total > 0)
            snprintf(numbers, sizeof numbers, ": %s of %s", part, all);
        else if (done > 0)
            snprintf(numbers, sizeof numbers, ": %s", part);
    } else if (total > 0) {
        snprintf(numbers, sizeof numbers, ": %llu of %llu", (unsigned long long)done,
                 (unsigned long long)total);
    }
    text_safe(text, safe, sizeof safe);
    snprintf(out, size, safe[0] != '\0' ? "%s%s (%s)" : "%s%s", name, numbers, safe);
}

static void arm(struct run_progress *progress)
{
    static const struct timeval wait = {0, DRAW_MS * 1000};

    if (!event_pending(progress->draw, EV_TIMEOUT, NULL))
        event_add(progress->draw, &wait);
}

static void on_draw(evutil_socket_t fd, short what, void *arg)
{
    struct run_progress *progress = arg;
    unsigned width = text_width(STDERR_FILENO);

    (void)fd;
    (void)what;
    if (tcgetpgrp(STDERR_FILENO) != getpgrp())
        return; /* in the background: the line is somebody else's */
    fprintf(stderr, "\r\033[Kp2pmpirun: %.*s", width > 13 ? (int)width - 13 : 0,
            progress->sentence);
    fflush(stderr);
    progress->drawn = true;
}

struct run_progress *run_progress_create(struct event_base *base, bool line, bool steps)
{
    struct run_progress *progress = mem_alloc(sizeof *progress);

    progress->line = line && !steps;
    progress->steps = steps;
    progress->phase = -1;
    progress->draw = event_new(base, -1, 0, on_draw, progress);
    return progress;
}

void run_progress_destroy(struct run_progress *progress)
{
    if (progress == NULL)
        return;
    run_progress_erase(progress);
    event_free(progress->draw);
    free(progress);
}

void run_progress_set(struct run_progress *progress, Wire__Phase phase, uint64_t done,
                      uint64_t total, const char *text)
{
    bool is_new = progress->phase != (int)phase;

    progress->phase = (int)phase;
    run_progress_sentence(phase, done, total, text, progress->sentence, sizeof progress->sentence);
    if (progress->steps && is_new)
        fprintf(stderr, "p2pmpirun: %s\n", progress->sentence);
    if (phase == WIRE__PHASE__PHASE_RUN || phase == WIRE__PHASE__PHASE_END)
        run_progress_erase(progress);
    else if (progress->line)
        arm(progress);
}

void run_progress_erase(struct run_progress *progress)
{
    event_del(progress->draw);
    if (progress->drawn)
        fputs("\r\033[K", stderr);
    progress->drawn = false;
}
