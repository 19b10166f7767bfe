/* SPDX-License-Identifier: BSD-3-Clause */
/* sn_registry.c - the directory in memory
 *
 * A hash table by id, kept in the order of the last word (uthash keeps insertion order, who renews
 * goes to the end), and an array for random access. */
#include "config.h"
#include "supernode/sn_registry.h"

#include "base/mem.h"

#include <stdlib.h>
#include <uthash.h>

struct entry {
    struct id id;
    Wire__Peer *peer;
    int64_t heard_ms;
    size_t index; /* in the array */
    UT_hash_handle hh;
};

struct registry {
    struct entry *entries;  /* silent for longest first */
    struct entry **indexed; /* room for peers_max would be waste: grows */
    size_t count, room, peers_max;
    int64_t expiry_ms;
};

static struct entry *find(struct registry *registry, const struct id *id)
{
    struct entry *entry;

    HASH_FIND(hh, registry->entries, id, sizeof *id, entry);
    return entry;
}

static void touch(struct registry *registry, struct entry *entry, struct sn_time now)
{
    HASH_DEL(registry->entries, entry);
    HASH_ADD(hh, registry->entries, id, sizeof entry->id, entry);
    entry->heard_ms = now.ms;
    entry->peer->seen_s = (uint64_t)now.wall_s;
    entry->peer->alive = true;
}

static void forget(struct registry *registry, struct entry *entry)
{
    struct entry *last = registry->indexed[--registry->count];

    registry->indexed[entry->index] = last;
    last->index = entry->index;
    HASH_DEL(registry->entries, entry);
    message_free(entry->peer);
    free(entry);
}

static struct entry *enter(struct registry *registry, const struct id *id)
{
    struct entry *entry = mem_alloc(sizeof *entry);

    if (registry->count == registry->room) {
        registry->room = registry->room > 0 ? 2 * registry->room : 64;
        registry->indexed = mem_grow(registry->indexed, registry->room, sizeof(struct entry *));
    }
    entry->id = *id;
    entry->index = registry->count;
    registry->indexed[registry->count++] = entry;
    HASH_ADD(hh, registry->entries, id, sizeof entry->id, entry);
    return entry;
}

static int put(void *self, const struct id *id, const Wire__Peer *peer, struct sn_time now,
               struct err *err)
{
    struct registry *registry = self;
    struct entry *entry = find(registry, id);

    if (entry == NULL && registry->count >= registry->peers_max)
        return err_set(err, "this supernode is full (%zu peers)", registry->count);
    if (entry == NULL)
        entry = enter(registry, id);
    message_free(entry->peer);
    entry->peer = message_copy(&peer->base);
    touch(registry, entry, now);
    return 0;
}

static bool renew(void *self, const struct id *id, const Wire__LoadInfo *load, struct sn_time now)
{
    struct registry *registry = self;
    struct entry *entry = find(registry, id);

    if (entry == NULL)
        return false;
    if (load != NULL) {
        message_free(entry->peer->load);
        entry->peer->load = message_copy(&load->base);
    }
    touch(registry, entry, now);
    return true;
}

static bool remove_peer(void *self, const struct id *id)
{
    struct registry *registry = self;
    struct entry *entry = find(registry, id);

    if (entry != NULL)
        forget(registry, entry);
    return entry != NULL;
}

static size_t expire(void *self, int64_t now_ms)
{
    struct registry *registry = self;
    size_t gone = 0;

    while (registry->entries != NULL &&
           now_ms - registry->entries->heard_ms >= registry->expiry_ms) {
        forget(registry, registry->entries);
        gone++;
    }
    return gone;
}

static size_t count(void *self)
{
    return ((struct registry *)self)->count;
}

static const Wire__Peer *at(void *self, size_t i)
{
    return ((struct registry *)self)->indexed[i]->peer;
}

static void destroy(void *self)
{
    struct registry *registry = self;

    while (registry->entries != NULL)
        forget(registry, registry->entries);
    free(registry->indexed);
    free(registry);
}

struct sn_directory sn_registry_create(int64_t expiry_ms, size_t peers_max)
{
    struct registry *registry = mem_alloc(sizeof *registry);

    registry->expiry_ms = expiry_ms;
    registry->peers_max = peers_max;
    return (struct sn_directory){.self = registry,
                                 .put = put,
                                 .renew = renew,
                                 .remove = remove_peer,
                                 .expire = expire,
                                 .count = count,
                                 .at = at,
                                 .destroy = destroy};
}
