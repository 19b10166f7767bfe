/* SPDX-License-Identifier: BSD-3-Clause */
/* cli_main.h - what the mains of the small tools share: options, the last sentence, the exit code
 */
#ifndef P2PMPI_CLI_CLI_MAIN_H
#define P2PMPI_CLI_CLI_MAIN_H

#include "base/err.h"

#include <getopt.h>

#define TOOL_OPTIONS                                                                               \
    {"help", no_argument, NULL, 'h'},                                                              \
    {                                                                                              \
        "version", no_argument, NULL, 'V'                                                          \
    }

/* First of all: a closed standard descriptor becomes /dev/null, so that no socket of ours takes its
 * number and is written to; SIGPIPE is an error of write(). */
void tool_begin(void);

/* The next option, or -1 at the end. --help and --version are answered here and end the program
 * with what tool_end() says; an unknown option, or a word behind the options, with 1 and a sentence. */
int tool_option(int argc, char **argv, const char *shorts, const struct option *longs,
                const char *usage);

int tool_fail(const char *program, const struct err *err); /* tells the sentence; returns 1 */
/* Closes standard output: the last that main() does. Returns the exit code, 0, or 1 with a sentence
 * when not all could be written. */
int tool_end(const char *program);

#endif
