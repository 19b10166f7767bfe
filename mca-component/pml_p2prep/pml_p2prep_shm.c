/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_shm.c - the transport over shared memory: rings for messages, reads across for bodies
 *
 * Records of a ring, by kind:
 *   MESSAGE  head, padded to 8, payload
 *   OFFER    id, address and size of a body, head. The receiver reads the sender's memory (CMA) and
 *   TAKEN    id: done, the payload is free; or where reading is not allowed asks for it through the
 * ring PULL     id: please send it, in pieces PIECE    id, offset, bytes */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "mca-component/pml_p2prep/pml_p2prep_shm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define READ_CHUNK   (1u << 20) /* of a body, per progress() */
#define BURST        64         /* records of one ring per progress() */
#define UNNAME_EVERY 1024       /* progress() calls between looks whether all have opened my file */

enum kind { KIND_MESSAGE, KIND_OFFER, KIND_TAKEN, KIND_PULL, KIND_PIECE };

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

/* ---- opening ---- */

static struct shm_card card_of(struct shm_transport *tp)
{
    struct shm_card card = {.magic = SHM_MAGIC,
                            .cookie_at = (uint64_t)(uintptr_t)tp->cookie,
                            .ring_size = tp->segment.ring_size,
                            .pid = (uint32_t)getpid(),
                            .slot = tp->segment.slot,
                            .slots = tp->segment.slots};

    shm_host_id(card.host);
    memcpy(card.cookie, tp->cookie, sizeof card.cookie);
    memcpy(card.path, tp->segment.path, sizeof card.path);
    return card;
}

static struct p2prep_transport *shm_open_transport(const struct p2prep_setup *setup,
                                                   struct err *err)
{
    struct shm_transport *tp = calloc(1, sizeof *tp);

    if (tp == NULL) {
        err_sys(err, "shared memory");
        return NULL;
    }
    tp->base = (struct p2prep_transport){&p2prep_shm, setup->up};
    tp->no_cma = setup->no_cma;
    if (getrandom(tp->cookie, sizeof tp->cookie, 0) != (ssize_t)sizeof tp->cookie) {
        err_sys(err, "no random bytes");
        free(tp);
        return NULL;
    }
    if (shm_segment_create(&tp->segment, setup, tp->cookie, err) != 0) {
        free(tp);
        return NULL;
    }
    tp->by_slot = calloc(setup->slots, sizeof *tp->by_slot);
    tp->polls = calloc(setup->slots, sizeof *tp->polls);
    if (tp->by_slot == NULL || tp->polls == NULL) {
        err_sys(err, "shared memory");
        p2prep_shm.close(&tp->base);
        return NULL;
    }
    tp->card = card_of(tp);
    return &tp->base;
}

static void free_link(struct shm_link *link)
{
    struct parcel *parcel;
    struct arrival *arrival;

    while ((parcel = link->parcels) != NULL) {
        link->parcels = parcel->next;
        free(parcel);
    }
    while ((arrival = link->arrivals) != NULL) {
        link->arrivals = arrival->next;
        free(arrival);
    }
    shm_window_close(&link->window);
    if (link->fd >= 0)
        close(link->fd);
    free(link);
}

static void shm_close(struct p2prep_transport *base)
{
    struct shm_transport *tp = (struct shm_transport *)base;
    struct shm_link *link;

    if (tp == NULL)
        return;
    while ((link = tp->links) != NULL) {
        tp->links = link->next;
        free_link(link);
    }
    shm_segment_destroy(&tp->segment);
    free(tp->by_slot);
    free(tp->polls);
    free(tp);
}

static const void *shm_card(struct p2prep_transport *base, size_t *size_out)
{
    *size_out = sizeof(struct shm_card);
    return &((struct shm_transport *)base)->card;
}

