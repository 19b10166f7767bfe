/* SPDX-License-Identifier: BSD-3-Clause */
/* sn_session.h - what one link asks of the supernode, and the answers */
#ifndef P2PMPI_SN_SESSION_H
#define P2PMPI_SN_SESSION_H

#include "base/rand.h"
#include "net/authority.h"
#include "net/link.h"
#include "supernode/sn_directory.h"

/* What all sessions share. */
struct sn_world {
    const struct sn_directory *directory; /* borrowed */
    const struct authority *authority;    /* borrowed */
    struct prng prng;
    uint32_t expiry_s;
    void (*stop)(void *arg); /* the owner wants the end */
    void *arg;
};

struct sn_session {
    struct link *link;
    bool is_owner;   /* on the Unix socket */
    bool is_listing; /* a List is being answered, page by page */
    size_t list_next;
    uint64_t list_id;
    struct sn_session *prev, *next; /* the service's list */
    void *service;
};

void sn_session_frame(struct sn_session *session, struct sn_world *world, Wire__Frame *frame);
/* Room again: the list goes on. */
void sn_session_writable(struct sn_session *session, struct sn_world *world);

#endif
