/* SPDX-License-Identifier: BSD-3-Clause */
/* scratch.h - a directory of the test's own, files in it, and ELF files made by hand */
#ifndef P2PMPI_TEST_SCRATCH_H
#define P2PMPI_TEST_SCRATCH_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* cmocka set-up and tear-down of a test or group: *state is the directory's path. */
int scratch_make(void **state);
int scratch_remove(void **state);

/* DIR/name, allocated. */
char *scratch_path(void **state, const char *name);
/* Writes DIR/name (directories made), returns its path, allocated. */
char *scratch_write(void **state, const char *name, const void *bytes, size_t size, mode_t mode);
char *scratch_text(void **state, const char *name, const char *text);
/* Whole content, or NULL when there is no such file. */
char *scratch_read(const char *path, size_t *size_out);
/* Bytes that do not shrink (of a seed), and their SHA-256. */
void scratch_fill(uint8_t *bytes, size_t size, uint64_t seed);
void scratch_hash(const void *bytes, size_t size, uint8_t out[32]);

#define ELF_MADE_MAX  4096
#define ELF_MADE_LIST 4

struct elf_made {           /* what an ELF64 file shall say; empty parts are left out */
    uint16_t type, machine; /* 0: ET_EXEC, EM_X86_64 */
    const char *interpreter, *soname, *rpath, *runpath;
    const char *needed[ELF_MADE_LIST];
    const char *wants[ELF_MADE_LIST][2]; /* library, version */
    const char *provides[ELF_MADE_LIST];
    const char *filler; /* makes one content differ from another */
};

size_t elf_make(const struct elf_made *made, uint8_t out[ELF_MADE_MAX]);
char *scratch_elf(void **state, const char *name, const struct elf_made *made);

#endif
