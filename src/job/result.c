/* SPDX-License-Identifier: BSD-3-Clause */
/* result.c - what a job's end is called: exit code and sentence, as mpirun's users know them */
#include "config.h"
#include "job/result.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void text_set(struct result *result, const char *format, va_list args)
{
    vsnprintf(result->text, sizeof result->text, format, args);
}

static void decide(struct result *result, uint32_t rank, uint32_t code, const char *format, ...)
{
    va_list args;

    result->failed = true;
    result->code = code;
    result->code_rank = rank;
    va_start(args, format);
    text_set(result, format, args);
    va_end(args);
}

static void code_end(struct result *result, const struct rank_end *end)
{
    decide(result, end->rank, end->code, "rank %u on %s ended with exit code %u", end->rank,
           end->host, end->code);
}

bool result_rank_ended(struct result *result, const struct rank_end *end, bool killed)
{
    if (killed || result->failed) {
        /* ranks that failed by themselves at the same time: the lowest one's code is the job's */
        bool own_code =
            end->code != 0 && end->signal == 0 && (end->reason == NULL || end->reason[0] == '\0');
        if (!killed && own_code && result->signal == 0 && result->code < RESULT_SIGNAL &&
            end->rank < result->code_rank)
            code_end(result, end);
        return false;
    }
    if (end->reason != NULL && end->reason[0] != '\0') {
        decide(result, end->rank, RESULT_NO_PROGRAM, "rank %u could not be started on %s: %s",
               end->rank, end->host, end->reason);
    } else if (end->signal != 0) {
        result->signal = end->signal;
        decide(result, end->rank, RESULT_SIGNAL + end->signal,
               "rank %u (process %u on %s) was killed by signal %u (%s)", end->rank, end->pid,
               end->host, end->signal, strsignal((int)end->signal));
    } else if (end->code != 0) {
        code_end(result, end);
    } else if (end->was_init && !end->finalized) {
        decide(result, end->rank, RESULT_FAILED,
               "rank %u (process %u on %s) left without calling MPI_Finalize", end->rank, end->pid,
               end->host);
    }
    return result->failed;
}

void result_aborted(struct result *result, uint32_t rank, int status, const char *text,
                    const char *host)
{
    bool silent = text == NULL || text[0] == '\0';

    if (!result->failed)
        decide(result, rank, (uint32_t)status & 255u,
               "MPI_Abort was called by rank %u on %s with code %d%s%s", rank, host, status,
               silent ? "" : ": ", silent ? "" : text);
}

void result_failed(struct result *result, uint32_t code, const char *format, ...)
{
    va_list args;

    if (result->failed)
        return;
    result->failed = true;
    result->code = code;
    va_start(args, format);
    text_set(result, format, args);
    va_end(args);
}
