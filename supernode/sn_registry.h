/* SPDX-License-Identifier: BSD-3-Clause */
/* sn_registry.h - the directory in memory */
#ifndef P2PMPI_SN_REGISTRY_H
#define P2PMPI_SN_REGISTRY_H

#include "supernode/sn_directory.h"

/* A peer is forgotten expiry_ms after its last word; there are never more than peers_max. */
struct sn_directory sn_registry_create(int64_t expiry_ms, size_t peers_max);

#endif
