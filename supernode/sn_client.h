/* SPDX-License-Identifier: BSD-3-Clause */
/* sn_client.h - p2pmpi-supernode --list and --stop: talks to the one that runs */
#ifndef P2PMPI_SN_CLIENT_H
#define P2PMPI_SN_CLIENT_H

#include "base/err.h"

#include <stdbool.h>

/* Prints the registry, as a table or as JSON. -1 with a sentence; errno ENOENT or ECONNREFUSED:
 * none runs. */
int sn_client_list(const char *socket_path, bool json, struct err *err);
/* Ends the supernode and waits until its process is gone. */
int sn_client_stop(const char *socket_path, struct err *err);

#endif
