/* SPDX-License-Identifier: BSD-3-Clause */
/* conf.c - a configuration file: lines "key = value", "#" and ";" comments; read with inih */
#include "config.h"
#include "base/conf.h"

#include "base/mem.h"

#include <errno.h>
#include <ini.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct conf_reading {
    const struct conf_key *keys;
    struct err *err;
    const char *path;
    bool failed;
};

static int conf_bool(const char *value, bool *out)
{
    static const char *const yes[] = {"yes", "true", "on", "1"};
    static const char *const no[] = {"no", "false", "off", "0"};

    for (int i = 0; i < 4; i++) {
        if (strcasecmp(value, yes[i]) == 0) {
            *out = true;
            return 0;
        }
        if (strcasecmp(value, no[i]) == 0) {
            *out = false;
            return 0;
        }
    }
    return -1;
}

static int conf_uint(const struct conf_key *key, const char *value, struct err *err)
{
    char *end;

    errno = 0;
    unsigned long number = strtoul(value, &end, 10);
    if (errno != 0 || end == value || *end != '\0' || strchr(value, '-') != NULL || number < key->min ||
        number > key->max)
        return err_set(err, "%s must be a number from %u to %u, not \"%s\"", key->name, key->min, key->max,
                       value);
    *(uint32_t *)key->value = (uint32_t)number;
    return 0;
}

static void replace(char **at, const char *value)
{
    free(*at);
    *at = mem_string(value);
}

static int conf_string(const struct conf_key *key, const char *value, struct err *err)
{
    size_t length = strlen(value);

    if (key->max > 0 && (length < key->min || length > key->max))
        return err_set(err, "%s must have %u to %u characters", key->name, key->min, key->max);
    replace(key->value, value);
    return 0;
}

static int conf_word(const struct conf_key *key, const char *value, struct err *err)
{
    const struct conf_word *word = key->value;
    char known[ERR_TEXT_MAX / 2] = "";

    for (const char *const *at = word->words; *at != NULL; at++) {
        if (strcmp(*at, value) == 0) {
            replace(word->value, value);
            return 0;
        }
        const char *between = at == word->words ? "" : at[1] != NULL ? ", " : " or ";
        snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", between, *at);
    }
    return err_set(err, "%s must be %s, not \"%s\"", key->name, known, value);
}

static int conf_assign(const struct conf_key *key, const char *value, struct err *err)
{
    switch (key->type) {
    case CONF_STRING:
        return conf_string(key, value, err);
    case CONF_WORD:
        return conf_word(key, value, err);
    case CONF_UINT:
        return conf_uint(key, value, err);
    case CONF_BOOL:
        if (conf_bool(value, key->value) < 0)
            return err_set(err, "%s must be yes or no, not \"%s\"", key->name, value);
        return 0;
    case CONF_LIST: {
        struct conf_list *list = key->value;
        list->items = mem_grow(list->items, list->count + 1, sizeof *list->items);
        list->items[list->count++] = mem_string(value);
        return 0;
    }
    }
    return -1;
}

int conf_set(const struct conf_key *keys, const char *name, const char *value, struct err *err)
{
    for (const struct conf_key *key = keys; key->name != NULL; key++)
        if (strcmp(key->name, name) == 0)
            return conf_assign(key, value, err);

    char known[ERR_TEXT_MAX / 2] = "";
    for (const struct conf_key *key = keys; key->name != NULL; key++)
        snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", key == keys ? "" : ", ", key->name);
    return err_set(err, "unknown key \"%s\" (known: %s)", name, known);
}

/* inih's handler: 1 to go on, 0 to report this line. The first error stays. */
static int conf_line(void *arg, const char *section, const char *name, const char *value)
{
    struct conf_reading *reading = arg;

    if (reading->failed)
        return 1;
    if (section[0] != '\0')
        err_set(reading->err, "sections are not used here, remove \"[%s]\"", section);
    else if (conf_set(reading->keys, name, value != NULL ? value : "", reading->err) == 0)
        return 1;
    reading->failed = true;
    return 0;
}

int conf_read(const char *path, const struct conf_key *keys, struct err *err)
{
    struct err inner = {""};
    struct conf_reading reading = {keys, &inner, path, false};

    FILE *file = fopen(path, "re");
    if (file == NULL)
        return err_sys(err, "cannot read %s", path);
    int line = ini_parse_file(file, conf_line, &reading);
    fclose(file);
    if (line == 0)
        return 0;
    errno = EINVAL;
    if (line < 0)
        return err_set(err, "%s: out of memory while reading", path);
    return err_set(err, "%s, line %d: %s", path, line, reading.failed ? inner.text : "not of the form \"key = value\"");
}

void conf_list_clear(struct conf_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct conf_list){NULL, 0};
}
