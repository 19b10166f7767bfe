/* SPDX-License-Identifier: BSD-3-Clause */
/* book.h - a job's home looks for hosts: leases on more than needed, side by side; the surplus goes
 * back at once
 *
 * One struct book per job. The owner gives candidates (itself first, then its peer cache, later
 * what supernodes answer), carries LeaseRequests and answers, and hears done() exactly once, unless
 * it destroys the book before. Candidates are taken by round-trip time, or in the order of the
 * user's list of hosts.
 *
 *   book_create, book_add*, book_start -> ask()* / release()* / more()* -> done()
 *
 * need + 3 ceil(log2(need + 1)) hosts are asked at once, need being the hosts that the placement
 * wants. When grants do not suffice, others are asked; when there are none left, more() asks the
 * owner for candidates, once in a round. A round that ends short gives everything back (two jobs
 * that each hold half of a grid would wait for each other for ever), waits a little, each job for
 * another time, and starts again, until wait_ms is over. */
#ifndef P2PMPI_PLAN_BOOK_H
#define P2PMPI_PLAN_BOOK_H

#include "base/err.h"
#include "base/id.h"
#include "wire/wire.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BOOK_ANSWER_MS                                                                             \
    3000 /* a host that has not answered by then is left out (its late grant is released) */
#define BOOK_GRACE_MS 250 /* once there are slots enough: wait for better placed hosts so long */
#define BOOK_PATIENCE_MS                                                                           \
    1500 /* wait at least so long if the grid could hold the job (surplus of others) */
#define BOOK_LEASE_MS 15000 /* duration to ask for */

/* A host that has ranks of the job, in order of preference. */
struct book_grant {
    struct id id;
    Wire__Peer *peer; /* owned by the book; host description filled in from the grant */
    uint32_t granted; /* slots leased */
    uint32_t
        ranks; /* slots used: 1..granted; the owner gives the others back with LeaseRenew.slots */
};

struct book_result {
    bool ok;
    struct err err;            /* !ok: the sentence for the user */
    uint32_t ranks;            /* processes: wanted, or found when the request said 0 */
    struct book_grant *grants; /* count of them; index = host number of JobSpec */
    size_t count;
    uint32_t *rank_host;  /* ranks of them: host of each process */
    uint32_t slots_total; /* granted on hosts that are used: the universe size */
};

struct book_ops {
    /* Send a LeaseRequest for so many slots (again, for more, if the host granted before). Answer
     * with book_granted(), book_refused() or book_lost(); from inside ask() is fine. Only answers
     * to the latest request may be passed on (Frame.re): one to a request that was released since
     * means nothing. */
    void (*ask)(const struct id *host, uint32_t slots, void *arg);
    /* Send a LeaseRelease, behind the LeaseRequest if that is still waiting for its connection: not
     * needed, or too late. No answer is expected. */
    void (*release)(const struct id *host, void *arg);
    /* More candidates, please: book_add() each, then book_added(). May be NULL (there are none). */
    void (*more)(void *arg);
    /* The end. result is borrowed until return. The owner may destroy the book here. */
    void (*done)(const struct book_result *result, void *arg);
};

/* What of JobSubmit matters. All is copied. */
struct book_request {
    uint32_t ranks; /* 0: as many as the wished hosts have free slots; without wishes: as this host
                       has */
    const uint32_t *degrees; /* replicas of each rank; NULL: one each. With ranks only */
    Wire__Strategy strategy;
    Wire__HostWish *const
        *wishes; /* the only hosts to use, in this order; name is a host's name, its first
                  * part, an address, or at least 8 digits of its id; "localhost" is this one */
    size_t wish_count;
    const Wire__Needs *needs; /* NULL: anything */
    bool oversubscribe;
    uint32_t wait_ms;
    uint64_t seed; /* of the jitter of rounds */
};

struct book *book_create(const struct book_request *request, const struct book_ops *ops, void *arg);
void book_destroy(struct book *book); /* releases nothing: see book_cancel() */

/* A candidate, copied. peer->rtt_us 0 is "not measured"; host and load may be absent. Adding one
 * again brings its data up to date. is_self: this host. Peers not alive are asked last. */
void book_add(struct book *book, const Wire__Peer *peer, bool is_self);
/* Begins, with the candidates there are; and says that the answer to more() is complete. */
void book_start(struct book *book, int64_t now_ms);
void book_added(struct book *book, int64_t now_ms);

/* A host's answers; unknown or late ones are dealt with (a late grant is released). host may be
 * NULL. */
void book_granted(struct book *book, const struct id *id, uint32_t slots,
                  const Wire__HostInfo *host, int64_t now_ms);
void book_refused(struct book *book, const struct id *id, Wire__Code code, const char *why,
                  int64_t now_ms);
/* No connection, or it broke: the host is left out. why: worth telling, or NULL: it is silent. */
void book_lost(struct book *book, const struct id *id, const char *why, int64_t now_ms);

/* Releases all that was asked for; done() does not come. For an interrupted job. */
void book_cancel(struct book *book);

void book_tick(struct book *book, int64_t now_ms);
int64_t book_next_ms(const struct book *book);

/* For the progress line: slots and hosts granted so far. */
void book_progress(const struct book *book, uint32_t *slots_out, uint32_t *hosts_out);

#endif
