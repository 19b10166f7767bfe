/* SPDX-License-Identifier: BSD-3-Clause */
/* sn_service.h - the supernode's conversations: members over TLS, its owner over a Unix socket */
#ifndef P2PMPI_SN_SERVICE_H
#define P2PMPI_SN_SERVICE_H

#include "net/authority.h"
#include "net/link.h"
#include "net/tls.h"
#include "supernode/sn_directory.h"

struct sn_service;

struct sn_settings {
    const char *host; /* to listen on; NULL: all addresses */
    uint16_t port;    /* 0: any */
    const char *socket_path;
    uint32_t expiry_s;
    size_t links_max;
};

/* Everything is borrowed. Listens at once. NULL with a sentence; errno EADDRINUSE: another
 * supernode of this owner is there. */
struct sn_service *sn_service_create(struct event_base *base, struct tls *tls,
                                     const struct authority *authority,
                                     const struct sn_directory *directory,
                                     const struct sn_settings *settings, struct err *err);
/* After a Stop message the loop ends (event_base_loopexit). */
void sn_service_destroy(struct sn_service *service);
uint16_t sn_service_port(const struct sn_service *service);

#endif
