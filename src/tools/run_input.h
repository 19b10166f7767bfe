/* SPDX-License-Identifier: BSD-3-Clause */
/* run_input.h - p2pmpirun's standard input, on its way to rank 0 */
#ifndef P2PMPI_TOOLS_RUN_INPUT_H
#define P2PMPI_TOOLS_RUN_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;
struct run_input;

#define INPUT_WINDOW (256u << 10) /* bytes that rank 0's host has not acknowledged */

/* A piece at offset; end: nothing follows. */
typedef void (*run_input_send_fn)(uint64_t offset, const void *data, size_t size, bool end,
                                  void *arg);

/* fd is borrowed and never made non-blocking; one that is not open is an empty input. A terminal is
 * read only while p2pmpirun is in its foreground. Nothing is read before run_input_start(). */
struct run_input *run_input_create(struct event_base *base, int fd, run_input_send_fn send,
                                   void *arg);
void run_input_destroy(struct run_input *input);

void run_input_start(struct run_input *input);
void run_input_acked(struct run_input *input, uint64_t bytes); /* in all */
/* Sends again what was not acknowledged: the daemon forgot. */
void run_input_repeat(struct run_input *input);
/* SIGCONT came: we may be in the foreground now. */
void run_input_continue(struct run_input *input);

#endif
