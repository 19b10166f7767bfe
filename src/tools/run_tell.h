/* SPDX-License-Identifier: BSD-3-Clause */
/* run_tell.h - p2pmpirun's own sentences on standard error */
#ifndef P2PMPI_TOOLS_RUN_TELL_H
#define P2PMPI_TOOLS_RUN_TELL_H

/* "p2pmpirun: TEXT"; bytes that steer terminals become '?', as texts come from other hosts. */
void run_tell(const char *text);
void run_tellf(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
