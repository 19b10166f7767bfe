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
    err_plain(result->text);
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

static bool is_said(const char *text)
{
    return text != NULL && text[0] != '\0';
}

/* A failure stays one whatever a host tells of it: never 0, never above what an exit code can be.
 */
static uint32_t exit_code(uint32_t code)
{
    return code > 0 && code <= 255 ? code : RESULT_FAILED;
}

static void code_end(struct result *result, const struct rank_end *end)
{
    result->is_code = true;
    decide(result, end->rank, exit_code(end->code), "rank %u on %s ended with exit code %u",
           end->rank, end->host, end->code);
}

/* Ranks that failed by themselves at the same time: the lowest one's code is the job's. */
static void compare_end(struct result *result, const struct rank_end *end)
{
    bool is_code = end->code != 0 && end->signal == 0 && !is_said(end->reason);

    if (is_code && result->is_code && end->rank < result->code_rank)
        code_end(result, end);
}

bool result_rank_ended(struct result *result, const struct rank_end *end, bool killed)
{
    if (killed)
        return false;
    if (result->failed) {
        compare_end(result, end);
        return false;
    }
    if (is_said(end->reason)) {
        decide(result, end->rank, RESULT_NO_PROGRAM, "rank %u could not be started on %s: %s",
               end->rank, end->host, end->reason);
    } else if (end->signal != 0) {
        result->signal = end->signal;
        decide(result, end->rank, exit_code(RESULT_SIGNAL + end->signal),
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
    bool silent = !is_said(text) || strcmp(text, "N/A") == 0; /* Open MPI's word for none */

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
