/* SPDX-License-Identifier: BSD-3-Clause */
/* hex.h - bytes as lower-case hexadecimal digits and back */
#ifndef P2PMPI_BASE_HEX_H
#define P2PMPI_BASE_HEX_H

#include <stddef.h>

/* Writes 2 * size digits and a NUL. */
void hex_encode(const void *bytes, size_t size, char *out);

/* Reads exactly 2 * size digits, upper or lower case. Returns 0, or -1 when text is anything else. */
int hex_decode(const char *text, void *bytes_out, size_t size);

#endif
