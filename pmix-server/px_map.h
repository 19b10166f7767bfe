/* SPDX-License-Identifier: BSD-3-Clause */
/* px_map.h - which rank is where, read from a job's description; pure functions
 *
 * A job's description has passed job_spec_is_sound() before these are asked. */
#ifndef P2PMPI_PX_MAP_H
#define P2PMPI_PX_MAP_H

#include "base/err.h"
#include "wire/frame.h"

#include <stdint.h>

/* Says whether host numbers, counts and names fit each other. Returns 0, or -1 with a sentence. */
int map_check(const Wire__StepStart *start, struct err *err);

uint32_t map_local_rank(const Wire__JobSpec *spec,
                        uint32_t rank); /* its number among its host's ranks */
uint32_t map_ranks_on(const Wire__JobSpec *spec, uint32_t host); /* how many */
uint32_t map_hosts_used(const Wire__JobSpec *spec);              /* hosts that have ranks */
uint32_t map_node_id(const Wire__JobSpec *spec, uint32_t host);  /* its number among those */

/* What a host is called towards PMIx. Libraries find the host they are on by its own name, which
 * may be another than the owner gave it in the grid: for host number self it is own. Two hosts of
 * one name are told apart. The caller frees. */
char *map_host_name(const Wire__JobSpec *spec, uint32_t self, const char *own, uint32_t host);

/* Texts as PMIx wants them; the caller frees. Hosts without ranks are left out. */
char *map_host_names(const Wire__JobSpec *spec, uint32_t self, const char *own); /* "a,b" */
char *map_host_ranks(const Wire__JobSpec *spec);                                 /* "0,2;1,3" */
char *map_ranks_of(const Wire__JobSpec *spec, uint32_t host);                    /* "0,2" */

#endif
