/* SPDX-License-Identifier: BSD-3-Clause */
/* replica.h - one process's part in the replica protocol: messages and ticks in, actions out
 *
 * A process of the world (world.h) sends each message once, to the receiver of its own set; keeps
 * it until the receivers of the other sets have it from their senders; and serves another set when
 * that set's sender dies. docs/replication.md is the protocol. Pure logic: no sockets, threads or
 * clock.
 *
 * The owner (the PML) does the matching, the user's buffers and the transports. It hands every
 * header that arrives to replica_receive(); links between two processes are first in, first out.
 * Messages to self never come here, and with one replica of each rank nothing does.
 *
 * Calls from inside callbacks: replica_pull() from deliver(), nothing else.
 * `token` is the owner's name for a request; the engine never looks inside. */
#ifndef P2PMPI_REPLICA_REPLICA_H
#define P2PMPI_REPLICA_REPLICA_H

#include "replica/msg.h"
#include "replica/world.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct replica;
struct replica_body; /* a message that is announced to us and not here yet */
struct replica_held; /* a send that is not complete */

/* size bytes of a message, from offset on: at data, or (data is NULL) still in the user's buffer,
 * which pack() reads. Borrowed for the call. */
struct replica_bytes {
    const void *data;
    void *token;
    uint64_t offset;
    size_t size;
};

struct replica_envelope {
    int source; /* logical rank in the world */
    uint32_t cid;
    int32_t tag;
    uint64_t seq;
    uint64_t length;
    bool is_sync;              /* its sender waits for the match */
    const void *data;          /* the whole message, borrowed for the call; or NULL: */
    struct replica_body *body; /* ... after the match: replica_pull() */
};

enum replica_end {
    REPLICA_END_REFUSED, /* the others took this process for dead: leave */
    REPLICA_END_GONE,    /* every replica of a rank is dead */
    REPLICA_END_DIFFERS, /* two replicas of a rank sent different messages */
    REPLICA_END_BROKEN,  /* a message that the protocol does not allow: our bug, or memory is out */
};

struct replica_ops {
    /* Queue msg and bytes (NULL: none) for process dst: always taken, in order. EAGER, ANNOUNCE and
     * DATA only come after room() allowed them. */
    void (*send)(void *arg, int dst, const struct replica_msg *msg,
                 const struct replica_bytes *bytes);
    /* How many bytes of DATA dst's queue would like now (0: none; replica_progress() asks again).
     */
    size_t (*room)(void *arg, int dst);
    /* Copy size bytes from offset on of the send `token` to `to`. */
    void (*pack)(void *arg, void *token, uint64_t offset, void *to, size_t size);
    /* The send `token` is complete; its buffer is not read again. */
    void (*complete)(void *arg, void *token);
    /* The next envelope of a stream, once, in order: match it or keep it. */
    void (*deliver)(void *arg, const struct replica_envelope *envelope);
    /* Bytes for replica_pull()'s token, in order from offset 0; filled() after the last (length 0:
     * filled() only). */
    void (*fill)(void *arg, void *token, uint64_t offset, const void *bytes, size_t size);
    void (*filled)(void *arg, void *token);
    /* Reads the body for replica_pull()'s token, length bytes at `address` of process src's memory,
     * in place of fill(). False: cannot, it comes by fill(). May be NULL. */
    bool (*get)(void *arg, int src, void *token, uint64_t address, uint64_t length);
    /* This process cannot go on; sentence says why, naming ranks and sets. Called once. */
    void (*end)(void *arg, enum replica_end why, int rank, const char *sentence);
    /* The sender that served us for `rank` is dead, `server` stands in for it; or (is_over) has
     * sent what it had posted, and what the dead left half received is whole. Deaths in a row: once
     * for each, over once. May be NULL. */
    void (*failover)(void *arg, int rank, int server, bool is_over);
    /* Process has kept this one at the cap for lag_max_ms, while another replica of its rank lives;
     * bytes are kept. Once, until nothing waits so long any more. May be NULL. */
    void (*lag)(void *arg, int process, int64_t for_ms, size_t bytes);
};

#define REPLICA_SPARED 2
/* From the higher one down to the lower one. */
struct replica_tags {
    int32_t first, last;
};

struct replica_settings {
    size_t eager;          /* up to this a message is small: goes with its envelope */
    size_t retain_max;     /* bytes kept at most, unless REPLICA_COPY or replica_detach() */
    size_t resend_eager;   /* resent with their envelopes per stream; more is announced (1 MiB) */
    size_t piece;          /* bytes of one DATA at most */
    int64_t copy_delay_ms; /* a large send held by other sets only is copied after this (1) */
    int64_t lag_max_ms;    /* 30,000 */
    int64_t forget_ms;     /* streams that may be forgotten are looked for so often (250), or when
                            * there are many new ones */
    /* Tags that are given once each, falling: Open MPI's for non-blocking collectives; but for
     * those that it uses again and again otherwise: MPI_Dist_graph_create's and its own. */
    struct replica_tags falling, spared[REPLICA_SPARED];
    bool verify; /* siblings compare what each message contains (verify.c) */
};
void replica_settings_default(struct replica_settings *settings);

