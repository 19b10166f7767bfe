/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz-join.c - the one frame that a stranger may send, and its answer: wire/joinframe.h */
#include "config.h"
#include "test/fuzz/fuzz.h"

#include "wire/joinframe.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t again[JOIN_FRAME_SIZE];
    struct joinframe frame;
    enum join_code code;
    uint32_t length;

    if (size >= JOIN_FRAME_SIZE && joinframe_decode(data, &frame) == JOIN_OK) {
        joinframe_encode(&frame, again);
        if (memcmp(again, data, JOIN_FRAME_SIZE) != 0)
            __builtin_trap();
    }
    if (size >= JOIN_ANSWER_HEAD && joinanswer_decode(data, &code, &length) == 0 &&
        code != JOIN_BAD_VERSION && length > JOIN_CHAIN_MAX)
        __builtin_trap();
    return 0;
}
