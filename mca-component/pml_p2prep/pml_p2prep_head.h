/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_head.h - what stands before the bytes of a message, in the byte order of the job's one
 * architecture */
#ifndef PML_P2PREP_HEAD_H
#define PML_P2PREP_HEAD_H

#include <stdint.h>

enum p2prep_kind {
    P2PREP_EAGER = 1, /* a whole message: head, bytes */
    P2PREP_SYNC,     /* the same, and its sender wants to know of the match: envelope head, bytes */
    P2PREP_ENVELOPE, /* a large message is there: envelope head */
    P2PREP_CLEAR,    /* send it: clear head */
    P2PREP_BODY,     /* here it is (a transport's body): body head, bytes */
    P2PREP_FINISHED, /* a SYNC is matched, or we read an ENVELOPE's bytes ourselves: finished head
                      */
};

struct p2prep_head {
    uint8_t kind;
    uint8_t spare[3];
    uint32_t context; /* of the communicator */
    int32_t source;   /* the sender's rank there */
    int32_t tag;
};

struct p2prep_envelope_head {
    struct p2prep_head head;
    uint64_t length;
    uint64_t send_id;
    uint64_t address; /* where the bytes lie in the sender, all in a row; 0: they do not */
};

struct p2prep_clear_head {
    uint8_t kind;
    uint8_t spare[7];
    uint64_t send_id;
    uint64_t recv_id;
    uint64_t wanted; /* bytes, from the start */
};

struct p2prep_body_head {
    uint8_t kind;
    uint8_t spare[7];
    uint64_t recv_id;
};

struct p2prep_finished_head {
    uint8_t kind;
    uint8_t spare[7];
    uint64_t send_id;
};

#endif
