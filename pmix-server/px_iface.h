/* SPDX-License-Identifier: BSD-3-Clause */
/* px_iface.h - which network interface has an address */
#ifndef P2PMPI_PX_IFACE_H
#define P2PMPI_PX_IFACE_H

/* Name of this host's interface that has this numeric IPv4 or IPv6 address (a scope "%eth0" is not
 * looked at). The caller frees. NULL when there is none, or address is NULL or no address. */
char *px_iface_of(const char *address);

#endif
