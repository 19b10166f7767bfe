/* SPDX-License-Identifier: BSD-3-Clause */
/* hex.c - bytes as lower-case hexadecimal digits and back */
#include "config.h"
#include "base/hex.h"

#include <string.h>

void hex_encode(const void *bytes, size_t size, char *out)
{
    const unsigned char *byte = bytes;

    for (size_t i = 0; i < size; i++) {
        *out++ = "0123456789abcdef"[byte[i] >> 4];
        *out++ = "0123456789abcdef"[byte[i] & 15];
    }
    *out = '\0';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int hex_decode(const char *text, void *bytes_out, size_t size)
{
    unsigned char *byte = bytes_out;

    if (strlen(text) != 2 * size)
        return -1;
    for (size_t i = 0; i < 2 * size; i++)
        if (hex_digit(text[i]) < 0)
            return -1;
    for (size_t i = 0; i < size; i++)
        byte[i] = (unsigned char)(hex_digit(text[2 * i]) << 4 | hex_digit(text[2 * i + 1]));
    return 0;
}
