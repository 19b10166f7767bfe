/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz-hostport.c - "host:port" as people write it: net/hostport.h */
#include "config.h"
#include "test/fuzz/fuzz.h"

#include "net/hostport.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_string(data, size);
    struct hostport at;
    struct err err;

    hostport_parse(text, PORT_PEER, &at, &err);
    free(text);
    return 0;
}
