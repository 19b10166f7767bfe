/* SPDX-License-Identifier: BSD-3-Clause */
/* tool_asker.h - a tool's connection to this owner's p2pmpid */
#ifndef P2PMPI_TOOLS_TOOL_ASKER_H
#define P2PMPI_TOOLS_TOOL_ASKER_H

#include "base/err.h"
#include "wire/frame.h"

#include <stdbool.h>
#include <sys/types.h>

/* Path of the daemon's socket; the caller frees. NULL with a sentence when there is no place for
 * it. */
char *asker_path(struct err *err);

/* A connected descriptor. -1: errno is ENOENT or ECONNREFUSED when no daemon runs; the sentence
 * says so. */
int asker_fd(const char *path, struct err *err);

/* The sentence for a daemon of another version, with what to do. pid 0: not known. Returns -1. */
int asker_other_version(pid_t pid, const char *why, struct err *err);

/* ---- questions of the small tools: connect, ask, hear the answers, all within timeout_ms. */
struct asker;

/* Connects and exchanges Hello. program: the tool's name. NULL with a sentence, errno as
 * asker_fd(). */
struct asker *asker_create(const char *program, unsigned timeout_ms, struct err *err);
void asker_destroy(struct asker *asker);

/* Sends question (its id is set here) and hands every answer to answer() until that returns false.
 * Returns 0, or -1 with a sentence: an Error, a broken link, ETIMEDOUT. */
typedef bool asker_answer_fn(const Wire__Frame *frame, void *arg);
int asker_ask(struct asker *asker, Wire__Frame *question, unsigned timeout_ms,
              asker_answer_fn *answer, void *arg, struct err *err);

/* Waits until the daemon closes the link. -1: it did not within timeout_ms. */
int asker_wait_closed(struct asker *asker, unsigned timeout_ms);
pid_t asker_pid(const struct asker *asker); /* of the daemon */

#endif
