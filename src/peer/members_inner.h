/* SPDX-License-Identifier: BSD-3-Clause */
/* members_inner.h - shared by members.c, members_link.c and members_list.c, private to them */
#ifndef P2PMPI_PEER_MEMBERS_INNER_H
#define P2PMPI_PEER_MEMBERS_INNER_H

#include "member/directory.h"
#include "member/peers.h"
#include "member/probe.h"
#include "net/grid.h"
#include "net/identity.h"
#include "net/join.h"
#include "net/tls.h"
#include "peer/members.h"

#define QUERY_LIMIT 500 /* candidates asked for when a job searches; peers told to a step */

struct lister { /* a tool that waits for fresh round-trip times */
    struct lister *next;
    struct link *tool;
    uint64_t question;
};

struct members {
    struct daemon *daemon;
    struct identity *identity;
    bool has_grid;
    struct grid grid;
    struct tls *tls;
    struct listener *listener;
    struct directory *directory;
    struct peers *peers;
    struct probes *probes;
    struct link *supernode; /* NULL: none connected or tried */
    struct join *join;      /* under way */
    char *cache_path, *chain_path;
    char trouble[ERR_TEXT_MAX];
    int64_t save_ms;
    struct lister *listers;
};

/* members_link.c: what the directory engine wishes of the link to a supernode, and tells of it. */
extern const struct directory_ops members_directory_ops;
/* Tells the engine from when on the certificate in use is to be renewed. */
void members_certificate_times(struct members *members);

/* members_list.c: answers those who waited for fresh round-trip times. */
void members_refreshed(void *members);

#endif
