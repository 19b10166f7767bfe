/* SPDX-License-Identifier: BSD-3-Clause */
/* matching.h - receives and messages of one communicator find each other, decisions kept
 *
 * Of one sender in order of sending, of one receiver in order of posting. A process that leads
 * matches a receive from any source to what came first, and says so (decided()). One that follows
 * waits to be told; until then a message that such a receive could take is hidden from receives
 * posted later and from probes. A receive that the leader cancelled may have a message here: it is
 * taken back, and what came after it is matched again. The sender of a synchronous message knows of
 * its match, which therefore must not be taken back: if the receive can be cancelled the match is a
 * decision, too.
 *
 * Posts and items are the owner's, who embeds them; they stay where they are while in here.
 * Callbacks must not call back. Pure logic. */
#ifndef P2PMPI_REPLICA_MATCHING_H
#define P2PMPI_REPLICA_MATCHING_H

#include <stdbool.h>
#include <stdint.h>

#define MATCHING_ANY_SOURCE (-1)
#define MATCHING_ANY_TAG    INT32_MIN /* any that is >= 0 */

struct matching;

/* A message. */
struct match_item {
    int source; /* 0 .. sources - 1 */
    int32_t tag;
    uint64_t seq; /* in its stream: (source, class of tag) */
    bool is_sync; /* its sender waits for the match */
    /* matching.c's: */
    bool is_told; /* the leader matched it */
    struct match_item *prev, *next;
    uint64_t arrival;
};

/* A receive. */
struct match_post {
    int source; /* or MATCHING_ANY_SOURCE */
    int32_t tag;
    bool is_firm; /* will not be cancelled */
    /* from any source: its number, from 1, among the program's, or the library's, of this
     * communicator, else 0; set by matching_post() */
    uint64_t index;
    /* matching.c's: */
    struct match_post *prev, *next;
    uint64_t order;
    struct match_item got;             /* while is_bound */
    bool is_listed, is_bound, is_told; /* bound: a follower may have to give it back */
    int told_source;
    uint64_t told_seq;
};

static inline bool match_post_is_wild(const struct match_post *post)
{
    return post->source == MATCHING_ANY_SOURCE;
}

static inline bool match_post_is_library(const struct match_post *post)
{
    return post->tag < 0 && post->tag != MATCHING_ANY_TAG;
}

struct matching_ops {
    /* The message is the receive's; item is not looked at again. */
    void (*bind)(void *arg, struct match_post *post, struct match_item *item);
    /* Nobody takes the message yet: moves it to where it can stay. */
    struct match_item *(*keep)(void *arg, struct match_item *item);
    /* Just before that, when this process chose it for a receive from any source, or when it is
     * synchronous and the receive may be cancelled. */
    void (*decided)(void *arg, const struct match_post *post, const struct match_item *item);
    /* The message is not the receive's any more: makes an item of it, which is kept. */
    struct match_item *(*unbind)(void *arg, struct match_post *post);
    /* The match of a receive from any source that is being posted, if the owner was told it. */
    bool (*told)(void *arg, const struct match_post *post, int *source_out, uint64_t *seq_out);
    /* Was the owner told that the leader matched this synchronous message? */
    bool (*is_matched)(void *arg, const struct match_item *item);
};

/* ops are borrowed for life. */
struct matching *matching_create(int sources, bool leads, const struct matching_ops *ops,
                                 void *arg);
/* What is still in here is the owner's: each() of it, if not NULL, is called with what is kept. */
void matching_destroy(struct matching *matching, void (*each)(void *arg, struct match_item *item));

/* A receive is posted: gets a message that is here, or waits. */
void matching_post(struct matching *matching, struct match_post *post);
/* A message came; of its stream the next one. */
void matching_arrive(struct matching *matching, struct match_item *item);
/* The earliest message that source and tag ask for and a probe may see now, or NULL. It stays. */
struct match_item *matching_probe(struct matching *matching, int source, int32_t tag);
/* Message seq of source in the class of tag, if a probe may see it (a follower's probe from any
 * source, told by its leader). */
struct match_item *matching_find(struct matching *matching, int source, int32_t tag, uint64_t seq);
/* Takes a message that a probe returned: it is its owner's. */
void matching_take(struct matching *matching, struct match_item *item);

/* Follower: the match of the index-th receive from any source. False: it is not posted yet. Index
 * 0: of some receive of one source, with a synchronous message. False: that has not come yet. */
bool matching_told(struct matching *matching, bool is_library, uint64_t index, int source,
                   uint64_t seq);
/* Does every receive from any source that was told its message have it? */
bool matching_is_caught_up(const struct matching *matching);
/* This process leads from now on: what is open is matched. */
void matching_lead(struct matching *matching);

/* Leader: takes a receive back that has no message. False: it has one. */
bool matching_cancel(struct matching *matching, struct match_post *post);
/* Follower: the leader did. */
void matching_revoke(struct matching *matching, struct match_post *post);
/* Does the receive have its message? */
bool match_post_is_bound(const struct match_post *post);
/* The program has the receive's result, or does not want it any more: post may go. */
void matching_forget(struct matching *matching, struct match_post *post);

/* Messages that nobody took. */
unsigned matching_kept(const struct matching *matching);

#endif
