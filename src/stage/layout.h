/* SPDX-License-Identifier: BSD-3-Clause */
/* layout.h - the directory of a job before its ranks start: bin/, lib/, work/ and the list "staged"
 */
#ifndef P2PMPI_STAGE_LAYOUT_H
#define P2PMPI_STAGE_LAYOUT_H

#include "base/err.h"
#include "stage/store.h"
#include "wire/frame.h"

#include <stdbool.h>
#include <stddef.h>

enum layout_source {
    LAYOUT_NOTHING = 1, /* a directory, or an empty file */
    LAYOUT_HOST,        /* a library that the loader finds on the host: nothing to do */
    LAYOUT_PLACE,       /* the same content at File.origin on this host */
    LAYOUT_STORE,       /* held in the store */
};

struct layout;

/* Makes bin/, lib/ and work/ anew below dir (absolute). store is borrowed. NULL with a sentence. */
struct layout *layout_begin(struct store *store, const char *dir, struct err *err);
void layout_destroy(struct layout *layout); /* leaves the directory as it is */

/* Puts one file where it belongs. 0: done; 1: call again with the same file (about budget bytes
 * were copied); -1 with a sentence. */
int layout_file(struct layout *layout, const Wire__File *file, enum layout_source source,
                size_t budget, struct err *err);
/* Writes the list of inputs (staged.h) and closes what was open. 0, or -1 with a sentence. */
int layout_end(struct layout *layout, struct err *err);

/* Absolute path to exec; NULL: no program was among the files. Borrowed. */
const char *layout_program(const struct layout *layout);
bool layout_has_libraries(const struct layout *layout); /* in lib/ */

#endif
