/* SPDX-License-Identifier: BSD-3-Clause */
/* cli_text.c - numbers as people read them, and the width of their terminal */
#include "config.h"
#include "cli/cli_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>

void text_bytes(uint64_t bytes, char out[TEXT_SIZE])
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes / 1024;
    unsigned unit = 0;

    if (bytes < 1024) {
        snprintf(out, TEXT_SIZE, "%u B", (unsigned)bytes);
        return;
    }
    while (value >= 1023.95 && unit < 5) {
        value /= 1024;
        unit++;
    }
    snprintf(out, TEXT_SIZE, "%.1f %s", value, units[unit]);
}

void text_rtt(uint32_t us, char out[TEXT_SIZE])
{
    if (us == 0)
        snprintf(out, TEXT_SIZE, "-");
    else if (us < 1000000)
        snprintf(out, TEXT_SIZE, us < 10000 ? "%.2f ms" : "%.0f ms", us / 1e3);
    else
        snprintf(out, TEXT_SIZE, "%.1f s", us / 1e6);
}

void text_age(uint64_t seconds, char out[TEXT_SIZE])
{
    unsigned long long s = seconds;

    if (s < 120)
        snprintf(out, TEXT_SIZE, "%llu s", s);
    else if (s < 2 * 3600)
        snprintf(out, TEXT_SIZE, "%llu min", s / 60);
    else if (s < 48 * 3600)
        snprintf(out, TEXT_SIZE, "%llu h", s / 3600);
    else
        snprintf(out, TEXT_SIZE, "%llu d", s / 86400);
}

unsigned text_width(int fd)
{
    const char *columns = getenv("COLUMNS");
    struct winsize size;

    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    int given = columns != NULL ? atoi(columns) : 0;
    return given > 0 ? (unsigned)given : 80;
}

void text_safe(const char *text, char *out, size_t size)
{
    size_t i;

    for (i = 0; i + 1 < size && text[i] != '\0'; i++)
        out[i] = (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? '?' : text[i];
    out[i] = '\0';
}
