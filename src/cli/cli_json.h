/* SPDX-License-Identifier: BSD-3-Clause */
/* cli_json.h - listings as JSON, for scripts; field names are documented in the manual pages */
#ifndef P2PMPI_CLI_CLI_JSON_H
#define P2PMPI_CLI_CLI_JSON_H

#include "wire/frame.h"

#include <jansson.h>

json_t *json_peer(const Wire__Peer *peer); /* a new object */
json_t *json_job(const Wire__JobInfo *job);

/* Prints value, indented, with a newline, and forgets it. Returns 0, or -1 when it cannot be
 * written. */
int json_print_take(json_t *value);

#endif
