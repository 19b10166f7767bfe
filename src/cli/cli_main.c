/* SPDX-License-Identifier: BSD-3-Clause */
/* cli_main.c - what the mains of the small tools share: options, the last sentence, the exit code
 */
#include "config.h"
#include "cli/cli_main.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void tool_begin(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO)
        close(fd);
    signal(SIGPIPE, SIG_IGN);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

int tool_option(int argc, char **argv, const char *shorts, const struct option *longs,
                const char *usage)
{
    const char *name = base_name(argv[0]);
    char all[64];
    int before = optind;

    snprintf(all, sizeof all, "+:hV%s", shorts);
    opterr = 0;
    int code = getopt_long(argc, argv, all, longs, NULL);
    switch (code) {
    case 'h':
        fputs(usage, stdout);
        exit(tool_end(name));
    case 'V':
        printf("%s (P2P-MPI) %s\n", name, PACKAGE_VERSION);
        exit(tool_end(name));
    case ':':
        fprintf(stderr, "%s: the option \"%s\" needs an argument\n", name, argv[before]);
        exit(1);
    case '?':
        fprintf(stderr, "%s: unknown option \"%s\"\nType '%s --help' for usage.\n", name,
                argv[before], name);
        exit(1);
    case -1:
        if (optind < argc) {
            fprintf(stderr, "%s: \"%s\" is not expected here\nType '%s --help' for usage.\n", name,
                    argv[optind], name);
            exit(1);
        }
    }
    return code;
}

int tool_fail(const char *program, const struct err *err)
{
    fprintf(stderr, "%s: %s\n", program, err->text);
    return 1;
}

int tool_end(const char *program)
{
    errno = 0;
    int is_bad = ferror(stdout);
    if (fclose(stdout) == 0 && !is_bad)
        return 0;
    if (errno != EPIPE) /* a reader that has seen enough is no trouble */
        fprintf(stderr, "%s: cannot write to standard output%s%s\n", program,
                errno != 0 ? ": " : "", errno != 0 ? strerror(errno) : "");
    return 1;
}
