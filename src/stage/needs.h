/* SPDX-License-Identifier: BSD-3-Clause */
/* needs.h - what a program asks of a host that is to run it, and which libraries travel with it
 *
 * Never sent: the C library's family (it must fit the loader; the newest GLIBC_x.y asked for is
 * checked instead); Open MPI's and PMIx's families (all ranks of a job must use one series, with
 * the plug-ins of the host; the series is checked too) and what belongs to network cards and
 * graphics drivers: these the host must have. Everything else that the loader takes here may be
 * sent. What a program opens by itself (dlopen) is not seen: --preload-files brings it. */
#ifndef P2PMPI_STAGE_NEEDS_H
#define P2PMPI_STAGE_NEEDS_H

#include "base/err.h"
#include "stage/elf.h"
#include "wire/frame.h"

#include <stdbool.h>
#include <stddef.h>

struct needs_library {
    char *name;      /* as asked for: "libfoo.so.1" */
    char *path;      /* what the loader takes here, absolute */
    bool has_mpi;    /* asks for Open MPI itself */
    bool is_host;    /* each host must have its own: never sent */
    char *glibc;     /* newest GLIBC_x.y that it asks for, "" none */
    char **versions; /* symbol versions that the program or another library asks of it */
    size_t version_count;
};

struct needs {
    char *path;       /* of the program, absolute, links not resolved */
    bool is_in_place; /* an interpreter (python3, perl, sh, java ...): each host uses its own at
                         this path */
    char *arch, *glibc, *mpi; /* as in Wire__Needs; never NULL, "" is "any" or "none" */
    char *
        *interpreters; /* absolute paths that must exist; a name without "/" is looked up in PATH */
    size_t interpreter_count;
    struct needs_library *libraries;
    size_t library_count;
};

/* Finds the program as execvp() would: a name without "/" in the search path `path` (NULL:
 * environment's PATH), else relative to cwd. Returns its absolute path, or NULL with a sentence and
 * errno ENOENT or EACCES. */
char *needs_program(const char *name, const char *cwd, const char *path, struct err *err);

/* Reads the program at this absolute path and all its libraries; library_path as LD_LIBRARY_PATH,
 * or NULL. Returns NULL with a sentence: not executable, another architecture's or broken ELF file,
 * a library that is missing here (with its name and who asks for it). */
struct needs *needs_find(const char *program, const char *library_path, struct err *err);
void needs_destroy(struct needs *needs);

/* As a message, freed with message_free(). */
Wire__Needs *needs_wire(const struct needs *needs);

enum needs_kind { NEEDS_SENT, NEEDS_HOST, NEEDS_MPI, NEEDS_LIBC };
/* What is done about a library: may be sent; host's own; host's own and of Open MPI; C library, not
 * looked at. */
enum needs_kind needs_kind(const char *soname);

/* True when this program or library asks for a library of Open MPI. */
bool needs_has_mpi(const struct elf *elf);

/* Open MPI series by the file name that libmpi.so.40 resolves to. The libtool revision is set by
 * Open MPI's VERSION file: libmpi.so.40.10.x is 3.1, 40.20.x 4.0, 40.30.x 4.1, 40.40.x 5.0. "" when
 * it cannot be told. */
const char *needs_mpi_series(const char *resolved_path);

#endif
