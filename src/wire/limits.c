/* SPDX-License-Identifier: BSD-3-Clause */
/* limits.c - the ceilings of what a stranger's message may contain, and the decoder that holds them
 *
 * protobuf-c sizes its structs by the schema, not by the bytes that came: a few bytes per empty element can
 * ask for a hundred times their size. So it allocates through a purse that is empty in time. */
#include "config.h"
#include "wire/limits.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct purse {
    size_t left;
    bool empty;
};

static void *purse_alloc(void *arg, size_t size)
{
    struct purse *purse = arg;

    if (size > purse->left) {
        purse->empty = true;
        return NULL;
    }
    purse->left -= size;
    return malloc(size);
}

static void purse_free(void *arg, void *block)
{
    (void)arg;
    free(block);
}

static bool is_within(const ProtobufCMessage *message);

static bool is_value_within(const ProtobufCFieldDescriptor *field, const void *value)
{
    if (field->type == PROTOBUF_C_TYPE_STRING) {
        const char *text = *(char *const *)value;
        return text == NULL || strlen(text) <= STRING_MAX;
    }
    if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        const ProtobufCMessage *inner = *(ProtobufCMessage *const *)value;
        return inner == NULL || is_within(inner);
    }
    return true;
}

static bool is_field_within(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    const char *base = (const char *)message;

    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 &&
        *(const uint32_t *)(base + field->quantifier_offset) != field->id)
        return true;
    if (field->label != PROTOBUF_C_LABEL_REPEATED)
        return is_value_within(field, base + field->offset);
    size_t count = *(const size_t *)(base + field->quantifier_offset);
    if (count > LIST_MAX)
        return false;
    if (field->type != PROTOBUF_C_TYPE_STRING && field->type != PROTOBUF_C_TYPE_MESSAGE)
        return true;
    char *const *list = *(char *const *const *)(base + field->offset);
    for (size_t i = 0; i < count; i++)
        if (!is_value_within(field, &list[i]))
            return false;
    return true;
}

/* protobuf-c takes a field of number 0 (which cannot be) for unknown, and then fails to read what it wrote. */
static bool has_field_zero(const ProtobufCMessage *message)
{
    for (unsigned i = 0; i < message->n_unknown_fields; i++)
        if (message->unknown_fields[i].tag == 0)
            return true;
    return false;
}

static bool is_within(const ProtobufCMessage *message)
{
    const ProtobufCMessageDescriptor *type = message->descriptor;

    if (has_field_zero(message))
        return false;
    for (unsigned i = 0; i < type->n_fields; i++)
        if (!is_field_within(message, &type->fields[i]))
            return false;
    return true;
}

void *limits_unpack(const ProtobufCMessageDescriptor *type, const uint8_t *bytes, size_t size, struct err *err)
{
    struct purse purse = {size * UNPACK_FACTOR + (64u << 10), false};
    ProtobufCAllocator allocator = {purse_alloc, purse_free, &purse};

    ProtobufCMessage *message = protobuf_c_message_unpack(type, &allocator, size, bytes);
    if (message == NULL) {
        err_set(err, "a message that %s", purse.empty ? "wants too much memory" : "is not of the protocol");
        return NULL;
    }
    if (!is_within(message)) {
        protobuf_c_message_free_unpacked(message, NULL);
        err_set(err, "a message with a string or list that is too long, or a field that cannot be");
        return NULL;
    }
    return message;
}
