/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz.c - what fuzz targets share */
#include "config.h"
#include "test/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int fuzz_file(const uint8_t *data, size_t size)
{
    static int file = -1; /* global: a fuzz target has no state of its own */

    if (file < 0)
        file = memfd_create("fuzz", MFD_CLOEXEC);
    if (file < 0 || ftruncate(file, 0) < 0 || pwrite(file, data, size, 0) != (ssize_t)size)
        abort();
    lseek(file, 0, SEEK_SET);
    return file;
}

const char *fuzz_path(const uint8_t *data, size_t size)
{
    static char path[64];

    snprintf(path, sizeof path, "/proc/self/fd/%d", fuzz_file(data, size));
    return path;
}

char *fuzz_string(const uint8_t *data, size_t size)
{
    return strndup((const char *)data, size < 65536 ? size : 65536);
}
