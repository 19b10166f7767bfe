/* SPDX-License-Identifier: BSD-3-Clause */
/* settings.c - p2pmpid's configuration file, p2pmpid.conf(5) */
#include "config.h"
#include "peer/settings.h"

#include "base/mem.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define KEYS            11
#define NAME_LENGTH_MAX 64

struct keys { /* where values go, for one reading */
    struct conf_word sandbox, log_level;
    struct conf_key table[KEYS];
};

static void keys_fill(struct settings *settings, struct keys *keys)
{
    static const char *const sandboxes[] = {"auto", "bwrap", "none", NULL};
    static const char *const levels[] = {"error", "warning", "info", "debug", NULL};
    const struct conf_key table[KEYS] = {
        {"name", CONF_STRING, &settings->name, 1, NAME_LENGTH_MAX},
        {"listen", CONF_STRING, &settings->listen, 0, 0},
        {"advertise", CONF_STRING, &settings->advertise, 0, 0},
        {"port", CONF_UINT, &settings->port, 0, 65535},
        {"slots", CONF_UINT, &settings->slots, 0, 65536},
        {"grid", CONF_STRING, &settings->grid, 0, 0},
        {"rejoin_s", CONF_UINT, &settings->rejoin_s, 1, 60},
        {"cache_mb", CONF_UINT, &settings->cache_mb, 1, 1u << 30},
        {"sandbox", CONF_WORD, &keys->sandbox, 0, 0},
        {"log_level", CONF_WORD, &keys->log_level, 0, 0},
        {NULL, CONF_STRING, NULL, 0, 0},
    };

    keys->sandbox = (struct conf_word){sandboxes, &settings->sandbox};
    keys->log_level = (struct conf_word){levels, &settings->log_level};
    memcpy(keys->table, table, sizeof table);
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

/* Host lists (--host a,b:2, "a slots=2") must be able to name it. */
static int check_name(const struct settings *settings, struct err *err)
{
    for (const char *at = settings->name; at != NULL && *at != '\0'; at++)
        if (!isalnum((unsigned char)*at) && strchr("._-", *at) == NULL)
            return err_set(err, "name must consist of letters, digits and . _ -, not \"%s\"",
                           settings->name);
    return 0;
}

int settings_read(struct settings *settings, const char *path, bool is_wanted, struct err *err)
{
    struct keys keys;

    keys_fill(settings, &keys);
    if (conf_read(path, keys.table, err) < 0)
        return errno == ENOENT && !is_wanted ? 0 : -1;
    if (check_name(settings, err) < 0)
        return err_prefix(err, "%s", path);
    return 0;
}

int settings_set(struct settings *settings, const char *assignment, struct err *err)
{
    struct keys keys;
    const char *equals = strchr(assignment, '=');

    keys_fill(settings, &keys);
    if (equals == NULL)
        return err_set(err, "--set wants key=value, not \"%s\"", assignment);
    char *name = mem_format("%.*s", (int)(equals - assignment), assignment);
    int result = conf_set(keys.table, name, equals + 1, err);
    free(name);
    if (result == 0)
        result = check_name(settings, err);
    return result < 0 ? err_prefix(err, "--set %s", assignment) : 0;
}

enum log_level settings_log_level(const struct settings *settings)
{
    enum log_level level = LOG_LEVEL_INFO;

    log_level_parse(settings->log_level, &level); /* it is one of those that can be read */
    return level;
}
