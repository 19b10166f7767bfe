/* SPDX-License-Identifier: BSD-3-Clause */
/* px_showhelp.h - the text inside the blob that Open MPI 4.1 logs when something fails in MPI_Init
 *
 * Its DSS writes, for each value: count (int32, big-endian, 1), then for a string its length with
 * the NUL (int32) and the bytes, for an int8 one byte. Four values: file, topic, "has text", text.
 */
#ifndef P2PMPI_PX_SHOWHELP_H
#define P2PMPI_PX_SHOWHELP_H

#include <stddef.h>

/* Finds the text; it stays within bytes and is ended by NUL. topic_out too. NULL when the blob is
 * another. */
const char *showhelp_text(const void *bytes, size_t size, const char **topic_out);

#endif
