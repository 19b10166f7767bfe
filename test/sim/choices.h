/* SPDX-License-Identifier: BSD-3-Clause */
/* choices.h - generated programs whose course depends on timing, and who runs them
 *
 * Receives from any source, test loops, probes, cancels, clocks. What a message contains follows
 * from the state of its sender; all that a rank sees (sources, tags, contents, order of completion,
 * how often a test said no) goes into its state. Free of deadlock whatever is chosen: operations
 * are sorted by time, and what one waits for has been posted by an earlier time.
 *
 * The same scripts run on a `struct mpi`: the replicas' (sim-decide.c) or the reference
 * (choices-reference.c), which follows what was chosen and says whether that was legal. */
#ifndef P2PMPI_TEST_CHOICES_H
#define P2PMPI_TEST_CHOICES_H

#include "replica/matching.h"
#include "test/lib/sim.h"

#include <stddef.h>

#define CHOICE_RANKS 5
#define CHOICE_CIDS  64
#define CHOICE_EAGER 48
#define ANY          MATCHING_ANY_SOURCE
#define ANY_TAG      MATCHING_ANY_TAG

enum choice_flags { CHOICE_SYNC = 1, CHOICE_BUFFERED = 2, CHOICE_FREED = 4 };

/* How operations are waited for, messages are found. */
enum choice_style {
    STYLE_WAIT,
    STYLE_TEST,
    STYLE_TESTANY,
    STYLE_WAITANY,
    STYLE_TESTSOME,
    STYLE_WAITSOME,
    STYLES
};
enum probe_style { PROBE_RECV, PROBE_PROBE, PROBE_IPROBE, PROBE_IMPROBE, PROBE_MPROBE, PROBES };

/* What decide_ask() is asked about. */
enum choice_question { ASK_TEST = 1, ASK_PROBE, ASK_CANCEL, ASK_CLOCK };

/* A request. */
struct call {
    struct call *all; /* of one rank */
    bool is_send, is_done, is_cancelled, is_detached;
    int source, dest; /* as posted, then as matched */
    uint32_t cid;
    int32_t tag;
    unsigned flags;
    size_t length, got;
    uint8_t *bytes;
    uint64_t seq;
    struct match_post post;
    void *more; /* of who runs it */
};

struct seen { /* by a probe */
    int source;
    int32_t tag;
    size_t length;
    void *message; /* taken */
};

/* Answers below 0: not yet, ask again. */
struct mpi {
    struct call *(*send)(void *arg, int dest, uint32_t cid, int32_t tag, unsigned flags,
                         uint8_t *bytes_take, size_t length);
    struct call *(*recv)(void *arg, int source, uint32_t cid, int32_t tag); /* NULL: not yet */
    struct call *(*mrecv)(void *arg, const struct seen *seen, uint32_t cid);
    bool (*wait)(void *arg, struct call *call);   /* is it complete? */
    bool (*finish)(void *arg, struct call *call); /* ... which a test has said; sends are at once */
    void (*forget)(void *arg, struct call *call); /* the program has its result */
    int (*test)(void *arg, struct call **calls, int count, enum choice_style style, int *index_out);
    int (*probe)(void *arg, int source, uint32_t cid, int32_t tag, bool blocks, bool takes,
                 struct seen *seen_out);
    int (*cancel)(void *arg, struct call *call);
    int (*clock)(void *arg, uint64_t *value_out);
};

enum choice_kind {
    DO_SEND,
    DO_RECV,
    DO_WAIT,   /* slots slot .. slot + count - 1, by style; replies to each receive if reply */
    DO_REST,   /* `count` more messages from any source, found by style; replies */
    DO_TICKS,  /* tests slot; each "no" sends to peer, at last an end */
    DO_DRAIN,  /* ... receives from peer till then */
    DO_CANCEL, /* slot */
    DO_AGAIN,  /* slot is waited for; if it was cancelled it is received once more */
    DO_LEFT, /* waits for `count` slots; then receives what is left of `length` messages, by style */
    DO_CLOCK,
    DO_NBX, /* synchronous sends in slots, receives by Iprobe until all are through */
};

struct choice {
    enum choice_kind kind;
    int peer, slot, count, style, reply; /* reply: tag or 0 */
    uint32_t cid, length;
    int32_t tag;
    unsigned flags;
    int time, order; /* while generating */
};

struct choice_script {
    struct choice *choice;
    int count, size, slots;
};

struct choices {
    int ranks;
    struct choice_script script[CHOICE_RANKS];
};

struct choices *choices_create(struct sim *sim, int ranks);
void choices_destroy(struct choices *choices);

/* A rank at work. */
struct actor {
    const struct choice_script *script;
    const struct mpi *mpi;
    void *arg;
    int rank, ranks, at;
    uint64_t state;
    struct call **slot;
    /* of the choice under way */
    int phase, count;
    int index[32], indices, open[32], opens;
    struct call *call;
    struct seen seen;
};

void actor_init(struct actor *actor, const struct choices *choices, int rank, const struct mpi *mpi,
                void *arg);
void actor_free(struct actor *actor);
/* Does something. False: it waits, or is done. */
bool actor_step(struct actor *actor);
bool actor_is_done(const struct actor *actor);

/* What one replica was told, for the reference. */
struct outcome {
    int question; /* 0: no */
    size_t size;
    uint8_t bytes[80];
};
struct course {
    struct outcome *outcome;
    int outcomes, size;
    struct match {
        uint32_t cid;
        bool is_library;
        uint64_t index, seq;
        int source;
    } * match;
    int matches, match_size;
};
void course_outcome(struct course *course, int question, const void *bytes, size_t size);
void course_match(struct course *course, const struct match *match);
void course_free(struct course *course);

/* Runs the program as the courses say. Fails the simulation when no legal run goes so. */
void choices_reference(struct sim *sim, const struct choices *choices,
                       const struct course *const *course, uint64_t *state_out);

#endif
