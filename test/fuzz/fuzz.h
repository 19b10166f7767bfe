/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz.h - what fuzz targets share
 *
 * A target is a file with LLVMFuzzerTestOneInput(). `make check` links it with replay.c, which
 * feeds it the corpus; `make fuzz` with libFuzzer. It must not crash, leak or hang, whatever the
 * bytes. */
#ifndef P2PMPI_TEST_FUZZ_H
#define P2PMPI_TEST_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The bytes as an open file, for readers that want one; and its path. The same file for each input.
 */
int fuzz_file(const uint8_t *data, size_t size);
const char *fuzz_path(const uint8_t *data, size_t size);

/* The bytes as a string: cut at 64 KiB and at a NUL. The caller frees. */
char *fuzz_string(const uint8_t *data, size_t size);

#endif
