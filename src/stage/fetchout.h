/* SPDX-License-Identifier: BSD-3-Clause */
/* fetchout.h - results, the host's part: finds files that ranks made or changed and sends them home
 *
 * DIR/staged (staged.h) tells what lay in DIR/work before the ranks started; pattern.h which files
 * are meant. Links are not followed. Frames: FetchFile, its FetchData, ..., FetchEnd.
 * FetchData.data is a zstd frame of at most PIECE_MAX bytes, empty for an empty file. FetchAck
 * counts the bytes before compression, and FETCH_FILE_BYTES more for each file: many small files
 * are held back too. */
#ifndef P2PMPI_STAGE_FETCHOUT_H
#define P2PMPI_STAGE_FETCHOUT_H

#include "wire/frame.h"

#include <stdbool.h>

#define FETCH_WINDOW     (2u << 20) /* bytes on the way, not acknowledged */
#define FETCH_FILE_BYTES 1024

struct fetchout;

struct fetchout_calls {
    void (*send)(void *arg, const Wire__Frame *frame); /* to the home; borrowed for the call */
    void *arg;
};

/* dir: the job's directory. Must not be destroyed inside send(). */
struct fetchout *fetchout_create(const char *dir, const Wire__FetchRequest *request,
                                 const struct fetchout_calls *calls);
void fetchout_destroy(struct fetchout *fetchout);

void fetchout_ack(struct fetchout *fetchout, uint64_t bytes);
/* Sends a piece or looks at some files. True: call again soon; false: waits for an ack, or FetchEnd
 * was sent. */
bool fetchout_work(struct fetchout *fetchout);
bool fetchout_is_done(const struct fetchout *fetchout);

#endif
