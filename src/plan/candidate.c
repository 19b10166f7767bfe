/* SPDX-License-Identifier: BSD-3-Clause */
/* candidate.c - the hosts that a booking may use: in order of preference, with what is known of
 * their slots */
#include "config.h"
#include "plan/candidate.h"

#include "base/mem.h"
#include "wire/frame.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void candidates_init(struct candidates *list, Wire__HostWish *const *wishes, size_t count)
{
    memset(list, 0, sizeof *list);
    list->wishes = mem_array(count + 1, sizeof *list->wishes);
    for (size_t i = 0; i < count; i++)
        list->wishes[i] = message_copy(&wishes[i]->base);
    list->wish_count = count;
}

static void candidate_free(struct candidate *candidate)
{
    message_free(candidate->peer);
    free(candidate->denial);
    free(candidate);
}

void candidates_clear(struct candidates *list)
{
    struct candidate *candidate, *next;

    HASH_ITER(hh, list->table, candidate, next)
    {
        HASH_DEL(list->table, candidate);
        candidate_free(candidate);
    }
    for (size_t i = 0; i < list->wish_count; i++)
        message_free(list->wishes[i]);
    free(list->wishes);
    free(list->order);
    memset(list, 0, sizeof *list);
}

struct candidate *candidates_find(const struct candidates *list, const struct id *id)
{
    struct candidate *candidate;

    HASH_FIND(hh, list->table, id, sizeof *id, candidate);
    return candidate;
}

static void candidate_check(struct candidate *candidate, const Wire__Needs *needs)
{
    candidate->lack = fit_check(candidate->peer->host, needs, NULL);
    if (candidate->lack != FIT_MET)
        candidate->out = CANDIDATE_UNFIT;
    else if (candidate->out == CANDIDATE_UNFIT)
        candidate->out = CANDIDATE_IN;
}

/* "10.77.0" or "fd00000000000001": the network of its first address, /24 or /64; empty: not known.
 */
static void site_of(const Wire__Peer *peer, char site_out[64])
{
    const char *text = peer->n_addrs > 0 ? peer->addrs[0]->host : "";
    unsigned char bytes[16];

    site_out[0] = '\0';
    if (inet_pton(AF_INET, text, bytes) == 1)
        snprintf(site_out, 64, "%u.%u.%u", bytes[0], bytes[1], bytes[2]);
    else if (inet_pton(AF_INET6, text, bytes) == 1)
        for (int i = 0; i < 8; i++)
            snprintf(site_out + 2 * i, 3, "%02x", bytes[i]);
}

/* What it says of its slots counts until it was asked itself. */
static void candidate_take_load(struct candidate *candidate)
{
    const Wire__LoadInfo *load = candidate->peer->load;

    if (candidate->asked > 0 || candidate->granted > 0 || candidate->out == CANDIDATE_FULL)
        return;
    candidate->knows_load = load != NULL;
    candidate->total = load != NULL ? load->slots : 0;
    candidate->free = load != NULL ? load->slots_free : 0;
    candidate->believed = load != NULL ? load->slots_free : UINT32_MAX;
}

struct candidate *candidates_add(struct candidates *list, const Wire__Peer *peer, bool is_self,
                                 const Wire__Needs *needs)
{
    struct id id;

    if (id_from_bytes(peer->id.data, peer->id.len, &id) < 0)
        return NULL;
    struct candidate *candidate = candidates_find(list, &id);
    if (candidate == NULL) {
        candidate = mem_alloc(sizeof *candidate);
        candidate->id = id;
        candidate->limit = UINT32_MAX;
        candidate->wish = SIZE_MAX;
        HASH_ADD(hh, list->table, id, sizeof candidate->id, candidate);
    }
    message_free(candidate->peer);
    candidate->peer = message_copy(&peer->base);
    site_of(peer, candidate->site);
    candidate->is_self = candidate->is_self || is_self;
    candidate_check(candidate, needs);
    candidate_take_load(candidate);
    return candidate;
}

bool candidate_is_usable(const struct candidate *candidate)
{
    return candidate->out == CANDIDATE_IN && !(candidate->knows_load && candidate->total == 0);
}

