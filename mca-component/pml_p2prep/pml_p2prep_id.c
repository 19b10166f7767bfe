/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_id.c - numbers that stand for requests on the wire
 *
 * Low half: index + 1, high half: how often the place was used. What comes late names nothing. */
#include "mca-component/pml_p2prep/pml_p2prep_id.h"

#include <stdbool.h>
#include <stdlib.h>

struct place {
    void *thing; /* NULL: free */
    const void *owner;
    enum p2prep_id_kind kind;
    bool is_claimed;
    uint32_t use;
    uint32_t next_free; /* index + 1 */
};

static struct place *places; /* the PML's, one per process */
static uint32_t n_places, first_free;

static int places_grow(void)
{
    uint32_t more = n_places ? n_places * 2 : 256;
    struct place *grown = realloc(places, more * sizeof *grown);
    if (!grown)
        return -1;
    for (uint32_t i = n_places; i < more; i++)
        grown[i] = (struct place){.next_free = i + 1 < more ? i + 2 : 0};
    first_free = n_places + 1;
    places = grown;
    n_places = more;
    return 0;
}

uint64_t p2prep_id_give(void *thing, enum p2prep_id_kind kind, const void *owner)
{
    if (!first_free && places_grow())
        return 0;
    uint32_t at = first_free;
    struct place *place = &places[at - 1];
    first_free = place->next_free;
    place->thing = thing;
    place->owner = owner;
    place->kind = kind;
    place->is_claimed = false;
    place->use++;
    return (uint64_t)place->use << 32 | at;
}

static struct place *place_of(uint64_t id)
{
    uint32_t at = (uint32_t)id;
    if (at == 0 || at > n_places)
        return NULL;
    struct place *place = &places[at - 1];
    return place->thing && place->use == id >> 32 ? place : NULL;
}

void *p2prep_id_claim(uint64_t id, enum p2prep_id_kind kind, const void *owner)
{
    struct place *place = place_of(id);
    if (!place || place->is_claimed || place->kind != kind || place->owner != owner)
        return NULL;
    place->is_claimed = true;
    return place->thing;
}

void p2prep_id_drop(uint64_t id)
{
    struct place *place = place_of(id);
    if (!place)
        return;
    place->thing = NULL;
    place->next_free = first_free;
    first_free = (uint32_t)id;
}

void p2prep_id_close(void)
{
    free(places);
    places = NULL;
    n_places = first_free = 0;
}
