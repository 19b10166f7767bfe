/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_shm_body.c - large payloads over shared memory: read across, or in pieces through the
 * ring */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "mca-component/pml_p2prep/pml_p2prep_shm_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define READ_CHUNK (1u << 20) /* of a body, per progress() */
#define PIECE_MOST 8128 /* bytes of a body in a record: one is read while the next is written */

enum p2prep_sent shm_send_body(struct p2prep_link *base, const void *head, size_t head_size,
                               const void *payload, size_t payload_size, void *token)
{
    struct shm_link *link = (struct shm_link *)base;
    struct parcel *parcel;
    struct offer offer = {link->last_id + 1, (uint64_t)(uintptr_t)payload, payload_size};
    unsigned char *place;

    if (!shm_is_open(link) || link->is_purged || link->is_broken)
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

static bool put_answer(struct shm_link *link, enum shm_kind kind, uint64_t id)
{
    void *place = shm_is_open(link) ? ring_reserve(&link->out, sizeof id) : NULL;

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

int shm_parcel_finish(struct shm_link *link, uint64_t id, bool is_ok)
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

    if (most > PIECE_MOST)
        most = PIECE_MOST;
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

bool shm_can_reach(struct shm_link *link)
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
        shm_break(link, P2PREP_LOSS_EOF);
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

int shm_on_offer(struct shm_link *link, const unsigned char *record, size_t size, size_t head_size)
{
    struct arrival *arrival = calloc(1, sizeof *arrival);
    struct offer offer;
    const struct p2prep_upcalls *up = &link->tp->base.up;

    if (arrival == NULL || size != sizeof offer + head_size) {
        free(arrival);
        err_set(&link->why, "an offer makes no sense");
        shm_break(link, P2PREP_LOSS_FAULT);
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
    else if (offer.size == 0 || shm_can_reach(link))
        arrival->is_read = true;
    else
        arrival->answer = ANSWER_PULL;
    if (arrival->is_read)
        return 1 + read_arrival(link, arrival);
    answer_arrival(link, arrival);
    return 1;
}

int shm_on_piece(struct shm_link *link, const unsigned char *record, size_t size)
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
        shm_break(link, P2PREP_LOSS_FAULT);
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

int shm_on_pull(struct shm_link *link, uint64_t id)
{
    for (struct parcel *parcel = link->parcels; parcel != NULL; parcel = parcel->next)
        if (parcel->id == id) {
            parcel->is_pulled = true;
            return put_pieces(link, parcel) ? shm_parcel_finish(link, id, true) : 0;
        }
    return 0;
}

/* ---- what waits ---- */

int shm_parcels_go_on(struct shm_link *link)
{
    int events = 0;

    for (struct parcel *parcel = link->parcels, *next; parcel != NULL; parcel = next) {
        next = parcel->next;
        if (!parcel->is_pulled)
            continue;
        if (!put_pieces(link, parcel))
            break;
        events += shm_parcel_finish(link, parcel->id, true);
        if (link->is_purged || events > 0)
            break; /* the upcall may have changed the list */
    }
    return events;
}

int shm_arrivals_go_on(struct shm_link *link)
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

int shm_give_back(struct shm_link *link)
{
    const struct p2prep_upcalls *up = &link->tp->base.up;
    int events = 0;

    while (link->parcels != NULL)
        events += shm_parcel_finish(link, link->parcels->id, false);
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