void candidate_set_host(struct candidate *candidate, const Wire__HostInfo *host,
                        const Wire__Needs *needs)
{
    if (candidate->peer->host != NULL)
        message_free(candidate->peer->host);
    candidate->peer->host = message_copy(&host->base);
    candidate_check(candidate, needs);
}

static bool is_id_prefix(const struct candidate *candidate, const char *name)
{
    char text[ID_TEXT_SIZE];
    size_t length = strlen(name);

    id_text(&candidate->id, text);
    return length >= 8 && length < sizeof text && strncasecmp(text, name, length) == 0;
}

bool candidate_is_named(const struct candidate *candidate, const char *name)
{
    const Wire__Peer *peer = candidate->peer;
    size_t first = strcspn(peer->name, ".");

    if (strcasecmp(name, peer->name) == 0)
        return true;
    if (candidate->is_self && strcasecmp(name, "localhost") == 0)
        return true;
    if (strlen(name) == first && strncasecmp(name, peer->name, first) == 0)
        return true;
    for (size_t i = 0; i < peer->n_addrs; i++)
        if (strcasecmp(name, peer->addrs[i]->host) == 0)
            return true;
    return is_id_prefix(candidate, name);
}

/* 0: this host, 1: measured and alive, 2: alive, 3: others. */
static int rank_of(const struct candidate *candidate)
{
    if (candidate->is_self)
        return 0;
    if (!candidate->peer->alive)
        return 3;
    return candidate->peer->rtt_us > 0 ? 1 : 2;
}

static int by_distance(const void *left, const void *right)
{
    const struct candidate *a = *(struct candidate *const *)left,
                           *b = *(struct candidate *const *)right;

    if (rank_of(a) != rank_of(b))
        return rank_of(a) - rank_of(b);
    if (a->peer->rtt_us != b->peer->rtt_us)
        return a->peer->rtt_us < b->peer->rtt_us ? -1 : 1;
    return id_compare(&a->id, &b->id);
}

static int by_wish(const void *left, const void *right)
{
    const struct candidate *a = *(struct candidate *const *)left,
                           *b = *(struct candidate *const *)right;

    return a->wish < b->wish ? -1 : a->wish > b->wish;
}

static bool has_asked(const struct candidate *candidate)
{
    return candidate->asked > 0 || candidate->granted > 0 || candidate->out != CANDIDATE_IN;
}

/* A name that two hosts bear means the nearer one, but stays with the one that was asked already.
 */
static struct candidate *fulfil(const struct candidates *list, size_t all, const char *name)
{
    struct candidate *best = NULL;

    for (size_t i = 0; i < all; i++) {
        struct candidate *candidate = list->order[i];
        if (candidate_is_named(candidate, name) &&
            (best == NULL || (has_asked(candidate) && !has_asked(best))))
            best = candidate;
    }
    return best;
}

static void apply_wishes(struct candidates *list, size_t all)
{
    for (size_t i = 0; i < all; i++) {
        list->order[i]->wish = SIZE_MAX;
        list->order[i]->limit = 0;
    }
    list->unmatched = list->wish_count;
    for (size_t i = 0; i < list->wish_count; i++) {
        const Wire__HostWish *wish = list->wishes[i];
        struct candidate *candidate = fulfil(list, all, wish->name);
        if (candidate == NULL) {
            if (list->unmatched == list->wish_count)
                list->unmatched = i;
            continue;
        }
        if (candidate->wish == SIZE_MAX)
            candidate->wish = i;
        uint32_t slots = wish->slots_given ? wish->slots : UINT32_MAX;
        candidate->limit =
            slots > UINT32_MAX - candidate->limit ? UINT32_MAX : candidate->limit + slots;
    }
    qsort(list->order, all, sizeof *list->order, by_wish);
    for (list->count = 0; list->count < all && list->order[list->count]->wish != SIZE_MAX;)
        list->count++;
}

void candidates_sort(struct candidates *list)
{
    struct candidate *candidate, *next;
    size_t all = 0;

    free(list->order);
    list->order = mem_array(HASH_COUNT(list->table) + 1, sizeof *list->order);
    HASH_ITER(hh, list->table, candidate, next)
    list->order[all++] = candidate;
    qsort(list->order, all, sizeof *list->order, by_distance);
    list->count = all;
    list->unmatched = 0;
    if (list->wish_count > 0)
        apply_wishes(list, all);
}
