/* SPDX-License-Identifier: BSD-3-Clause */
/* replica_inner.h - what the rooms of the engine share
 */
#ifndef P2PMPI_REPLICA_REPLICA_INNER_H
#define P2PMPI_REPLICA_REPLICA_INNER_H

#include "replica/dead.h"
#include "replica/pool.h"
#include "replica/replica.h"
#include "replica/streams.h"

#define ACK_COUNT 32          /* envelopes of a stream acknowledged lazily: at most so many */
#define ACK_BYTES (64u << 10) /* ... or bytes */
#define WANT_MS   5           /* between two WANTs */
#define FORGET_MIN                                                                                 \
    64 /* streams to forget are looked for when there are twice as many and these more */
#define FLUSH_MS 4         /* between two flushes by the tick */
#define NOT_YET  INT64_MIN /* since_ms before the next tick: the clock may have stood for long */

#include <uthash.h>

/* A sequence number about which something was heard before it could be applied. */
struct early {
    uint64_t seq;
    int turn; /* lacks: dead_turn() of who said so last */
    UT_hash_handle hh;
};

struct outstream;

/* A message that somebody may still want. Records up to the stream's floor have left the queue; a
 * record with `lack` (large ones, small ones announced in a resend) then stays until that is 0. */
struct replica_held {
    struct outstream *stream;
    struct replica_held *prev, *next;   /* stream->queue, else stream->old */
    struct replica_held *hprev, *hnext; /* replica->waiting, while token is to be completed */
    UT_hash_handle hh;                  /* stream->bodies */
    uint64_t seq, length, hash;
    uint64_t gate; /* replica->gate when it was posted */
    int32_t tag;
    uint32_t lack; /* sets whose body acknowledgement is owed (large ones, and old ones) */
    bool is_large, is_queued, is_indexed, is_waiting, is_forced;
    bool is_sync, is_matched; /* matched: some receiver has the body */
    bool is_shown;            /* our set's receiver was told where the original lies */
    void *token;              /* of the owner, while is_waiting */
    const void *data;         /* the original, if it lies in a row, while is_waiting */
    void *copy; /* length bytes, or NULL: still in the user's buffer (or length is 0) */
    bool is_copied;
    int64_t since_ms; /* the first tick after it was posted; large: and our own set is done */
    size_t room;      /* bytes below */
    uint8_t bytes[];  /* the copy of a small message that is kept from the start */
};

/* What a sender knows about replica l of the receiver. */
struct outset {
    uint64_t env;                 /* it has envelopes up to here */
    uint64_t sent;                /* we sent it (or it claimed from behind) envelope `sent` */
    uint64_t claimed;             /* it has all bodies up to here but `lacks` */
    uint64_t mark, mark_hash;     /* its hash at a message not yet posted here; 0: none */
    uint64_t resend_end;          /* up to here it is a resend ... */
    size_t resend_left;           /* ... of so many bytes with their envelopes */
    struct replica_held *unacked; /* first queued record with seq > env */
    struct replica_held *unsent;  /* first queued record with seq > sent, if we serve it */
    struct early *had, *lacks;
    struct outstream *pump_next; /* replica->pumps, while is_pumped */
    bool is_pumped;
};

struct early_pull {
    struct early_pull *next;
    int set;
    uint64_t seq, body, offset;
};

struct outstream {
    struct stream_key key; /* first: streams.h */
    struct outstream *next_of_peer;
    uint64_t posted, hash;
    struct replica_held *queue, *queue_end;
    struct replica_held *old;
    struct replica_held *bodies; /* uthash by seq: who is announced */
    struct early_pull *pulls;    /* for messages not posted yet */
    struct verify *verify;       /* NULL: nothing to compare yet */
    struct outset set[];         /* [world->replicas] */
};

struct hold {
    struct hold *next;
    struct replica_msg msg;
    size_t size;
    uint8_t bytes[];
};

struct instream;

struct replica_body {
    struct instream *stream;
    struct replica_body *prev, *next; /* stream->missing */
    uint64_t seq, length, got, id;
    uint64_t address;                /* in our source's memory; 0: none */
    struct replica_body *next_gated; /* replica->gated: matched, but nobody may know yet */
    uint64_t gate;
    bool is_sync, is_pulled, is_lacked; /* lacked: small, so LACK was said */
    bool is_refilled;                   /* half received when its sender died: of peer->refills */
    void *token;
    uint8_t *buffer; /* taken in before the match (WANT) */
    bool is_done, is_matched;
};