static int card_check(const struct shm_transport *tp, const struct shm_card *card, size_t size,
                      struct err *err)
{
    if (size != sizeof *card || card->magic != SHM_MAGIC ||
        memcmp(card->host, tp->card.host, sizeof card->host) != 0) {
        errno = EHOSTUNREACH;
        return -1;
    }
    if (card->slots != tp->segment.slots || card->slot >= card->slots ||
        card->ring_size != tp->segment.ring_size ||
        memchr(card->path, '\0', sizeof card->path) == NULL) {
        errno = EHOSTUNREACH; /* another job, started beside this one */
        return err_set(err, "its local rank or ring size does not fit ours");
    }
    if (tp->by_slot[card->slot] != NULL) {
        errno = EEXIST;
        return err_set(err, "two processes of this host have local rank %u", card->slot);
    }
    return 0;
}

static struct p2prep_link *shm_add_peer(struct p2prep_transport *base, uint64_t name,
                                        const void *card, size_t size, void *owner, struct err *err)
{
    struct shm_transport *tp = (struct shm_transport *)base;
    struct shm_link *link = calloc(1, sizeof *link);

    (void)name;
    if (link == NULL)
        return NULL;
    memcpy(&link->card, card, size < sizeof link->card ? size : sizeof link->card);
    link->base = (struct p2prep_link){&p2prep_shm, base, owner};
    link->tp = tp;
    link->fd = -1;
    link->can_reach = -1;
    if (card_check(tp, &link->card, size, err) == 0)
        link->fd = shm_peer_open(&link->card, tp->segment.slot, err);
    if (link->fd < 0) {
        int saved = errno;

        free(link);
        errno = saved;
        return NULL;
    }
    link->slot = link->card.slot;
    link->reach = (struct shm_reach){(pid_t)link->card.pid, link->card.cookie_at, {0}};
    memcpy(link->reach.cookie, link->card.cookie, sizeof link->reach.cookie);
    link->parcels_end = &link->parcels;
    link->arrivals_end = &link->arrivals;
    ring_reader_init(&link->in, shm_segment_ring(&tp->segment, link->slot), tp->segment.ring_size);
    tp->by_slot[link->slot] = link;
    link->next = tp->links;
    tp->links = link;
    shm_segment_unname(&tp->segment);
    return &link->base;
}

/* ---- sending ---- */

static void break_link(struct shm_link *link, enum p2prep_loss loss)
{
    if (link->is_broken)
        return;
    link->is_broken = true;
    link->loss = loss;
    link->tp->busy++; /* until lost() is called */
}

/* The ring's memory is taken with the first record; false when there is none. */
static bool open_window(struct shm_link *link)
{
    if (link->is_purged || link->is_broken)
        return false;
    if (shm_window_open(&link->window, link->fd, &link->card, link->tp->segment.slot, &link->why) !=
        0) {
        break_link(link, P2PREP_LOSS_FAULT);
        return false;
    }
    close(link->fd);
    link->fd = -1;
    ring_writer_init(&link->out, link->window.ring, link->card.ring_size);
    return true;
}

static inline bool is_open(struct shm_link *link)
{
    return link->out.shared != NULL || open_window(link);
}

static inline size_t padded(size_t head_size)
{
    return (head_size + 7) & ~(size_t)7;
}

static inline uint32_t note_of(enum kind kind, size_t head_size)
{
    return (uint32_t)kind | (uint32_t)head_size << 8;
}

static size_t shm_send_max(struct p2prep_link *base)
{
    return ring_record_max(((struct shm_link *)base)->tp->segment.ring_size) - 8;
}

static enum p2prep_sent shm_send(struct p2prep_link *base, const void *head, size_t head_size,
                                 const void *payload, size_t payload_size)
{
    struct shm_link *link = (struct shm_link *)base;
    size_t start = padded(head_size);
    unsigned char *place;

    if (!is_open(link) || link->is_purged || link->is_broken)
        return P2PREP_GONE;
    place = ring_reserve(&link->out, start + payload_size);
    if (place == NULL)
        return P2PREP_FULL;
    memcpy(place, head, head_size);
    if (payload_size > 0)
        memcpy(place + start, payload, payload_size);
    ring_publish(&link->out, start + payload_size, note_of(KIND_MESSAGE, head_size));
    return P2PREP_SENT;
}

