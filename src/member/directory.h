/* SPDX-License-Identifier: BSD-3-Clause */
/* directory.h - a peer's side of the supernodes: register, renew, ask who is there; one link at a
 * time
 *
 * The state diagram stands in docs/protocol-grid.md. The owner makes links and carries frames;
 * every frame that arrives on the link goes to directory_frame(). No callback runs inside
 * directory_create(). */
#ifndef P2PMPI_MEMBER_DIRECTORY_H
#define P2PMPI_MEMBER_DIRECTORY_H

#include "wire/wire.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum directory_state {
    DIRECTORY_OFF,         /* before start, after stop */
    DIRECTORY_CONNECTING,  /* connect() was called */
    DIRECTORY_REGISTERING, /* Register was sent */
    DIRECTORY_MEMBER,      /* registered */
    DIRECTORY_WAITING,     /* a supernode failed: the next one after a while */
    DIRECTORY_STOPPING     /* Unregister was sent */
};

struct directory_config {
    unsigned supernodes;     /* how many there are: 1.. */
    uint32_t answer_ms;      /* a question unanswered so long: the supernode is given up; 0: 5000 */
    uint32_t connect_ms;     /* the same for connecting; 0: 5000 */
    uint32_t backoff_ms;     /* first wait, after all supernodes failed once; doubles; 0: 500 */
    uint32_t backoff_max_ms; /* 0: 15000 */
    uint32_t query_ms;       /* ask for peers so often; 0: 60000 */
    uint32_t query_limit;    /* peers per periodic query; 0: 200 */
    uint64_t seed;           /* of the jitter */
};

struct directory_ops {
    /* Connect to supernode number i (joining the grid first, when we have no certificate yet).
     * Answer with directory_connected() or directory_closed(); the latter from inside is fine. */
    void (*connect)(unsigned i, void *arg);
    /* Send a frame (borrowed) on the link that connected last. */
    void (*send)(const Wire__Frame *frame, void *arg);
    /* Close that link once what was sent has left, or end the attempt; directory_closed() is not
     * wanted then. */
    void (*close)(void *arg);
    /* Peers. query is what directory_query() returned, 0 for the periodic one; answer NULL: it
     * failed. */
    void (*answer)(uint64_t query, const Wire__Answer *answer, void *arg);
    /* The state changed. why is a sentence when a supernode failed, else NULL. Once OFF came after
     * directory_stop(), the owner may destroy the directory (not from inside). May be NULL. */
    void (*state)(enum directory_state state, const char *why, void *arg);
    /* A new certificate came; DER. May be NULL. */
    void (*certificate)(const uint8_t *der, size_t size, void *arg);
    /* Address under which the supernode sees us. May be NULL. */
    void (*observed)(const Wire__Addr *addr, void *arg);
};

struct directory;
/* config and ops are copied. */
struct directory *directory_create(const struct directory_config *config,
                                   const struct directory_ops *ops, void *arg);
void directory_destroy(struct directory *directory);

/* What to register: copied. Tells the supernode if registered already. */
void directory_set_self(struct directory *directory, const Wire__Peer *self, int64_t now_ms);
/* The addresses in self are to be handed out as they are: the supernode puts none in front
 * (Register.advertised). */
void directory_set_advertised(struct directory *directory, bool advertised);
/* What to renew with: copied. A change of slots is told soon (2 s), other changes with the next
 * renewal. */
void directory_set_load(struct directory *directory, const Wire__LoadInfo *load, int64_t now_ms);
/* The member certificate's life on now_ms' clock: a new one is asked for when two thirds of it are
 * over. */
void directory_set_certificate(struct directory *directory, int64_t from_ms, int64_t until_ms);

void directory_start(struct directory *directory, int64_t now_ms);
void directory_stop(struct directory *directory,
                    int64_t now_ms); /* unregisters; state OFF within 1 s */
void directory_connected(struct directory *directory, int64_t now_ms);
void directory_closed(struct directory *directory, const char *why, int64_t now_ms);
/* True if the frame was an answer to a question of ours. */
bool directory_frame(struct directory *directory, const Wire__Frame *frame, int64_t now_ms);

/* Asks now. Returns the query's number, or 0 when no supernode is connected (answer() is not called
 * then). */
uint64_t directory_query(struct directory *directory, const Wire__Query *query, int64_t now_ms);

enum directory_state directory_state(const struct directory *directory);
const char *directory_state_name(enum directory_state state);
unsigned
directory_supernode(const struct directory *directory);      /* number of the one in use or tried */
uint32_t directory_total(const struct directory *directory); /* peers registered, as last told */
/* Milliseconds since we last were a member; 0: we are one. -1: never were. */
int64_t directory_absent_ms(const struct directory *directory, int64_t now_ms);

void directory_tick(struct directory *directory, int64_t now_ms);
int64_t directory_next_ms(const struct directory *directory);

#endif
