/* SPDX-License-Identifier: BSD-3-Clause */
/* manifest.h - the list of files that a job may need on its hosts: program, libraries, inputs, with
 * hashes
 *
 * Used by p2pmpirun: create, add, hash, fill the JobSubmit. Nothing but names and hashes leaves
 * here; p2pmpid reads the content at File.origin when a host wants it (supply.h). */
#ifndef P2PMPI_STAGE_MANIFEST_H
#define P2PMPI_STAGE_MANIFEST_H

#include "base/err.h"
#include "wire/frame.h"

#include <stdbool.h>
#include <stdint.h>

struct manifest;

/* cwd: p2pmpirun's directory, absolute. */
struct manifest *manifest_create(const char *cwd);
void manifest_destroy(struct manifest *manifest);

/* Finds argv[0] (needs_program) and adds it with its libraries. Once per manifest. -1 with a
 * sentence; errno ENOENT or EACCES when there is no such program or it is not executable
 * (p2pmpirun's exit code 132). */
int manifest_add_program(struct manifest *manifest, const char *name, struct err *err);

/* Adds a file, or a directory with all below it. A file below cwd keeps its relative path in the
 * job's directory, another gets its base name. The same file twice is one; two files with one
 * destination, and what is neither file nor directory, are refused. */
int manifest_add_input(struct manifest *manifest, const char *path, struct err *err);

/* "a,b,dir" as in --preload-files. */
int manifest_add_inputs(struct manifest *manifest, const char *names, struct err *err);

/* A list file (-l): a path per line, "#" comments, optional " cache" behind it (kept in the hosts'
 * stores, which is what happens anyway). Paths are relative to cwd. The sentence names file and
 * line. */
int manifest_add_list(struct manifest *manifest, const char *list_file, struct err *err);

/* Reads every file and fills the hashes; progress (may be NULL) is called now and then, and ends
 * the work with -1 and errno ECANCELED when it returns false. */
typedef bool manifest_progress_fn(void *arg, uint64_t done, uint64_t total);
int manifest_hash(struct manifest *manifest, manifest_progress_fn *progress, void *arg,
                  struct err *err);

/* Points submit's files, needs and program at the manifest's: borrowed, the manifest must outlive
 * submit. submit->program is the program's name in the job's bin/, "" for an interpreter that hosts
 * have themselves. */
void manifest_fill(struct manifest *manifest, Wire__JobSubmit *submit);

/* What argv[0] is to be when submit->program is "": an interpreter's absolute path, or its bare
 * name when it was typed so (each host looks in its own PATH). Else the program's absolute path
 * here. */
const char *manifest_program(const struct manifest *manifest);
uint64_t manifest_bytes(const struct manifest *manifest); /* of all files together */

#endif
