/* SPDX-License-Identifier: BSD-3-Clause */
/* run_tell.c - p2pmpirun's own sentences on standard error */
#include "config.h"
#include "tools/run_tell.h"

#include <stdarg.h>
#include <stdio.h>

void run_tell(const char *text)
{
    fputs("p2pmpirun: ", stderr);
    for (; *text != '\0'; text++)
        fputc(((unsigned char)*text < 0x20 && *text != '\n' && *text != '\t') || *text == 0x7f
                  ? '?'
                  : *text,
              stderr);
    fputc('\n', stderr);
}

void run_tellf(const char *format, ...)
{
    char text[2048];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    run_tell(text);
}
