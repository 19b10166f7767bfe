/* SPDX-License-Identifier: BSD-3-Clause */
/* elf.h - what an ELF file says about itself: machine, interpreter, libraries, symbol versions
 *
 * Reads ELF32 and ELF64, little-endian, through the program headers only, as the dynamic loader
 * does. The file may be hostile: every offset, length and count is checked against the file and
 * against a ceiling. */
#ifndef P2PMPI_STAGE_ELF_H
#define P2PMPI_STAGE_ELF_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_list {
    char **items;
    size_t count;
};

struct elf_version { /* "this object needs VERSION of the library FILE" */
    char *file;      /* "libc.so.6" */
    char *version;   /* "GLIBC_2.34" */
};

struct elf {
    bool is_program; /* may be executed: ET_EXEC, or position-independent with an interpreter or
                        DF_1_PIE */
    bool is_dynamic; /* has a dynamic section; false: linked statically */
    bool no_default_dirs; /* DF_1_NODEFLIB */
    unsigned bits;        /* 32 or 64 */
    char machine[16];  /* as uname -m: "x86_64", "aarch64"; "elf-N" for one that has no name here */
    char *interpreter; /* PT_INTERP; NULL: none */
    char *soname;      /* DT_SONAME or NULL */
    char *rpath, *runpath;     /* as written, with $ORIGIN; NULL: none */
    struct elf_list needed;    /* DT_NEEDED, in order */
    struct elf_list provides;  /* versions that it defines */
    struct elf_version *wants; /* versions that it needs of others */
    size_t want_count;
};

/* True when the file starts as an ELF file does. */
bool elf_is_magic(const void *bytes, size_t size);

/* Reads the open file (its position does not matter and stays). Returns an elf to be freed with
 * elf_destroy(), or NULL with a sentence that starts with name: "NAME is not ...". */
struct elf *elf_read_fd(int fd, const char *name, struct err *err);
/* The same by path. */
struct elf *elf_read(const char *path, struct err *err);
void elf_destroy(struct elf *elf);

/* Compares dotted numbers, "2.4" < "2.36" < "2.36.1": -1, 0, 1. What is not a number counts as 0.
 */
int elf_version_compare(const char *a, const char *b);

#endif
