/* SPDX-License-Identifier: BSD-3-Clause */
/* lab.h - the processes that hold a lab of namespace hosts together
 *
 *   netlab up --- keeper    in the machine's own namespaces; watches the test that asked for the
 * lab
 *                   |
 *                  hub      init of a PID namespace, with a network namespace for the bridge (and,
 * for an |       ordinary user, a user namespace); ends when the pipe from the keeper breaks h1..hN
 * each the init of its own PID, mount, network, UTS and IPC namespace
 *
 * Whatever kills the keeper, or the watched test, ends the hub, and with it the kernel ends every
 * process of every host and takes down their mounts and cables. Nothing is registered outside the
 * lab's directory. */
#ifndef P2PMPI_TEST_LAB_H
#define P2PMPI_TEST_LAB_H

#include "labroot.h"

#include <sys/types.h>

#define LAB_HOSTS_MAX 200

struct lab_options {
    int hosts;
    unsigned mbit; /* 0: no limit */
    int userns;    /* a user namespace even for root */
    pid_t watch;   /* the lab ends with this process; 0: never */
    struct labroot_bind *binds;
    size_t bind_count;
};

void lab_options_clear(struct lab_options *options);

/* Starts the lab in directory dir (it must exist and be empty). Returns 0 when every host is up. */
int lab_up(const char *dir, const struct lab_options *options, struct err *err);

/* Ends a lab, and takes its files out of dir. No lab there is success. */
int lab_down(const char *dir, struct err *err);

/* Boots a host that was killed. */
int lab_boot(const char *dir, int host, struct err *err);

/* Pulls the plug: the cable goes silent, then everything on the host is gone at once. */
int lab_kill(const char *dir, int host, struct err *err);

/* The PID, here, of a host's init, or of the hub for host 0; -1 with a sentence. */
pid_t lab_pid(const char *dir, int host, struct err *err);

/* Moves the calling process into all namespaces of pid; its PID namespace is that of children to
 * come. */
int lab_join(pid_t pid, int user_and_net_only, struct err *err);

#endif
