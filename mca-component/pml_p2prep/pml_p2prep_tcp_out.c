/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_tcp_out.c - writing: at once where the kernel takes it, else a queue per link */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "mca-component/pml_p2prep/pml_p2prep_tcp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#define ITEM_ROOM 4096 /* of a small item, so that the next ones fit in */
#define IOV_MOST  16

static ssize_t write_out(int fd, struct iovec *iov, size_t count)
{
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = count};
    ssize_t n = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOBUFS))
        return 0;
    return n;
}

/* ---- the queue ---- */

static void append(struct tcp_link *link, struct tcp_item *item)
{
    if (link->items == NULL) {
        link->items_end = &link->items;
        link->tp->queues++;
    }
    *link->items_end = item;
    link->items_end = &item->next;
}

static struct tcp_item *last_item(struct tcp_link *link)
{
    if (link->items == NULL)
        return NULL;
    return (struct tcp_item *)(void *)((char *)link->items_end - offsetof(struct tcp_item, next));
}

/* A place for size bytes of ours at the end of the queue, or NULL. */
static unsigned char *queue_place(struct tcp_link *link, size_t size)
{
    struct tcp_item *item = last_item(link);
    unsigned char *place;

    if (item == NULL || item->room == 0 ||
        item->room < (size_t)(item->from - item->own) + item->left + size) {
        size_t room = size < ITEM_ROOM ? ITEM_ROOM : size;

        item = malloc(sizeof *item + room);
        if (item == NULL)
            return NULL;
        *item = (struct tcp_item){.from = item->own, .room = room};
        append(link, item);
    }
    place = item->own + (item->from - item->own) + item->left;
    item->left += size;
    link->queued += size;
    link->behind += size;
    return place;
}

static bool queue_bytes(struct tcp_link *link, const struct iovec *iov, size_t count, size_t skip)
{
    size_t size = 0;
    unsigned char *place;

    for (size_t i = 0; i < count; i++)
        size += iov[i].iov_len;
    place = queue_place(link, size - skip);
    if (place == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        size_t past = skip < iov[i].iov_len ? skip : iov[i].iov_len;

        if (iov[i].iov_len > past)
            memcpy(place, (const char *)iov[i].iov_base + past, iov[i].iov_len - past);
        place += iov[i].iov_len - past;
        skip -= past;
    }
    return true;
}

static void finish_parcel(struct tcp_parcel *parcel, bool is_ok)
{
    struct tcp_transport *tp = parcel->link->tp;

    parcel->is_ok = is_ok;
    parcel->next = NULL;
    *tp->sent_end = parcel;
    tp->sent_end = &parcel->next;
}

/* Removes the first item, which is written (or dropped). */
static void pop(struct tcp_link *link, bool is_ok)
{
    struct tcp_item *item = link->items;

    link->items = item->next;
    if (link->items == NULL)
        link->tp->queues--;
    if (item->room == 0) {
        link->has_chunk = false;
        if (item->parcel != NULL)
            finish_parcel(item->parcel, is_ok);
    }
    free(item);
}

static void pass(struct tcp_link *link, size_t size)
{
    while (link->items != NULL) {
        struct tcp_item *item = link->items;
        size_t part = size < item->left ? size : item->left;

        item->from += part;
        item->left -= part;
        size -= part;
        link->written += part;
        link->behind -= part;
        if (item->room > 0)
            link->queued -= part;
        if (item->left > 0)
            return;
        pop(link, true);
    }
}

static const unsigned char zeros[TCP_STEP];

static struct iovec pad_of(size_t size)
{
    return (struct iovec){(void *)(uintptr_t)zeros, tcp_stepped(size) - size};
}

/* The next chunk of the first body goes behind what is queued; one at a time. */
static bool queue_chunk(struct tcp_link *link)
{
    struct tcp_parcel *parcel = link->parcels;
    size_t size = parcel->left < TCP_CHUNK ? parcel->left : TCP_CHUNK;
    struct tcp_frame frame = {(uint32_t)size, 0, TCP_CHUNK_OF, 0};
    struct iovec iov[3] = {{&frame, sizeof frame},
                           {&parcel->id, sizeof parcel->id},
                           pad_of(sizeof frame + sizeof parcel->id)};
    struct iovec pad = pad_of(size);
    struct tcp_item *item = malloc(sizeof *item);

    if (item == NULL || !queue_bytes(link, iov, 3, 0)) {
        free(item);
        return false;
    }
    *item = (struct tcp_item){.from = parcel->bytes, .left = size};
    parcel->bytes += size;
    parcel->left -= size;
    if (parcel->left == 0) {
        item->parcel = parcel;
        link->parcels = parcel->next;
    }
    append(link, item);
    link->behind += size;
    link->has_chunk = true;
    if (pad.iov_len > 0 && !queue_bytes(link, &pad, 1, 0))
        tcp_break(link, P2PREP_LOSS_FAULT, "no memory for the end of a body");
    return true;
}

static void want_write(struct tcp_link *link, bool wants)
{
    if (link->wants_write == wants)
        return;
    link->wants_write = wants;
    tcp_watch(link->tp, link->fd, &link->watch, wants, false);
}

/* The peer is gone, but what it sent before may still be read: only reading finds the end. */
static void write_failed(struct tcp_link *link)
{
    tcp_drop(link);
    want_write(link, false);
}

