/* SPDX-License-Identifier: BSD-3-Clause */
/* grid_main.c - p2pmpi-grid: makes a grid, joins one, shows which one this host is in */
#include "config.h"

#include "tools/grid_verbs.h"
#include "cli/cli_main.h"

#include <stdio.h>
#include <string.h>

static const char usage[] =
    "usage: p2pmpi-grid create NAME [--supernode HOST[:PORT]]... [--output FILE]\n"
    "       p2pmpi-grid join FILE [--force]\n"
    "       p2pmpi-grid show [--json]\n"
    "A grid is a set of hosts that run each other's programs. Who has its file can join.\n"
    "\n"
    "create: makes the grid's authority, whose key stays here, on the supernode, and the grid "
    "file\n"
    "      --supernode HOST[:PORT]  where the supernode will be reached (default: this host);\n"
    "                               several times if there are several\n"
    "  -o, --output FILE            the grid file (default: NAME.grid)\n"
    "join: puts a grid file in its place; p2pmpid then joins the grid when it starts\n"
    "      --force                  although this host is in another grid\n"
    "show: the grid of this host\n"
    "      --json                   as JSON\n"
    "\n"
    "  -V, --version                tell the version\n"
    "  -h, --help                   tell this\n";

static const struct {
    const char *name;
    int (*run)(int argc, char **argv, const char *usage);
} verbs[] = {{"create", grid_create}, {"join", grid_join}, {"show", grid_show}};

int main(int argc, char **argv)
{
    static const struct option longs[] = {TOOL_OPTIONS, {0}};

    for (size_t i = 0; argc > 1 && i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(argv[1], verbs[i].name) == 0)
            return verbs[i].run(argc, argv, usage);
    if (argc > 1 && argv[1][0] == '-')
        tool_option(argc, argv, "", longs, usage);
    if (argc > 1)
        fprintf(stderr, "p2pmpi-grid: unknown command \"%s\" (known: create, join, show)\n",
                argv[1]);
    else
        fputs("p2pmpi-grid: which command? (create, join, show)\n", stderr);
    fputs("Type 'p2pmpi-grid --help' for usage.\n", stderr);
    return 1;
}
