/* SPDX-License-Identifier: BSD-3-Clause */
/* fetchout.h - results, the host's part: finds files that ranks made or changed and sends them home
 *
 * DIR/staged (written by intake) tells what lay in DIR/work before the ranks started. Links are not followed.
 * A pattern (fnmatch(3)) is tried on the path below work/, on each directory above the file and on the base
 * name: "*.ppm", "out/run-1", "out". Frames: FetchFile, its FetchData, ..., FetchEnd. FetchData.data is a zstd
 * frame of at most PIECE_MAX bytes; FetchAck counts the bytes before compression. */
#ifndef P2PMPI_STAGE_FETCHOUT_H
#define P2PMPI_STAGE_FETCHOUT_H

#include "wire/frame.h"

#include <stdbool.h>

#define FETCH_WINDOW (2u << 20) /* bytes on the way, not acknowledged */

struct fetchout;

struct fetchout_calls {
    void (*send)(void *arg, const Wire__Frame *frame); /* to the home; borrowed for the call */
    void *arg;
};

/* dir: the job's directory. */
struct fetchout *fetchout_create(const char *dir, const Wire__FetchRequest *request, const struct fetchout_calls *calls);
void fetchout_destroy(struct fetchout *fetchout);

void fetchout_ack(struct fetchout *fetchout, uint64_t bytes);
/* Sends a piece or looks at some files. True: call again soon; false: waits for an ack, or FetchEnd was sent. */
bool fetchout_work(struct fetchout *fetchout);
bool fetchout_is_done(const struct fetchout *fetchout);

#endif
