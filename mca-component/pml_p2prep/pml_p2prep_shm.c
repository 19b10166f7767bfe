/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_shm.c - the transport over shared memory: rings for messages, reads across for bodies
 */
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
#include <sys/random.h>
#include <unistd.h>

#define BURST        64 /* records of one ring per progress() */
#define UNNAME_EVERY 64 /* progress() calls between looks whether all have opened my file */

/* ---- opening ---- */

static struct shm_card card_of(struct shm_transport *tp)
{
    struct shm_card card = {.magic = SHM_MAGIC,
                            .cookie_at = (uint64_t)(uintptr_t)tp->cookie,
                            .ring_size = tp->segment.ring_size,
                            .group = tp->segment.group,
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

/* Nothing but the two cards counts, so that both come to the same answer. */
static int card_check(const struct shm_transport *tp, const struct shm_card *card, size_t size,
                      struct err *err)
{
    if (size != sizeof *card || card->magic != SHM_MAGIC || card->group != tp->card.group ||
        memcmp(card->host, tp->card.host, sizeof card->host) != 0) {
        errno = EHOSTUNREACH;
        return -1;
    }
    if (card->slots != tp->segment.slots || card->slot >= card->slots ||
        card->slot == tp->segment.slot || card->ring_size != tp->segment.ring_size ||
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
    link->reach = (struct shm_reach){(pid_t)link->card.pid, link->card.cookie_at, {0}, 0};
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

void shm_break(struct shm_link *link, enum p2prep_loss loss)
{
    if (link->is_broken)
        return;
    link->is_broken = true;
    link->loss = loss;
    link->tp->busy++; /* until lost() is called */
}

/* The ring's memory is taken with the first record; false when there is none. */
bool shm_open_window(struct shm_link *link)
{
    if (link->is_purged || link->is_broken)
        return false;
    if (shm_window_open(&link->window, link->fd, &link->card, link->tp->segment.slot, &link->why) !=
        0) {
        shm_break(link, P2PREP_LOSS_FAULT);
        return false;
    }
    close(link->fd);
    link->fd = -1;
    ring_writer_init(&link->out, link->window.ring, link->card.ring_size);
    return true;
}

static size_t shm_send_max(struct p2prep_link *base)
{
    return ring_record_max(((struct shm_link *)base)->tp->segment.ring_size) - 8;
}

/* The reader polls the line in which a record begins: it is written last, all at once. */
static void fill(unsigned char *place, const void *head, size_t head_size,
                 const unsigned char *payload, size_t payload_size)
{
    size_t start = padded(head_size), line = RING_LINE - (uintptr_t)place % RING_LINE;
    size_t first = line > start ? line - start : 0;

    if (payload_size > first) {
        memcpy(place + start + first, payload + first, payload_size - first);
        payload_size = first;
    }
    if (head_size == 16)
        memcpy(place, head, 16);
    else
        memcpy(place, head, head_size);
    if (payload_size > 0)
        memcpy(place + start, payload, payload_size);
}

static enum p2prep_sent shm_send(struct p2prep_link *base, const void *head, size_t head_size,
                                 const void *payload, size_t payload_size)
{
    struct shm_link *link = (struct shm_link *)base;
    size_t start = padded(head_size);
    unsigned char *place;

    if (!shm_is_open(link) || link->is_purged || link->is_broken)
        return P2PREP_GONE;
    place = ring_reserve(&link->out, start + payload_size);
    if (place == NULL)
        return P2PREP_FULL;
    fill(place, head, head_size, payload, payload_size);
    ring_publish(&link->out, start + payload_size, note_of(KIND_MESSAGE, head_size));
    return P2PREP_SENT;
}

/* ---- receiving ---- */

static uint64_t id_in(const unsigned char *record, size_t size)
{
    uint64_t id = 0;

    memcpy(&id, record, size < sizeof id ? size : sizeof id);
    return id;
}

static int on_record(struct shm_link *link, const unsigned char *record, size_t size, uint32_t note)
{
    size_t head_size = note >> 8 & 0xffff;

    switch (note & 0xff) {
    case KIND_OFFER:
        return shm_on_offer(link, record, size, head_size);
    case KIND_TAKEN:
        return shm_parcel_finish(link, id_in(record, size), true);
    case KIND_PULL:
        return shm_on_pull(link, id_in(record, size));
    case KIND_PIECE:
        return shm_on_piece(link, record, size);
    default:
        err_set(&link->why, "a record of unknown kind %u", note & 0xff);
        shm_break(link, P2PREP_LOSS_FAULT);
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
        if ((note & 0xff) == KIND_MESSAGE && note >> 8 > 0 && padded(note >> 8) <= size) {
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
        shm_break(link, P2PREP_LOSS_FAULT);
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

static int tell_break(struct shm_link *link)
{
    const struct p2prep_upcalls *up = &link->tp->base.up;
    int events;

    link->is_told = true;
    link->tp->busy--;
    events = shm_give_back(link);
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
        events += shm_parcels_go_on(link);
        if (!link->is_purged && !link->is_broken)
            events += shm_arrivals_go_on(link);
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
    shm_give_back(link);
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

    return !link->is_purged && !link->is_broken && shm_can_reach(link);
}

static int shm_get(struct p2prep_link *base, void *local, uint64_t remote, size_t size)
{
    struct shm_link *link = (struct shm_link *)base;

    if (link->is_purged) {
        errno = ESRCH;
        return -1;
    }
    if (!shm_can_reach(link)) {
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

/* send() publishes. */
/* What send() took is published. */
static uint64_t shm_taken(struct p2prep_link *base)
{
    (void)base;
    return 0;
}

const struct p2prep_medium p2prep_shm = {
    .name = "shm",
    .has_get = true,
    .eager = 8192,
    .open = shm_open_transport,
    .close = shm_close,
    .card = shm_card,
    .add_peer = shm_add_peer,
    .purge = shm_purge,
    .taken = shm_taken,
    .delivered = shm_taken,
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
