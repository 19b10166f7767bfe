/* SPDX-License-Identifier: BSD-3-Clause */
/* labnet.h - the lab's cables: one bridge, a veth pair per host, rate limits
 *
 * Everything lies in the network namespace of the lab's hub, never in the machine's: names and
 * addresses are the same in every lab and two labs cannot meet. Host i is 10.77.0.i and fd00::i. */
#ifndef P2PMPI_TEST_LABNET_H
#define P2PMPI_TEST_LABNET_H

#include "base/err.h"

#include <sys/types.h>

/* In the hub's network namespace: */
int labnet_bridge_create(struct err *err);
int labnet_port_create(int host, pid_t pid,
                       struct err *err); /* pid: a process in the host's namespace */
int labnet_port_switch(int host, int up, struct err *err);
int labnet_port_rate(int host, unsigned mbit, struct err *err); /* 0: no limit */

/* In the host's: */
int labnet_host_setup(int host, struct err *err);
int labnet_host_rate(unsigned mbit, struct err *err);

/* Runs argv (found on PATH), with text on its standard input when not NULL; what it says on
 * standard error is in err when it fails. */
int labnet_run(const char *const argv[], const char *text, struct err *err);

#endif
