/* SPDX-License-Identifier: BSD-3-Clause */
/* gather.h - one fence under way: which hosts have contributed what */
#ifndef P2PMPI_COLL_GATHER_H
#define P2PMPI_COLL_GATHER_H

#include "coll/series.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GATHER_NO_DEADLINE INT64_MAX

struct gather_part {
    bool here;
    bool has_asked; /* sent us a FenceUp: it may know of a loss, and be our child, before we know */
    uint8_t *data;  /* owned */
    size_t size;
};

struct gather {
    struct gather *next, *prev; /* the engine's list */
    struct series *series;      /* borrowed */
    uint32_t number;
    struct gather_part *parts; /* by position */
    size_t bytes;              /* of all parts */
    bool is_local;             /* the ranks here wait for it, known by tag */
    void *tag;
    int64_t deadline_ms;
    int status;     /* not 0: it has failed, the root is to end it */
    char *why;      /* owned */
    size_t told;    /* position that has our FenceUp, TREE_NONE: none */
    bool is_marked; /* may have moved */
};

struct gather *gather_create(struct series *series, uint32_t number);
void gather_destroy(struct gather *gather);

/* Copies the data; a second contribution of the same position is ignored. */
void gather_add(struct gather *gather, size_t position, const uint8_t *data, size_t size);
/* The first reason stays. */
void gather_fail(struct gather *gather, int status, const char *why);

/* Have all contributed whom this position collects from: its subtree, or for the root all? */
bool gather_is_full(const struct gather *gather, bool is_root);
/* All data in order of positions: gather->bytes, malloc()ed. */
uint8_t *gather_data(const struct gather *gather);

#endif
