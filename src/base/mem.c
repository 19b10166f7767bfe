/* SPDX-License-Identifier: BSD-3-Clause */
/* mem.c - allocation that ends the program with a sentence instead of returning NULL */
#include "config.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *mem_checked(void *block, size_t size)
{
    if (block == NULL && size > 0) {
        fprintf(stderr, "p2pmpi: out of memory (%zu bytes wanted); end other programs and start again\n", size);
        exit(1);
    }
    return block;
}

void *mem_alloc(size_t size)
{
    return mem_array(1, size);
}

void *mem_array(size_t count, size_t size)
{
    return mem_checked(calloc(count ? count : 1, size ? size : 1), count * size + 1);
}

void *mem_grow(void *old, size_t count, size_t size)
{
    return mem_checked(reallocarray(old, count ? count : 1, size), count * size + 1);
}

void *mem_copy(const void *bytes, size_t size)
{
    void *copy = mem_alloc(size);

    if (size > 0)
        memcpy(copy, bytes, size);
    return copy;
}

char *mem_string(const char *text)
{
    return text == NULL ? NULL : mem_copy(text, strlen(text) + 1);
}

char *mem_format(const char *format, ...)
{
    char *text = NULL;
    va_list args;

    va_start(args, format);
    int length = vasprintf(&text, format, args);
    va_end(args);
    return mem_checked(length < 0 ? NULL : text, 1);
}
