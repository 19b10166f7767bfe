/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz-beat.c - the datagram of a job's daemons, wire/beat.h: what is decoded is encoded the same
 */
#include "config.h"
#include "test/fuzz/fuzz.h"

#include "wire/beat.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t again[BEAT_SIZE];
    struct beat beat;

    if (beat_decode(data, size, &beat) < 0)
        return 0;
    beat_encode(&beat, again);
    if (memcmp(again, data, BEAT_TEXT) != 0 || beat.kind >= BEAT_KINDS)
        __builtin_trap();
    return 0;
}
