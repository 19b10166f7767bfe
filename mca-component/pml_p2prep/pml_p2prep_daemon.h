/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_daemon.h - what the launcher's daemon says about deaths, where it does */
#ifndef PML_P2PREP_DAEMON_H
#define PML_P2PREP_DAEMON_H

#include "mca-component/pml_p2prep/pml_p2prep_ctl.h"

/* From now on deaths that PMIx tells go to ctl_news(). Without such a daemon nothing comes. */
void p2prep_daemon_listen(struct ctl *ctl, int processes);
/* Asks for the state of all processes of the job, which stock mpirun knows although it sends no
 * news; the dead go to ctl_news(), later. */
void p2prep_daemon_ask(void);
/* What a process of the job has published under this key, as far as it is here or at the daemon: to
 * be freed, or NULL. */
void *p2prep_daemon_card(uint32_t process, const char *key, size_t *size_out);
/* ctl is not used any more when this returns. */
void p2prep_daemon_unlisten(void);

#endif
