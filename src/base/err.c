/* SPDX-License-Identifier: BSD-3-Clause */
/* err.c - one sentence for the person who will read why something failed */
#include "config.h"
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *err, const char *format, ...)
{
    int saved = errno;

    if (err != NULL) {
        va_list args;
        va_start(args, format);
        vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
    }
    errno = saved;
    return -1;
}

int err_sys(struct err *err, const char *format, ...)
{
    int saved = errno;

    if (err != NULL) {
        va_list args;
        va_start(args, format);
        int used = vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
        if (used >= 0 && (size_t)used < sizeof err->text)
            snprintf(err->text + used, sizeof err->text - (size_t)used, ": %s", strerror(saved));
    }
    errno = saved;
    return -1;
}

int err_prefix(struct err *err, const char *format, ...)
{
    int saved = errno;

    if (err != NULL) {
        char old[ERR_TEXT_MAX];
        memcpy(old, err->text, sizeof old);
        va_list args;
        va_start(args, format);
        int used = vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
        size_t left = used >= 0 && (size_t)used < sizeof err->text ? sizeof err->text - (size_t)used : 0;
        if (left > 2) {
            memcpy(err->text + used, ": ", 3);
            strncat(err->text + used, old, left - 3);
        }
    }
    errno = saved;
    return -1;
}

void err_plain(char *text)
{
    for (unsigned char *c = (unsigned char *)text; *c != '\0'; c++)
        if ((*c < 0x20 && *c != '\n' && *c != '\t') || *c == 0x7f)
            *c = '?';
}
