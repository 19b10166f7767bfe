/* SPDX-License-Identifier: BSD-3-Clause */
/* log.c - what a daemon tells its owner: one line per event, "event name=value name=value" */
#include "config.h"
#include "base/log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *const level_names[] = {"error", "warning", "info", "debug"};

static struct {
    int fd;
    enum log_level level;
    const char *program;
} the_log = {STDERR_FILENO, LOG_LEVEL_WARNING, "p2pmpi"};

int log_open(const char *program, enum log_level level, const char *path)
{
    int fd = STDERR_FILENO;

    if (path != NULL) {
        fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (fd < 0)
            return -1;
    }
    log_close();
    the_log.fd = fd;
    the_log.level = level;
    the_log.program = program;
    return 0;
}

void log_close(void)
{
    if (the_log.fd > STDERR_FILENO)
        close(the_log.fd);
    the_log.fd = STDERR_FILENO;
}

void log_set_level(enum log_level level)
{
    the_log.level = level;
}

int log_level_parse(const char *name, enum log_level *level_out)
{
    for (unsigned i = 0; i < sizeof level_names / sizeof level_names[0]; i++)
        if (strcmp(name, level_names[i]) == 0) {
            *level_out = (enum log_level)i;
            return 0;
        }
    return -1;
}

/* One write() per line, so that lines of several processes stay whole in a shared file. */
static void log_line(enum log_level level, const char *format, va_list args)
{
    char line[1024];
    struct timespec now;
    struct tm local;
    size_t used;
    int more;

    if (level > the_log.level)
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &local);
    used = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &local);
    more = snprintf(line + used, sizeof line - used, ".%03ld %s[%d] %s: ", now.tv_nsec / 1000000,
                    the_log.program, (int)getpid(), level_names[level]);
    used += (size_t)more;
    more = vsnprintf(line + used, sizeof line - used - 1, format, args);
    if (more < 0)
        return;
    used += (size_t)more;
    if (used > sizeof line - 2)
        used = sizeof line - 2;
    line[used++] = '\n';
    if (write(the_log.fd, line, used) < 0)
        return; /* nobody is left to tell */
}

#define LOG_FUNCTION(name, level)            \
    void name(const char *format, ...)       \
    {                                        \
        va_list args;                        \
        va_start(args, format);              \
        log_line(level, format, args);       \
        va_end(args);                        \
    }
LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warning, LOG_LEVEL_WARNING)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)

bool log_allowed(struct log_limit *limit, unsigned burst, unsigned window_ms, long long now_ms)
{
    if (limit->count == 0 || now_ms - limit->window_start_ms >= (long long)window_ms) {
        limit->window_start_ms = now_ms;
        limit->count = 0;
    }
    return ++limit->count <= burst;
}