static enum p2prep_sent shm_send_body(struct p2prep_link *base, const void *head, size_t head_size,
                                      const void *payload, size_t payload_size, void *token)
{
    struct shm_link *link = (struct shm_link *)base;
    struct parcel *parcel;
    struct offer offer = {link->last_id + 1, (uint64_t)(uintptr_t)payload, payload_size};
    unsigned char *place;

    if (!is_open(link) || link->is_purged || link->is_broken)
        return P2PREP_GONE;
    place = ring_reserve(&link->out, sizeof offer + head_size);
    parcel = place != NULL ? malloc(sizeof *parcel) : NULL;
    if (parcel == NULL)
        return P2PREP_FULL;
    *parcel = (struct parcel){NULL, offer.id, payload_size, 0, payload, token, false};
    *link->parcels_end = parcel;
    link->parcels_end = &parcel->next;
    link->last_id = offer.id;
    link->tp->busy++;
    memcpy(place, &offer, sizeof offer);
    memcpy(place + sizeof offer, head, head_size);
    ring_publish(&link->out, sizeof offer + head_size, note_of(KIND_OFFER, head_size));
    return P2PREP_SENT;
}

static bool put_answer(struct shm_link *link, enum kind kind, uint64_t id)
{
    void *place = is_open(link) ? ring_reserve(&link->out, sizeof id) : NULL;

    if (place == NULL)
        return false;
    memcpy(place, &id, sizeof id);
    ring_publish(&link->out, sizeof id, note_of(kind, 0));
    return true;
}

/* ---- bodies out ---- */

static struct parcel *take_parcel(struct shm_link *link, uint64_t id)
{
    for (struct parcel **at = &link->parcels; *at != NULL; at = &(*at)->next)
        if ((*at)->id == id) {
            struct parcel *parcel = *at;

            *at = parcel->next;
            if (parcel->next == NULL)
                link->parcels_end = at;
            link->tp->busy--;
            return parcel;
        }
    return NULL;
}

static int finish_parcel(struct shm_link *link, uint64_t id, bool is_ok)
{
    struct parcel *parcel = take_parcel(link, id);
    void *token;

    if (parcel == NULL)
        return 0;
    token = parcel->token;
    free(parcel);
    link->tp->base.up.sent(link->tp->base.up.arg, link->base.owner, token, is_ok);
    return 1;
}

/* Writes pieces while the ring has room, half of its longest record at a time. True when all is
 * out. */
static bool put_pieces(struct shm_link *link, struct parcel *parcel)
{
    size_t most = ring_record_max(link->out.size) / 2 - sizeof(struct piece);

    while (parcel->pulled < parcel->size) {
        size_t left = parcel->size - parcel->pulled, size = left < most ? left : most;
        struct piece piece = {parcel->id, parcel->pulled};
        unsigned char *place = ring_reserve(&link->out, sizeof piece + size);

        if (place == NULL)
            return false;
        memcpy(place, &piece, sizeof piece);
        memcpy(place + sizeof piece, parcel->bytes + parcel->pulled, size);
        ring_publish(&link->out, sizeof piece + size, note_of(KIND_PIECE, 0));
        parcel->pulled += size;
    }
    return true;
}

/* ---- bodies in ---- */

static struct arrival **find_arrival(struct shm_link *link, uint64_t id)
{
    struct arrival **at = &link->arrivals;

    while (*at != NULL && (*at)->id != id)
        at = &(*at)->next;
    return at;
}

static void drop_arrival(struct shm_link *link, struct arrival *arrival)
{
    struct arrival **at = find_arrival(link, arrival->id);

    *at = arrival->next;
    if (arrival->next == NULL)
        link->arrivals_end = at;
    link->tp->busy--;
    free(arrival);
}

static bool can_reach(struct shm_link *link)
{
    if (link->can_reach < 0)
        link->can_reach = !link->tp->no_cma && shm_reach_get(&link->reach, NULL, 0, 0) == 0;
    return link->can_reach > 0;
}

