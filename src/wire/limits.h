/* SPDX-License-Identifier: BSD-3-Clause */
/* limits.h - the ceilings of what a stranger's message may contain, and the decoder that holds them */
#ifndef P2PMPI_WIRE_LIMITS_H
#define P2PMPI_WIRE_LIMITS_H

#include "base/err.h"

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

#define STRING_MAX (128u << 10)  /* bytes of any string (an argument or variable of a job is the longest) */
#define NAME_MAX_BYTES 255       /* host names, versions, job ids, ... are cut by their own checks */
#define LIST_MAX 65536           /* elements of any repeated field */
#define QUERY_MAX 1000           /* peers in one answer of a supernode */
#define UNPACK_FACTOR 24         /* memory of a decoded message: at most this times its bytes, plus 64 KiB */

/* Decodes any message of the schema within the ceilings. Freed with message_free(). NULL with a sentence. */
void *limits_unpack(const ProtobufCMessageDescriptor *type, const uint8_t *bytes, size_t size, struct err *err);

#endif
