/* SPDX-License-Identifier: BSD-3-Clause */
/* mem.h - allocation that ends the program with a sentence instead of returning NULL
 *
 * For small, bounded pieces of our own state, where no caller could do better. What a stranger's number
 * sizes is allocated with malloc() behind a ceiling, and its failure is answered. */
#ifndef P2PMPI_BASE_MEM_H
#define P2PMPI_BASE_MEM_H

#include <stddef.h>

void *mem_alloc(size_t size);                  /* zeroed */
void *mem_array(size_t count, size_t size);    /* zeroed; overflow checked */
void *mem_grow(void *old, size_t count, size_t size); /* new part not zeroed */
void *mem_copy(const void *bytes, size_t size);
char *mem_string(const char *text);            /* NULL stays NULL */
char *mem_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