/* Writes the answer that is due; an arrival of which nothing more is to come ends. */
static bool answer_arrival(struct shm_link *link, struct arrival *arrival)
{
    if (arrival->answer == ANSWER_NONE)
        return false;
    if (!put_answer(link, arrival->answer == ANSWER_PULL ? KIND_PULL : KIND_TAKEN, arrival->id))
        return false;
    if (arrival->answer == ANSWER_PULL) {
        arrival->answer = ANSWER_NONE;
        return false;
    }
    drop_arrival(link, arrival);
    return true;
}

/* All bytes are in their place (or never will be): the PML gets the place back. */
static void hand_over(struct shm_link *link, struct arrival *arrival, bool is_whole)
{
    unsigned char *place = arrival->place;

    arrival->place = NULL;
    if (place != NULL)
        link->tp->base.up.body_done(link->tp->base.up.arg, link->base.owner, arrival->token,
                                    is_whole);
}

/* Reads the next chunk across. Returns upcalls made; the arrival may be gone afterwards. */
static int read_arrival(struct shm_link *link, struct arrival *arrival)
{
    uint64_t left = arrival->size - arrival->got;
    size_t size = left < READ_CHUNK ? left : READ_CHUNK;

    if (size > 0 && shm_reach_get(&link->reach, arrival->place + arrival->got,
                                  arrival->address + arrival->got, size) != 0) {
        arrival->is_read = false;
        if (errno == EPERM || errno == ENOSYS) {
            link->can_reach = 0;
            arrival->got = 0;
            arrival->answer = ANSWER_PULL;
            answer_arrival(link, arrival);
            return 0;
        }
        err_sys(&link->why, "reading a body from process %d", (int)link->reach.pid);
        break_link(link, P2PREP_LOSS_EOF);
        return 0;
    }
    arrival->got += size;
    if (arrival->got < arrival->size)
        return 0;
    arrival->is_read = false;
    arrival->answer = ANSWER_TAKEN;
    hand_over(link, arrival, true);
    if (!link->is_purged)
        answer_arrival(link, arrival);
    return 1;
}

static int on_offer(struct shm_link *link, const unsigned char *record, size_t size,
                    size_t head_size)
{
    struct arrival *arrival = calloc(1, sizeof *arrival);
    struct offer offer;
    const struct p2prep_upcalls *up = &link->tp->base.up;

    if (arrival == NULL || size != sizeof offer + head_size) {
        free(arrival);
        err_set(&link->why, "an offer makes no sense");
        break_link(link, P2PREP_LOSS_FAULT);
        return 0;
    }
    memcpy(&offer, record, sizeof offer);
    *arrival = (struct arrival){NULL, offer.id, offer.address, offer.size, 0,
                                NULL, NULL,     false,         ANSWER_NONE};
    arrival->place = up->body(up->arg, link->base.owner, record + sizeof offer, head_size,
                              offer.size, &arrival->token);
    if (link->is_purged) { /* from within body(): the place goes back */
        hand_over(link, arrival, false);
        free(arrival);
        return 1;
    }
    *link->arrivals_end = arrival;
    link->arrivals_end = &arrival->next;
    link->tp->busy++;
    if (arrival->place == NULL)
        arrival->answer = ANSWER_TAKEN;
    else if (offer.size == 0 || can_reach(link))
        arrival->is_read = true;
    else
        arrival->answer = ANSWER_PULL;
    if (arrival->is_read)
        return 1 + read_arrival(link, arrival);
    answer_arrival(link, arrival);
    return 1;
}

static int on_piece(struct shm_link *link, const unsigned char *record, size_t size)
{
    struct piece piece;
    struct arrival *arrival;

    if (size < sizeof piece)
        return 0;
    memcpy(&piece, record, sizeof piece);
    size -= sizeof piece;
    arrival = *find_arrival(link, piece.id);
    if (arrival == NULL || piece.offset != arrival->got || size > arrival->size - arrival->got) {
        err_set(&link->why, "a piece fits no body");
        break_link(link, P2PREP_LOSS_FAULT);
        return 0;
    }
    if (arrival->place != NULL)
        memcpy(arrival->place + arrival->got, record + sizeof piece, size);
    arrival->got += size;
    if (arrival->got < arrival->size)
        return 1;
    hand_over(link, arrival, true);
    if (!link->is_purged)
        drop_arrival(link, arrival);
    return 1;
}

