/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz-frame.c - frames from any link: wire/frame.h */
#include "config.h"
#include "test/fuzz/fuzz.h"

#include "wire/frame.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err;
    size_t packed_size;

    if (size >= FRAME_HEAD)
        frame_length(data);
    Wire__Frame *frame = frame_unpack(data, size, &err);
    if (frame == NULL)
        return 0;
    frame_name(frame);
    message_free(message_copy(&frame->base)); /* what was decoded can be kept ... */
    free(frame_pack(frame, &packed_size));    /* ... and passed on */
    frame_free(frame);
    return 0;
}