struct instream {
    struct stream_key key; /* first: streams.h */
    struct instream *next_of_peer, *next_dirty;
    uint64_t next, hash, acked; /* next envelope; acked up to here */
    size_t unacked_bytes;
    bool is_dirty;
    struct replica_body *missing, *missing_end;
    struct hold *held; /* by seq */
};

struct peer {
    struct outstream *out, *last_out;
    struct instream *in, *last_in;
    unsigned records; /* kept for it */
    uint64_t posted;  /* to it, in all streams */
    uint32_t serves;  /* sets of it that we serve, our own included while its replica lives */
    int source;       /* the process that serves our set, or -1 */
    uint32_t answers; /* sets whose claim is not answered with SERVED yet */
    bool is_failing_over, is_served; /* from the death of our source to its end; SERVED came */
    unsigned refills;                /* bodies that it waits for */
    int *turn; /* [world->replicas] dead_turn() of who speaks for the set: older ones do not */
};

/* What is over of a communicator's collectives: those with tags from falling.first to `tag`. */
struct closed {
    uint32_t cid;
    int32_t tag;    /* here */
    int32_t *heard; /* [ranks * replicas] at receivers; 0: nothing. NULL: nothing at all */
    UT_hash_handle hh;
};

struct transfer {
    struct transfer *next;
    struct replica_held *record;
    int set, dst;
    uint64_t body, offset;
};

struct body_slot {
    struct replica_body *body;
    uint32_t generation, next_free;
};

struct replica {
    const struct world *world; /* borrowed */
    struct replica_settings settings;
    struct replica_ops ops;
    void *arg;
    int self, rank, set;
    struct dead *dead;
    struct peer *peers; /* [ranks] */
    struct streams outs, ins;
    struct closed *closed; /* uthash by cid */
    bool is_closing;       /* streams may be forgotten */
    size_t left;           /* streams after the last look for them, */
    int64_t forgot_ms;     /* ... which was then */
    struct pool pool;
    struct instream *dirty;
    struct replica_held *waiting, *waiting_end;
    struct outstream **pumps; /* [replicas] streams with something unsent */
    struct transfer *transfers, **transfers_end;
    struct body_slot *slots;
    uint32_t slot_count, slot_free; /* slot_free: index + 1 */
    uint64_t gate, stable;          /* numbers of decisions */
    struct replica_body *gated;
    struct verify_log *verify_log; /* NULL: nothing is compared */
    size_t records, small_waiting;
    bool is_started, is_ended, is_answering; /* answering: some peer's `answers` are not 0 */
    int64_t now_ms, want_ms, flushed_ms;
    bool is_lagging;     /* something waited for lag_max_ms at the last tick */
    bool *lag_told;      /* [processes] named since then */
    int64_t *here_ms;    /* [replicas] when the sibling answered a WANT last, */
    int64_t *behind_ms;  /* ... and when it had posted less than we, */
    bool *is_held;       /* ... because it waited itself */
    int lag_whom;        /* what waits longest waits for it; -1: nobody */
    int64_t lag_whom_ms; /* ... since then */
    struct replica_stats stats;
};

#define EACH_SET(set, sets)                                                                        \
    for (uint32_t left_ = (sets), set = 0;                                                         \
         left_ != 0 && (set = (uint32_t)__builtin_ctz(left_), true); left_ &= left_ - 1)

/* keep.c */
bool cap_has_room(const struct replica *replica, uint64_t length);
/* Of what was just posted, with room for so many bytes of a copy. */
struct replica_held *record_new(struct replica *replica, struct outstream *stream, size_t room);
void record_copy(struct replica *replica, struct replica_held *record, const void *data,
                 void *token, bool is_forced);
void record_complete(struct replica *replica, struct replica_held *record);
void record_index(struct replica_held *record); /* will be asked for by number */
/* Sets have a body, or are dead: completes, releases. The record may be gone afterwards. */
void record_not_owed(struct replica *replica, struct replica_held *record, uint32_t sets);
bool record_is_through(const struct replica *replica, const struct replica_held *record);
void record_had(struct replica *replica, struct replica_held *record, uint32_t sets);
void record_free(struct replica *replica, struct replica_held *record);
struct replica_bytes record_bytes(const struct replica_held *record, uint64_t offset, size_t size);
void waiting_add(struct replica *replica, struct replica_held *record);
void waiting_remove(struct replica *replica, struct replica_held *record);
void queue_append(struct replica *replica, struct outstream *stream, struct replica_held *record);
void old_add(struct outstream *stream, struct replica_held *record);
struct replica_held *outstream_find(struct outstream *stream, uint64_t seq);
uint64_t outstream_floor(const struct replica *replica, const struct outstream *stream);
void outstream_trim(struct replica *replica, struct outstream *stream);

