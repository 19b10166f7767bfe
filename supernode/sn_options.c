/* SPDX-License-Identifier: BSD-3-Clause */
/* sn_options.c - what the owner wants: command line, then configuration file, then defaults */
#include "config.h"
#include "supernode/sn_options.h"

#include "base/conf.h"
#include "base/mem.h"
#include "net/hostport.h"
#include "cli/cli_main.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: p2pmpi-supernode [OPTION]...\n"
    "Serves the directory of a grid's peers, and makes members of those who have the grid file.\n"
    "\n"
    "      --listen ADDRESS  take connections on this address only\n"
    "      --port PORT       TCP port (default: 9741; 0: any)\n"
    "      --daemon          go into the background\n"
    "      --foreground      stay, and log to standard error (the default)\n"
    "      --config FILE     configuration file (default: supernode.conf in the directory of\n"
    "                        configuration, if it is there)\n"
    "      --log-level LEVEL error, warning, info (the default) or debug\n"
    "      --list            list the peers of the supernode that runs; with --json as JSON\n"
    "      --stop            end the supernode that runs\n"
    "  -V, --version         tell the version\n"
    "  -h, --help            tell this\n";

enum { PORT_DEFAULT = PORT_SUPERNODE, EXPIRY_S = 60, PEERS_MAX = 100000 };

/* What the command line says; it counts more than the file. */
struct words {
    const char *listen, *port, *config, *log_level;
};

struct values {
    char *listen, *grid, *log_level;
    uint32_t port, expiry_s, peers_max;
};

static void read_words(int argc, char **argv, struct words *words, struct sn_options *options)
{
    static const struct option longs[] = {{"listen", required_argument, NULL, 'l'},
                                          {"port", required_argument, NULL, 'p'},
                                          {"config", required_argument, NULL, 'c'},
                                          {"log-level", required_argument, NULL, 'e'},
                                          {"daemon", no_argument, NULL, 'd'},
                                          {"foreground", no_argument, NULL, 'f'},
                                          {"stop", no_argument, NULL, 's'},
                                          {"list", no_argument, NULL, 'i'},
                                          {"json", no_argument, NULL, 'j'},
                                          TOOL_OPTIONS,
                                          {0}};
    int code;

    while ((code = tool_option(argc, argv, "", longs, usage)) != -1) {
        words->listen = code == 'l' ? optarg : words->listen;
        words->port = code == 'p' ? optarg : words->port;
        words->config = code == 'c' ? optarg : words->config;
        words->log_level = code == 'e' ? optarg : words->log_level;
        options->daemon = code == 'd' || (options->daemon && code != 'f');
        options->stop = options->stop || code == 's';
        options->list = options->list || code == 'i';
        options->json = options->json || code == 'j';
    }
}

static int set_word(const struct conf_key *keys, const char *name, const char *value,
                    struct err *err)
{
    return value != NULL ? conf_set(keys, name, value, err) : 0;
}

static int read_values(const struct words *words, const struct dirs *dirs, struct values *values,
                       struct err *err)
{
    const struct conf_key keys[] = {
        {"listen", CONF_STRING, &values->listen, 0, 0},
        {"port", CONF_UINT, &values->port, 0, 65535},
        {"grid", CONF_STRING, &values->grid, 0, 0},
        {"expiry_s", CONF_UINT, &values->expiry_s, 1, 86400},
        {"peers_max", CONF_UINT, &values->peers_max, 1, 10000000},
        {"log_level", CONF_STRING, &values->log_level, 0, 0},
        {NULL, CONF_STRING, NULL, 0, 0},
    };
    char *path = words->config != NULL ? mem_string(words->config)
                                       : mem_format("%s/supernode.conf", dirs->config);

    int failed = conf_read(path, keys, err);
    if (failed < 0 && errno == ENOENT && words->config == NULL)
        failed = 0;
    free(path);
    if (failed == 0)
        failed = set_word(keys, "listen", words->listen, err);
    if (failed == 0)
        failed = set_word(keys, "port", words->port, err);
    if (failed == 0)
        failed = set_word(keys, "log_level", words->log_level, err);
    return failed;
}

static int take_values(struct values *values, struct sn_options *options, struct err *err)
{
    if (values->log_level != NULL && log_level_parse(values->log_level, &options->log_level) < 0)
        return err_set(err, "log_level must be error, warning, info or debug, not \"%s\"",
                       values->log_level);
    options->port = values->port;
    options->expiry_s = values->expiry_s;
    options->peers_max = values->peers_max;
    options->listen = mem_string(values->listen);
    options->grid_path = values->grid != NULL ? mem_string(values->grid)
                                              : mem_format("%s/grid", options->dirs.config);
    options->socket_path = mem_format("%s/supernode.sock", options->dirs.run);
    options->log_path = mem_format("%s/supernode.log", options->dirs.state);
    return 0;
}

int sn_options_read(int argc, char **argv, struct sn_options *options_out, struct err *err)
{
    struct values values = {.port = PORT_DEFAULT, .expiry_s = EXPIRY_S, .peers_max = PEERS_MAX};
    struct sn_options options = {.log_level = LOG_LEVEL_INFO};
    struct words words = {0};

    read_words(argc, argv, &words, &options);
    if (options.json && !options.list)
        return err_set(err, "--json belongs to --list");
    if (options.list && options.stop)
        return err_set(err, "--list and --stop do not go together");
    int failed = dirs_find(&options.dirs, err);
    if (failed == 0)
        failed = read_values(&words, &options.dirs, &values, err);
    if (failed == 0)
        failed = take_values(&values, &options, err);
    free(values.listen);
    free(values.grid);
    free(values.log_level);
    if (failed == 0)
        *options_out = options;
    else
        sn_options_clear(&options);
    return failed;
}

void sn_options_clear(struct sn_options *options)
{
    free(options->listen);
    free(options->grid_path);
    free(options->socket_path);
    free(options->log_path);
    dirs_clear(&options->dirs);
}
