/* SPDX-License-Identifier: BSD-3-Clause */
/* grid.c - the grid file: who has it can join */
#include "config.h"
#include "net/grid.h"

#include "base/file.h"
#include "base/hex.h"
#include "base/mem.h"
#include "net/certificate.h"
#include "net/hostport.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUPERNODES_MAX = 64 };

static int check_supernodes(const struct conf_list *supernodes, struct err *err)
{
    struct hostport hostport;

    if (supernodes->count > SUPERNODES_MAX)
        return err_set(err, "more than %d supernodes", SUPERNODES_MAX);
    for (size_t i = 0; i < supernodes->count; i++)
        if (hostport_parse(supernodes->items[i], PORT_SUPERNODE, &hostport, err) < 0)
            return err_prefix(err, "supernode");
    return 0;
}

static int check_fields(struct grid *grid, const char *authority, const char *secret,
                        struct err *err)
{
    if (grid->name == NULL || authority == NULL || secret == NULL)
        return err_set(err, "no \"%s =\" in it",
                       grid->name == NULL  ? "name"
                       : authority == NULL ? "authority"
                                           : "secret");
    if (grid_name_check(grid->name, err) < 0)
        return -1;
    if (id_parse(authority, &grid->authority) < 0)
        return err_set(err, "authority must be 64 hexadecimal digits");
    if (hex_decode(secret, grid->secret, SECRET_SIZE) < 0)
        return err_set(err, "secret must be 64 hexadecimal digits");
    return check_supernodes(&grid->supernodes, err);
}

static void wipe(char *text)
{
    if (text != NULL)
        OPENSSL_cleanse(text, strlen(text));
    free(text);
}

int grid_read(const char *path, struct grid *grid_out, struct err *err)
{
    struct grid grid = {0};
    char *authority = NULL, *secret = NULL;
    const struct conf_key keys[] = {
        {"name", CONF_STRING, &grid.name, 0, 0},
        {"supernode", CONF_LIST, &grid.supernodes, 0, 0},
        {"authority", CONF_STRING, &authority, 0, 0},
        {"secret", CONF_STRING, &secret, 0, 0},
        {NULL, CONF_STRING, NULL, 0, 0},
    };

    int result = conf_read(path, keys, err);
    if (result == 0 && check_fields(&grid, authority, secret, err) < 0) {
        errno = EINVAL;
        result = err_prefix(err, "%s is not a grid file", path);
    }
    int saved = errno;
    free(authority);
    wipe(secret);
    if (result == 0)
        *grid_out = grid;
    else
        grid_clear(&grid);
    errno = saved;
    return result;
}

int grid_write(const char *path, const struct grid *grid, struct err *err)
{
    char authority[ID_TEXT_SIZE], secret[2 * SECRET_SIZE + 1];
    char *text;
    size_t size;

    FILE *file = open_memstream(&text, &size);
    if (file == NULL)
        return err_sys(err, "cannot write %s", path);
    id_text(&grid->authority, authority);
    hex_encode(grid->secret, SECRET_SIZE, secret);
    fprintf(file, "# P2P-MPI grid file: who has it can join. Keep it among the grid's owners.\n");
    fprintf(file, "name = %s\n", grid->name);
    for (size_t i = 0; i < grid->supernodes.count; i++)
        fprintf(file, "supernode = %s\n", grid->supernodes.items[i]);
    fprintf(file, "authority = %s\nsecret = %s\n", authority, secret);
    fclose(file);
    int result = file_write(path, text, size, 0600, err);
    OPENSSL_cleanse(text, size);
    OPENSSL_cleanse(secret, sizeof secret);
    free(text);
    return result;
}

void grid_clear(struct grid *grid)
{
    free(grid->name);
    conf_list_clear(&grid->supernodes);
    OPENSSL_cleanse(grid->secret, sizeof grid->secret);
    *grid = (struct grid){0};
}
