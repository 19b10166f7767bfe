/* SPDX-License-Identifier: BSD-3-Clause */
/* frame.c - a message on a stream: 4 bytes of length, big-endian, then an encoded wire.Frame */
#include "config.h"
#include "wire/frame.h"

#include "wire/limits.h"

#include <stdlib.h>

static uint8_t *pack(const ProtobufCMessage *message, size_t head, size_t *size_out)
{
    size_t size = protobuf_c_message_get_packed_size(message);

    if (size > FRAME_MAX || (head > 0 && size == 0))
        return NULL;
    uint8_t *bytes = malloc(head + size + 1);
    if (bytes == NULL)
        return NULL;
    protobuf_c_message_pack(message, bytes + head);
    *size_out = head + size;
    return bytes;
}

uint8_t *frame_pack(const Wire__Frame *frame, size_t *size_out)
{
    uint8_t *bytes = pack(&frame->base, FRAME_HEAD, size_out);

    if (bytes == NULL)
        return NULL;
    size_t size = *size_out - FRAME_HEAD;
    for (int i = 0; i < FRAME_HEAD; i++)
        bytes[i] = (uint8_t)(size >> 8 * (FRAME_HEAD - 1 - i));
    return bytes;
}

int64_t frame_length(const uint8_t head[FRAME_HEAD])
{
    uint32_t length = (uint32_t)head[0] << 24 | (uint32_t)head[1] << 16 | (uint32_t)head[2] << 8 | head[3];

    return length == 0 || length > FRAME_MAX ? -1 : (int64_t)length;
}

Wire__Frame *frame_unpack(const uint8_t *bytes, size_t size, struct err *err)
{
    return limits_unpack(&wire__frame__descriptor, bytes, size, err);
}

void frame_free(Wire__Frame *frame)
{
    message_free(frame);
}

uint8_t *step_pack(const Wire__Step *step, size_t *size_out)
{
    return pack(&step->base, 0, size_out);
}

Wire__Step *step_unpack(const uint8_t *bytes, size_t size, struct err *err)
{
    return limits_unpack(&wire__step__descriptor, bytes, size, err);
}

void step_free(Wire__Step *step)
{
    message_free(step);
}

uint8_t *spec_pack(const Wire__JobSpec *spec, size_t *size_out)
{
    return pack(&spec->base, 0, size_out);
}

Wire__JobSpec *spec_unpack(const uint8_t *bytes, size_t size, struct err *err)
{
    return limits_unpack(&wire__job_spec__descriptor, bytes, size, err);
}

/* Without the ceilings of limits.h: a message that passed them can be smaller or longer when it is encoded again. */
void *message_copy(const ProtobufCMessage *message)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = malloc(size + 1);

    if (bytes == NULL)
        abort();
    protobuf_c_message_pack(message, bytes);
    void *copy = protobuf_c_message_unpack(message->descriptor, NULL, size, bytes);
    free(bytes);
    if (copy == NULL)
        abort();
    return copy;
}

void message_free(void *message)
{
    if (message != NULL)
        protobuf_c_message_free_unpacked(message, NULL);
}

const char *frame_name(const Wire__Frame *frame)
{
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field(&wire__frame__descriptor, frame->body_case);

    return field != NULL ? field->name : "unknown";
}
