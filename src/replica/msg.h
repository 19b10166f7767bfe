/* SPDX-License-Identifier: BSD-3-Clause */
/* msg.h - what replica engines say to each other: one fixed header, then bytes for EAGER and DATA
 *
 * Native byte order: the hosts of one job have one architecture. A stream is named by cid, the
 * class of tag (all tags >= 0 are one class, each negative tag is its own) and the logical sender
 * and receiver; both follow from who sends the header to whom, but for NOTE_*, which carry the
 * receiver in rank. Who sends them is of the job: fields are checked where a wrong one would touch
 * memory, but streams, early PULLs and envelopes ahead of their turn are as many as the others
 * like. */
#ifndef P2PMPI_REPLICA_MSG_H
#define P2PMPI_REPLICA_MSG_H

#include <stdint.h>

enum replica_kind {
    REPLICA_EAGER = 1, /* sender to receiver: envelope and body */
    REPLICA_ANNOUNCE,  /* ... envelope; the body waits for PULL. body: its address in the sender,
                        * good  until BODY; 0: none */
    REPLICA_DATA,      /* ... a piece of body `body` from `offset` on */
    REPLICA_PULL,      /* receiver to its source: body of seq from `offset` on, into `body` */
    REPLICA_ACK,       /* ... envelopes up to seq are here; hash is the stream's up to there */
    REPLICA_BODY,      /* ... body of `length` (a sequence number) is here; and as ACK */
    REPLICA_LACK,      /* ... seq was announced although small: its body is not here yet */
    REPLICA_WANT, /* sender to receiver: acknowledge, take in bodies of small ones; or sibling to
                   * sibling: pass that on to replica `set` of `rank` */
    REPLICA_NOTE_ACK, /* sibling to sibling: ACK, BODY, LACK, CLAIM of replica `set` of rank `rank`
                       */
    REPLICA_NOTE_BODY,
    REPLICA_NOTE_LACK,
    REPLICA_NOTE_CLAIM,
    REPLICA_CLAIM_BODY,   /* receiver to substitute: body of seq is not here */
    REPLICA_CLAIM,        /* ... after these: seq is the stream's last envelope here, with its hash;
                           * bodies up to there are here but for those named before */
    REPLICA_CLAIM_CLOSED, /* ... all is here of the communicator's collectives with tag `tag` and
                           * older
                           */
    REPLICA_NOTE_CLOSED,  /* sibling to sibling: ... of replica `set` of rank `rank` */
    REPLICA_CLAIM_END,    /* ... serve me from now on; a stream not named: from the first */
    REPLICA_HERE,   /* sibling to sibling: your WANT was passed on; of seq messages to `rank` that I
                     * posted: who is slow, me or them? */
    REPLICA_SERVED, /* substitute to receiver: what was claimed and posted here went before this */
    REPLICA_HASHES, /* sibling to sibling: struct replica_digest of what was posted, in that order;
                     * seq counts them from 1 */
    REPLICA_HASHES_END, /* ... nothing more is posted here, all hashes went before this */
    REPLICA_KINDS
};

enum replica_msg_flags {
    REPLICA_MSG_SYNC = 1, /* announced because the sender waits for the match */
    REPLICA_MSG_WANT = 2, /* acknowledge at once */
    REPLICA_MSG_HELD = 4, /* HERE: my retention is pressed, I wait for somebody myself */
};

struct replica_msg {
    uint8_t kind; /* enum replica_kind */
    uint8_t flags;
    uint16_t set;
    uint32_t cid;
    int32_t tag;
    uint32_t rank;
    uint64_t seq;
    uint64_t length;
    union {
        uint64_t hash;
        uint64_t offset;
    };
    uint64_t body;
};

/* What a message contains (settings.verify). */
struct replica_digest {
    uint64_t hash, length;
    int32_t tag;
    uint32_t cid, rank, zero;
};

#endif
