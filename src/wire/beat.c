/* SPDX-License-Identifier: BSD-3-Clause */
/* beat.c - the datagram by which a job's daemons know each other alive */
#include "config.h"
#include "wire/beat.h"

#include <string.h>

static const uint8_t magic[3] = {'P', 'B', BEAT_VERSION};

static uint8_t *put(uint8_t *out, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        out[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
    return out + bytes;
}

static uint64_t get(const uint8_t **in, int bytes)
{
    uint64_t value = 0;

    for (int i = 0; i < bytes; i++)
        value = value << 8 | *(*in)++;
    return value;
}

void beat_encode(const struct beat *beat, uint8_t out[BEAT_SIZE])
{
    memcpy(out, magic, sizeof magic);
    out[3] = (uint8_t)beat->kind;
    memcpy(out + 4, beat->job, BEAT_JOB_SIZE);
    uint8_t *next = out + 4 + BEAT_JOB_SIZE;

    next = put(next, beat->from, 2);
    next = put(next, beat->to, 2);
    next = put(next, beat->subject, 2);
    next = put(next, 0, 2);
    next = put(next, beat->number, 8);
    next = put(next, beat->view, 4);
    next = put(next, beat->stamp, 4);
    next = put(next, beat->echo, 4);
    put(next, beat->hold, 4);
}

const uint8_t *beat_job(const uint8_t *bytes, size_t size)
{
    if (size != BEAT_SIZE || memcmp(bytes, magic, sizeof magic) != 0)
        return NULL;
    return bytes + 4;
}

int beat_decode(const uint8_t *bytes, size_t size, struct beat *beat_out)
{
    const uint8_t *next = beat_job(bytes, size);

    if (next == NULL || bytes[3] >= BEAT_KINDS)
        return -1;
    beat_out->kind = (enum beat_kind)bytes[3];
    memcpy(beat_out->job, next, BEAT_JOB_SIZE);
    next += BEAT_JOB_SIZE;
    beat_out->from = (uint16_t)get(&next, 2);
    beat_out->to = (uint16_t)get(&next, 2);
    beat_out->subject = (uint16_t)get(&next, 2);
    if (get(&next, 2) != 0)
        return -1;
    beat_out->number = get(&next, 8);
    beat_out->view = (uint32_t)get(&next, 4);
    beat_out->stamp = (uint32_t)get(&next, 4);
    beat_out->echo = (uint32_t)get(&next, 4);
    beat_out->hold = (uint32_t)get(&next, 4);
    return 0;
}
