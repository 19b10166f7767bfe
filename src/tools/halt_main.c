/* SPDX-License-Identifier: BSD-3-Clause */
/* halt_main.c - p2pmpi-halt: ends this owner's p2pmpid */
#include "config.h"

#include "tools/tool_asker.h"
#include "cli/cli_main.h"
#include "cli/cli_wait.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

#define ASK_MS 5000
#define END_MS 20000 /* ranks get SIGTERM and a while before SIGKILL, on every host */

static const char usage[] = "usage: p2pmpi-halt [OPTION]...\n"
                            "Ends this machine's p2pmpid and waits until it is gone.\n"
                            "\n"
                            "      --force     also when jobs run: they are ended\n"
                            "  -V, --version   tell the version\n"
                            "  -h, --help      tell this\n";

static bool take_halting(const Wire__Frame *frame, void *arg)
{
    if (frame->body_case != WIRE__FRAME__BODY_HALTING)
        return true;
    *(Wire__Halting **)arg = message_copy(&frame->halting->base);
    return false;
}

static int halt(struct asker *asker, bool force, struct err *err)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__Halt question = WIRE__HALT__INIT;
    Wire__Halting *halting = NULL;
    int pid = (int)asker_pid(asker);

    question.kill_jobs = force;
    frame.body_case = WIRE__FRAME__BODY_HALT;
    frame.halt = &question;
    if (asker_ask(asker, &frame, ASK_MS, take_halting, &halting, err) < 0)
        return -1;
    unsigned jobs = halting->jobs;
    message_free(halting);
    if (jobs > 0 && !force)
        return err_set(err,
                       "jobs run here (p2pmpi-ps lists them); wait for their end, or end them with "
                       "p2pmpi-halt --force");
    if (asker_wait_closed(asker, END_MS) < 0 || wait_gone(pid, END_MS) < 0)
        return err_set(err, "p2pmpid (process %d) did not end within %d s; look at its log", pid,
                       END_MS / 1000);
    printf("p2pmpid (process %d) has ended\n", pid);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct option longs[] = {{"force", no_argument, NULL, 'f'}, TOOL_OPTIONS, {0}};
    bool force = false;
    struct err err;
    int code;

    tool_begin();
    while ((code = tool_option(argc, argv, "f", longs, usage)) != -1)
        force = force || code == 'f';
    struct asker *asker = asker_create("p2pmpi-halt", ASK_MS, &err);
    if (asker == NULL && (errno == ENOENT || errno == ECONNREFUSED)) {
        puts("no p2pmpid of yours runs on this machine");
        return tool_end("p2pmpi-halt");
    }
    if (asker == NULL)
        return tool_fail("p2pmpi-halt", &err);
    int failed = halt(asker, force, &err);
    asker_destroy(asker);
    return failed < 0 ? tool_fail("p2pmpi-halt", &err) : tool_end("p2pmpi-halt");
}