/* ---- receiving ---- */

static uint64_t id_in(const unsigned char *record, size_t size)
{
    uint64_t id = 0;

    memcpy(&id, record, size < sizeof id ? size : sizeof id);
    return id;
}

static int on_pull(struct shm_link *link, uint64_t id)
{
    for (struct parcel *parcel = link->parcels; parcel != NULL; parcel = parcel->next)
        if (parcel->id == id) {
            parcel->is_pulled = true;
            return put_pieces(link, parcel) ? finish_parcel(link, id, true) : 0;
        }
    return 0;
}

static int on_record(struct shm_link *link, const unsigned char *record, size_t size, uint32_t note)
{
    size_t head_size = note >> 8 & 0xffff;

    switch (note & 0xff) {
    case KIND_OFFER:
        return on_offer(link, record, size, head_size);
    case KIND_TAKEN:
        return finish_parcel(link, id_in(record, size), true);
    case KIND_PULL:
        return on_pull(link, id_in(record, size));
    case KIND_PIECE:
        return on_piece(link, record, size);
    default:
        err_set(&link->why, "a record of unknown kind %u", note & 0xff);
        break_link(link, P2PREP_LOSS_FAULT);
        return 0;
    }
}

static int poll_ring(struct shm_link *link)
{
    const struct p2prep_upcalls *up = &link->tp->base.up;
    const unsigned char *record;
    size_t size;
    uint32_t note;
    int events = 0;

    for (int n = 0; n < BURST && !link->is_purged && !link->is_broken; n++) {
        record = ring_peek(&link->in, &size, &note);
        if (record == NULL)
            break;
        if ((note & 0xff) == KIND_MESSAGE && padded(note >> 8) <= size) {
            size_t head_size = note >> 8, start = padded(head_size);

            up->message(up->arg, link->base.owner, record, head_size, record + start, size - start);
            events++;
        } else {
            events += on_record(link, record, size, note);
        }
        ring_next(&link->in, size);
    }
    if (link->in.is_broken && !link->is_broken && !link->is_purged) {
        err_set(&link->why, "the ring holds nonsense");
        break_link(link, P2PREP_LOSS_FAULT);
    }
    return events;
}

static void poll_from_now(struct shm_transport *tp, uint32_t slot)
{
    struct shm_link *link = tp->by_slot[slot];

    if (link == NULL) /* not added yet: look again later */
        return;
    tp->polled[slot / 64] |= UINT64_C(1) << slot % 64;
    if (link->is_polled || link->is_purged)
        return;
    link->is_polled = true;
    tp->polls[tp->poll_count++] = link;
}

static void look_for_writers(struct shm_transport *tp)
{
    uint32_t words = (tp->segment.slots + 63) / 64;

    for (uint32_t w = 0; w < words; w++) {
        uint64_t fresh =
            atomic_load_explicit(&tp->segment.front->writing[w], memory_order_acquire) &
            ~tp->polled[w];

        for (; fresh != 0; fresh &= fresh - 1) {
            uint32_t slot = w * 64 + (uint32_t)__builtin_ctzll(fresh);

            if (slot < tp->segment.slots)
                poll_from_now(tp, slot);
        }
    }
}

/* ---- what waits ---- */

static int go_on_parcels(struct shm_link *link)
{
    int events = 0;

    for (struct parcel *parcel = link->parcels, *next; parcel != NULL; parcel = next) {
        next = parcel->next;
        if (!parcel->is_pulled)
            continue;
        if (!put_pieces(link, parcel))
            break;
        events += finish_parcel(link, parcel->id, true);
        if (link->is_purged || events > 0)
            break; /* the upcall may have changed the list */
    }
    return events;
}

static int go_on_arrivals(struct shm_link *link)
{
    for (struct arrival *arrival = link->arrivals, *next; arrival != NULL; arrival = next) {
        next = arrival->next;
        if (arrival->answer != ANSWER_NONE)
            answer_arrival(link, arrival);
        else if (arrival->is_read)
            return read_arrival(link, arrival);
    }
    return 0;
}

