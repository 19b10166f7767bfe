/* SPDX-License-Identifier: BSD-3-Clause */
/* beat.h - the datagram by which a job's daemons know each other alive: fixed size, big-endian
 *
 *     0 "PB" | version 1 | kind 1 | job 8 | from 2 | to 2 | subject 2 | 0 2 | number 8
 *    28 view 4 | stamp 4 | echo 4 | hold 4 | tag 16
 *
 * The tag is an HMAC of what stands before it under the job's key (net/beatkey.h); a datagram is
 * decoded after its tag was found right. */
#ifndef P2PMPI_WIRE_BEAT_H
#define P2PMPI_WIRE_BEAT_H

#include <stddef.h>
#include <stdint.h>

#define BEAT_VERSION  1
#define BEAT_JOB_SIZE 8 /* the first bytes of the job's id: which key it is */
#define BEAT_TEXT     44
#define BEAT_TAG      16
#define BEAT_SIZE     (BEAT_TEXT + BEAT_TAG)

enum beat_kind {
    BEAT_PULSE,   /* I am alive; echo and hold: your last stamp, and how long ago it came, in ms */
    BEAT_PROBE,   /* answer at once; subject: on whose behalf */
    BEAT_ACK,     /* the answer: echo is the probe's stamp, subject the probe's */
    BEAT_ASK,     /* is subject alive? ask it on my behalf */
    BEAT_HEARD,   /* subject has answered */
    BEAT_SUSPECT, /* to voters: subject is silent; look yourself */
    BEAT_ACCUSE,  /* to voters: subject has been silent for its limit */
    BEAT_NEWS,    /* to one that is lost, or behind: there is a newer view */
    BEAT_KINDS
};

struct beat {
    uint8_t job[BEAT_JOB_SIZE];
    enum beat_kind kind;
    uint16_t from, to, subject; /* member numbers */
    uint64_t number;            /* rises with each datagram of the sender */
    uint32_t view;              /* the sender's, its low 32 bits */
    uint32_t stamp, echo, hold; /* milliseconds of the stamping side's clock */
};

/* Writes all but the tag. */
void beat_encode(const struct beat *beat, uint8_t out[BEAT_SIZE]);
/* The job that a datagram claims to be of; NULL: it is none of this version. */
const uint8_t *beat_job(const uint8_t *bytes, size_t size);
/* Returns 0, or -1 when it is none. The tag is the caller's business. */
int beat_decode(const uint8_t *bytes, size_t size, struct beat *beat_out);

#endif
