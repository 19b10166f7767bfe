/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz-conf.c - configuration files: base/conf.h */
#include "config.h"
#include "test/fuzz/fuzz.h"

#include "base/conf.h"

#include <stdbool.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *string = NULL;
    uint32_t number = 0;
    bool flag = false;
    struct conf_list list = {NULL, 0};
    const struct conf_key keys[] = {{"name", CONF_STRING, &string, 0, 0},
                                    {"port", CONF_UINT, &number, 1, 65535},
                                    {"sandbox", CONF_BOOL, &flag, 0, 0},
                                    {"supernode", CONF_LIST, &list, 0, 0},
                                    {NULL, CONF_STRING, NULL, 0, 0}};
    struct err err;

    conf_read(fuzz_path(data, size), keys, &err);
    free(string);
    conf_list_clear(&list);
    return 0;
}