void tcp_flush(struct tcp_link *link)
{
    while (link->state == TCP_UP) {
        struct iovec iov[IOV_MOST];
        size_t count = 0, size = 0;
        ssize_t n;

        if (!link->has_chunk && link->parcels != NULL && !queue_chunk(link))
            break;
        for (struct tcp_item *item = link->items; item != NULL && count < IOV_MOST;
             item = item->next) {
            iov[count++] = (struct iovec){(void *)(uintptr_t)item->from, item->left};
            size += item->left;
        }
        if (count == 0)
            break;
        n = write_out(link->fd, iov, count);
        if (n < 0) {
            write_failed(link);
            return;
        }
        pass(link, (size_t)n);
        if ((size_t)n < size)
            break;
    }
    if (link->state == TCP_UP)
        want_write(link, link->items != NULL || link->parcels != NULL);
}

void tcp_drop(struct tcp_link *link)
{
    while (link->items != NULL)
        pop(link, false);
    while (link->parcels != NULL) {
        struct tcp_parcel *parcel = link->parcels;

        link->parcels = parcel->next;
        finish_parcel(parcel, false);
    }
    link->queued = 0;
    link->behind = 0;
    link->is_mute = true;
}

/* ---- sending ---- */

static bool is_gone(struct tcp_link *link)
{
    if (link->state == TCP_IDLE)
        tcp_dial(link);
    return link->is_mute || link->state == TCP_LOST || link->state == TCP_PURGED;
}

static bool can_write(const struct tcp_link *link)
{
    return link->state == TCP_UP && link->items == NULL;
}

enum p2prep_sent tcp_send(struct p2prep_link *base, const void *head, size_t head_size,
                          const void *payload, size_t payload_size)
{
    struct tcp_link *link = tcp_link_of(base);
    struct tcp_frame frame = {(uint32_t)payload_size, (uint16_t)head_size, TCP_MESSAGE, 0};
    size_t behind = sizeof frame + head_size, at = tcp_payload_at(head_size, payload_size);
    size_t size = tcp_stepped(at + payload_size);
    unsigned char start[sizeof frame + P2PREP_HEAD_MAX + TCP_STEP];
    struct iovec iov[3] = {
        {start, at}, {(void *)(uintptr_t)payload, payload_size}, pad_of(at + payload_size)};
    ssize_t n = 0;

    if (is_gone(link))
        return P2PREP_GONE;
    if (link->queued > 0 && link->queued + size > link->tp->queue_max)
        return P2PREP_FULL;
    memcpy(start, &frame, sizeof frame);
    memcpy(start + sizeof frame, head, head_size);
    memset(start + behind, 0, at - behind);
    if (can_write(link)) {
        n = write_out(link->fd, iov, 3);
        if (n < 0) {
            write_failed(link);
            return P2PREP_GONE;
        }
        link->written += (size_t)n;
        if (n == (ssize_t)size)
            return P2PREP_SENT;
    }
    if (!queue_bytes(link, iov, 3, (size_t)n)) {
        if (n == 0)
            return P2PREP_FULL;
        tcp_break(link, P2PREP_LOSS_FAULT, "no memory for the rest of a message");
        return P2PREP_GONE;
    }
    if (link->state == TCP_UP)
        want_write(link, true);
    return P2PREP_SENT;
}

/* Is this parcel the last of tp->sent? Then it need not be told. */
static bool unfinish(struct tcp_transport *tp, struct tcp_parcel *parcel)
{
    struct tcp_parcel **at = &tp->sent;

    while (*at != NULL && *at != parcel)
        at = &(*at)->next;
    if (*at == NULL)
        return false;
    *at = parcel->next;
    if (parcel->next == NULL)
        tp->sent_end = at;
    return true;
}

static bool queue_body_frame(struct tcp_link *link, const struct tcp_parcel *parcel,
                             const void *head, size_t head_size)
{
    struct tcp_frame frame = {0, (uint16_t)head_size, TCP_BODY, 0};
    uint64_t numbers[2] = {parcel->id, parcel->left};
    struct iovec iov[4] = {{&frame, sizeof frame},
                           {numbers, sizeof numbers},
                           {(void *)(uintptr_t)head, head_size},
                           pad_of(sizeof frame + sizeof numbers + head_size)};

    return queue_bytes(link, iov, 4, 0);
}

enum p2prep_sent tcp_send_body(struct p2prep_link *base, const void *head, size_t head_size,
                               const void *payload, size_t payload_size, void *token)
{
    struct tcp_link *link = tcp_link_of(base);
    struct tcp_parcel *parcel;
    bool is_ok;

    if (is_gone(link))
        return P2PREP_GONE;
    if (link->queued > link->tp->queue_max)
        return P2PREP_FULL;
    parcel = malloc(sizeof *parcel);
    if (parcel == NULL)
        return P2PREP_FULL;
    *parcel =
        (struct tcp_parcel){NULL, link, link->last_id + 1, payload, payload_size, token, false};
    if (!queue_body_frame(link, parcel, head, head_size)) {
        free(parcel);
        return P2PREP_FULL;
    }
    link->last_id = parcel->id;
    if (link->parcels == NULL)
        link->parcels_end = &link->parcels;
    *link->parcels_end = parcel;
    link->parcels_end = &parcel->next;
    tcp_flush(link);
    if (!unfinish(link->tp, parcel))
        return P2PREP_SENT;
    is_ok = parcel->is_ok;
    free(parcel);
    return is_ok ? P2PREP_DONE : P2PREP_GONE;
}
