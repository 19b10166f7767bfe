/* SPDX-License-Identifier: BSD-3-Clause */
/* labroot.h - what a host of the lab sees as its file system
 *
 * A new root on tmpfs: the machine's /usr, /opt and /etc read-only, with names and machine-id of
 * the host's own, /dev, fresh and empty /tmp /run /root /home /var /dev/shm, and the folders that
 * the lab was told to bind. Nothing else: not the source tree, not the build tree, no home
 * directory. */
#ifndef P2PMPI_TEST_LABROOT_H
#define P2PMPI_TEST_LABROOT_H

#include "base/err.h"

#include <stddef.h>

struct labroot_bind {
    int host; /* 0: every host */
    int writable;
    char *source;
    char *target; /* as the host sees it */
};

/* Makes the root on the directory mount_point and moves into it. To be called in mount, PID and UTS
 * namespaces of the host's own. hosts: how many the lab has, for /etc/hosts. */
int labroot_enter(int host, int hosts, const char *mount_point, const struct labroot_bind *binds,
                  size_t count, struct err *err);

/* In the host's namespaces: these paths, all in one folder, are there no more. */
int labroot_hide(char *const paths[], struct err *err);

#endif
