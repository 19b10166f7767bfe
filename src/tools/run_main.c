/* SPDX-License-Identifier: BSD-3-Clause */
/* run_main.c - p2pmpirun: runs an MPI program on the peers of the grid, or on this machine alone */
#include "config.h"
#include "tools/run_options.h"
#include "tools/run_session.h"
#include "tools/run_tell.h"
#include "cli/cli_main.h"

#include <signal.h>
#include <stdio.h>

static int run_job(const struct run_options *options)
{
    struct err err;
    int exit_code;

    struct run_session *session = run_session_create(options, &exit_code, &err);
    if (session == NULL) {
        run_tell(err.text);
        return exit_code;
    }
    exit_code = run_session_run(session);
    run_session_destroy(session);
    return exit_code;
}

int main(int argc, char **argv)
{
    struct run_options options;
    struct err err;
    int exit_code = 0;

    tool_begin();
    signal(SIGTTIN, SIG_IGN);
    if (run_options_read(&options, argc, argv, &err) < 0) {
        run_tell(err.text);
        exit_code = 1;
    } else if (options.help) {
        run_options_help(stdout);
        exit_code = tool_end("p2pmpirun");
    } else if (options.version) {
        printf("p2pmpirun (P2P-MPI) %s\n", PACKAGE_VERSION);
        exit_code = tool_end("p2pmpirun");
    } else {
        exit_code = run_job(&options);
    }
    run_options_clear(&options);
    return exit_code;
}