static int give_back(struct shm_link *link)
{
    const struct p2prep_upcalls *up = &link->tp->base.up;
    int events = 0;

    while (link->parcels != NULL)
        events += finish_parcel(link, link->parcels->id, false);
    while (link->arrivals != NULL) {
        struct arrival *arrival = link->arrivals;
        struct arrival gone = *arrival;

        drop_arrival(link, arrival);
        if (gone.place != NULL)
            up->body_done(up->arg, link->base.owner, gone.token, false);
        events++;
    }
    return events;
}

static int tell_break(struct shm_link *link)
{
    const struct p2prep_upcalls *up = &link->tp->base.up;
    int events;

    link->is_told = true;
    link->tp->busy--;
    events = give_back(link);
    if (!link->is_purged)
        up->lost(up->arg, link->base.owner, link->loss, link->why.text);
    return events + 1;
}

static int go_on(struct shm_transport *tp)
{
    int events = 0;

    for (struct shm_link *link = tp->links; link != NULL; link = link->next) {
        if (link->is_broken && !link->is_told)
            events += tell_break(link);
        if (link->is_broken || link->is_purged)
            continue;
        events += go_on_parcels(link);
        if (!link->is_purged && !link->is_broken)
            events += go_on_arrivals(link);
    }
    return events;
}

static int shm_progress(struct p2prep_transport *base)
{
    struct shm_transport *tp = (struct shm_transport *)base;
    int events = 0;

    look_for_writers(tp);
    for (uint32_t i = 0; i < tp->poll_count; i++)
        events += poll_ring(tp->polls[i]);
    if (tp->busy > 0)
        events += go_on(tp);
    if (tp->segment.path[0] != '\0' && tp->calls++ % UNNAME_EVERY == 0)
        shm_segment_unname(&tp->segment);
    return events;
}

static void shm_purge(struct p2prep_link *base)
{
    struct shm_link *link = (struct shm_link *)base;
    struct shm_transport *tp = link->tp;

    if (link->is_purged)
        return;
    link->is_purged = true;
    if (link->is_broken && !link->is_told) {
        link->is_told = true;
        tp->busy--;
    }
    give_back(link);
    shm_window_close(&link->window);
    link->out.shared = NULL;
    if (link->fd >= 0)
        close(link->fd);
    link->fd = -1;
    unlink(link->card.path); /* nobody else may be left to do it */
    /* it will not open my file any more */
    atomic_fetch_or(&tp->segment.front->opened[link->slot / 64], UINT64_C(1) << link->slot % 64);
    shm_segment_unname(&tp->segment);
}

/* ---- the rest ---- */

static bool shm_link_has_get(struct p2prep_link *base)
{
    struct shm_link *link = (struct shm_link *)base;

    return !link->is_purged && !link->is_broken && can_reach(link);
}

static int shm_get(struct p2prep_link *base, void *local, uint64_t remote, size_t size)
{
    struct shm_link *link = (struct shm_link *)base;

    if (link->is_purged) {
        errno = ESRCH;
        return -1;
    }
    if (!can_reach(link)) {
        errno = EPERM;
        return -1;
    }
    return shm_reach_get(&link->reach, local, remote, size);
}

static bool shm_is_idle(struct p2prep_transport *base)
{
    return ((struct shm_transport *)base)->busy == 0;
}

static int shm_fd(struct p2prep_transport *base)
{
    (void)base;
    return -1;
}

static void shm_forked(struct p2prep_transport *base)
{
    struct shm_transport *tp = (struct shm_transport *)base;

    tp->segment.path[0] = '\0'; /* the parent's to remove */
    shm_close(base);
}

const struct p2prep_medium p2prep_shm = {
    .name = "shm",
    .has_get = true,
    .open = shm_open_transport,
    .close = shm_close,
    .card = shm_card,
    .add_peer = shm_add_peer,
    .purge = shm_purge,
    .send_max = shm_send_max,
    .send = shm_send,
    .send_body = shm_send_body,
    .link_has_get = shm_link_has_get,
    .get = shm_get,
    .progress = shm_progress,
    .is_idle = shm_is_idle,
    .fd = shm_fd,
    .forked = shm_forked,
};
