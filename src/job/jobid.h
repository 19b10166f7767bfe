/* SPDX-License-Identifier: BSD-3-Clause */
/* jobid.h - the name of a job: 32 hexadecimal digits, lower case, random */
#ifndef P2PMPI_JOB_JOBID_H
#define P2PMPI_JOB_JOBID_H

#include <stdbool.h>

#define JOBID_BYTES 16
#define JOBID_SIZE  (2 * JOBID_BYTES + 1) /* with the NUL */

/* False for anything else: job ids come from strangers and become names of directories. */
bool jobid_is_valid(const char *text);

#endif
