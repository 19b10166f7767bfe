/* SPDX-License-Identifier: BSD-3-Clause */
/* joinframe.h - the one frame of fixed size that a stranger may send to a supernode, and its answer
 *
 *     frame:   "P2PJ" | version, 4 bytes | public key, 32 bytes | HMAC-SHA256, 32 bytes
 *     answer:  code, 1 byte | length of the chain, 4 bytes | the chain (length 0 unless the code is
 * 0) Numbers are big-endian. What the HMAC covers: net/join.h. */
#ifndef P2PMPI_WIRE_JOINFRAME_H
#define P2PMPI_WIRE_JOINFRAME_H

#include <stddef.h>
#include <stdint.h>

#define JOIN_VERSION     1
#define JOIN_KEY_SIZE    32
#define JOIN_MAC_SIZE    32
#define JOIN_FRAME_SIZE  (4 + 4 + JOIN_KEY_SIZE + JOIN_MAC_SIZE)
#define JOIN_ANSWER_HEAD 5
#define JOIN_CHAIN_MAX   8192

enum join_code {
    JOIN_OK = 0,
    JOIN_BAD_FRAME = 1,   /* not of this protocol */
    JOIN_BAD_VERSION = 2, /* another version of it */
    JOIN_BAD_SECRET = 3,  /* key or HMAC do not fit */
    JOIN_FAILED = 4,      /* the supernode's own trouble */
};

struct joinframe {
    uint8_t key[JOIN_KEY_SIZE];
    uint8_t mac[JOIN_MAC_SIZE];
};

void joinframe_encode(const struct joinframe *frame, uint8_t out[JOIN_FRAME_SIZE]);
/* JOIN_OK, JOIN_BAD_FRAME or JOIN_BAD_VERSION. */
enum join_code joinframe_decode(const uint8_t in[JOIN_FRAME_SIZE], struct joinframe *frame_out);

void joinanswer_encode(enum join_code code, uint32_t length, uint8_t out[JOIN_ANSWER_HEAD]);
/* Returns 0, or -1 for a length that does not fit the code or JOIN_CHAIN_MAX. */
int joinanswer_decode(const uint8_t in[JOIN_ANSWER_HEAD], enum join_code *code_out,
                      uint32_t *length_out);

#endif
