/* SPDX-License-Identifier: BSD-3-Clause */
/* px_route.h - messages to the job's home and its other steps, over channels that survive daemons
 * (job/chan.h) */
#ifndef P2PMPI_PX_ROUTE_H
#define P2PMPI_PX_ROUTE_H

#include "wire/frame.h"

#include <stdint.h>

struct px_step;

void px_route_open(struct px_step *step); /* once the job is known */
void px_route_close(struct px_step *step);

/* Sends to a host number or HOME_HOST. The message is borrowed. */
void px_route_send(struct px_step *step, int dst, const Wire__Step *message);
/* To all other hosts that have ranks. */
void px_route_send_hosts(struct px_step *step, const Wire__Step *message);

void px_route_receive(struct px_step *step, const Wire__Route *route); /* from p2pmpid */
void px_route_is_up(struct px_step *step);          /* p2pmpid is there (again) */
void px_route_drop(struct px_step *step, int host); /* lost: nothing to it or from it any more */
void px_route_up(struct px_step *step, int host);   /* the way to that endpoint is there (again) */

#endif
