/* SPDX-License-Identifier: BSD-3-Clause */
/* settings.c - p2pmpid's configuration file, p2pmpid.conf(5) */
#include "config.h"
#include "peer/settings.h"

#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define KEYS 11

static void keys_fill(struct settings *settings, struct conf_key keys[KEYS])
{
    const struct conf_key table[KEYS] = {
        {"name", CONF_STRING, &settings->name, 0, 0},
        {"listen", CONF_STRING, &settings->listen, 0, 0},
        {"advertise", CONF_STRING, &settings->advertise, 0, 0},
        {"port", CONF_UINT, &settings->port, 0, 65535},
        {"slots", CONF_UINT, &settings->slots, 0, 65536},
        {"grid", CONF_STRING, &settings->grid, 0, 0},
        {"rejoin_s", CONF_UINT, &settings->rejoin_s, 1, 60},
        {"cache_mb", CONF_UINT, &settings->cache_mb, 1, 1u << 30},
        {"sandbox", CONF_STRING, &settings->sandbox, 0, 0},
        {"log_level", CONF_STRING, &settings->log_level, 0, 0},
        {NULL, CONF_STRING, NULL, 0, 0},
    };

    memcpy(keys, table, sizeof table);
}

void settings_init(struct settings *settings)
{
    *settings = (struct settings){.port = SETTINGS_PORT, .rejoin_s = 10, .cache_mb = 4096};
    settings->sandbox = mem_string("auto");
    settings->log_level = mem_string("info");
}

void settings_clear(struct settings *settings)
{
    free(settings->name);
    free(settings->listen);
    free(settings->advertise);
    free(settings->grid);
    free(settings->sandbox);
    free(settings->log_level);
    *settings = (struct settings){0};
}

int settings_read(struct settings *settings, const char *path, bool is_wanted, struct err *err)
{
    struct conf_key keys[KEYS];

    keys_fill(settings, keys);
    if (conf_read(path, keys, err) < 0)
        return errno == ENOENT && !is_wanted ? 0 : -1;
    return 0;
}

int settings_set(struct settings *settings, const char *assignment, struct err *err)
{
    struct conf_key keys[KEYS];
    const char *equals = strchr(assignment, '=');

    keys_fill(settings, keys);
    if (equals == NULL)
        return err_set(err, "--set wants key=value, not \"%s\"", assignment);
    char *name = mem_format("%.*s", (int)(equals - assignment), assignment);
    int result = conf_set(keys, name, equals + 1, err);
    free(name);
    return result < 0 ? err_prefix(err, "--set %s", assignment) : 0;
}

int settings_check(const struct settings *settings, enum log_level *level_out, struct err *err)
{
    static const char *const sandboxes[] = {"auto", "bwrap", "none"};
    bool known = false;

    for (int i = 0; i < 3; i++)
        known |= strcmp(settings->sandbox, sandboxes[i]) == 0;
    if (!known)
        return err_set(err, "sandbox must be auto, bwrap or none, not \"%s\"", settings->sandbox);
    if (log_level_parse(settings->log_level, level_out) < 0)
        return err_set(err, "log_level must be error, warning, info or debug, not \"%s\"",
                       settings->log_level);
    if (settings->name != NULL && (settings->name[0] == '\0' || strlen(settings->name) > 64))
        return err_set(err, "name must have 1 to 64 characters");
    return 0;
}
