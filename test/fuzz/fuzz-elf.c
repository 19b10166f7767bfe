/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz-elf.c - programs and libraries, hostile ones too: stage/elf.h */
#include "config.h"
#include "test/fuzz/fuzz.h"

#include "stage/elf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err;

    elf_is_magic(data, size);
    elf_destroy(elf_read_fd(fuzz_file(data, size), "input", &err));
    return 0;
}
