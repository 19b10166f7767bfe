/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_shm_link.h - links over shared memory: what pml_p2prep_shm.c and .._shm_body.c share
 *
 * Records of a ring, by kind:
 * - MESSAGE: head, padded to 8, payload
 * - OFFER: id, address and size of a body, head; the receiver reads the sender's memory (CMA)
 * - TAKEN: id; done, the payload is free
 * - PULL: id; reading is not allowed here, please send it through the ring
 * - PIECE: id, offset, bytes */
#ifndef MCA_PML_P2PREP_SHM_LINK_H
#define MCA_PML_P2PREP_SHM_LINK_H

#include "mca-component/pml_p2prep/pml_p2prep_shm.h"

#include <stddef.h>

enum shm_kind { KIND_MESSAGE, KIND_OFFER, KIND_TAKEN, KIND_PULL, KIND_PIECE };

struct offer {
    uint64_t id, address, size;
};

struct piece {
    uint64_t id, offset;
};

/* A body that the peer has not taken yet. */
struct parcel {
    struct parcel *next;
    uint64_t id, size, pulled; /* pulled: bytes that went through the ring */
    const unsigned char *bytes;
    void *token;
    bool is_pulled;
};

enum answer { ANSWER_NONE, ANSWER_PULL, ANSWER_TAKEN };

/* A body on its way in. */
struct arrival {
    struct arrival *next;
    uint64_t id, address, size, got;
    unsigned char *place; /* NULL: dropped */
    void *token;
    bool is_read;       /* across, not through the ring */
    enum answer answer; /* still to be written to the peer */
};

struct shm_transport;

struct shm_link {
    struct p2prep_link base;
    struct shm_transport *tp;
    struct shm_link *next;
    struct ring_writer out; /* shared NULL: not open yet */
    struct ring_reader in;
    struct shm_window window;
    struct shm_card card;
    struct shm_reach reach;
    uint32_t slot;
    int fd; /* of the peer's segment, until the window is open */
    bool is_polled, is_purged, is_broken, is_told;
    signed char can_reach; /* -1: not tried */
    struct parcel *parcels, **parcels_end;
    struct arrival *arrivals, **arrivals_end;
    uint64_t last_id;
    enum p2prep_loss loss;
    struct err why;
};

struct shm_transport {
    struct p2prep_transport base;
    struct shm_segment segment;
    struct shm_card card;
    unsigned char cookie[16];
    bool no_cma;
    uint64_t polled[SHM_WORDS]; /* bits of segment.front->writing already seen */
    struct shm_link **by_slot;  /* segment.slots of them */
    struct shm_link **polls;    /* rings in use */
    uint32_t poll_count;
    struct shm_link *links;
    int busy; /* parcels, arrivals and breaks untold, of all links */
    uint32_t calls;
};

/* The link is of no more use: lost() is called by the next progress(). */
void shm_break(struct shm_link *link, enum p2prep_loss loss);
/* The ring's memory is taken with the first record; false when there is none. */
bool shm_open_window(struct shm_link *link);

static inline size_t padded(size_t head_size)
{
    return (head_size + 7) & ~(size_t)7;
}

static inline uint32_t note_of(enum shm_kind kind, size_t head_size)
{
    return (uint32_t)kind | (uint32_t)head_size << 8;
}

static inline bool shm_is_open(struct shm_link *link)
{
    return link->out.shared != NULL || shm_open_window(link);
}

/* ---- bodies (pml_p2prep_shm_body.c) ---- */

enum p2prep_sent shm_send_body(struct p2prep_link *base, const void *head, size_t head_size,
                               const void *payload, size_t payload_size, void *token);
/* Can this peer's memory be read? */
bool shm_can_reach(struct shm_link *link);

/* Records about bodies; upcalls made. */
int shm_on_offer(struct shm_link *link, const unsigned char *record, size_t size, size_t head_size);
int shm_on_piece(struct shm_link *link, const unsigned char *record, size_t size);
int shm_on_pull(struct shm_link *link, uint64_t id);
/* The payload of this body is free; upcalls made. */
int shm_parcel_finish(struct shm_link *link, uint64_t id, bool is_ok);

/* Goes on with what waited for room or time; upcalls made. */
int shm_parcels_go_on(struct shm_link *link);
int shm_arrivals_go_on(struct shm_link *link);
/* Everything under way, both ways, goes back to the PML, not ok; upcalls made. */
int shm_give_back(struct shm_link *link);

#endif
