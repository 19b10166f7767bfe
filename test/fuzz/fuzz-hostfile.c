/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz-hostfile.c - host files and --host lists: tools/run_list.h */
#include "config.h"
#include "test/fuzz/fuzz.h"

#include "tools/run_list.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_string(data, size);
    struct run_hosts list = {NULL, 0};
    struct err err;

    run_hosts_read(&list, fuzz_path(data, size), &err);
    run_hosts_add(&list, text, &err);
    run_hosts_clear(&list);
    free(text);
    return 0;
}
