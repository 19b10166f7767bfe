/* SPDX-License-Identifier: BSD-3-Clause */
/* run_output.h - what the ranks write, brought to p2pmpirun's standard output and error
 *
 * Nothing is acknowledged before it is written, so a slow reader slows the ranks and memory stays
 * bounded. The descriptors that came from the shell are not switched to non-blocking: others share
 * them. */
#ifndef P2PMPI_TOOLS_RUN_OUTPUT_H
#define P2PMPI_TOOLS_RUN_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;
struct run_output;

#define OUTPUT_STDOUT 1 /* as in wire.proto */
#define OUTPUT_STDERR 2

struct run_output_ops {
    void (*written)(uint32_t rank, uint32_t stream, uint64_t bytes, void *arg); /* in all, of it */
    void (*empty)(void *arg);                   /* nothing waits any more */
    void (*failed)(const char *why, void *arg); /* once a stream: the rest of it is dropped */
};

/* tag: "[1,RANK]<stdout>:" before every line. merge: standard error goes to out_fd too. Descriptors
 * are borrowed. */
struct run_output *run_output_create(struct event_base *base, int out_fd, int err_fd, bool tag,
                                     bool merge, const struct run_output_ops *ops, void *arg);
void run_output_destroy(struct run_output *output);

/* Takes a piece that starts at offset of (rank, stream); what was seen before is left out. end: the
 * rank has closed the stream. Returns 0, or -1 for a piece that leaves a gap or names an impossible
 * stream. */
int run_output_put(struct run_output *output, uint32_t rank, uint32_t stream, uint64_t offset,
                   const void *data, size_t size, bool end);
bool run_output_is_empty(const struct run_output *output);
/* Lines held back for their end are given out: the job is over. */
void run_output_finish(struct run_output *output);
/* Tells of every stream how much of it is written: for a daemon that forgot. */
void run_output_marks(const struct run_output *output,
                      void (*mark)(uint32_t rank, uint32_t stream, uint64_t bytes, void *arg),
                      void *arg);

#endif
