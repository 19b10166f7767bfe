/* SPDX-License-Identifier: BSD-3-Clause */
/* toolstep.h - the p2pmpi-stepd without ranks that shows the grid to PMIx tools of this owner
 *
 * A tool finds it by PMIX_TOOL_ATTACHMENT_FILE=RUN/pmix.uri. It is started with the daemon and
 * again after it ended, less and less often; nothing else depends on it. */
#ifndef P2PMPI_PEER_TOOLSTEP_H
#define P2PMPI_PEER_TOOLSTEP_H

#include "peer/daemon.h"

#include <sys/types.h>

struct toolstep;

struct toolstep *toolstep_create(struct daemon *daemon);
void toolstep_reaped(struct toolstep *toolstep, pid_t pid, int status);
void toolstep_destroy(struct toolstep *toolstep);

#endif
