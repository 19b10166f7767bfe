/* SPDX-License-Identifier: BSD-3-Clause */
/* log.h - what a daemon tells its owner: one line per event, "event name=value name=value" */
#ifndef P2PMPI_BASE_LOG_H
#define P2PMPI_BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Starts logging to path (appended), or to standard error when path is NULL. program is borrowed and
 * stands in every line. Before this call warnings and errors go to standard error. Returns 0, or -1 with
 * errno when the file cannot be opened. A mutable global lives behind this module: a log has one place. */
int log_open(const char *program, enum log_level level, const char *path);
void log_close(void);
void log_set_level(enum log_level level);

/* Reads "error", "warning", "info", "debug". Returns 0, or -1 when name is none of them. */
int log_level_parse(const char *name, enum log_level *level_out);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* For events that a stranger can provoke: true at most `burst` times per `window_ms`, counted in the
 * caller's static struct. */
struct log_limit {
    long long window_start_ms;
    unsigned count;
};
bool log_allowed(struct log_limit *limit, unsigned burst, unsigned window_ms, long long now_ms);

#endif
