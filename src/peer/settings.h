/* SPDX-License-Identifier: BSD-3-Clause */
/* settings.h - p2pmpid's configuration file, p2pmpid.conf(5) */
#ifndef P2PMPI_PEER_SETTINGS_H
#define P2PMPI_PEER_SETTINGS_H

#include "base/conf.h"
#include "base/err.h"
#include "base/log.h"

#include <stdbool.h>
#include <stdint.h>

#define SETTINGS_PORT 9740

struct settings {
    char *name;        /* of this host; NULL: the host's own name */
    char *listen;      /* address; NULL: all */
    char *advertise;   /* address told to others, when they cannot reach the one that is seen; NULL:
                          none */
    uint32_t port;     /* 0: any free one */
    uint32_t slots;    /* processes lent at a time; 0: one per hardware thread */
    char *grid;        /* grid file; NULL: CONFIG/grid */
    uint32_t rejoin_s; /* how long a job waits for a p2pmpid that was lost */
    uint32_t cache_mb; /* staged files kept, MiB */
    char *sandbox;     /* "auto", "bwrap" or "none" */
    char *log_level;
};

void settings_init(struct settings *settings);
void settings_clear(struct settings *settings);

/* Reads path; a missing file is an error only when is_wanted. */
int settings_read(struct settings *settings, const char *path, bool is_wanted, struct err *err);
/* One "key=value" of the command line. */
int settings_set(struct settings *settings, const char *assignment, struct err *err);
enum log_level settings_log_level(const struct settings *settings);

#endif
