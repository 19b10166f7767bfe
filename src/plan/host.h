/* SPDX-License-Identifier: BSD-3-Clause */
/* host.h - what this machine offers: hwloc's and the C library's word as a Wire__HostInfo
 *
 * The one part of this room that looks at the machine; everything else is arithmetic. */
#ifndef P2PMPI_PLAN_HOST_H
#define P2PMPI_PLAN_HOST_H

#include "base/err.h"
#include "wire/wire.pb-c.h"

#include <stdbool.h>

struct host_options {
    /* What names the machine, instead of /etc/machine-id (hosts of a test share one file). NULL:
     * the environment's P2PMPI_MACHINE_ID, else the file, else the host name. Only a hash of it is
     * told. */
    const char *machine_id;
    bool quick; /* no look for accelerators and PCI devices: for a daemon that lives for one job */
};

/* Describes this machine. options may be NULL. Freed with message_free(). NULL with a sentence when
 * hwloc fails. Takes some milliseconds, up to 30 on a machine with accelerators when not quick.
 * Changes the environment for a moment: call it before there are threads. */
Wire__HostInfo *host_describe(const struct host_options *options, struct err *err);

/* Fills load_milli and memory_free; slots are the lease table's business (leases_load()). */
void host_load(Wire__LoadInfo *load);

#endif