/* sending.c */
struct outstream *outstream_get(struct replica *replica, int rank, uint32_t cid, int32_t tag);
bool has_room(struct replica *replica, int dst, uint64_t bytes);
void outstream_pump(struct replica *replica, struct outstream *stream, int set);
bool sending_progress(struct replica *replica);

/* transfer.c */
void sending_pull(struct replica *replica, int src, const struct replica_msg *msg);
void early_pulls_apply(struct replica *replica, struct outstream *stream,
                       struct replica_held *record);
bool transfers_progress(struct replica *replica);
void transfers_drop(struct replica *replica, const struct replica_held *record, int dst);

/* overdue.c */
bool is_pressed(const struct replica *replica); /* acknowledgements are wanted at once */
void sending_tick(struct replica *replica);
void sending_drop_set(struct replica *replica, int rank, int set, int process);
void outstream_free(struct replica *replica, struct outstream *stream);

/* acks.c: what is heard about who has what */
bool early_has(const struct early *list, uint64_t seq);
void early_add(struct early **list, uint64_t seq, int turn);
bool early_remove(struct early **list, uint64_t seq);
void early_clear(struct early **list);
void acks_receive(struct replica *replica, int src, const struct replica_msg *msg);
void acks_check_mark(struct replica *replica, struct outstream *stream, uint64_t seq);
void acks_want(struct replica *replica);

/* receiving.c */
void receiving_envelope(struct replica *replica, int src, const struct replica_msg *msg,
                        const void *bytes, size_t size);
void receiving_data(struct replica *replica, const struct replica_msg *msg, const void *bytes,
                    size_t size);
void receiving_want(struct replica *replica, int rank);
void receiving_flush(struct replica *replica);
void receiving_ungate(struct replica *replica); /* matches that may be known now */
void receiving_pull_from(struct replica *replica, struct replica_body *body);
void instream_forget(struct instream *stream); /* what came ahead of its turn */
void instream_free(struct replica *replica, struct instream *stream);

/* failover.c */
void failover_begin(struct replica *replica, int rank);
void failover_check(struct replica *replica, int rank); /* is it over? */
void failover_served(struct replica *replica, int src);
void failover_answer(struct replica *replica); /* SERVED to whom nothing waits for room any more */
void failover_claim(struct replica *replica, int rank);
void failover_serve(struct replica *replica, int src);

/* closing.c */
bool closing_is_over(const struct replica *replica, uint32_t cid, int32_t tag); /* here */
void closing_tick(struct replica *replica);
bool closing_is_forgotten(const struct replica *replica, int rank, uint32_t cid, int32_t tag);
void closing_broken(struct replica *replica, int rank, const struct replica_msg *msg);
void closing_claim(struct replica *replica, int source);
void closing_heard(struct replica *replica, int rank, int set, const struct replica_msg *msg);
void closing_new(struct replica *replica,
                 struct outstream *stream); /* what was heard of it before */
void closing_free(struct replica *replica);

/* verify.c */
struct verify_log *verify_create(const struct world *world);
void verify_destroy(struct verify_log *log);
void verify_post(struct replica *replica, struct outstream *stream, int32_t tag, unsigned flags,
                 const void *data, uint64_t length, void *token);
void verify_receive(struct replica *replica, int src, const struct replica_msg *msg,
                    const void *bytes, size_t size);
void verify_flush(struct replica *replica);
void verify_drop_sibling(struct replica *replica); /* one died: the others may agree now */
/* Something of it is still to be compared. */
bool verify_is_open(const struct replica *replica, const struct outstream *stream);
void verify_free(const struct replica *replica, struct outstream *stream);

/* replica.c */
void replica_tell(struct replica *replica, int dst, const struct replica_msg *msg);
void replica_end(struct replica *replica, enum replica_end why, int rank, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static inline uint64_t hash_next(uint64_t hash, int32_t tag, uint64_t length)
{
    hash = (hash ^ (uint64_t)(uint32_t)tag ^ length << 32 ^ length >> 32) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}
static inline bool is_gated(const struct replica *replica, uint64_t gate)
{
    return gate > replica->stable;
}
static inline int peer_process(const struct replica *replica, int rank, int set)
{
    return world_process(replica->world, rank, set);
}
static inline uint32_t living_others(const struct replica *replica, int rank)
{
    return replica->dead->living[rank] & ~(1u << replica->set);
}

#endif
