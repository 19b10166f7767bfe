/* SPDX-License-Identifier: BSD-3-Clause */
/* grid_verbs.c - the commands of p2pmpi-grid */
#include "config.h"
#include "tools/grid_verbs.h"

#include "base/dirs.h"
#include "base/mem.h"
#include "base/rand.h"
#include "net/authority.h"
#include "net/certificate.h"
#include "net/grid.h"
#include "net/hostport.h"
#include "net/tls.h"
#include "cli/cli_json.h"
#include "cli/cli_main.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char program[] = "p2pmpi-grid";

/* Where this owner keeps what belongs to a grid. */
struct places {
    struct dirs dirs;
    char *grid, *key, *authority_key, *authority_crt;
};

static int places_find(struct places *places, struct err *err)
{
    if (dirs_find(&places->dirs, err) < 0)
        return -1;
    places->grid = mem_format("%s/grid", places->dirs.config);
    places->key = mem_format("%s/key.pem", places->dirs.state);
    places->authority_key = mem_format("%s/authority.key", places->dirs.state);
    places->authority_crt = mem_format("%s/authority.crt", places->dirs.state);
    return 0;
}

static void places_clear(struct places *places)
{
    free(places->grid);
    free(places->key);
    free(places->authority_key);
    free(places->authority_crt);
    dirs_clear(&places->dirs);
}

static int finish(int failed, const struct err *err)
{
    return failed < 0 ? tool_fail(program, err) : tool_end(program);
}

/* ---- create */

struct wish {
    const char *name, *output;
    struct conf_list supernodes;
};

static int add_supernode(struct conf_list *list, const char *text, struct err *err)
{
    struct hostport hostport;

    if (hostport_parse(text, PORT_SUPERNODE, &hostport, err) < 0)
        return -1;
    list->items = mem_grow(list->items, list->count + 1, sizeof list->items[0]);
    list->items[list->count++] = mem_string(text);
    return 0;
}

static int add_this_host(struct conf_list *list, struct err *err)
{
    char name[HOST_MAX + 1] = "";

    if (gethostname(name, sizeof name - 1) < 0)
        return err_sys(err, "cannot find this host's name; use --supernode");
    return add_supernode(list, name, err);
}

static int make_grid(const struct wish *wish, const struct places *places, const char *output,
                     struct err *err)
{
    struct grid grid = {.name = (char *)wish->name, .supernodes = wish->supernodes};

    struct authority *authority =
        authority_create(wish->name, places->authority_key, places->authority_crt, err);
    if (authority == NULL)
        return errno == EEXIST ? err_set(err,
                                         "this host holds the authority of a grid already (%s): "
                                         "use another P2PMPI_DIR for another grid",
                                         places->authority_key)
                               : -1;
    grid.authority = *authority_id(authority);
    rand_bytes(grid.secret, sizeof grid.secret);
    int failed = grid_write(output, &grid, err);
    authority_destroy(authority);
    if (failed < 0) { /* a grid whose file nobody has is no grid */
        unlink(places->authority_key);
        unlink(places->authority_crt);
    }
    explicit_bzero(grid.secret, sizeof grid.secret);
    return failed;
}

/* The supernode on this host needs the file as well: it goes where `join` would put it, unless one
 * is there. */
static int keep_copy(const struct places *places, const char *output, struct err *err)
{
    struct grid grid;

    if (access(places->grid, F_OK) == 0)
        return 1;
    if (grid_read(output, &grid, err) < 0)
        return -1;
    int failed = grid_write(places->grid, &grid, err);
    grid_clear(&grid);
    return failed;
}

static int create(const struct wish *wish, struct err *err)
{
    struct places places = {0};
    char *output =
        wish->output != NULL ? mem_string(wish->output) : mem_format("%s.grid", wish->name);
    int failed = grid_name_check(wish->name, err), kept = 0;

    if (failed == 0 && access(output, F_OK) == 0)
        failed = err_set(err, "the file %s exists already; remove it or use --output", output);
    if (failed == 0)
        failed = places_find(&places, err);
    if (failed == 0)
        failed = make_grid(wish, &places, output, err);
    if (failed == 0)
        kept = keep_copy(&places, output, err);
    if (failed == 0 && kept >= 0) {
        printf("The grid \"%s\" is made. Its file is %s: who has it can join.\n", wish->name,
               output);
        printf("Start p2pmpi-supernode here; on every other host type: p2pmpi-grid join %s\n",
               output);
        if (kept > 0)
            printf("This host itself stays in the grid it is in (%s).\n", places.grid);
    }
    places_clear(&places);
    free(output);
    return failed < 0 || kept < 0 ? -1 : 0;
}

int grid_create(int argc, char **argv, const char *usage)
{
    static const struct option longs[] = {{"supernode", required_argument, NULL, 's'},
                                          {"output", required_argument, NULL, 'o'},
                                          TOOL_OPTIONS,
                                          {0}};
    struct wish wish = {0};
    struct err err;
    int code, failed = 0;

    if (argc > 2 && argv[2][0] != '-') {
        wish.name = argv[2];
        optind = 3;
    } else {
        optind = 2;
    }
    while (failed == 0 && (code = tool_option(argc, argv, "s:o:", longs, usage)) != -1) {
        if (code == 's')
            failed = add_supernode(&wish.supernodes, optarg, &err);
        else
            wish.output = optarg;
    }
    if (failed == 0 && wish.name == NULL)
        failed = err_set(&err, "create needs a name for the grid");
    if (failed == 0 && wish.supernodes.count == 0)
        failed = add_this_host(&wish.supernodes, &err);
    if (failed == 0)
        failed = create(&wish, &err);
    conf_list_clear(&wish.supernodes);
    return finish(failed, &err);
}

