/* SPDX-License-Identifier: BSD-3-Clause */
/* run_sink.h - bytes waiting to be written to a descriptor that others share, without ever blocking
 * on it */
#ifndef P2PMPI_TOOLS_RUN_SINK_H
#define P2PMPI_TOOLS_RUN_SINK_H

#include <stddef.h>
#include <stdint.h>

struct event_base;
struct run_sink;

struct run_sink_ops {
    void (*written)(uint64_t position, void *arg); /* so many bytes in all have left */
    void (*failed)(int error, void *arg); /* once; from here on bytes are dropped, as if written */
};

struct run_sink *run_sink_create(struct event_base *base, int fd, const struct run_sink_ops *ops,
                                 void *arg);
void run_sink_destroy(struct run_sink *sink);

/* Copies the bytes. Returns the position behind them, to be compared with written()'s. Written() is
 * called from the loop or from run_sink_push(). */
uint64_t run_sink_put(struct run_sink *sink, const void *data, size_t size);
void run_sink_push(struct run_sink *sink); /* writes what goes at once */
size_t run_sink_waiting(const struct run_sink *sink);

#endif
