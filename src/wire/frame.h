/* SPDX-License-Identifier: BSD-3-Clause */
/* frame.h - a message on a stream: 4 bytes of length, big-endian, then an encoded wire.Frame
 *
 * wire.proto is the schema and "wire/wire.pb-c.h" its C structs (protobuf-c): Wire__Frame,
 * Wire__Hello, ... Everything that comes from a socket is decoded by this room and nowhere else;
 * every decoder here refuses what is too long, too deep or too costly in memory (limits.h) before
 * the caller sees it. */
#ifndef P2PMPI_WIRE_FRAME_H
#define P2PMPI_WIRE_FRAME_H

#include "base/err.h"
#include "wire/wire.pb-c.h"

#include <stddef.h>
#include <stdint.h>

#define PROTOCOL_VERSION 2
#define FRAME_HEAD       4            /* bytes in front of a frame */
#define FRAME_MAX        (8u << 20)   /* bytes of one encoded frame, without its head */
#define PIECE_MAX        (256u << 10) /* bytes of bulk data in one frame: output, input, files */
#define HOME_HOST        (-1)         /* Route.src / dst of a job's home */

/* Encodes head and frame. Returns malloc()ed bytes, *size_out of them; NULL when the frame would be
 * longer than FRAME_MAX. */
uint8_t *frame_pack(const Wire__Frame *frame, size_t *size_out);

/* Length of the frame that follows this head, or -1 if it is 0 or above FRAME_MAX. */
int64_t frame_length(const uint8_t head[FRAME_HEAD]);

/* Decodes size bytes (without head). Returns a frame to be freed with frame_free(), or NULL with a
 * sentence. A frame whose body is not known here (a newer sender) is returned with body_case 0. */
Wire__Frame *frame_unpack(const uint8_t *bytes, size_t size, struct err *err);
void frame_free(Wire__Frame *frame);

/* The same for the body of a Route, and for a JobSpec (StepAttach.spec). */
uint8_t *step_pack(const Wire__Step *step, size_t *size_out);
Wire__Step *step_unpack(const uint8_t *bytes, size_t size, struct err *err);
void step_free(Wire__Step *step);
uint8_t *spec_pack(const Wire__JobSpec *spec, size_t *size_out);
Wire__JobSpec *spec_unpack(const uint8_t *bytes, size_t size,
                           struct err *err); /* freed by message_free() */

/* A deep copy of any message of ours, freed with message_free(). The original must be well-formed.
 */
void *message_copy(const ProtobufCMessage *message);
void message_free(void *message);

/* Name of the frame's body as in the schema ("hello"), for log lines; "unknown" for 0. */
const char *frame_name(const Wire__Frame *frame);

#endif