/* ---- join */

/* Is this host in another grid than the new one? */
static int check_old(const char *path, const struct grid *new_grid, struct err *err)
{
    struct grid old;

    if (grid_read(path, &old, err) < 0)
        return errno == ENOENT ? 0 : err_prefix(err, "the present one (--force replaces it)");
    bool same = id_equal(&old.authority, &new_grid->authority);
    int result =
        same ? 0
             : err_set(err, "this host is in the grid \"%s\" (%s); --force leaves it for \"%s\"",
                       old.name, path, new_grid->name);
    grid_clear(&old);
    return result;
}

static int join(const char *file, bool force, struct err *err)
{
    struct places places = {0};
    struct grid grid;

    if (grid_read(file, &grid, err) < 0)
        return -1;
    int failed = places_find(&places, err);
    if (failed == 0 && !force)
        failed = check_old(places.grid, &grid, err);
    if (failed == 0)
        failed = grid_write(places.grid, &grid, err);
    if (failed == 0) {
        printf("This host is in the grid \"%s\" now (%s).\n", grid.name, places.grid);
        puts("Start p2pmpid with p2pmpi-boot; if it runs already, restart it.");
    }
    places_clear(&places);
    grid_clear(&grid);
    return failed;
}

int grid_join(int argc, char **argv, const char *usage)
{
    static const struct option longs[] = {{"force", no_argument, NULL, 'f'}, TOOL_OPTIONS, {0}};
    const char *file = NULL;
    bool force = false;
    struct err err;

    optind = 2;
    if (argc > 2 && argv[2][0] != '-')
        file = argv[optind++];
    while (tool_option(argc, argv, "f", longs, usage) != -1)
        force = true;
    int failed = file != NULL ? join(file, force, &err) : err_set(&err, "join needs the grid file");
    return finish(failed, &err);
}

/* ---- show */

/* Until when this host's membership lasts; 0: it has none. */
static int64_t member_until_s(const struct places *places, const struct grid *grid)
{
    int64_t until_s = 0;

    if (access(places->key, R_OK) < 0)
        return 0;
    char *chain = mem_format("%s/%s.chain", places->dirs.state, grid->name);
    struct identity *identity = identity_open(places->key, NULL);
    struct tls *tls = identity != NULL ? tls_create(identity, grid, NULL) : NULL;
    if (tls != NULL && tls_load_chain(tls, chain, NULL) == 0)
        until_s = tls_expires_s(tls);
    tls_destroy(tls);
    identity_destroy(identity);
    free(chain);
    return until_s;
}

static void print_json(const struct grid *grid, const char *id, int64_t until_s, bool has_authority)
{
    json_t *supernodes = json_array();

    for (size_t i = 0; i < grid->supernodes.count; i++)
        json_array_append_new(supernodes, json_string(grid->supernodes.items[i]));
    json_print_take(json_pack("{s:s, s:o, s:s, s:b, s:I, s:b}", "name", grid->name, "supernodes",
                              supernodes, "authority", id, "member", until_s > 0, "member_until_s",
                              (json_int_t)until_s, "authority_here", has_authority));
}

static void print_text(const struct grid *grid, const char *id, int64_t until_s, bool has_authority)
{
    char when[64] = "";
    time_t until = (time_t)until_s;
    struct tm tm;

    printf("name:       %s\n", grid->name);
    for (size_t i = 0; i < grid->supernodes.count; i++)
        printf("supernode:  %s\n", grid->supernodes.items[i]);
    printf("authority:  %s%s\n", id, has_authority ? " (its key is on this host)" : "");
    if (until_s > 0 && localtime_r(&until, &tm) != NULL)
        strftime(when, sizeof when, "%Y-%m-%d %H:%M", &tm);
    if (until_s > 0)
        printf("member:     until %s, then renewed\n", when);
    else
        puts("member:     not yet; p2pmpid joins when it starts");
}

static int show(bool json, struct err *err)
{
    struct places places = {0};
    char id[ID_TEXT_SIZE];
    struct grid grid;

    if (places_find(&places, err) < 0)
        return -1;
    if (grid_read(places.grid, &grid, err) < 0) {
        if (errno == ENOENT)
            err_set(err, "this host is in no grid; p2pmpi-grid join FILE changes that");
        places_clear(&places);
        return -1;
    }
    int64_t until_s = member_until_s(&places, &grid);
    bool has_authority = access(places.authority_key, F_OK) == 0;
    id_text(&grid.authority, id);
    (json ? print_json : print_text)(&grid, id, until_s, has_authority);
    grid_clear(&grid);
    places_clear(&places);
    return 0;
}

int grid_show(int argc, char **argv, const char *usage)
{
    static const struct option longs[] = {{"json", no_argument, NULL, 'j'}, TOOL_OPTIONS, {0}};
    bool json = false;
    struct err err;

    optind = 2;
    while (tool_option(argc, argv, "j", longs, usage) != -1)
        json = true;
    return finish(show(json, &err), &err);
}