/* world is borrowed for life; ops and settings are copied. NULL: no memory. */
struct replica *replica_create(const struct world *world, int self,
                               const struct replica_settings *settings,
                               const struct replica_ops *ops, void *arg);
void replica_destroy(struct replica *replica);

/* Call once when links can be used, after replica_dead() of those known dead: claims for sets that
 * have no sender of some rank. */
void replica_start(struct replica *replica);

enum replica_send_flags {
    REPLICA_COPY = 1, /* Bsend, Request_free: copied at once, cap or not; never held */
    REPLICA_SYNC = 2, /* complete only when a receiver matched it, the own set's unless dead */
    REPLICA_HIDE = 4, /* nobody reads the original: replica_detach() will be true */
    REPLICA_OWN = 8,  /* what it contains is its set's own: not compared but for tag and length */
};
/* A send is posted (persistent: started) to logical rank dst. data: the packed message, may be NULL
 * when it is larger than settings.eager; its receiver reads it there if it can, until the send is
 * complete. Returns true: complete, nothing of it is read again. False: complete() comes,
 * maybe before this returns; *held_out (may be NULL) is set before that and valid until then. */
bool replica_send(struct replica *replica, int dst, uint32_t cid, int32_t tag, unsigned flags,
                  const void *data, uint64_t length, void *token, struct replica_held **held_out);
/* True: replica_send() of that length without flags, now, would return true; it needs no token. */
bool replica_takes(const struct replica *replica, uint64_t length);
/* Copies what is held, cap or not. True: its token is dropped, complete() will not come. False: its
 * receiver may be reading the original, complete() comes when it has. */
bool replica_detach(struct replica *replica, struct replica_held *held);

/* The collectives of a communicator with falling tags from settings.falling.first down to `tag` are
 * over here: nothing will be posted with these tags, every receive of them is done. Their streams
 * are forgotten as soon as nobody is owed anything. */
void replica_close(struct replica *replica, uint32_t cid, int32_t tag);
bool replica_tag_falls(const struct replica *replica, int32_t tag);

/* A header, with size bytes behind it, from process src. Refused bytes of the dead return false. */
bool replica_receive(struct replica *replica, int src, const struct replica_msg *msg,
                     const void *bytes, size_t size);
/* The body of a delivered envelope goes to token now: fill() and filled() follow, maybe at once. */
void replica_pull(struct replica *replica, struct replica_body *body, void *token);

/* Process is dead for certain: closes its door, claims what it served. True: that is news (pass it
 * on to all living). Naming self calls end(). */
bool replica_dead(struct replica *replica, int process);
bool replica_is_dead(const struct replica *replica, int process);

/* The match of a body that is not filled() is undone: a later replica_pull() gets it from its first
 * byte. bytes (of malloc(), the body's length; swallowed) begin with what fill() brought so far. */
void replica_unpull(struct replica *replica, struct replica_body *body, void *bytes_take);

/* Decisions (decide.h): sends posted and synchronous messages matched from now on depend on all up
 * to number; they leave when replica_stable() has come that far, with replica_progress(). Both may
 * be called from deliver(). */
void replica_gate(struct replica *replica, uint64_t number);
void replica_stable(struct replica *replica, uint64_t number);

/* Sends pieces of bodies while room() allows. True: more waits for room. Cheap when idle. */
bool replica_progress(struct replica *replica);
/* When the process has waited for a while, and before it computes if it can be known: sends lazy
 * acknowledgements. Nobody is stopped by one that is late: who needs it asks. */
void replica_flush(struct replica *replica);
/* Nothing more is posted here: siblings are told, once. */
void replica_verify_end(struct replica *replica);
/* After that: all that living siblings posted was compared. Without settings.verify always true. */
bool replica_is_verified(struct replica *replica);
/* From time to time, at least every few ms while inside MPI: copies, reports, flushes when time has
 * passed. */
void replica_tick(struct replica *replica, int64_t now_ms);

struct replica_stats {
    uint64_t sent, received; /* envelopes */
    uint64_t dropped;        /* received twice, or from the dead */
    uint64_t resent,
        resent_bytes; /* of `sent`: for the dead; bodies asked for by PULL count in bytes */
    uint64_t acks;    /* sent, and passed on to siblings */
    uint64_t copied, copied_bytes;  /* large sends copied because other sets were late */
    size_t retained, retained_peak; /* bytes, counting the records */
    size_t retained_forced;         /* of these: whatever the cap */
    size_t streams;                 /* remembered, both directions */
    uint64_t held;                  /* sends not complete now */
    uint64_t failovers;             /* deaths of senders that served us */
    uint64_t served;                /* claims answered: sets that we serve for the dead */
    uint64_t verified;              /* messages posted here whose contents all siblings share */
    uint64_t unverified;            /* ... not compared: a sibling was too far behind */
};
void replica_stats(const struct replica *replica, struct replica_stats *stats_out);
/* Nothing posted here is still owed to anybody (for tests and for the end barrier's report). */
bool replica_is_idle(const struct replica *replica);

#endif
