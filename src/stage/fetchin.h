/* SPDX-License-Identifier: BSD-3-Clause */
/* fetchin.h - results, p2pmpirun's part: writes files of several hosts below one directory
 *
 * Nothing is written outside, no link is followed, a file appears when it is whole (temporary name,
 * rename). Only files that were asked for are taken. Two hosts with one path and the same content
 * made one file; with another content the second to be whole gets ".HOSTNAME" behind and a warning.
 */
#ifndef P2PMPI_STAGE_FETCHIN_H
#define P2PMPI_STAGE_FETCHIN_H

#include "base/err.h"
#include "wire/frame.h"

#include <stddef.h>
#include <stdint.h>

struct fetchin;

struct fetchin_calls {
    void (*ack)(void *arg, uint32_t host,
                uint64_t bytes); /* bytes taken in all from this host: JobFetchAck */
    void (*warn)(void *arg, const char *text);
    void *arg;
};

/* patterns: of --fetch, borrowed. */
struct fetchin *fetchin_create(const char *dir, char *const *patterns, size_t pattern_count,
                               const struct fetchin_calls *calls, struct err *err);
void fetchin_destroy(struct fetchin *fetchin); /* removes what is not whole */

/* host, and its name for suffixes and sentences. -1 with a sentence when the message is wrong or a
 * file cannot be written; the rest of that file is then dropped (still acknowledged), others go on.
 */
int fetchin_file(struct fetchin *fetchin, uint32_t host, const char *host_name,
                 const Wire__FetchFile *file, struct err *err);
int fetchin_data(struct fetchin *fetchin, uint32_t host, const Wire__FetchData *data,
                 struct err *err);

size_t fetchin_count(const struct fetchin *fetchin); /* files brought home whole */

#endif
