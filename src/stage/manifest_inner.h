/* SPDX-License-Identifier: BSD-3-Clause */
/* manifest_inner.h - what the files of the manifest share */
#ifndef P2PMPI_STAGE_MANIFEST_INNER_H
#define P2PMPI_STAGE_MANIFEST_INNER_H

#include "stage/manifest.h"

#include <sys/stat.h>
#include <uthash.h>

struct destination { /* index of what lies where on the host: "bin/x", "lib/x", "work/x" */
    char *key;
    Wire__File *file; /* borrowed */
    UT_hash_handle hh;
};

struct manifest {
    char *cwd, *real_cwd;
    Wire__File **files;
    size_t count;
    struct destination *destinations;
    Wire__Needs *needs;
    char *program; /* absolute */
    char *name;    /* in bin/; "" */
};

/* One file, to lie at path in the folder of its kind. *file_out: the new file; NULL when the very
 * same one is there already. */
int manifest_add_file(struct manifest *manifest, Wire__FileKind kind, const char *path,
                      const char *origin, const struct stat *st, Wire__File **file_out,
                      struct err *err);

#endif
