/* SPDX-License-Identifier: BSD-3-Clause */
/* joinframe.c - the one frame of fixed size that a stranger may send to a supernode, and its answer
 */
#include "config.h"
#include "wire/joinframe.h"

#include <string.h>

static const uint8_t magic[4] = {'P', '2', 'P', 'J'};

static void put_u32(uint8_t *out, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> 8 * (3 - i));
}

static uint32_t get_u32(const uint8_t *in)
{
    return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}

void joinframe_encode(const struct joinframe *frame, uint8_t out[JOIN_FRAME_SIZE])
{
    memcpy(out, magic, sizeof magic);
    put_u32(out + 4, JOIN_VERSION);
    memcpy(out + 8, frame->key, JOIN_KEY_SIZE);
    memcpy(out + 8 + JOIN_KEY_SIZE, frame->mac, JOIN_MAC_SIZE);
}

enum join_code joinframe_decode(const uint8_t in[JOIN_FRAME_SIZE], struct joinframe *frame_out)
{
    if (memcmp(in, magic, sizeof magic) != 0)
        return JOIN_BAD_FRAME;
    frame_out->version = get_u32(in + 4);
    if (frame_out->version != JOIN_VERSION)
        return JOIN_BAD_VERSION;
    memcpy(frame_out->key, in + 8, JOIN_KEY_SIZE);
    memcpy(frame_out->mac, in + 8 + JOIN_KEY_SIZE, JOIN_MAC_SIZE);
    return JOIN_OK;
}

void joinanswer_encode(enum join_code code, uint32_t number, uint8_t out[JOIN_ANSWER_HEAD])
{
    out[0] = (uint8_t)code;
    put_u32(out + 1, number);
}

int joinanswer_decode(const uint8_t in[JOIN_ANSWER_HEAD], enum join_code *code_out,
                      uint32_t *number_out)
{
    uint32_t number = get_u32(in + 1);

    if (in[0] != JOIN_BAD_VERSION &&
        (number > JOIN_CHAIN_MAX || (number > 0) != (in[0] == JOIN_OK)))
        return -1;
    *code_out = (enum join_code)in[0];
    *number_out = number;
    return 0;
}
