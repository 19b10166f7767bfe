/* SPDX-License-Identifier: BSD-3-Clause */
/* joinframe.h - the one frame of fixed size that a stranger may send to a supernode, and its answer
 *
 *     frame:   "P2PJ" | version, 4 bytes | public key, 32 bytes | HMAC-SHA256, 32 bytes
 *     answer:  code, 1 byte | number, 4 bytes | the chain
 *
 * The number is the length of the chain with JOIN_OK, who answers's version with JOIN_BAD_VERSION
 * (0: not told), else 0. Numbers are big-endian. What the HMAC covers: net/join.h. */
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
    uint32_t version; /* of who sent it; joinframe_encode() writes ours */
    uint8_t key[JOIN_KEY_SIZE];
    uint8_t mac[JOIN_MAC_SIZE];
};

void joinframe_encode(const struct joinframe *frame, uint8_t out[JOIN_FRAME_SIZE]);
/* JOIN_OK, JOIN_BAD_FRAME or JOIN_BAD_VERSION, which fills the version alone. */
enum join_code joinframe_decode(const uint8_t in[JOIN_FRAME_SIZE], struct joinframe *frame_out);

void joinanswer_encode(enum join_code code, uint32_t number, uint8_t out[JOIN_ANSWER_HEAD]);
/* Returns 0, or -1 for a number that does not fit the code or JOIN_CHAIN_MAX. */
int joinanswer_decode(const uint8_t in[JOIN_ANSWER_HEAD], enum join_code *code_out,
                      uint32_t *number_out);

#endif
